"""`validate`: check the files, probe nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.cli.options import config_option, load, role_option
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@config_option
@role_option
def validate(file: Path | None, config: Path | None, roles: Sequence[str]) -> None:
    """Check a site file, FILE or --config, and its catalogues.

    Every problem is told at once.
    """
    site = load(file or config, roles)
    for warning in site.warnings:
        click.echo(f"warning: {warning}", err=True)
    active = sum(target.status is Status.ACTIVE for target in site.targets)
    rules = len({rule.id for rule in site.rules})
    click.echo(
        f"{site.path}: fine: {rules} rules, {active} targets probed "
        f"as {', '.join(site.roles)}"
    )
    for ledger in site.ledgers:
        click.echo(ledger.sentence)
