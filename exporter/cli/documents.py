"""The commands on vendors' documents: `import` makes a catalogue, `diff` compares two."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.config.catalogue import load_catalogue
from exporter.config.diagnostics import ConfigError
from exporter.config.field_types import SLUG
from exporter.vendor.catalogue_writer import written
from exporter.vendor.compare import compare
from exporter.vendor.draft import draft_of
from exporter.vendor.names import slug
from exporter.vendor.readers import read_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.vendor.compare import Change, Fields

EXIT_DIFFERENT = 1
EXIT_LOOK = 1
EXIT_UNREADABLE = 2
_PIPE_WIDTH = 240
_LONGEST = 60


def _catalogue_name(
    _context: click.Context, _parameter: click.Parameter, name: str | None
) -> str | None:
    if name is not None and not (re.fullmatch(SLUG, name) and len(name) <= _LONGEST):
        said = f"lower-case letters, digits, single hyphens, at most {_LONGEST} of them"
        raise click.BadParameter(said)
    return name


@click.command(name="import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--catalogue",
    "name",
    callback=_catalogue_name,
    help="The catalogue's name; by default after the file.",
)
@click.option("--title", default="", help="The document's title; by default its own.")
@click.option("--reference", default="", help="The URL where it is published.")
@click.option(
    "--internal",
    multiple=True,
    metavar="DOMAIN",
    help="Hosts in this domain are examples that each site replaces by its own; "
    "repeatable. Without it these are hosts in a column headed Internal, in reserved "
    "domains, without a dot, and private addresses.",
)
def import_document(
    file: Path, name: str | None, title: str, reference: str, internal: Sequence[str]
) -> None:
    """Draft a catalogue from a vendor's page: HTML, Markdown, text or CSV.

    The catalogue goes to standard output. It is read by guessing: what could not be
    read stands in it as a comment and goes to standard error, as file:line.

    Exits with 0 if all rows were read, 1 if some need a person, 2 if the file cannot
    be read or holds no requirements at all.
    """
    domains = [domain.lower().strip("*.") for domain in internal]
    try:
        draft = draft_of(read_page(file), str(file), domains)
        name = name or slug(file.stem)[:_LONGEST].strip("-") or "catalogue"
        text = written(draft, str(file), name, title, reference)
    except ConfigError as error:
        _cannot(error)
    click.echo(text, nl=False)
    for remark in draft.remarks:
        click.echo(str(remark.problem), err=True)
    if draft.remarks:
        sys.exit(EXIT_LOOK)


@click.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--flows",
    is_flag=True,
    help="Compare only what the documents ask to open: source, destination, port and "
    "transport. For a fresh draft, whose other fields nobody has written yet.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
)
def diff(old: str, new: str, flows: bool, form: str) -> None:
    """Tell what changed from catalogue OLD to NEW: names of shipped ones, or paths.

    Rules are matched by id, or else by source, destination, port and transport.

    Exits with 0 if nothing changed, 1 if something did, 2 if one cannot be read.
    """
    try:
        before, after = (load_catalogue(side) for side in (old, new))
    except ConfigError as error:
        _cannot(error)
    changes = compare(before, after, flows=flows)
    if form == "json":
        told = {"changes": [_as_json(change) for change in changes]}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(changes)
    if changes:
        sys.exit(EXIT_DIFFERENT)


def _cannot(error: ConfigError) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(EXIT_UNREADABLE)


def _as_json(change: Change) -> dict[str, object]:
    kind = {change.old is None: "added", change.new is None: "removed"}.get(True)
    return {
        "change": kind or "changed",
        "what": change.what,
        "name": change.name,
        "old": change.old,
        "new": change.new,
    }


def _print(changes: Sequence[Change]) -> None:
    """One line for each field that differs, or each part that came or went."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(highlight=False, width=width)
    if not changes:
        console.print("no difference")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "what", "name", "field", "old", "new"):
        table.add_column(heading, overflow="fold")
    for change in changes:
        for cells in _lines(change):
            table.add_row(*map(Text, cells))
    console.print(table)
    counts = Counter(str(_as_json(change)["change"]) for change in changes)
    console.print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def _lines(change: Change) -> Iterator[tuple[str, ...]]:
    old, new = change.old, change.new
    if old is None or new is None:
        mark = "+" if old is None else "-"
        yield (mark, change.what, change.name, "", *map(_summary, (old, new)))
        return
    for field in old:
        yield ("~", change.what, change.name, field, old[field], new[field])


def _summary(fields: Fields | None) -> str:
    """What is most worth knowing of a part that is only on one side."""
    if fields is None:
        return ""
    if "port" in fields:
        return "{transport} {port} from {source} to {destination}".format(**fields)
    return next(iter(fields.values()))
