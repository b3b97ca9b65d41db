"""Tables of flows that have another shape, as ones with a row for each and plain columns.

A matrix has its sources down and its destinations across. In others an arrow in a column
of its own says which of its two neighbours connects to the other one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.vendor.directions import POINTER
from exporter.vendor.headings import meaning_of, words_of
from exporter.vendor.page import Row, Table
from exporter.vendor.ports import read_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CORNER = re.compile(
    r"(?:from|sources?|von|quelle|de|origine?n?|desde)\W+(?:to|dest\w*|nach|ziel|vers|a|hacia)",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"[-\u2013\u2014\u2717xX]|n/?a|none|", re.IGNORECASE)
_HEADINGS = ("Source", "Destination", "Port")
_FEWEST = 2
"""Destinations that a matrix has at least."""


def unfolded(table: Table) -> Table:
    """A matrix, or a table with arrows, as plain rows; any other table as it is."""
    if not table.rows:
        return table
    return _matrix(table) or _arrows(table) or table


def _matrix(table: Table) -> Table | None:
    """A matrix as one row for each of its flows.

    Its corner says "From / To"; its cells hold ports, or say that there are none.
    """
    head, *rows = table.rows
    width = len(head.cells)
    if width <= _FEWEST or not _CORNER.fullmatch(" ".join(words_of(head.cells[0]))):
        return None
    cells = [cell for row in rows for cell in row.cells[1:]]
    if not rows or not all(map(_is_flow, cells)):
        return None
    flows = [flow for row in rows for flow in _flows(head.cells, row)]
    return Table(table.sections, (Row(head.line, _HEADINGS), *flows))


def _arrows(table: Table) -> Table | None:
    """A table with both ends in one cell, for one with an arrow between two columns.

    No heading says which end is the source, so that the arrow alone does.
    """
    head, *rows = table.rows
    said = {meaning_of(words_of(heading)) for heading in head.cells}
    width = len(head.cells)
    if not rows or said >= {"source", "destination"}:
        return None
    whole = [row for row in rows if len(row.cells) == width]
    for index in range(1, width - 1):
        column = [row.cells[index] for row in whole]
        if column and all(map(POINTER.fullmatch, column)):
            joined = [_joined(row, index) for row in rows]
            headings = (*head.cells[: index - 1], "Ends", *head.cells[index + 2 :])
            return Table(table.sections, (Row(head.line, headings), *joined))
    return None


def _joined(row: Row, index: int) -> Row:
    """A row in which the cell at `index` and those beside it are one."""
    if len(row.cells) <= index + 1:
        return row
    ends = " ".join(row.cells[index - 1 : index + 2])
    return Row(row.line, (*row.cells[: index - 1], ends, *row.cells[index + 2 :]))


def _flows(names: Sequence[str], row: Row) -> Iterator[Row]:
    for name, cell in zip(names[1:], row.cells[1:], strict=False):
        if not _NOTHING.fullmatch(cell):
            yield Row(row.line, (row.cells[0], name, cell))


def _is_flow(cell: str) -> bool:
    read = read_ports(cell)
    return bool(_NOTHING.fullmatch(cell) or read.spans or read.vague)
