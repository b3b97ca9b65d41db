"""`diff`: what changed between two catalogues."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.config.catalogue import load_catalogue
from exporter.present.formats import json
from exporter.vendor.compare import compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.vendor.compare import Change, Fields

EXIT_DIFFERENT = 1
_PIPE_WIDTH = 240


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
    before, after = (load_catalogue(side) for side in (old, new))
    changes = compare(before, after, flows=flows)
    if form == "json":
        told = {"changes": [_as_json(change) for change in changes]}
        click.echo(json.write(told), nl=False)
    else:
        _print(changes)
    if changes:
        sys.exit(EXIT_DIFFERENT)


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
    if "transport" in fields:
        ports = fields["port"] or fields.get("ports", "")
        ends = "from {source} to {destination}".format(**fields)
        return f"{fields['transport']} {ports} {ends}"
    return next(iter(fields.values()))
