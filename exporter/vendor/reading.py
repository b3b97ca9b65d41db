"""What is shared while a page, and one table of it, is read: where rows and remarks go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.model.ledger import digest
from exporter.vendor.directions import direction_of, product_of
from exporter.vendor.remarks import joined
from exporter.vendor.statements import Unread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.vendor.ledger import Ledger
    from exporter.vendor.map_file import Answers, RowModel
    from exporter.vendor.page import Table
    from exporter.vendor.remarks import Remarks


@dataclass(slots=True)
class Reading:
    """What is shared while a page is read: where rows and remarks go."""

    remarks: Remarks
    ledger: Ledger
    footnotes: Mapping[str, str]
    title: str
    answers: Answers
    guessed: dict[str, int] = field(default_factory=dict)
    others: int = 0
    sourceless: bool = False
    questions: dict[tuple[str, str], str] = field(default_factory=dict)

    def take_down(self, row: str, line: int, *cells: str) -> RowModel:
        """A row or a sentence is there; the answer that a map has for it."""
        self.ledger.open(row, line, *cells)
        return self.answers.row(row, digest(cells))

    def settle(self, row: str, line: int, text: str, unread: Unread) -> None:
        """Takes down that a row, or a part of it, is no rule, and tells it."""
        self.ledger.settle(row, unread.fate, unread.why)
        self.remarks.add(line, row, unread.why, [text])


@dataclass(slots=True)
class TableContext:
    """What the rows of one table share. `title` is that of the rows below it."""

    reading: Reading
    table: Table
    letter: str
    title: str = ""
    told: dict[str, None] = field(default_factory=dict)

    def say_once(self, line: int, message: str) -> None:
        """A remark on the whole table."""
        if message not in self.told:
            self.told[message] = None
            self.reading.remarks.add(line, self.letter, message)

    def answer(self, name: str) -> str:
        """What a map says of the table."""
        return self.reading.answers.of_table(self.letter, name)

    def say_no(self, end: str, taken: str = "", *, ask: bool = True) -> None:
        """A remark, and a question, that the table names no sources or destinations."""
        if self.answer(end):
            return
        if ask:
            self.reading.questions[self.letter, end] = joined(self.table.rows[0].cells)
        what = (
            f"{shown(taken)} is taken" if taken else "what is taken stands in the draft"
        )
        self.say_once(self.table.rows[0].line, f"the table names no {end}s: {what}")

    def product(self) -> str:
        """What the page is about, by the titles above the table."""
        own = self.title if direction_of(self.title) else ""
        titles = (own, *self.table.sections[:1], self.reading.title)
        found = next(filter(None, map(product_of, titles)), "product")
        return self.answer("product") or found
