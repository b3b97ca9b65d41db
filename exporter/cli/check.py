"""`check`: probe every rule once, now."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.cli import logs
from exporter.cli.exit_codes import EXIT_UNKNOWN, EXIT_VIOLATED
from exporter.cli.options import (
    active,
    chosen,
    config_option,
    load,
    output_option,
    role_option,
    shard_option,
    tell_part,
    tell_why_nothing,
)
from exporter.cli.output import deliver
from exporter.metrics.sources import Sources
from exporter.model.outcome import Verdict
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from exporter.config.sharding import Shard
    from exporter.config.site import Site
    from exporter.present.formats.interface import CheckOutcome


@click.command()
@click.argument("named", nargs=-1, metavar="[RULE]...")
@config_option
@role_option
@shard_option
@click.option("--rule", "rules", multiple=True, help="Only this rule, as RULE does.")
@click.option(
    "--usage",
    "usages",
    multiple=True,
    help="Only rules of this usage; repeatable.",
)
@click.option("--all", "rows", flag_value="all", help="A row for each target as well.")
@click.option("--failed", "rows", flag_value="failed", help="Rows of what is amiss.")
@click.option(
    "--strict",
    is_flag=True,
    help="Also exit with 1 if a rule holds, but with a certificate of concern.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "junit", "prometheus", "request"]),
    default="table",
    show_default=True,
)
@output_option
def check(  # noqa: PLR0913 - one for each option
    *,
    named: Sequence[str],
    config: Path | None,
    roles: Sequence[str],
    shard: Shard | None,
    rules: Sequence[str],
    usages: Sequence[str],
    rows: str | None,
    strict: bool,
    form: str,
    output: Path | None,
) -> None:
    """Probe every rule once, now, or each RULE named.

    Tells what is broken, by its cause; Ctrl-C ends it with what was seen so far.
    `prometheus` is a file of metrics for a node exporter's textfile collector.

    Exits with 0 if all hold, 1 if some are violated, 3 if none is but some are
    unknown (or a feed could not be fetched), 2 if it could not run.
    """
    from exporter.present.verdicts import concern  # noqa: PLC0415 - rich tables load slowly

    logs.set_up(logging.WARNING, "%(levelname)s: %(message)s")
    site = load(config, roles, shard)
    ids = chosen(site, (*named, *rules), usages)
    outcome, sources = asyncio.run(_probed(site, ids, rows or "none"))
    deliver(_text(form, outcome, sources), output)
    if not (outcome.records or outcome.missing):
        tell_why_nothing(site, ids)
    tell_part(site)
    for ledger in site.ledgers:
        click.echo(ledger.sentence, err=True)
    verdicts = set(_verdicts(outcome))
    if Verdict.VIOLATED in verdicts or (strict and any(map(concern, outcome.records))):
        sys.exit(EXIT_VIOLATED)
    if Verdict.UNKNOWN in verdicts or not verdicts:
        sys.exit(EXIT_UNKNOWN)


def _text(form: str, outcome: CheckOutcome, sources: Sources) -> str:
    if form == "prometheus":
        from exporter.metrics.textfile import exposition  # noqa: PLC0415 - likewise

        return exposition(outcome.records, outcome.findings, sources)
    from exporter.present import formats  # noqa: PLC0415 - likewise

    return formats.CHECK[form](outcome)


def _verdicts(outcome: CheckOutcome) -> Iterator[Verdict]:
    """Those of all that was asked for; what was not probed is unknown.

    What is not needed, since an alternative holds, was asked for no more.
    """
    for record in outcome.records:
        if not record.spared:
            yield record.verdict
    if outcome.missing or outcome.without_feed:
        yield Verdict.UNKNOWN


async def _probed(
    site: Site, ids: Collection[str], rows: str
) -> tuple[CheckOutcome, Sources]:
    """The round, and what its metrics are read from besides."""
    from exporter.app import oneshot  # noqa: PLC0415 - the other commands start without it
    from exporter.cli.check_progress import CheckProgress  # noqa: PLC0415 - likewise
    from exporter.present.formats.interface import CheckOutcome, Rows  # noqa: PLC0415 - likewise

    site = await oneshot.with_feeds(site, ids)
    targets = active(site, ids)
    asked = [target for target in site.targets if target.rule.id in ids]
    unset = [target for target in asked if target.status is Status.UNSET]
    waiting = [target for target in unset if target.rule.feed is not None]
    with CheckProgress(len(targets)) as progress:
        report = await oneshot.check(site, targets, progress, waiting)
    sources = Sources(
        targets=lambda: site.targets,
        lag=float,
        controls=lambda: report.controls,
        ledgers=lambda: site.ledgers,
        config_sha256=lambda: site.sha256,
        catalogues=lambda: site.hashes,
        roles=lambda: site.roles,
        shard=lambda: site.shard,
        site=lambda: site.name,
    )
    outcome = CheckOutcome(
        records=report.records,
        findings=report.findings,
        without_feed=waiting,
        unset=len(unset) - len(waiting),
        missing=len(targets) - len(report.records),
        rows=Rows(rows),
        shard=str(site.shard or ""),
    )
    return outcome, sources
