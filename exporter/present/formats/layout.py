"""Lines that fit a terminal: whole words, whole names, columns that line up.

Where no terminal bounds a line, columns are as wide as what stands in them, and
sentences are as long as on a terminal of 80 columns: what a pipe gets does not depend
on the window that the command runs in.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 80
"""Columns of a sentence where no terminal says otherwise."""
_GAP = "  "
_PUNCTUATION = ".,:;)"
_ENDLESS = 1 << 20
_LEAST = 20
"""Columns below which a shortened place tells nothing."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where text goes: its columns, and whether a terminal bounds them."""

    width: int
    bounded: bool

    @classmethod
    def standard(cls) -> Screen:
        """What standard output is."""
        if sys.stdout is None or not sys.stdout.isatty():
            return cls(WIDTH, bounded=False)
        return cls(shutil.get_terminal_size((WIDTH, 24)).columns, bounded=True)


def rendered(lines: Iterable[Text]) -> str:
    """Lines as a terminal shows them, or plain where there is none."""
    console = Console(highlight=False, width=_ENDLESS, soft_wrap=True)
    with console.capture() as captured:
        for line in lines:
            console.print(_visible(line))
    return captured.get()


def _visible(line: Text) -> Text:
    """The line, without what a terminal would obey."""
    if line.plain.isprintable():
        return line
    return Text(visible(line.plain), line.style)


def wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    """A text in lines, without a broken word; of a host that is too long the ends stay."""
    room = max(width - len(rest), _LEAST)
    fitting = " ".join(_fitted(word, room) for word in text.split())
    return textwrap.wrap(
        fitting,
        room + len(rest),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def _fitted(word: str, room: int) -> str:
    bare = word.rstrip(_PUNCTUATION)
    if len(word) <= room or "." not in bare:
        return word
    after = word[len(bare) :]
    return shortened(bare, room - len(after)) + after


def shortened(place: str, room: int) -> str:
    """A host and its port with the middle of the host left out, if it must be."""
    host, colon, port = place.rpartition(":") if ":" in place else (place, "", "")
    left = room - len(colon + port) - 1
    if len(place) <= room or left < 2:  # noqa: PLR2004 - one character on each side
        return place
    head = (left + 1) // 2
    return f"{host[:head]}…{host[len(host) - (left - head) :]}{colon}{port}"


def columns(
    headings: Sequence[str],
    rows: Sequence[Sequence[Text]],
    screen: Screen,
    *,
    optional: Sequence[str] = (),
    place: str = "destination",
) -> list[Text]:
    """A table with a heading, as wide as it needs to be or as the screen allows.

    What does not fit goes in this order: the middles of the hosts, as far as something
    of them stays; the `optional` columns; and at last the one line of each row, which
    becomes two. Ids stay whole.

    Args:
        headings: one for each cell of a row; the second is what a row is called by.
        rows: their cells.
        screen: where it goes.
        optional: headings of columns that may be left out, the first to go first.
        place: the heading of the column whose cells may be shortened.
    """
    table = [[Text(heading, "bold") for heading in headings], *map(list, rows)]
    shown = list(range(len(headings)))
    at = headings.index(place)
    if screen.bounded:
        dropped = [headings.index(heading) for heading in optional]
        while _too_wide(table, shown, at, screen.width) and dropped:
            shown.remove(dropped.pop(0))
        if _too_wide(table, shown, at, screen.width):
            return _stacked(table, shown, at, screen.width)
        others = sum(_widths(table, [c for c in shown if c != at])) + _gaps(shown)
        _shorten(table, at, screen.width - others)
    widths = _widths(table, shown)
    return [_line([row[c] for c in shown], widths) for row in table]


def _too_wide(table: list[list[Text]], shown: list[int], at: int, width: int) -> bool:
    others = _widths(table, [column for column in shown if column != at])
    (hosts,) = _widths(table, [at])
    return sum(others) + _gaps(shown) + min(hosts, _LEAST) > width


def _widths(table: list[list[Text]], shown: Sequence[int]) -> list[int]:
    return [max(row[column].cell_len for row in table) for column in shown]


def _gaps(shown: Sequence[int]) -> int:
    return len(_GAP) * (len(shown) - 1)


def _shorten(table: list[list[Text]], at: int, room: int) -> None:
    for row in table[1:]:
        row[at] = Text(shortened(row[at].plain, room), row[at].style)


def _stacked(
    table: list[list[Text]], shown: list[int], at: int, width: int
) -> list[Text]:
    """Two lines a row: what it is called by, and below it the rest."""
    (indent,) = _widths(table, shown[:1])
    rest = shown[2:]
    others = sum(_widths(table, [column for column in rest if column != at]))
    _shorten(table, at, width - indent - others - _gaps(shown[1:]))
    widths = _widths(table, rest)
    lines = []
    for row in table:
        lines.append(_line([row[column] for column in shown[:2]], [indent, 0]))
        below = _line([row[column] for column in rest], widths)
        lines.append(Text(" " * (indent + len(_GAP))).append_text(below))
    return lines


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append_text(cell).append(" " * (width - cell.cell_len)).append(_GAP)
    line.rstrip()
    return line
