"""Tables as statements: which rows there are, and what each of them says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.field_types import ROW
from exporter.model.ledger import Fate
from exporter.vendor.alignment import aligned, typed
from exporter.vendor.columns import Layout, layout_of
from exporter.vendor.footnotes import footnotes_of, resolved
from exporter.vendor.headings import is_heading, is_heading_row
from exporter.vendor.hosts import hosts_in
from exporter.vendor.matrix import unfolded
from exporter.vendor.names import letters
from exporter.vendor.ports import is_ports
from exporter.vendor.protocols import is_protocols
from exporter.vendor.reading import Reading, TableContext
from exporter.vendor.remarks import joined
from exporter.vendor.rows import RowReader
from exporter.vendor.sentences import names_a_port
from exporter.vendor.statements import Statement, Unread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.vendor.ledger import Ledger
    from exporter.vendor.map_file import Answers, RowModel
    from exporter.vendor.page import Page, Row, Table
    from exporter.vendor.remarks import Remarks

_LONGEST_ROW = 20
_TITLES = 4
"""Rows among which a table's headings are looked for."""


def read_tables(page: Page, reading: Reading) -> Iterator[Statement]:
    """All rows that could be read; the ledger and remarks have the others.

    Tables are named A, B, C ... and their rows A1, A2 ..., unless a column gives them
    ids of their own.
    """
    count = 0
    for table in map(unfolded, page.tables):
        first, begin, layout = _headings(table, reading.answers.columns(letters(count)))
        context = TableContext(reading, table, letters(count))
        reader = TableReader(context, layout)
        if layout is None:
            reader.pass_over(table.rows)
        else:
            context.title = ", ".join(map(reader.above_headings, table.rows[:first]))
            yield from reader.statements(table.rows[begin:])
        count += layout is not None


def reading_of(
    page: Page, remarks: Remarks, ledger: Ledger, answers: Answers
) -> Reading:
    """What is shared while a page is read."""
    return Reading(remarks, ledger, footnotes_of(page.prose), page.title, answers)


def _headings(
    table: Table, answers: Mapping[str, str]
) -> tuple[int, int, Layout | None]:
    """Which row holds the headings, and which is the first below them.

    Titles may stand above the headings, and a heading may be split into several by a
    second row of them.
    """
    rows = [row.cells for row in table.rows]
    for index, cells in enumerate(rows[:_TITLES]):
        if index and re.search(r"[0-9]|\.[a-z]", "".join(cells)):
            break
        if index + 1 < len(rows) and (split := _split(cells, rows[index + 1])):
            layout = _fitted(split, rows[index + 2 :], answers)
            if layout is not None:
                return index, index + 2, layout
        layout = _fitted(cells, rows[index + 1 :], answers)
        if layout is not None:
            return index, index + 1, layout
    return 0, 1, None


def _split(above: Sequence[str], below: Sequence[str]) -> list[str]:
    """Headings in two rows as one: `Ports | Ports` over `TCP | UDP`; empty if it is one.

    A heading goes over several columns where it is repeated, or where the cells
    behind it are blank; all others stand in both rows, or over a blank.
    """
    if len(above) != len(below) or re.search(r"[0-9]|\.[a-z]", "".join(below)):
        return []
    if len(set(filter(None, above))) < 2:  # noqa: PLR2004 - one alone is a title
        return []
    over = list(above)
    for index in range(1, len(over)):
        if not over[index] and below[index] and below[index - 1]:
            over[index] = over[index - 1]
    split = [i for i, cell in enumerate(over) if cell and over.count(cell) > 1]
    parts = {below[i] for i in split}
    if len(parts) < 2 or not all(map(is_heading, parts)):  # noqa: PLR2004 - one is no part
        return []
    rest = [i for i in range(len(over)) if i not in split]
    if any(below[i] not in ("", over[i]) for i in rest if over[i]):
        return []
    return [
        f"{over[i]} {below[i]}" if i in split else over[i] or below[i]
        for i in range(len(over))
    ]


def _fitted(
    headings: Sequence[str], rows: Sequence[Sequence[str]], answers: Mapping[str, str]
) -> Layout | None:
    """The meaning of headings; a blank first one may have been lost from them."""
    layout = layout_of(headings, rows, answers)
    if layout is None or headings[-1] or not rows:
        return layout
    moved = layout_of(("", *headings[:-1]), rows, answers)
    width = len(headings)
    whole = [
        row
        for row in rows[:_TITLES]
        if len(row) == width
        and len(set(filter(None, row))) > 1
        and not is_heading_row(row)
    ]
    if moved and whole and not any(typed(layout, row) for row in whole):
        return moved if all(typed(moved, row) for row in whole) else layout
    return layout


def titles_rows(cells: Sequence[str], width: int) -> bool:
    """Whether cells are a title: one alone says something, or all say the same words."""
    filled = [cell for cell in cells if cell]
    if width == 1 or not filled or not cells[0] or len(set(filled)) > 1:
        return False
    return len(filled) == 1 or not (is_ports(cells[0]) or is_protocols(cells[0]))


@dataclass(slots=True)
class TableReader:
    """One table; `untitled` is the line of a title until there are rows below it."""

    of: TableContext
    layout: Layout | None
    untitled: int | None = None
    above: tuple[str, ...] | None = None
    source: str = ""
    number: int = 0
    titles: int = 0

    def above_headings(self, row: Row) -> str:
        """A title above the headings; it is open if it names a port."""
        self.titles += 1
        text = joined(tuple(dict.fromkeys(filter(None, row.cells))))
        if names_a_port(text):
            name = f"{self.of.letter}.t{self.titles}"
            self.of.reading.ledger.open(name, row.line, *row.cells)
            said = Unread(Fate.OPEN, "stands above the headings")
            self.of.reading.settle(name, row.line, text, said)
        return text

    def pass_over(self, rows: Sequence[Row]) -> None:
        """Rows of a table whose headings name no ports."""
        said = "no table of requirements, going by its headings: not read"
        asks = any(
            is_ports(cell) or hosts_in(cell) for row in rows for cell in row.cells
        )
        for row in rows:
            self.of.reading.others += 1
            name = f"other-{self.of.reading.others}"
            answer = self.of.reading.take_down(name, row.line, *row.cells)
            fate = Fate.OPEN if asks else Fate.NOT_A_REQUIREMENT
            self.of.reading.ledger.settle(name, *(answer.fate or (fate, said)))
        kept = [joined(row.cells) for row in rows]
        self.of.reading.remarks.add(rows[0].line, "", said, kept)

    def statements(self, rows: Sequence[Row]) -> Iterator[Statement]:
        """The rows below the headings."""
        layout = self.layout
        if layout is None:
            return
        keeps = any("" in row.cells for row in rows)
        for index, row in enumerate(rows):
            if is_heading_row(row.cells):
                below = [r.cells for r in rows[index + 1 :]]
                known = self.of.reading.answers.columns(self.of.letter)
                self.layout = _fitted(row.cells, below, known)
                continue
            if self._is_title(row):
                continue
            self.number += 1
            if self.untitled is not None:
                self._keep_title(Fate.NOT_A_REQUIREMENT, "a title of the rows below it")
            name, text = (
                self._name(row, f"{self.of.letter}{self.number}"),
                joined(row.cells),
            )
            answer = self.of.reading.take_down(name, row.line, *row.cells)
            if answer.fate:
                self.of.reading.ledger.settle(name, *answer.fate)
                continue
            try:
                yield from self._row(row, name, answer, keeps_blanks=keeps)
            except Unread as unread:
                self.of.reading.settle(name, row.line, text, unread)
        self._tell_of_title()
        self._tell_of_guesses()

    def _tell_of_guesses(self) -> None:
        if self.of.reading.guessed:
            name, *others = self.of.reading.guessed
            said = "names neither TCP nor UDP: TCP is taken, or UDP for port 123"
            also = f"; the same for {', '.join(others)}" if others else ""
            self.of.reading.remarks.add(
                self.of.reading.guessed[name], name, said + also
            )
        self.of.reading.guessed = {}

    def _tell_of_title(self) -> None:
        if self.untitled is not None:
            said = "only one cell says anything, and no row follows: not read"
            self.of.reading.remarks.add(self.untitled, "", said, [self.of.title])
            self._keep_title(Fate.OPEN, said)

    def _keep_title(self, fate: Fate, said: str) -> None:
        """Takes down what becomes of a row that is a title."""
        name = f"{self.of.letter}.t{self.titles}"
        self.of.reading.ledger.settle(name, fate, said)
        self.untitled = None

    def _is_title(self, row: Row) -> bool:
        """Whether a row is a title of those below it."""
        layout = self.layout
        if layout is None or not titles_rows(row.cells, len(layout.headings)):
            return False
        self._tell_of_title()
        self.of.title, self.untitled = row.cells[0].replace("\n", " "), row.line
        self.titles += 1
        name = f"{self.of.letter}.t{self.titles}"
        self.of.reading.ledger.open(name, row.line, self.of.title)
        if names_a_port(self.of.title):
            self._tell_of_title()
        return True

    def _name(self, row: Row, default: str) -> str:
        columns = self.layout.columns if self.layout else {}
        index = columns.get("row", len(row.cells))
        written = row.cells[index] if index < len(row.cells) else ""
        taken = self.of.reading.ledger.told
        fits_as_id = re.fullmatch(ROW, written) and len(written) <= _LONGEST_ROW
        return written if fits_as_id and written not in taken else default

    def _row(
        self, row: Row, name: str, answer: RowModel, *, keeps_blanks: bool
    ) -> Iterator[Statement]:
        layout = self.layout
        if layout is None:
            raise Unread(Fate.OPEN, "stands under headings that name no ports")
        if layout.unclear:
            raise Unread(Fate.OPEN, layout.unclear)
        marked = [resolved(cell, self.of.reading.footnotes) for cell in row.cells]
        bare = tuple(cell for cell, _, _ in marked)
        cells, why = aligned(layout, bare, self.above, keeps_blanks=keeps_blanks)
        if cells is None and not answer.cells:
            raise Unread(Fate.OPEN, why)
        if cells is None:
            width = len(layout.headings)
            cells = (*bare, *("",) * width)[:width]
        notes = [note for _, found, _ in marked for note in found]
        lost = [mark for _, _, found in marked for mark in found]
        if lost:
            said = f"has footnote marks that nothing explains: {', '.join(lost)}"
            self.of.reading.remarks.add(row.line, name, said)
        self.above = self._inherited(cells)
        reader = RowReader(self.of, layout, row, name, self.above, notes, answer)
        yield from reader.statements()

    def _inherited(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """A row's cells, with the source of the row above where it is blank."""
        layout = self.layout
        index = layout.columns.get("source") if layout else None
        if index is None:
            return cells
        self.source = cells[index] or self.source
        return (*cells[:index], self.source, *cells[index + 1 :])
