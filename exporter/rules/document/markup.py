"""HTML as a page, in one pass whose time grows with the file and no faster.

The standard library's parser needs a minute and a half for 64 KiB of unfinished tags,
and of a vendor's page only the tags of tables, headings and lines matter. So tags are
found by one expression, and everything else is text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from exporter.rules.document.page import PageBuilder

Reader: TypeAlias = "Callable[[str, PageBuilder], None]"

_TAG = re.compile(
    r"<!--(?:.*?-->|.*)|<[!?][^<>]*+>|<(/?)([a-zA-Z][a-zA-Z0-9]*+)([^<>]*+)>", re.DOTALL
)
_SPAN = re.compile(r"\b(row|col)span\s*=\s*[\"']?([0-9]{1,4})", re.IGNORECASE)
_UNSEEN = {"script", "style", "template", "svg", "noscript", "nav"}
_LINES = re.compile(
    r"address|article|aside|blockquote|body|br|caption|d[dlt]|div|figcaption|figure"
    r"|footer|form|head|header|hr|html|li|main|nav|ol|option|p|pre|section|title|ul"
)
_CELLS = {"td", "th"}
_HEADING = re.compile(r"h[1-6]")
_MAX_COLUMNS = 20
_MAX_DEPTH = 20


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in HTML together; nothing it holds makes this fail."""
    reader = _Reader(page)
    line, end = 1, 0
    for found in _TAG.finditer(text):
        reader.text(text[end : found.start()], line)
        line += text.count("\n", end, found.start())
        if found[2]:
            reader.tag(found[2].lower(), found[3], bool(found[1]), line)
        line += text.count("\n", found.start(), found.end())
        end = found.end()
    reader.text(text[end:], line)
    reader.finish()


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

    def start_cell(self, attributes: str, line: int) -> None:
        if self.row is None:
            self.start_row(line)
        self.end_cell()
        spans = {kind.lower(): int(n) for kind, n in _SPAN.findall(attributes)}
        self.reach = (
            max(1, spans.get("row", 1)),
            min(max(1, spans.get("col", 1)), _MAX_COLUMNS),
        )
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

    def _fill_from_above(self) -> None:
        """Puts in the cells of earlier rows that reach down to the next column."""
        while self.row is not None and len(self.row) in self.spans:
            rows, text = self.spans.pop(len(self.row))
            if rows > 1:
                self.spans[len(self.row)] = (rows - 1, text)
            self.row.append(text)


@dataclass(slots=True)
class _Reader:
    page: PageBuilder
    unseen: str = ""
    unseen_line: int = 0
    heading: list[str] | None = None
    prose: list[str] = field(default_factory=list)
    prose_line: int = 1
    grids: list[_Grid] = field(default_factory=list)

    def text(self, raw: str, line: int) -> None:
        if self.unseen or not raw:
            return
        text = html.unescape(raw)
        grid = self.grids[-1] if self.grids else None
        if grid is not None and grid.cell is not None:
            grid.cell.append(" ".join(text.split("\n")))
        elif self.heading is not None:
            self.heading.append(text)
        else:
            if not self.prose:
                self.prose_line = line + len(raw[: -len(raw.lstrip())].split("\n")) - 1
            self.prose.append(text)

    def tag(self, name: str, attributes: str, closing: bool, line: int) -> None:
        if self.unseen or name in _UNSEEN:
            self._unseen(name, closing, line)
        elif _HEADING.fullmatch(name):
            self._heading(int(name[1]), closing)
        elif name == "table":
            self._table(closing)
        elif _LINES.fullmatch(name):
            self._new_line()
        elif self.grids:
            self._inside_table(name, attributes, closing, line)

    def _unseen(self, name: str, closing: bool, line: int) -> None:
        if closing and name == self.unseen:
            self.unseen = ""
        elif not closing and not self.unseen:
            self.unseen, self.unseen_line = name, line

    def finish(self) -> None:
        if self.unseen:
            said = f"<{self.unseen}> never ends: nothing from here on was read"
            self.page.loss(self.unseen_line, said)
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
            self.heading = []
        elif self.heading is not None:
            self.page.heading(level, "".join(self.heading))
            self.heading = None

    def _new_line(self) -> None:
        if self.grids:
            if self.grids[-1].cell is not None:
                self.grids[-1].cell.append("\n")
        elif self.heading is not None:
            self.heading.append(" ")
        else:
            self.page.text(self.prose_line, " ".join("".join(self.prose).split()))
            self.prose = []

    def _table(self, closing: bool) -> None:
        if not closing:
            if len(self.grids) < _MAX_DEPTH:
                self._new_line()
                self.grids.append(_Grid())
        elif self.grids:
            grid = self.grids.pop()
            grid.end_row()
            for line, cells in grid.rows:
                self.page.row(line, cells)
            self.page.end_table()

    def _inside_table(
        self, name: str, attributes: str, closing: bool, line: int
    ) -> None:
        grid = self.grids[-1]
        if name == "tr":
            grid.end_row() if closing else grid.start_row(line)
        elif name in _CELLS:
            grid.end_cell() if closing else grid.start_cell(attributes, line)
