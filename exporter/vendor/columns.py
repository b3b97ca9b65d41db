"""What the columns of a table mean, told by the words of their headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.rule import Transport
from exporter.vendor.ports import is_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# In the order in which they are tried: a "destination port" is a port.
_MEANINGS: Mapping[str, re.Pattern[str]] = {
    meaning: re.compile(words)
    for meaning, words in (
        ("port", r"ports?"),
        ("transport", r"protocols?|proto|transport"),
        ("source", r"sources?|src|from|origin|originator|initiator"),
        (
            "destination",
            (
                r"dest(?:inations?)?|dst|to|targets?|(?:host|server)(?:s|names?)?|fqdns?"
                r"|domains?|endpoints?|urls?|address(?:es)?"
            ),
        ),
        (
            "usage",
            r"us(?:ag)?e|purpose|descriptions?|reason|function|comments?|notes?|details|why",
        ),
        ("section", r"section"),
        ("row", r"row|rule|flow|line|step|id|no|nr|#"),
    )
}
_WHOLE = {"section", "row"}
"""Meanings that a heading has only if all of its words say so."""
_WORD = re.compile(r"[a-z]+|#")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a table keeps what: indices of its columns.

    `ports` holds an index and the transports its heading names, for each column of
    ports. `internal` is what the heading of the destinations says of them, if it does.
    """

    headings: tuple[str, ...]
    columns: Mapping[str, int]
    ports: tuple[tuple[int, tuple[Transport, ...]], ...]
    internal: bool | None

    @property
    def others(self) -> tuple[int, ...]:
        """Columns that mean nothing to us."""
        known = {*self.columns.values(), *(index for index, _ in self.ports)}
        return tuple(i for i in range(len(self.headings)) if i not in known)

    def cell(self, meaning: str, cells: Sequence[str]) -> str:
        """A row's cell, empty where the table has no such column."""
        index = self.columns.get(meaning)
        return "" if index is None else cells[index]

    def aligned(self, cells: Sequence[str]) -> tuple[str, ...] | None:
        """A row's cells under the headings, or None where that cannot be told.

        Text often leaves blank cells out. The one that holds ports then shows how far
        the others have moved: those before it lack the last of theirs.
        """
        width = len(self.headings)
        if len(cells) >= width:
            return (*cells[: width - 1], " | ".join(filter(None, cells[width - 1 :])))
        missing = ("",) * (width - len(cells))
        first = self.ports[0][0]
        if len(cells) > first and is_ports(cells[first]):
            return (*cells, *missing)
        here = next((i for i, cell in enumerate(cells) if is_ports(cell)), None)
        if here is None or here > first:
            return None
        gap = ("",) * (first - here)
        found = (*cells[:here], *gap, *cells[here:])
        return (*found, *("",) * (width - len(found))) if len(found) <= width else None


def layout_of(headings: Sequence[str]) -> Layout | None:
    """The meaning of a table's headings; None if they tell of no requirements.

    A table of requirements has ports, and sources, destinations or both.
    """
    if not any("port" in heading.lower() for heading in headings):
        return None
    columns: dict[str, int] = {}
    ports = []
    for index, heading in enumerate(headings):
        words = _WORD.findall(heading.lower())
        meaning = _meaning(words)
        if meaning == "port":
            ports.append((index, tuple(t for t in Transport if t in words)))
        elif meaning:
            columns.setdefault(meaning, index)
    if not ports or not columns.keys() & {"source", "destination"}:
        return None
    return Layout(tuple(headings), columns, tuple(ports), _internal(headings, columns))


def _meaning(words: Sequence[str]) -> str:
    found = [
        meaning
        for meaning, known in _MEANINGS.items()
        if words and (all if meaning in _WHOLE else any)(map(known.fullmatch, words))
    ]
    if found[:1] == ["port"] and "source" in found:
        return ""  # the client's own port is no requirement that can be proven
    return found[0] if found else ""


def _internal(headings: Sequence[str], columns: Mapping[str, int]) -> bool | None:
    if "destination" not in columns:
        return None
    words = _WORD.findall(headings[columns["destination"]].lower())
    said = {"internal", "external"} & set(words)
    return said == {"internal"} if len(said) == 1 else None
