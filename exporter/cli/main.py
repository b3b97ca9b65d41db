"""The command line, with `documents.py`: what prints, reads arguments and sets exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from exporter import __version__
from exporter.cli.documents import diff, import_document
from exporter.config.diagnostics import ConfigError
from exporter.config.schema import json_schema
from exporter.config.site import load_site
from exporter.model.outcome import ProbeError, Verdict
from exporter.model.rule import Status, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from exporter.config.site import Site
    from exporter.model.rule import Target
    from exporter.monitor.store import Record

EXIT_VIOLATED = 1
EXIT_CANNOT_RUN = 2
EXIT_UNKNOWN = 3
_PLACES = (
    Path("config/connectivity.yaml"),
    Path("/etc/connectivity-exporter/connectivity.yaml"),
)
_PIPE_WIDTH = 240
_OF_THE_GROUP = ("-h", "--help", "--version")
_LEVELS = ("debug", "info", "warning", "error")

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


class _Commands(click.Group):
    """The commands: `serve` if none is named, and one way to say why one cannot run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in _OF_THE_GROUP):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            # Bare lines, which editors can jump to.
            click.echo(str(error), err=True)
            sys.exit(EXIT_CANNOT_RUN)
        except BrokenPipeError:  # whoever read along has had enough
            raise
        except OSError as error:
            _fail(str(error))
        except KeyboardInterrupt:
            _fail("interrupted")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="connectivity-exporter")
def main() -> None:
    """Proves connectivity requirements continuously and tells Prometheus.

    Without a command: serve.
    """


main.add_command(import_document)
main.add_command(diff)


@main.command()
@config_option
@role_option
@click.option(
    "--web.config.file",
    "web_config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TLS and authentication, in the format of Prometheus's exporter-toolkit.",
)
@click.option(
    "--web.listen-address",
    "listen",
    help="Listen here instead of where the site file says, such as :9842.",
)
@click.option(
    "--log.level",
    "level",
    type=click.Choice(_LEVELS),
    default="info",
    show_default=True,
)
def serve(
    config: Path | None,
    roles: Sequence[str],
    web_config: Path | None,
    listen: str | None,
    level: str,
) -> None:
    """Run: probe continuously and serve /metrics. The default command."""
    from exporter.app import service  # noqa: PLC0415 - the other commands start without the server

    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    path = _config_path(config)
    try:
        asyncio.run(
            service.serve(path, roles, web_config=web_config, listen_address=listen)
        )
    except ValueError as error:
        _fail(f"--web.listen-address: {error}")


@main.command()
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
    form: str,
) -> None:
    """Probe every rule once, now.

    Exits with 0 if all hold, 1 if some are violated, 3 if none is but some are
    unknown (or a mirror list could not be fetched), 2 if it could not run.
    """
    from exporter.app import oneshot  # noqa: PLC0415 - the other commands start without it

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    site = _load(config, roles)
    chosen = _chosen(site, rules, usages)
    site = asyncio.run(oneshot.with_mirrors(site, chosen))
    targets = _active(site, chosen)
    with Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as progress:
        task = progress.add_task("probing", total=len(targets))
        records = asyncio.run(
            oneshot.check(site, targets, lambda _record: progress.advance(task))
        )
    missing = _without_mirrors(site, chosen)
    _print_check(site, records, missing, form)
    verdicts = {record.verdict for record in records}
    if Verdict.VIOLATED in verdicts:
        sys.exit(EXIT_VIOLATED)
    if Verdict.UNKNOWN in verdicts or not verdicts or missing:
        sys.exit(EXIT_UNKNOWN)


@main.command(name="rules")
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
    from exporter.present import documents, report  # noqa: PLC0415 - rich is slow

    site = _load(config, roles)
    shown: Sequence[Target] = site.targets
    if form != "json" and not all_roles:
        shown = [t for t in site.targets if t.status is not Status.OTHER_ROLE]
    if form == "table":
        _console().print(report.rules_table(shown))
    else:
        writers: dict[str, Callable[[Sequence[Target]], str]] = {
            "json": lambda targets: _json(documents.rules_document(targets)),
            "csv": report.rules_csv,
            "markdown": report.rules_markdown,
        }
        click.echo(writers[form](shown), nl=False)


@main.command()
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
    """Find each hop to RULE's destinations, on its own port and in its protocol."""
    from exporter.app import oneshot  # noqa: PLC0415 - the other commands start without it
    from exporter.present import report  # noqa: PLC0415 - rich tables load slowly

    site = _load(config, roles)
    chosen = _chosen(site, [rule], ())
    site = asyncio.run(oneshot.with_mirrors(site, chosen))
    targets = _active(site, chosen)
    if not targets:
        _fail(f"{rule} is not probed from here (see `rules --all-roles`)")
    for target in targets:
        try:
            paths = asyncio.run(oneshot.trace(site, target))
        except ProbeError as error:
            _fail(f"{target}: {error.detail}")
        if form == "json":
            click.echo(_json(report.trace_document(target, paths)), nl=False)
        else:
            _console().print(report.trace_text(target, paths))


@main.command()
@config_option
@role_option
def validate(config: Path | None, roles: Sequence[str]) -> None:
    """Check the site file and its catalogues; every problem is told at once."""
    site = _load(config, roles)
    for warning in site.warnings:
        click.echo(f"warning: {warning}", err=True)
    active = sum(target.status is Status.ACTIVE for target in site.targets)
    click.echo(
        f"{site.path}: fine: {len(site.rules)} rules, {active} targets probed "
        f"as {', '.join(site.roles)}"
    )


@main.command()
def schema() -> None:
    """Print the JSON Schema of the site file and of catalogues, for editors."""
    click.echo(_json(json_schema()), nl=False)


def _print_check(
    site: Site, records: Sequence[Record], missing: Sequence[Target], form: str
) -> None:
    from exporter.present import documents, report  # noqa: PLC0415 - rich is slow

    if form == "table":
        _print_table(records)
        _print_unprobed(site, missing)
        return
    writers: dict[str, Callable[[Sequence[Record]], str]] = {
        "json": lambda every: _json(documents.targets_document(every)),
        "csv": report.check_csv,
        "junit": report.check_junit,
    }
    click.echo(writers[form](records), nl=False)


def _print_table(records: Sequence[Record]) -> None:
    from exporter.present import report  # noqa: PLC0415 - rich tables load slowly

    console = _console()
    console.print(report.check_table(records))
    console.print()
    for record in report.worst_first(records):
        if record.verdict is not Verdict.HOLDS:
            console.print(report.explanation(record))
    counts = {v: sum(record.verdict is v for record in records) for v in Verdict}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    console.print(f"{len(records)} targets: {told}")


def _print_unprobed(site: Site, missing: Sequence[Target]) -> None:
    console = _console()
    if missing:
        console.print(
            f"{len(missing)} rules lead to mirror lists that could not be fetched "
            f"(see the warnings)"
        )
    unset = [target for target in site.targets if target.status is Status.UNSET]
    waiting = sum(target.rule.mirrors is None for target in unset)
    if waiting:
        console.print(
            f"{waiting} more are not probed because their placeholders have no value "
            f"(see `connectivity-exporter validate`)"
        )


def _console() -> Console:
    """Standard output; lines stay whole where no terminal bounds them."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(highlight=False, width=width)


def _chosen(site: Site, rules: Sequence[str], usages: Sequence[str]) -> set[str]:
    """The ids of the rules that are asked for."""
    known = {rule.id for rule in site.rules}
    for unknown in sorted(set(rules) - known):
        _fail(f"no rule has the id {unknown} (see `rules --all-roles`)")
    return {
        rule.id
        for rule in site.rules
        if (not rules or rule.id in rules) and (not usages or rule.usage in usages)
    }


def _active(site: Site, chosen: Collection[str]) -> list[Target]:
    return [
        target
        for target in site.targets
        if target.status is Status.ACTIVE and target.rule.id in chosen
    ]


def _without_mirrors(site: Site, chosen: Collection[str]) -> list[Target]:
    """What is not probed because a mirror list could not be fetched."""
    return [
        target
        for target in site.targets
        if target.status is Status.UNSET
        and target.rule.mirrors is not None
        and target.rule.id in chosen
    ]


def _load(config: Path | None, roles: Sequence[str]) -> Site:
    return load_site(_config_path(config), roles)


def _config_path(config: Path | None) -> Path:
    if config is not None:
        return config
    found = next((place for place in _PLACES if place.is_file()), None)
    return found or _fail(f"no site file: give --config, or put one at {_PLACES[1]}")


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _fail(message: str) -> NoReturn:
    click.echo(f"connectivity-exporter: {message}", err=True)
    sys.exit(EXIT_CANNOT_RUN)
