"""What the commands share: where the site file is, how they end, what they may print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from exporter.config.site import load_site
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from exporter.config.site import Site
    from exporter.model.rule import Target

EXIT_VIOLATED = 1
EXIT_CANNOT_RUN = 2
EXIT_UNKNOWN = 3
_PLACES = (
    Path("config/connectivity.yaml"),
    Path("/etc/connectivity-exporter/connectivity.yaml"),
)

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CONNECTIVITY_CONFIG",
    show_envvar=True,
    help="Site file; by default the first of "
    + ", ".join(f"./{p}" if not p.is_absolute() else str(p) for p in _PLACES),
)
role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    help="Play this role instead of the site file's; repeatable.",
)


def load(config: Path | None, roles: Sequence[str]) -> Site:
    """The site that a command is about.

    Raises:
        ConfigError: with every problem of its files.
    """
    return load_site(config_path(config), roles)


def config_path(config: Path | None) -> Path:
    """The site file: the one named, or the first of the usual places."""
    if config is not None:
        return config
    found = next((place for place in _PLACES if place.is_file()), None)
    return found or fail(f"no site file: give --config, or put one at {_PLACES[1]}")


def chosen(site: Site, rules: Sequence[str], usages: Sequence[str] = ()) -> set[str]:
    """The ids of the rules that are asked for."""
    known = {rule.id for rule in site.rules}
    for unknown in sorted(set(rules) - known):
        fail(f"no rule has the id {unknown} (see `rules --all-roles`)")
    return {
        rule.id
        for rule in site.rules
        if (not rules or rule.id in rules) and (not usages or rule.usage in usages)
    }


def active(site: Site, ids: Collection[str]) -> list[Target]:
    """The targets of these rules that are probed from here."""
    return [
        target
        for target in site.targets
        if target.status is Status.ACTIVE and target.rule.id in ids
    ]


def fail(message: str) -> NoReturn:
    """Ends with one line, since nothing could be run."""
    click.echo(f"connectivity-exporter: {message}", err=True)
    sys.exit(EXIT_CANNOT_RUN)
