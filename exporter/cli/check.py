"""`check`: probe every rule once, now."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from exporter.cli.common import (
    EXIT_UNKNOWN,
    EXIT_VIOLATED,
    active,
    chosen,
    config_option,
    load,
    role_option,
)
from exporter.model.outcome import Verdict
from exporter.model.rule import Status, Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from exporter.config.site import Site
    from exporter.present.formats.interface import CheckOutcome


@click.command()
@config_option
@role_option
@click.option("--rule", "rules", multiple=True, help="Only this rule; repeatable.")
@click.option(
    "--usage",
    "usages",
    multiple=True,
    type=click.Choice([str(usage) for usage in Usage]),
    help="Only rules of this usage; repeatable.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Also exit with 1 if a rule holds, but with a certificate of concern.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "junit"]),
    default="table",
    show_default=True,
)
def check(
    config: Path | None,
    roles: Sequence[str],
    rules: Sequence[str],
    usages: Sequence[str],
    strict: bool,
    form: str,
) -> None:
    """Probe every rule once, now.

    Exits with 0 if all hold, 1 if some are violated, 3 if none is but some are
    unknown (or a mirror list could not be fetched), 2 if it could not run.
    """
    from exporter.present import explain, formats  # noqa: PLC0415 - rich tables load slowly

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    site = load(config, roles)
    outcome = asyncio.run(_probed(site, chosen(site, rules, usages)))
    click.echo(formats.CHECK[form](outcome), nl=False)
    verdicts = {record.verdict for record in outcome.records}
    concern = strict and any(
        explain.concern(record.target.rule, record.latest.observation)
        for record in outcome.records
        if record.latest is not None
    )
    if Verdict.VIOLATED in verdicts or concern:
        sys.exit(EXIT_VIOLATED)
    if Verdict.UNKNOWN in verdicts or not verdicts or outcome.without_list:
        sys.exit(EXIT_UNKNOWN)


async def _probed(site: Site, ids: Collection[str]) -> CheckOutcome:
    from exporter.app import oneshot  # noqa: PLC0415 - the other commands start without it
    from exporter.present.formats.interface import CheckOutcome  # noqa: PLC0415 - likewise

    site = await oneshot.with_mirrors(site, ids)
    targets = active(site, ids)
    with Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as progress:
        task = progress.add_task("probing", total=len(targets))
        report = await oneshot.check(
            site, targets, lambda _record: progress.advance(task)
        )
    unset = [target for target in site.targets if target.status is Status.UNSET]
    listed = [target for target in unset if target.rule.mirrors is not None]
    return CheckOutcome(
        records=report.records,
        findings=report.findings,
        without_list=[target for target in listed if target.rule.id in ids],
        unset=len(unset) - len(listed),
    )
