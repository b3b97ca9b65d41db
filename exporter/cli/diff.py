"""`diff`: what a new version of a document changes, or two catalogues differ in."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.config.catalogue import load_catalogue
from exporter.present.formats import json, markdown
from exporter.vendor.changes import Difference, Effect, differences
from exporter.vendor.compare import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.vendor.compare import Change, Fields

EXIT_DIFFERENT = 1
_PIPE_WIDTH = 240
_FIELD_COLUMNS = ("", "what", "name", "field", "old", "new")
_MARKS = {Effect.OPEN: "+", Effect.CLOSE: "-", Effect.TEXT: "~"}


def _aliases(
    _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    pairs = [alias.partition("=") for alias in given]
    if any(not old or not new for old, _, new in pairs):
        raise click.BadParameter("write OLD=NEW, such as web-server=web")
    return {old: new for old, _, new in pairs}


alias_option = click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="OLD=NEW",
    callback=_aliases,
    help="A role or a host that only has another name now; repeatable.",
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="How differences are told.",
)


@click.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--flows",
    is_flag=True,
    help="Compare only what rules open, not the words of the requirements.",
)
@click.option(
    "--fields",
    is_flag=True,
    help="Compare every field of the catalogues instead: what people added to them too.",
)
@alias_option
@format_option
def diff(
    old: str, new: str, flows: bool, fields: bool, aliases: dict[str, str], form: str
) -> None:
    """Tell what changes from catalogue OLD to NEW: names of shipped ones, or paths.

    What must be opened, what may be closed, and where only words differ. Ids, rows and
    layout do not count; a role or a placeholder is known by its flows.

    Exits with 0 if nothing is to be opened or closed, 1 if something is, 2 if one
    cannot be read. With --fields any difference is 1.
    """
    before, after = (load_catalogue(side) for side in (old, new))
    if fields:
        _tell(compare(before, after), _FIELDS[form])
    end_with(differences(before, after, aliases, ledger=not flows), form)


def end_with(changes: Sequence[Difference], form: str) -> NoReturn:
    """Prints what changed, and exits with 1 if anything is to be opened or closed."""
    _tell(changes, _EFFECTS[form])


def _tell(
    changes: Sequence[Difference] | Sequence[Change], tell: Callable[..., None]
) -> NoReturn:
    tell(changes)
    text = all(isinstance(c, Difference) and c.effect is Effect.TEXT for c in changes)
    sys.exit(0 if text else EXIT_DIFFERENT)


def _as_json(changes: Sequence[Difference]) -> None:
    told = [
        {
            "effect": str(change.effect),
            "what": change.what,
            "name": change.name,
            "old": change.old,
            "new": change.new,
            "rows": list(change.rows),
        }
        for change in changes
    ]
    click.echo(json.write({"changes": told}), nl=False)


def _as_table(changes: Sequence[Difference]) -> None:
    """One line for each change, under what it asks for."""
    rows = [
        (_MARKS[c.effect], str(c.effect), c.what, c.name, c.old, c.new) for c in changes
    ]
    _print(("", "effect", "what", "name", "old", "new"), rows)
    _count(str(change.effect) for change in changes)


def _as_markdown(changes: Sequence[Difference]) -> None:
    """A change request: a table for what must be opened, and so on."""
    for effect in Effect:
        rows = [change for change in changes if change.effect is effect]
        if not rows:
            continue
        click.echo(f"## {str(effect).capitalize()}\n")
        cells = [
            (
                f"{change.what} {change.name}",
                change.old,
                change.new,
                " / ".join(change.rows),
            )
            for change in rows
        ]
        click.echo(markdown.table(("what", "old", "new", "the document says"), cells))
    if not changes:
        click.echo("No difference.")


def _fields_as_json(changes: Sequence[Change]) -> None:
    click.echo(json.write({"changes": [*map(_field_json, changes)]}), nl=False)


def _field_json(change: Change) -> dict[str, object]:
    kind = {change.old is None: "added", change.new is None: "removed"}.get(True)
    return {
        "change": kind or "changed",
        "what": change.what,
        "name": change.name,
        "old": change.old,
        "new": change.new,
    }


def _fields_as_table(changes: Sequence[Change]) -> None:
    """One line for each field that differs, or each part that came or went."""
    _print(_FIELD_COLUMNS, [cells for change in changes for cells in _lines(change)])
    _count(str(_field_json(change)["change"]) for change in changes)


def _fields_as_markdown(changes: Sequence[Change]) -> None:
    rows = (cells for change in changes for cells in _lines(change))
    click.echo(markdown.table(_FIELD_COLUMNS, rows), nl=False)


_EFFECTS = {"table": _as_table, "json": _as_json, "markdown": _as_markdown}
_FIELDS = {
    "table": _fields_as_table,
    "json": _fields_as_json,
    "markdown": _fields_as_markdown,
}


def _print(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(highlight=False, width=width)
    if not rows:
        console.print("no difference")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for cells in rows:
        table.add_row(*map(Text, cells))
    console.print(table)


def _count(kinds: Iterator[str]) -> None:
    counts = Counter(kinds)
    if counts:
        click.echo(", ".join(f"{count} {kind}" for kind, count in counts.items()))


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
        ports = fields["port"] or fields["ports"]
        return f"{fields['transport']} {ports} from {fields['source']} to {fields['destination']}"
    return next(iter(fields.values()))
