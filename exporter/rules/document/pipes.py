r"""Markdown, and plain text whose tables have cells between `|` or tabs, as a page.

Headings are lines with `#`. Text without any has its headings guessed: short lines
without a full stop, of which the last two in a row before a table are section and
part, and a single one is the next part of the same section.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.rules.document.page import PageBuilder

_MARKED = re.compile(r"^ {0,3}(#{1,6})\s+(\S.*)$", re.MULTILINE)
_RULER = re.compile(r"[-|:\s]*-[-|:\s]*")
_CELL = re.compile(r"(?<!\\)\|")
_LONGEST_HEADING = 80
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_PLAIN = (
    (
        re.compile(
            r"</?(?:b|i|em|strong|code|p|span|sup|sub|a|div|li|ul)>", re.IGNORECASE
        ),
        "",
    ),
    (re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)"), r"\1"),
    (re.compile(r"<(https?://[^<>\s]+)>"), r"\1"),
    (re.compile(r"\*\*|__|`"), ""),
    (re.compile(r"\*(?![.\s*])([^*]+)(?<!\s)\*"), r"\1"),
    (re.compile(r"\\([`*_{}\[\]()#+.!|<>-])"), r"\1"),
)


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in Markdown or plain text together."""
    guess = None if _MARKED.search(text) else _Headings(page)
    for number, line in enumerate(text.split("\n"), 1):
        cells = _cells(line)
        if cells is not None:
            if guess is not None:
                guess.settle()
            if not _RULER.fullmatch(line):
                page.row(number, [_plain(cell) for cell in cells])
            continue
        page.end_table()
        marked = _MARKED.fullmatch(line)
        if marked:
            page.heading(len(marked[1]), _plain(marked[2].rstrip("# ")))
        elif guess is not None:
            guess.line(number, line)
        else:
            page.text(number, _plain(line))
    if guess is not None:
        guess.give_up()


def _cells(line: str) -> list[str] | None:
    """The cells of a table's line, or None for other text."""
    if "|" in line:
        inner = line.strip().removeprefix("|")
        return _CELL.split(re.sub(r"(?<!\\)\|$", "", inner))
    inner = line.strip("\n ")
    return inner.split("\t") if "\t" in inner.strip() else None


def _plain(text: str) -> str:
    """Text without Markdown's marks."""
    text = _BREAK.sub("\n", text)
    for pattern, kept in _PLAIN:
        text = pattern.sub(kept, text)
    return html.unescape(text)


@dataclass(slots=True)
class _Headings:
    """Headings of a text that marks none."""

    page: PageBuilder
    block: list[tuple[int, str]] = field(default_factory=list)
    unbroken: bool = False

    def line(self, number: int, line: str) -> None:
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

    def settle(self) -> None:
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
