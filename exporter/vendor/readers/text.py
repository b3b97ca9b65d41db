"""Plain text whose tables have cells between `|` or tabs, as a page.

Headings are guessed: short lines without a full stop, of which the last two in a row
before a table are section and part, and a single one is the next part of the same
section.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.vendor.page import PageBuilder

RULER = re.compile(r"[-|:\s]*-[-|:\s]*")
"""A line that only draws a table."""
_CELL = re.compile(r"(?<!\\)\|")
_LONGEST_HEADING = 80


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in plain text together."""
    headings = HeadingGuess(page)
    for number, line in enumerate(text.split("\n"), 1):
        cells = cells_of(line)
        if cells is None:
            page.end_table()
            headings.line(number, line)
            continue
        headings.table_begins()
        if not RULER.fullmatch(line):
            page.row(number, cells)
    headings.give_up()


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
        titles = tuple(self.page.called(text) for _, text in self.block[-2:])
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
