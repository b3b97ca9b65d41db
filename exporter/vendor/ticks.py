"""Columns of ticks: `TCP | UDP` or `Inbound | Outbound`, of which some are ticked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from exporter.vendor.directions import Direction, direction_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Ticked: TypeAlias = "tuple[tuple[int, str], ...]"
"""Columns by index, each with the word that a tick in it says."""

_TICK = re.compile(
    r"(?:[\u2713\u2714\u2611\u2705\u25cf\u2022]\ufe0f?|x|yes|y|ja|oui|s[i\u00ed]|true"
    r"|:(?:white_)?(?:heavy_)?check_?mark:)",
    re.IGNORECASE,
)
_NO_TICK = re.compile(
    r"(?:[\u2717\u2718\u2715\u2716\u00d7\u274c\u2610]\ufe0f?|no|n|nein|non|false|n/?a"
    r"|[-\u2013\u2014]*|:x:)",
    re.IGNORECASE,
)
_TRANSPORT = re.compile(r"(?:ports?\s+|protocols?\s+)?(tcp|udp)", re.IGNORECASE)


def ticked(
    headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> Mapping[str, Ticked]:
    """The columns of ticks among these, by what they tell: `transport`, `direction`."""
    found: dict[str, list[tuple[int, str]]] = {}
    for index, heading in enumerate(headings):
        cells = [row[index] for row in rows if len(row) == len(headings)]
        if cells and any(map(_is_tick, cells)) and all(map(_is_either, cells)):
            for meaning, word in _meant(heading):
                found.setdefault(meaning, []).append((index, word))
    return {meaning: tuple(columns) for meaning, columns in found.items()}


def said(columns: Ticked, cells: Sequence[str]) -> str:
    """What the ticks of a row say, in words."""
    return ", ".join(word for index, word in columns if _is_tick(cells[index]))


def _meant(heading: str) -> Iterator[tuple[str, str]]:
    text = " ".join(heading.split())
    if transport := _TRANSPORT.fullmatch(text):
        yield "transport", transport[1].upper()
    elif direction_of(text) in (Direction.IN, Direction.OUT):
        yield "direction", str(direction_of(text))


def _is_tick(cell: str) -> bool:
    return _TICK.fullmatch(cell.strip()) is not None


def _is_either(cell: str) -> bool:
    return _is_tick(cell) or _NO_TICK.fullmatch(cell.strip()) is not None
