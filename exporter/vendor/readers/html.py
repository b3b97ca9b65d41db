"""HTML as a page: lxml's tree, walked once.

libxml2 reads what browsers read, refuses nothing, loads nothing, and stops at a depth
that no page has. Comments and attributes are none of a page's text; what is struck
through, or not shown, is no requirement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from lxml import etree

from exporter.vendor.columns import layout_of
from exporter.vendor.page import CAPTION, is_caption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.vendor.page import PageBuilder

Reader: TypeAlias = "Callable[[str, PageBuilder], None]"

STRUCK = frozenset({"s", "del", "strike"})
"""Elements whose text an author has struck through."""
RAISED = "[^"
"""What stands for the beginning of a superscript, as in Markdown's footnotes."""
_UNSEEN = STRUCK | {"script", "style", "template", "svg", "noscript", "nav"}
LINES = re.compile(
    r"address|article|aside|blockquote|body|br|caption|d[dlt]|div|figcaption|figure"
    r"|footer|form|head|header|hr|html|li|main|nav|ol|option|p|pre|section|title|ul"
)
_CELLS = {"td", "th"}
_BOLD = {"b", "strong"}
_HEADING = re.compile(r"h[1-6]")
_SPAN = re.compile(r"\s*([0-9]{1,4})")
_MAX_COLUMNS = 20
_MAX_DEPTH = 20


def read(text: str, page: PageBuilder, first_line: int = 1) -> None:
    """Puts a page in HTML together; nothing it holds makes this fail.

    `first_line` is the line of the file on which `text` begins.
    """
    reader = _Reader(page)
    line, before = 1, first_line - 1
    for event, element in etree.iterwalk(_tree(text, page, before), ("start", "end")):
        name = str(element.tag)
        if event == "start":
            line = max(line, element.sourceline or 1)
            reader.tag(name, element.attrib, line + before)
            said = element.text or ""
        else:
            reader.end(name)
            said = element.tail or ""
        reader.text(said, line + before)
        line += said.count("\n")
    reader.finish()


def _tree(text: str, page: PageBuilder, before: int) -> etree._Element:
    """The tree of all that could be parsed; what could not is told."""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True
    )
    whole = f"<html>{text}"  # an empty document has no tree
    tree = etree.fromstring(whole.encode("utf-8", "replace"), parser)
    for error in parser.error_log:
        if error.level == etree.ErrorLevels.FATAL:
            page.loss(error.line + before, f"no HTML from here on: {error.message}")
            break
    opened = Counter(str(one.tag) for one in tree.iter(*_UNSEEN))
    for name, count in opened.items():
        if count > len(re.findall(f"</{name}\\b", text, re.IGNORECASE)):
            *_, last = tree.iter(name)
            said = f"<{name}> never ends: nothing from here on was read"
            line = last.sourceline if isinstance(last.sourceline, int) else 1
            page.loss(line + before, said)
    return tree


@dataclass(slots=True)
class _Grid:
    """One table under way; `spans` are cells that reach down: column to rows, text."""

    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    row: list[str] | None = None
    cell: list[str] | None = None
    reach: tuple[int, int] = (1, 1)
    line: int = 1
    spans: dict[int, tuple[int, str]] = field(default_factory=dict)

    def start_row(self, line: int) -> None:
        self.end_row()
        self.row, self.line = [], line

    def start_cell(self, attributes: Mapping[str, str], line: int) -> None:
        if self.row is None:
            self.start_row(line)
        self.end_cell()
        rows, columns = _span(attributes, "rowspan"), _span(attributes, "colspan")
        self.reach = (rows, min(columns, _MAX_COLUMNS))
        self.cell = []

    def end_cell(self) -> None:
        if self.cell is None or self.row is None:
            return
        text, self.cell = "".join(self.cell), None
        self._fill_from_above()
        for _ in range(self.reach[1]):
            if self.reach[0] > 1:
                self.spans[len(self.row)] = (self.reach[0] - 1, text)
            self.row.append(text)

    def end_row(self) -> None:
        self.end_cell()
        if self.row is not None:
            self._fill_from_above()
            self.rows.append((self.line, self.row))
        self.row = None

    def takes_in(self, inner: _Grid) -> bool:
        """Takes a table within a cell for the lines of that cell.

        It is if the outer one has the headings of requirements, and the inner one none;
        a table that only lays out the page has none itself.
        """
        if self.cell is None or not self.rows or not inner.rows:
            return False
        if layout_of(self.rows[0][1]) is None or layout_of(inner.rows[0][1]):
            return False
        lines = (" ".join(filter(str.strip, cells)) for _, cells in inner.rows)
        self.cell.append("\n" + "\n".join(" ".join(line.split()) for line in lines))
        return True

    def _fill_from_above(self) -> None:
        """Puts in the cells of earlier rows that reach down to the next column."""
        while self.row is not None and len(self.row) in self.spans:
            rows, text = self.spans.pop(len(self.row))
            if rows > 1:
                self.spans[len(self.row)] = (rows - 1, text)
            self.row.append(text)


def _span(attributes: Mapping[str, str], name: str) -> int:
    found = _SPAN.match(attributes.get(name, ""))
    return max(1, int(found[1])) if found else 1


@dataclass(slots=True)
class _Reader:
    page: PageBuilder
    unseen: int = 0
    heading: list[str] | None = None
    heading_line: int = 1
    first_line: int = 1
    bold: int = 0
    plain: bool = False
    term: bool = False
    prose: list[str] = field(default_factory=list)
    prose_line: int = 1
    grids: list[_Grid] = field(default_factory=list)
    closed: str = ""

    def text(self, text: str, line: int) -> None:
        """Text between two tags, beginning on `line`."""
        if self.unseen or not text:
            return
        self.closed = ""
        grid = self.grids[-1] if self.grids else None
        if grid is not None and grid.cell is not None:
            grid.cell.append(" ".join(text.split("\n")))
        elif self.heading is not None:
            self.heading.append(text)
        else:
            if not self.prose:
                blank = text[: len(text) - len(text.lstrip())]
                self.prose_line = line + blank.count("\n")
            self.prose.append(text)
            if text.strip():
                self.plain |= not self.bold
                self.term = False

    def tag(self, name: str, attributes: Mapping[str, str], line: int) -> None:
        """The beginning of an element."""
        if self.unseen or name in _UNSEEN:
            self.unseen += name in _UNSEEN
        elif name == "tr" and self.grids:
            self.grids[-1].start_row(line)
        elif name in _CELLS and self.grids:
            self.grids[-1].start_cell(attributes, line)
        elif name == "sup":
            self.text(RAISED, line)
        elif name in _BOLD:
            self.bold += 1
        else:
            if name == self.closed:  # <code>80</code><code>443</code> are two words
                self.text(" ", line)
            self.heading_line = line
            self._boundary(name, closing=False)
        self.closed = ""

    def end(self, name: str) -> None:
        """The end of an element."""
        if self.unseen:
            self.unseen -= name in _UNSEEN
        elif name == "tr" and self.grids:
            self.grids[-1].end_row()
        elif name in _CELLS and self.grids:
            self.grids[-1].end_cell()
        elif name == "sup":
            self.text("]", self.prose_line)
        elif name in _BOLD:
            self.bold = max(0, self.bold - 1)
        else:
            self._boundary(name, closing=True)
            self.closed = name

    def _boundary(self, name: str, *, closing: bool) -> None:
        if _HEADING.fullmatch(name):
            self._heading(int(name[1]), closing)
        elif name == "caption":
            self._caption(closing)
        elif name == "table":
            self._table(closing)
        elif name == "dt" and closing and not self.grids:
            self.prose.append(": ")
            self.term = True  # what it is about follows, and belongs to it
        elif LINES.fullmatch(name) and not self.term:
            self._new_line()

    def finish(self) -> None:
        """The end of the page."""
        self.term = False
        while self.grids:
            self._table(closing=True)
        self._heading(1, closing=True)
        self._new_line()

    def _heading(self, level: int, closing: bool) -> None:
        if self.grids:
            self._new_line()
            return
        self._new_line()
        if not closing:
            self.heading, self.first_line = [], self.heading_line
        elif self.heading is not None:
            self.page.heading(level, "".join(self.heading), self.first_line)
            self.heading = None

    def _caption(self, closing: bool) -> None:
        """What stands on a table is the title of its part, or mere text."""
        if not closing:
            self.heading, self.first_line = [], self.heading_line
        elif self.heading is not None:
            text, self.heading = " ".join("".join(self.heading).split()), None
            if is_caption(text):
                self.page.heading(CAPTION, text, self.first_line)
            else:
                self.page.text(self.first_line, text)

    def _new_line(self) -> None:
        if self.grids:
            if self.grids[-1].cell is not None:
                self.grids[-1].cell.append("\n")
        elif self.heading is not None:
            self.heading.append(" ")
        else:
            text = " ".join("".join(self.prose).split())
            if not self.plain and is_caption(text):
                self.page.heading(CAPTION, text, self.prose_line)
            else:
                self.page.text(self.prose_line, text)
            self.prose, self.plain = [], False

    def _table(self, closing: bool) -> None:
        if not closing:
            if len(self.grids) < _MAX_DEPTH:
                self._new_line()
                self.grids.append(_Grid())
        elif self.grids:
            grid = self.grids.pop()
            grid.end_row()
            if self.grids and self.grids[-1].takes_in(grid):
                return
            for line, cells in grid.rows:
                self.page.row(line, cells)
            self.page.end_table()
