"""`rules`: list what must hold."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from exporter.cli.options import (
    config_option,
    load,
    output_option,
    role_option,
    shard_option,
    tell_part,
)
from exporter.cli.output import deliver
from exporter.config.catalogue import load_catalogue, shipped
from exporter.config.ledger import ledgers
from exporter.diagnose.explanation import counted
from exporter.model.rule import Status
from exporter.present.humanize import folded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exporter.config.sharding import Shard
    from exporter.config.site import Site
    from exporter.model.rule import Target
    from exporter.present.formats.interface import Flow

_ELSEWHERE = {Status.OTHER_ROLE, Status.OTHER_SHARD}
_ROOM = 200
"""Characters for names that are told in a warning."""


@click.command(name="rules")
@config_option
@role_option
@shard_option
@click.option("--all-roles", is_flag=True, help="Show other roles and shards too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown", "flows"]),
    default="table",
    show_default=True,
)
@output_option
@click.option(
    "--all",
    "every",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, given: _list_shipped(context) if given else None,
    help="List the catalogues that are shipped, which needs no site file, and exit.",
)
def list_rules(
    config: Path | None,
    roles: Sequence[str],
    shard: Shard | None,
    all_roles: bool,
    form: str,
    output: Path | None,
) -> None:
    """List the rules with their destinations, provenance and status.

    JSON always lists the rules of every role and shard; `status` tells them apart. `flows` is CSV for
    those who run a firewall: from which address to which, with both sides of a proxy;
    names are looked up for it.
    """
    from exporter.present import formats  # noqa: PLC0415 - rich tables load slowly

    site = load(config, roles, shard)
    shown: Sequence[Target] = site.targets
    if form != "json" and not all_roles:
        shown = [one for one in shown if one.status not in _ELSEWHERE]
    if form == "flows":
        deliver(formats.FLOWS(_flows(site, shown)), output)
    else:
        deliver(formats.RULES[form](shown), output)
    tell_part(site)
    for ledger in site.ledgers:
        click.echo(ledger.sentence, err=True)


def _list_shipped(context: click.Context) -> None:
    """One line for each shipped catalogue: its name, its title and its ledger."""
    for name in shipped():
        catalogue = load_catalogue(name)
        kept = {name: catalogue.requirements}
        told = "; ".join(map(str, ledgers(kept, catalogue.definitions)))
        click.echo(f"{name}: {catalogue.title} ({told})")
    context.exit()


def _flows(site: Site, shown: Sequence[Target]) -> Sequence[Flow]:
    from exporter.app.firewall_flows import flows  # noqa: PLC0415 - the others need no network

    found = asyncio.run(flows(site, shown))
    lost = {one.destination for one in found if not one.destination_addresses}
    if lost:
        told = folded(sorted(lost), _ROOM)
        click.echo(f"warning: without an address here: {told}", err=True)
    waiting = sum(one.status is Status.UNSET for one in shown)
    if waiting:
        said = f"{counted(waiting, 'target')} without a host not among the flows"
        click.echo(f"warning: {said}", err=True)
    return found
