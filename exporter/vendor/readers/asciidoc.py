"""AsciiDoc as a page: its tables, with cells in lines of their own and over rows.

What is a comment, a listing or a directive is no text. The sentence of a list above a
table is the title of its part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.vendor.page import CAPTION, is_caption

if TYPE_CHECKING:
    from exporter.vendor.page import PageBuilder

_TABLE = re.compile(r"\|={3,}\s*")
_BLOCK = re.compile(r"(?:-{4,}|\.{4,}|/{4,}|\+{4,})\s*")
_HEADING = re.compile(r"(={1,6})\s+(\S.*)")
_BLOCK_TITLE = re.compile(r"\.(?=[^\s.])(.+)|\*([^*]+)\*\s*")
_LIST = re.compile(r"\s*(?:\.{1,5}|[*-]{1,5}|[0-9]+\.)\s+(\S.*)")
_SKIPPED = re.compile(r"//|:[\w-]+:|(?:ifdef|ifndef|endif|ifeval|include)::|\+\s*$")
_COLUMNS = re.compile(r"""cols\s*=\s*(?:"([^"]*)"|'([^']*)'|([^,\]]*))""")
_CELL = re.compile(
    r"(?:(?:(?<=\s)"
    r"|^)(?:([0-9]{1,2})?(?:\.([0-9]{1,2}))?([+*]))?(?:[<^>]?"
    r"(?:\.[<^>])?)[adehlmsv]?)?(?<!\\)\|"
)
_LINK = re.compile(
    r"(?:link:|xref:|mailto:|(?=https?://))([^\s\[\]]{1,500})\[([^\[\]]*)\]"
)
_ROLE = re.compile(r"\[([.\w -]{1,60})\](##?)([^#\n]{1,500}?)\2")
_FOOTNOTE = re.compile(r"\s*footnote:[\w-]*\[([^\[\]]*)\]")
_MOST_COLUMNS = 50


def is_asciidoc(text: str) -> bool:
    """Whether a text has a table as only AsciiDoc has them."""
    return re.search(r"^\|={3,}\s*$", text, re.MULTILINE) is not None


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in AsciiDoc together."""
    reader = _Reader(page)
    for number, line in enumerate(text.split("\n"), 1):
        reader.line(number, line)
    reader.end_table()


@dataclass(slots=True)
class _Cell:
    line: int
    columns: int = 1
    rows: int = 1
    text: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    page: PageBuilder
    fence: str = ""
    columns: int = 0
    cells: list[_Cell] | None = None

    def line(self, number: int, line: str) -> None:
        """The next line of the file."""
        if _BLOCK.fullmatch(line) and self.cells is None:
            mark = line.strip()
            self.fence = "" if self.fence == mark else self.fence or mark
        elif self.fence:
            return
        elif _TABLE.fullmatch(line):
            if self.cells is None:
                self.cells = []
            else:
                self.end_table()
        elif self.cells is not None:
            self._in_table(number, line)
        else:
            self._outside(number, line)

    def _outside(self, number: int, line: str) -> None:
        heading, item = _HEADING.fullmatch(line), _LIST.fullmatch(line)
        if heading:
            self.page.heading(len(heading[1]), _plain(heading[2]), number)
        elif caption := _caption(line):
            self.page.heading(CAPTION, caption, number)
        elif line.startswith("["):
            self.columns = _count(line) or self.columns
        elif item and item[1].rstrip().endswith(":"):
            title = _plain(item[1])
            self.page.text(number, title)
            self.page.sections = (
                (*self.page.sections[:1], title) if self.page.title else (title,)
            )
        elif item:
            self.page.text(number, _plain(item[1]))
        elif not _SKIPPED.match(line):
            self.page.text(number, _plain(line))

    def _in_table(self, number: int, line: str) -> None:
        cells = self.cells if self.cells is not None else []
        begun = list(_CELL.finditer(line))
        before = line[: begun[0].start()] if begun else line
        if cells:
            cells[-1].text.append(before)
        for index, found in enumerate(begun):
            end = begun[index + 1].start() if index + 1 < len(begun) else len(line)
            text = line[found.end() : end]
            times = int(found[1] or 1) if found[3] == "*" else 1
            spans = found[3] == "+"
            for _ in range(min(times, _MOST_COLUMNS)):
                columns = min(int(found[1] or 1), _MOST_COLUMNS) if spans else 1
                rows = int(found[2] or 1) if spans else 1
                cells.append(_Cell(number, columns, rows, [text]))
        if begun and not self.columns:
            self.columns = sum(cell.columns for cell in cells)

    def end_table(self) -> None:
        """The table's cells, put into rows."""
        width, reach = self.columns or 1, dict[int, tuple[int, str]]()
        row: list[str] = []
        line = 0
        for cell in self.cells or []:
            text = _cell(cell.text)
            line = line or cell.line
            self._reach(row, reach)
            for _ in range(cell.columns):
                if cell.rows > 1:
                    reach[len(row)] = (cell.rows - 1, text)
                row.append(text)
            self._reach(row, reach)
            if len(row) >= width:
                self.page.row(line, row)
                row, line = [], 0
        if any(row):
            self.page.row(line, row)
        self.page.end_table()
        self.cells, self.columns = None, 0

    @staticmethod
    def _reach(row: list[str], reach: dict[int, tuple[int, str]]) -> None:
        """Puts in the cells of rows above that reach down to here."""
        while len(row) in reach:
            left, text = reach.pop(len(row))
            if left > 1:
                reach[len(row)] = (left - 1, text)
            row.append(text)


def _count(attributes: str) -> int:
    """How many columns a table is said to have, 0 if it is not said."""
    found = _COLUMNS.search(attributes)
    if not found:
        return 0
    count = 0
    for part in next(filter(None, found.groups()), "").split(","):
        times = re.match(r"\s*([0-9]{1,2})\*", part)
        count += int(times[1]) if times else 1
    return min(count, _MOST_COLUMNS)


def _cell(lines: list[str]) -> str:
    """A cell's text: lines go on, unless a mark or a blank line ends them."""
    text = ""
    for line in lines:
        broken = text.endswith(" +") or not line.strip() or _LIST.fullmatch(line)
        text = text.removesuffix(" +") + ("\n" if broken else " ") + line.strip()
    return "\n".join(_plain(line) for line in text.removesuffix(" +").split("\n"))


def _plain(text: str) -> str:
    """A line without its marks of form."""
    text = _FOOTNOTE.sub(r" (\1)", text)
    text = _ROLE.sub(lambda found: "" if "line-through" in found[1] else found[3], text)
    text = _LINK.sub(lambda found: found[2].rstrip("^") or found[1], text)
    item = _LIST.fullmatch(text)
    text = (item[1] if item else text).replace("`", "").replace("\\|", "|")
    return re.sub(r"(?<![\w*])([*_])(\S(?:.*?\S)?)\1(?![\w*])", r"\2", text).strip()


def _caption(line: str) -> str:
    """The title that a line is by its form, `.Title` or `*Title*`; empty if it is none."""
    found = _BLOCK_TITLE.fullmatch(line)
    text = _plain(found[1] or found[2]) if found else ""
    return text if is_caption(text) else ""
