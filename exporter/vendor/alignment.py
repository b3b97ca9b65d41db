"""Rows with fewer cells than their table, put under its headings if one way fits.

A copy of a page as text often loses what reached down from a row above (the row then
lacks its first cells), or leaves blank cells out. Ports and protocols can be told by
their form, and so show how far the others have moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.vendor.ports import is_ports
from exporter.vendor.protocols import is_protocols, read_protocols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.vendor.columns import Layout


def fits(layout: Layout, cells: Sequence[str]) -> bool:
    """Whether cells can stand under the headings: each is of its column's form."""
    ports = [cells[index] for index, _ in layout.ports]
    told = layout.columns.get("transport")
    needs_none = told is not None and read_protocols(cells[told]).portless
    if not (any(ports) or needs_none) or any(_is_protocol(cell) for cell in ports):
        return False
    if (
        told is not None
        and cells[told]
        and is_ports(cells[told])
        and not is_protocols(cells[told])
    ):
        return False
    ends = [layout.columns.get(name) for name in ("source", "destination")]
    return not any(_is_form(cells[index]) for index in ends if index is not None)


def aligned(
    layout: Layout,
    cells: Sequence[str],
    above: Sequence[str] | None,
    *,
    keeps_blanks: bool,
) -> tuple[tuple[str, ...] | None, str]:
    """Cells under the headings, or why they cannot be put there.

    Args:
        layout: the table's.
        cells: the row's.
        above: the row above, whose cells may reach down.
        keeps_blanks: the table has blank cells elsewhere, so that none was left out.
    """
    width = len(layout.headings)
    if len(cells) > width:
        cells = (*cells[: width - 1], " | ".join(filter(None, cells[width - 1 :])))
    if len(cells) == width and (fits(layout, cells) or not _moved(layout, cells)):
        return tuple(cells), ""
    held = list(cells)
    while held and not held[-1]:
        held.pop()
    found = _reaching(layout, held, above) if above else []
    blank_here = len(cells) == width or keeps_blanks
    if not (blank_here and found):
        found += _with_gap(layout, held)
    ways = list(dict.fromkeys(found))
    if len(ways) == 1:
        return ways[0], ""
    if len(cells) == width:
        return None, "its cells do not fit their columns"
    how = "none is clearly a port" if not ways else "they fit in more than one way"
    return None, f"has fewer cells than the table, and {how}"


def _moved(layout: Layout, cells: Sequence[str]) -> bool:
    """Whether ports stand in another column than theirs."""
    theirs = {index for index, _ in layout.ports}
    if any(is_ports(cells[index]) for index in theirs):
        return any(
            _is_port_or_transport(cells[index])
            for name, index in layout.columns.items()
            if name in ("source", "destination")
        )
    named = {
        i
        for name, i in layout.columns.items()
        if name in ("source", "destination", "transport")
    }
    return any(is_ports(cells[i]) for i in named)


def _reaching(
    layout: Layout, held: Sequence[str], above: Sequence[str]
) -> list[tuple[str, ...]]:
    """Ways in which the first cells are those of the row above."""
    width = len(layout.headings)
    found = []
    for lost in range(1, width - len(held) + 1):
        row = (*above[:lost], *held, *("",) * (width - lost - len(held)))
        if fits(layout, row) and _has_ends(layout, row) and typed(layout, row):
            found.append(row)
    return found


def typed(layout: Layout, row: Sequence[str]) -> bool:
    """Whether a row's ports and protocols can be nothing else."""
    told = layout.columns.get("transport")
    if told is not None and row[told] and not is_protocols(row[told]):
        return False
    return any(is_ports(row[index]) for index, _ in layout.ports)


def _with_gap(layout: Layout, held: Sequence[str]) -> list[tuple[str, ...]]:
    """The way in which the cells before the ports lack the last of theirs."""
    width, first = len(layout.headings), layout.ports[0][0]
    here = next((i for i, cell in enumerate(held) if is_ports(cell)), None)
    if here is None or here > first:
        return []
    row = (*held[:here], *("",) * (first - here), *held[here:])
    if len(row) > width:
        return []
    whole = (*row, *("",) * (width - len(row)))
    return [whole] if fits(layout, whole) else []


def _has_ends(layout: Layout, row: Sequence[str]) -> bool:
    wanted = (layout.columns.get(name) for name in ("source", "destination"))
    return all(row[index] for index in wanted if index is not None)


def _is_form(cell: str) -> bool:
    return _is_protocol(cell) or (is_ports(cell) and any(map(str.isdigit, cell)))


def _is_port_or_transport(cell: str) -> bool:
    """Not the mere name of an application: "Syslog" may be a destination as well."""
    named = is_protocols(cell) and read_protocols(cell).named
    return bool(named) or (is_ports(cell) and any(map(str.isdigit, cell)))


def _is_protocol(cell: str) -> bool:
    return (
        bool(cell)
        and is_protocols(cell)
        and not any(map(str.isdigit, cell))
        and cell.strip() != "*"
    )
