"""A matrix of flows, sources down and destinations across, as a table of rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.vendor.headings import words_of
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
    """A matrix as one row for each of its flows; any other table as it is.

    Its corner says "From / To"; its cells hold ports, or say that there are none.
    """
    head, *rows = table.rows
    width = len(head.cells)
    if width <= _FEWEST or not _CORNER.fullmatch(" ".join(words_of(head.cells[0]))):
        return table
    cells = [cell for row in rows for cell in row.cells[1:]]
    if not rows or not all(map(_is_flow, cells)):
        return table
    flows = [flow for row in rows for flow in _flows(head.cells, row)]
    return Table(table.sections, (Row(head.line, _HEADINGS), *flows))


def _flows(names: Sequence[str], row: Row) -> Iterator[Row]:
    for name, cell in zip(names[1:], row.cells[1:], strict=False):
        if not _NOTHING.fullmatch(cell):
            yield Row(row.line, (row.cells[0], name, cell))


def _is_flow(cell: str) -> bool:
    read = read_ports(cell)
    return bool(_NOTHING.fullmatch(cell) or read.spans or read.vague)
