"""`rules`: list what must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exporter.cli.common import config_option, load, role_option
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exporter.model.rule import Target


@click.command(name="rules")
@config_option
@role_option
@click.option("--all-roles", is_flag=True, help="Show the rules of other roles too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
)
def list_rules(
    config: Path | None, roles: Sequence[str], all_roles: bool, form: str
) -> None:
    """List the rules with their destinations, provenance and status.

    JSON always lists every role's rules; `status` tells them apart.
    """
    from exporter.present import formats  # noqa: PLC0415 - rich tables load slowly

    site = load(config, roles)
    shown: Sequence[Target] = site.targets
    if form != "json" and not all_roles:
        shown = [one for one in shown if one.status is not Status.OTHER_ROLE]
    click.echo(formats.RULES[form](shown), nl=False)
    for ledger in site.ledgers:
        click.echo(ledger.sentence, err=True)
