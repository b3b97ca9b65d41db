"""Plain text whose tables have cells between `|`, tabs or wide spaces, as a page.

Headings are guessed: short lines without a full stop, of which the last two in a row
before a table are section and part, and a single one is the next part of the same
section. A row may be spilled over several lines, which end with it where the number of
`|` is that of the headings; and each cell may be a line of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.vendor.alignment import fits
from exporter.vendor.columns import layout_of
from exporter.vendor.headings import is_heading, is_heading_row
from exporter.vendor.ports import is_ports
from exporter.vendor.readers.restructured import table_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.vendor.columns import Layout
    from exporter.vendor.page import PageBuilder
    from exporter.vendor.readers.restructured import Rows

RULER = re.compile(r"[-|:\s]*-[-|:\s]*")
"""A line that only draws a table."""
_CELL = re.compile(r"(?<!\\)\|")
_STACKED = re.compile(r"[^|\t]*(?<!\\)\|\s*")
_BARE = re.compile(r"[^|\t]*\S[^|\t]*")
_WIDE = re.compile(r"\s{2,}")
_ALIGNED = re.compile(r"\S+(?:\s\S+)*")
_FEWEST_COLUMNS = 3
_LONGEST_HEADING = 80
_MOST_LINES = 8
"""Lines over which one row may be spilled."""
_MOST_COLUMNS = 12


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in plain text together."""
    _Reader(page, _barred(text.split("\n"))).read()


def _barred(lines: Sequence[str]) -> list[str]:
    """`lines`, with `|` between the cells of tables that are aligned with spaces.

    Such a table begins with a line of nothing but headings, and ends with an empty one.
    A line that does not fall into its columns stays as it is.
    """
    barred: list[str] = []
    starts: list[int] = []
    for line in lines:
        if not line.strip() or cells_of(line) is not None:
            starts = []
        headings = _WIDE.split(line.strip())
        if len(headings) >= _FEWEST_COLUMNS and is_heading_row(headings):
            starts = [one.start() for one in _ALIGNED.finditer(line)]
        barred.append(" | ".join(_cut(line, starts)) if starts else line)
    return barred


def _cut(line: str, starts: Sequence[int]) -> list[str]:
    """The cells of a line that begin where the headings do; the whole line if not so."""
    cells = _WIDE.split(line.strip())
    if len(cells) == len(starts):
        return cells
    if any(line[start - 1 : start].strip() for start in starts[1:]):
        return [line]
    return [
        line[start:end].strip()
        for start, end in zip(starts, [*starts[1:], len(line)], strict=True)
    ]


@dataclass(slots=True)
class _Reader:
    page: PageBuilder
    lines: Sequence[str]
    width: int = 0

    def read(self) -> None:
        headings = HeadingGuess(self.page)
        index = 0
        while index < len(self.lines):
            line = self.lines[index]
            if table := table_at(self.lines, index):
                index = self._take_table(table, headings)
                continue
            form = _STACKED if _STACKED.fullmatch(line) else _BARE
            stacked = self._stacked(index, form)
            if stacked:
                headings.table_begins()
                index = self._take_stack(index, stacked, form)
                continue
            cells = cells_of(line)
            if cells is None:
                self.page.end_table()
                headings.line(index + 1, line)
                index += 1
                continue
            headings.table_begins()
            index += self._take_row(index, line, cells)
        headings.give_up()

    def _take_table(self, table: Rows, headings: HeadingGuess) -> int:
        """Puts in a table that is marked as one; the index of the line behind it."""
        headings.table_begins()
        if table.title:
            title = self.page.titled(table.title, table.rows[0][0])
            self.page.sections = (*self.page.sections[:1], title)
        for number, cells in table.rows:
            self.page.row(number, cells)
        self.page.end_table()
        return table.end

    def _take_row(self, index: int, line: str, cells: list[str]) -> int:
        """Puts in a row; how many lines it has."""
        if RULER.fullmatch(line):
            return 1
        bars = len(_CELL.findall(line))
        if not self.page.in_table or is_heading_row([cell.strip() for cell in cells]):
            self.width = bars if not line.lstrip().startswith("|") else 0
        spilled = self._spilled(index, bars)
        if spilled > 1:
            whole = "\n".join(self.lines[index : index + spilled])
            cells = cells_of(whole) or cells
        self.page.row(index + 1, cells)
        return spilled

    def _spilled(self, index: int, bars: int) -> int:
        """Over how many lines a row goes, 1 where they do not add up to the headings."""
        if not 0 < bars < self.width:
            return 1
        for more, line in enumerate(self.lines[index + 1 : index + _MOST_LINES], 1):
            here = len(_CELL.findall(line))
            if here >= self.width or RULER.fullmatch(line) or not line.strip():
                return 1
            bars += here
            if bars == self.width and (here or line.rstrip().endswith("|")):
                return more + 1
            if bars > self.width:
                return 1
        return 1

    def _stacked(self, index: int, form: re.Pattern[str]) -> int:
        """How many columns a table has whose headings begin here, each in a line.

        Where no bar ends the lines, the rows down to the next blank line must be whole.
        """
        if not is_heading(self.lines[index].strip().removesuffix("|")):
            return 0
        cells: list[str] = []
        for line in self.lines[index : index + 2 * _MOST_COLUMNS]:
            if not form.fullmatch(line):
                break
            cells.append(line.strip().removesuffix("|").strip())
        for columns in range(min(_MOST_COLUMNS, len(cells) // 2), 1, -1):
            layout = (
                layout_of(cells[:columns]) if is_heading_row(cells[:columns]) else None
            )
            row = cells[columns : 2 * columns]
            if (
                layout
                and fits(layout, row)
                and any(is_ports(row[i]) for i, _ in layout.ports)
                and (form is _STACKED or self._whole(index, columns, layout))
            ):
                return columns
        return 0

    def _whole(self, index: int, columns: int, layout: Layout) -> bool:
        """Whether the lines down to the next blank one are rows of a table."""
        end = self._end_of_stack(index, _BARE)
        cells = [line.strip() for line in self.lines[index:end]]
        rows = [cells[i : i + columns] for i in range(columns, len(cells), columns)]
        return all(len(row) == columns and fits(layout, row) for row in rows)

    def _end_of_stack(self, index: int, form: re.Pattern[str]) -> int:
        while index < len(self.lines) and form.fullmatch(self.lines[index]):
            index += 1
        return index

    def _take_stack(self, index: int, columns: int, form: re.Pattern[str]) -> int:
        """Puts in a table of one cell a line; the index of the line behind it."""
        end = self._end_of_stack(index, form)
        for first in range(index, end, columns):
            lines = self.lines[first : min(first + columns, end)]
            self.page.row(first + 1, [line.strip().removesuffix("|") for line in lines])
        self.page.end_table()
        return end


def cells_of(line: str) -> list[str] | None:
    """The cells of a table's line, or None for other text."""
    if "|" in line:
        inner = re.sub(r"(?<!\\)\|$", "", line.strip().removeprefix("|"))
        return [cell.replace(r"\|", "|") for cell in _CELL.split(inner)]
    inner = line.strip("\n ")
    return inner.split("\t") if "\t" in inner.strip() else None


@dataclass(slots=True)
class HeadingGuess:
    """Headings of a text that marks none."""

    page: PageBuilder
    block: list[tuple[int, str]] = field(default_factory=list)
    unbroken: bool = False

    def line(self, number: int, line: str) -> None:
        """A line outside tables."""
        text = line.strip()
        if not any(map(str.isalnum, text)):
            return
        if not _like_a_heading(text):
            self.unbroken = False
            self.page.text(number, text)
            return
        if not self.unbroken:
            self.give_up()
        self.unbroken = True
        self.page.called(text)
        self.block.append((number, text))

    def table_begins(self) -> None:
        """A table begins: the last lines name its section."""
        titles = tuple(self.page.titled(text, line) for line, text in self.block[-2:])
        if len(titles) == 1 and len(self.page.sections) > 1:
            titles = (self.page.sections[0], *titles)
        self.page.sections = titles or self.page.sections
        del self.block[-2:]
        self.give_up()
        self.unbroken = False

    def give_up(self) -> None:
        """What looked like a heading is mere text."""
        for number, text in self.block:
            self.page.text(number, text)
        self.block = []


def _like_a_heading(text: str) -> bool:
    short = len(text) <= _LONGEST_HEADING
    return short and text[-1] not in ".:;,!?" and text[0] not in "-*\u2022"
