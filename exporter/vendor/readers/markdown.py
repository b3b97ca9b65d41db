"""Markdown (CommonMark with GitHub's tables) as a page, by markdown-it-py's tokens.

Comments, what is struck through and code are no requirements, but for code of nothing
but hosts, which is a list of them. Tables in HTML go to
the reader of HTML. Lines with `|` that are no table to GitHub are read as plain text
has them, so that a forgotten ruler loses no row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml.html import defs
from markdown_it import MarkdownIt

from exporter.vendor.page import CAPTION, is_caption
from exporter.vendor.readers import html
from exporter.vendor.readers.text import RULER, HeadingGuess, cells_of
from exporter.vendor.sentences import is_host

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

    from exporter.vendor.page import PageBuilder

_HEADING = re.compile(r"^ {0,3}#{1,6}\s+\S", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?^(?:---|\.\.\.)$", re.DOTALL | re.MULTILINE)
_TAG = re.compile(r"<(/?)([a-z]+)", re.IGNORECASE)
_WILDCARD = "*."


def is_markdown(text: str) -> bool:
    """Whether a text has Markdown's headings; tables with `|` are plain text's too."""
    return _HEADING.search(text) is not None


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in Markdown together."""
    text = _FRONT_MATTER.sub(lambda found: "\n" * found[0].count("\n"), text, count=1)
    # Two wildcards in a line must not become emphasis of what is between them.
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(text.replace(_WILDCARD, "\\" + _WILDCARD))
    _Reader(page, text.split("\n"), tokens).read()


class _Reader:
    def __init__(
        self, page: PageBuilder, lines: Sequence[str], tokens: Sequence[Token]
    ) -> None:
        self._page = page
        self._lines = lines
        self._tokens = iter(tokens)
        marked = any(token.type == "heading_open" for token in tokens)
        self._guess = None if marked else HeadingGuess(page)
        self._read_to = 0

    def read(self) -> None:
        for token in self._tokens:
            if token.map is None or token.map[0] < self._read_to:
                continue
            self._take(token, *token.map)
        if self._guess is not None:
            self._guess.give_up()

    def _take(self, token: Token, begin: int, end: int) -> None:
        match token.type:
            case "heading_open":
                title = _plain(next(self._tokens))
                self._page.heading(int(token.tag[1]), title, begin + 1)
            case "table_open":
                self._table()
            case "html_block":
                self._html(begin, end)
            case "inline":
                self._paragraph(token)
            case "fence" | "code_block":
                self._code(token)
            case _:
                pass

    def _begin_table(self) -> None:
        if self._guess is not None:
            self._guess.table_begins()

    def _table(self) -> None:
        cells: list[str] = []
        row = columns = 0
        for token in self._tokens:
            if token.type == "tr_open" and token.map is not None:
                cells, row = [], token.map[0]
            elif token.type == "inline":
                cells.append(_plain(token))
            elif token.type == "tr_close":
                columns = columns or len(cells)
                self._row(row, cells, columns)
            elif token.type == "table_close":
                break
        self._page.end_table()

    def _row(self, row: int, cells: list[str], columns: int) -> None:
        """A row with the cells that are written, however many columns there are.

        GitHub fills up short rows, drops cells that have no column, and takes a line of
        text right below a table for one more row.
        """
        line = self._lines[row]
        written = cells_of(line)
        if written is None:
            self._page.end_table()
            self._text(row + 1, line)
        elif not RULER.fullmatch(line):
            self._begin_table()
            self._page.row(row + 1, [*cells[: len(written)], *written[columns:]])

    def _html(self, begin: int, end: int) -> None:
        """A block of HTML; a table in it may hold empty lines and go on behind them."""
        block = "\n".join(self._lines[begin:end])
        while block.lower().count("<table") > block.lower().count("</table"):
            if end >= len(self._lines):
                break
            block += "\n" + self._lines[end]
            end += 1
        if "<table" in block.lower():
            self._begin_table()
        html.read(block, self._page, begin + 1)
        self._read_to = end

    def _paragraph(self, token: Token) -> None:
        first = token.map[0] if token.map is not None else 0
        lines = self._lines[first : token.map[1]] if token.map is not None else []
        cells = [cells_of(line) for line in lines]
        if len(cells) > 1 and all(cells):
            self._begin_table()
            for number, (line, row) in enumerate(zip(lines, cells, strict=True), first):
                if row is not None and not RULER.fullmatch(line):
                    self._page.row(number + 1, row)
            self._page.end_table()
            return
        if self._guess is None and _is_bold(token) and is_caption(_plain(token)):
            self._page.heading(CAPTION, _plain(token), first + 1)
            return
        for number, line in enumerate(_plain(token).split("\n"), first + 1):
            self._text(number, line)

    def _code(self, token: Token) -> None:
        """A block of code, if it only lists hosts, which is how they are set off."""
        lines = token.content.replace("\\" + _WILDCARD, _WILDCARD).split("\n")
        filled = list(filter(str.strip, lines))
        if not filled or not all(map(is_host, filled)) or token.map is None:
            return
        first = token.map[0] + (2 if token.type == "fence" else 1)
        for number, line in enumerate(lines, first):
            self._text(number, line)

    def _text(self, number: int, line: str) -> None:
        if self._guess is not None:
            self._guess.line(number, line)
        else:
            self._page.text(number, line)


def _is_bold(inline: Token) -> bool:
    """Whether all of a paragraph is in bold."""
    children = [child for child in inline.children or () if child.content or child.tag]
    kinds = [child.type for child in children]
    ends = kinds[:1] == ["strong_open"] and kinds[-1:] == ["strong_close"]
    return ends and kinds.count("strong_open") == 1


def _plain(inline: Token) -> str:
    """What a reader of the rendered page sees, without what is struck through."""
    return "".join(_seen(inline.children or ())).replace("\\" + _WILDCARD, _WILDCARD)


def _seen(children: Sequence[Token]) -> Iterator[str]:
    struck = 0
    for token in children:
        tag = _TAG.match(token.content) if token.type == "html_inline" else None
        if token.type in ("s_open", "s_close"):
            struck += token.nesting
        elif tag and tag[2].lower() in html.STRUCK:
            struck += -1 if tag[1] else 1
        elif struck > 0:
            continue
        elif token.type in ("softbreak", "hardbreak"):
            yield "\n"
        elif tag:
            yield _of_tag(token.content, tag[2].lower(), closing=bool(tag[1]))
        elif token.type in ("text", "code_inline"):
            yield token.content


def _of_tag(content: str, name: str, *, closing: bool) -> str:
    """What a tag within a line is to a reader; a name that HTML lacks is a word."""
    if name == "sup":
        return "]" if closing else html.RAISED
    if html.LINES.fullmatch(name):
        return "\n"
    return "" if name in defs.tags else content
