"""`trace`: hop by hop to a rule's destinations."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from exporter.cli.exit_codes import EXIT_CANNOT_RUN, fail
from exporter.cli.options import active, chosen, config_option, load, role_option
from exporter.model.outcome import ProbeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exporter.config.site import Site
    from exporter.model.rule import Target
    from exporter.present.formats.interface import Traced


@click.command()
@config_option
@role_option
@click.argument("rule")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
)
def trace(config: Path | None, roles: Sequence[str], rule: str, form: str) -> None:
    """Find each hop to RULE's destinations, on its own port and in its protocol.

    Exits with 0 if at least one destination could be traced, 2 if none could.
    """
    from exporter.present import formats  # noqa: PLC0415 - rich tables load slowly

    site = load(config, roles)
    traces = asyncio.run(_traces(site, rule))
    if not traces:
        fail(f"{rule} is not probed from here (see `rules --all-roles`)")
    click.echo(formats.TRACE[form](traces), nl=False)
    if all(one.error for one in traces):
        sys.exit(EXIT_CANNOT_RUN)


async def _traces(site: Site, rule: str) -> list[Traced]:
    from exporter.app import oneshot  # noqa: PLC0415 - the other commands start without it

    ids = chosen(site, [rule])
    site = await oneshot.with_feeds(site, ids)
    return [await _traced(site, target) for target in active(site, ids)]


async def _traced(site: Site, target: Target) -> Traced:
    from exporter.app import oneshot  # noqa: PLC0415 - the other commands start without it
    from exporter.present.formats.interface import Traced  # noqa: PLC0415 - likewise

    try:
        return Traced(target, await oneshot.trace(site, target))
    except ProbeError as error:
        return Traced(target, error=error.detail)
