"""A page as headings and tables, whatever the form of its file.

The readers of the single forms (`readers/`) put a page together with a `PageBuilder`,
which cleans every text and bounds them all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ROWS = 5000
MAX_CELLS = 50
MAX_CELL = 4000
_TITLE = 120
CAPTION = 7
"""The level of what is a title by its form alone, such as a paragraph in bold."""
_LONGEST_CAPTION = 80


def is_caption(text: str) -> bool:
    """Whether a line that stands out may be a title: it is short and has no number."""
    line = text.strip()
    short = 0 < len(line) <= _LONGEST_CAPTION and not line.endswith((".", ";", "!"))
    return short and not re.search(r"[0-9]", line)


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `cells` are clean lines of text, joined by newlines within a cell."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table under the headings `sections`, outermost first.

    `rows[0]` are the table's own headings, if it has any. `intro` is the line that leads
    over to it, such as "Only for clusters:"; empty if there is none.
    """

    sections: tuple[str, ...]
    rows: tuple[Row, ...]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """A line of text outside tables, under the headings `sections`."""

    line: int
    text: str
    sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What a file holds: tables, and the text around them.

    `titles` are its headings. `losses` says by line what of the file could not be
    taken apart.
    """

    title: str
    tables: tuple[Table, ...]
    prose: tuple[Prose, ...]
    losses: tuple[tuple[int, str], ...]
    titles: tuple[Prose, ...] = ()


def introduction(above: Sequence[Prose], sections: tuple[str, ...]) -> str:
    """The last line of a text, if it leads over to what stands below it."""
    last = above[-1] if above else None
    leads = last is not None and last.sections == sections and last.text.endswith(":")
    return last.text if last is not None and leads else ""


_PLAIN: dict[int, int | str] = {
    **{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((0x2010, 0x2011), "-"),
    0x3001: ",",
}
"""Letters, digits and hyphens that a page sets for their looks, and the plain ones."""


def clean(text: str) -> str:
    """Printable text, single spaces, no empty lines, at most `MAX_CELL` characters.

    Fullwidth letters and digits and unbreakable hyphens are plain ones.
    """
    text = text.translate(_PLAIN)
    if len(text) > MAX_CELL:
        text = text[:MAX_CELL] + "..."
    lines = (" ".join(line.split()) for line in re.split(r"[\r\n]+", text))
    printable = ("".join(filter(str.isprintable, line)).strip() for line in lines)
    return "\n".join(filter(None, printable))


@dataclass(slots=True)
class PageBuilder:
    """Takes a page's parts in the order of the file."""

    title: str = ""
    sections: tuple[str, ...] = ()
    _levels: dict[int, str] = field(default_factory=dict)
    _rows: list[Row] = field(default_factory=list)
    _tables: list[Table] = field(default_factory=list)
    _prose: list[Prose] = field(default_factory=list)
    _losses: list[tuple[int, str]] = field(default_factory=list)
    _titles: list[Prose] = field(default_factory=list)
    _count: int = 0

    def heading(self, level: int, text: str, line: int) -> None:
        """A heading of a level from 1; the two innermost ones name a section."""
        title = self.titled(text, line)
        if not title:
            return
        self._levels = {n: t for n, t in self._levels.items() if n < level}
        if self.title != title or level > 1:
            self._levels[level] = title
        self.sections = tuple(t for _, t in sorted(self._levels.items()))[-2:]

    def called(self, text: str) -> str:
        """A heading's text in one line; the first one is the page's title."""
        title = clean(text).replace("\n", " ")[:_TITLE]
        self.title = self.title or title
        return title

    def titled(self, text: str, line: int) -> str:
        """A heading's text in one line, which is kept as one."""
        title = self.called(text)
        if title:
            self._titles.append(Prose(line, title, (title,)))
        return title

    def row(self, line: int, cells: list[str]) -> None:
        """A table's next row; rows without any text are none.

        Raises:
            ValueError: the page has more rows than are ever read.
        """
        self._count += 1
        if self._count > MAX_ROWS:
            raise ValueError(f"has more than {MAX_ROWS} rows, which is the limit")
        tidy = tuple(clean(cell) for cell in cells[:MAX_CELLS])
        if len(cells) > MAX_CELLS:
            self.loss(line, f"has more than {MAX_CELLS} cells: the rest is not read")
        if any(len(cell) > MAX_CELL for cell in cells):
            said = f"a cell has more than {MAX_CELL} characters: the rest is not read"
            self.loss(line, said)
        if any(tidy):
            self._rows.append(Row(line, tidy))

    @property
    def in_table(self) -> bool:
        """Whether the next row belongs to those before."""
        return bool(self._rows)

    def end_table(self) -> None:
        """The rows since the last call are one table; a single row is mere text."""
        if len(self._rows) > 1:
            intro = introduction(self._prose[-1:], self.sections)
            self._tables.append(Table(self.sections, tuple(self._rows), intro))
        elif self._rows:
            self.text(self._rows[0].line, " | ".join(self._rows[0].cells))
        self._rows = []

    def text(self, line: int, text: str) -> None:
        """Text outside tables."""
        tidy = clean(text).replace("\n", " ")
        if tidy:
            self._prose.append(Prose(line, tidy, self.sections))

    def loss(self, line: int, message: str) -> None:
        """Something that could not be taken apart."""
        self._losses.append((line, message))

    def page(self) -> Page:
        """All of it."""
        self.end_table()
        prose = tuple(sorted(self._prose, key=lambda item: item.line))
        return Page(
            self.title,
            tuple(self._tables),
            prose,
            tuple(self._losses),
            tuple(self._titles),
        )
