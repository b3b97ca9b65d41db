"""The tables of reStructuredText: grids, `list-table` and `csv-table`.

Grids are also what programs print, then with rulers around the headings alone.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RULER = re.compile(r"\s*\+(?:[-=]{2,}\+)+\s*")
_DIRECTIVE = re.compile(r"\s*\.\. (list-table|csv-table)::\s*(.*)")
_OPTION = re.compile(r"\s+:([\w-]+):\s*(.*)")
_ITEM = re.compile(r"(\s+)(\* - |  - )(.*)")
_HEADING_RULERS = 3
"""Rulers of a grid whose body has none between its rows."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table, each with its line from 1; `end` is the index behind it."""

    title: str
    rows: Sequence[tuple[int, list[str]]]
    end: int


def table_at(lines: Sequence[str], index: int) -> Rows | None:
    """The table that begins at the line of an index, if one does."""
    if _RULER.fullmatch(lines[index]):
        return _grid(lines, index)
    found = _DIRECTIVE.fullmatch(lines[index])
    if not found:
        return None
    end = index + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][:1].isspace()):
        end += 1
    body = list(enumerate(lines[index + 1 : end], index + 2))
    read = _items if found[1] == "list-table" else _comma_separated
    rows = [(number, list(map(_bare, cells))) for number, cells in read(body)]
    return Rows(found[2].strip(), rows, end) if rows else None


def _grid(lines: Sequence[str], index: int) -> Rows | None:
    """A grid; None if a line of it does not fall into its columns."""
    end = index
    while end < len(lines) and lines[end].strip()[:1] in ("+", "|"):
        end += 1
    bars = lines[index].count("+")
    groups: list[list[tuple[int, list[str]]]] = []
    rulers = 0
    for number, line in enumerate(lines[index:end], index + 1):
        if _RULER.fullmatch(line):
            rulers += 1
            groups.append([])
            continue
        if line.count("|") != bars:
            return None
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        groups[-1].append((number, cells))
    printed = rulers == _HEADING_RULERS and "=" not in "".join(lines[index:end])
    if printed:
        return Rows("", [row for group in groups for row in group], end)
    return Rows("", [_joined(group) for group in groups if group], end)


def _joined(group: Sequence[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """The lines of one row; a cell goes on in the next line."""
    columns = zip(*(cells for _, cells in group), strict=True)
    return group[0][0], [_bare(" ".join(filter(None, column))) for column in columns]


def _items(body: Sequence[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a `list-table`: a list of lists."""
    row: tuple[int, list[str]] | None = None
    for number, line in body:
        item = _ITEM.fullmatch(line)
        if item and item[2].startswith("*"):
            if row:
                yield row
            row = (number, [item[3].strip()])
        elif row and item:
            row[1].append(item[3].strip())
        elif row and line.strip():
            row[1][-1] = f"{row[1][-1]} {line.strip()}".strip()
    if row:
        yield row


def _comma_separated(
    body: Sequence[tuple[int, str]],
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a `csv-table`, whose headings are an option."""
    for number, line in body:
        option = _OPTION.fullmatch(line)
        text = option[2] if option and option[1] == "header" else line.strip()
        if text and (not option or option[1] == "header"):
            yield number, _split(text)


def _split(text: str) -> list[str]:
    """The cells of a line, which may be quoted."""
    try:
        return next(csv.reader([text], skipinitialspace=True))
    except csv.Error:
        return text.split(",")


def _bare(cell: str) -> str:
    """A cell without the marks of code and of what is strong."""
    return re.sub(r"``|\*\*", "", cell)
