"""Options that several commands take, and what they choose: site file, roles, rules, shard."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.cli.exit_codes import fail
from exporter.config.sharding import Shard
from exporter.config.site import load_site
from exporter.model.rule import Status, Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from exporter.config.site import Site
    from exporter.model.rule import Target

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


class _ShardType(click.ParamType[Shard]):
    """`2/5`, or why it is no shard."""

    name = "K/N"

    def convert(
        self,
        value: str | Shard,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Shard:
        if isinstance(value, Shard):
            return value
        try:
            return Shard.parse(value)
        except ValueError as error:
            self.fail(f"{value}: {error}", param, ctx)


shard_option = click.option(
    "--shard",
    type=_ShardType(),
    help="Take the Kth of N parts of the targets, such as 2/5; other replicas take the rest.",
)
output_option = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, whole or not at all, instead of standard output.",
)


def load(config: Path | None, roles: Sequence[str], shard: Shard | None = None) -> Site:
    """The site that a command is about.

    Raises:
        ConfigError: with every problem of its files.
    """
    return load_site(config_path(config), roles, shard)


def config_path(config: Path | None) -> Path:
    """The site file: the one named, or the first of the usual places."""
    if config is not None:
        return config
    return usual_site() or fail(
        f"no site file: give --config, or put one at {_PLACES[1]}"
    )


def usual_site() -> Path | None:
    """The first site file in the usual places, if there is one."""
    return next((place for place in _PLACES if place.is_file()), None)


def chosen(site: Site, rules: Sequence[str], usages: Sequence[str] = ()) -> set[str]:
    """The ids of the rules that are asked for."""
    known = {rule.id for rule in site.rules}
    for unknown in sorted(set(rules) - known):
        fail(f"no rule has the id {unknown}: {_meant(unknown, known)}")
    words = {rule.usage for rule in site.rules} | set(map(str, Usage))
    for unknown in sorted(set(usages) - words):
        fail(f"no rule has the usage {unknown}: {_meant(unknown, words)}")
    return {
        rule.id
        for rule in site.rules
        if (not rules or rule.id in rules) and (not usages or rule.usage in usages)
    }


def _meant(unknown: str, known: Collection[str]) -> str:
    """What somebody may have meant by an id that there is not."""
    near = difflib.get_close_matches(unknown.lower(), sorted(known), 3, 0.6)
    if not near:
        near = sorted(one for one in known if unknown.lower() in one)[:3]
    return f"did you mean {' or '.join(near)}?" if near else "see `rules --all-roles`"


def active(site: Site, ids: Collection[str]) -> list[Target]:
    """The targets of these rules that are probed from here."""
    return [
        target
        for target in site.targets
        if target.status is Status.ACTIVE and target.rule.id in ids
    ]


def tell_why_nothing(site: Site, ids: Collection[str]) -> None:
    """Says beside an empty result what becomes of the rules that were asked for."""
    statuses = Counter(one.status for one in site.targets if one.rule.id in ids)
    told = ", ".join(f"{count} {status}" for status, count in statuses.items())
    why = told or "no rule fits"
    click.echo(f"nothing is probed: {why}: see `rules --all-roles`", err=True)


def tell_part(site: Site) -> None:
    """Says beside a result which part of the site it is about, unless it is the whole."""
    if site.shard is None:
        return
    counts = Counter(target.status for target in site.targets)
    rest = counts[Status.OTHER_SHARD]
    told = f"{counts[Status.ACTIVE]} probed by it, {rest} of other shards"
    click.echo(f"shard {site.shard}: {told}", err=True)
