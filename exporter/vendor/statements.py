"""Rows of a page's tables as statements: who needs which ports where, in its words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.config.field_types import ROW
from exporter.model.rule import Transport
from exporter.vendor.columns import Layout, layout_of
from exporter.vendor.names import letters
from exporter.vendor.ports import read_ports, read_transports
from exporter.vendor.remarks import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.vendor.page import Page, Row, Table
    from exporter.vendor.remarks import Remarks

_LONGEST_ROW = 20
_NTP = 123
_NO_PORTS = re.compile(r"\b(?:icmp\w*|igmp|gre|esp|ah|vrrp|ospf)\b", re.IGNORECASE)
_ACTION = re.compile(r"\b(?:action|allow|permit)", re.IGNORECASE)
_FORBIDS = re.compile(
    r"\W*(?:no|not|deny|denied|block|blocked|reject|rejected|drop|dropped|forbidden)\b",
    re.IGNORECASE,
)
_TITLES = 4
"""Rows among which a table's headings are looked for."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One row: cells as they stand there, and its ports.

    `destination` is None in a table without destinations, whose rows sum up others.
    `internal` is what the heading says of the destinations. `notes` hold what else
    the row says. `text` is the whole row in one line.
    """

    row: str
    line: int
    sections: tuple[str, ...]
    source: str
    destination: str | None
    internal: bool | None
    ports: tuple[tuple[int, Transport], ...]
    usage: str
    notes: tuple[str, ...]
    text: str


def read_statements(page: Page, remarks: Remarks) -> list[Statement]:
    """All rows that could be read; remarks on the others.

    Tables are named A, B, C ... and their rows A1, A2 ..., unless a column gives them
    ids of their own.
    """
    found: list[Statement] = []
    count = 0
    taken: set[str] = set()
    for table in page.tables:
        first, layout = _headings(table)
        if layout is None:
            kept = [joined(row.cells) for row in table.rows]
            said = "no table of requirements, going by its headings: not read"
            remarks.add(table.rows[0].line, "", said, kept)
            continue
        titles = [joined(tuple(dict.fromkeys(r.cells))) for r in table.rows[:first]]
        reader = _TableReader(table, layout, letters(count), remarks, taken)
        reader.title = ", ".join(titles)
        found += reader.statements(table.rows[first + 1 :], page.title)
        count += 1
    return found


def _headings(table: Table) -> tuple[int, Layout | None]:
    """Which row holds the headings; titles may stand above them."""
    for index, row in enumerate(table.rows[:_TITLES]):
        layout = _anew(row) if index else layout_of(row.cells)
        if layout is not None:
            return index, layout
    return 0, None


def _anew(row: Row) -> Layout | None:
    """The meaning of a row that may be headings; numbers are for requirements."""
    return None if re.search(r"[0-9]", "".join(row.cells)) else layout_of(row.cells)


@dataclass(slots=True)
class _TableReader:
    """One table; `guessed` are rows whose transport is a guess, with lines.

    `title` is that of the rows below it; `untitled` its line until there are any.
    """

    table: Table
    layout: Layout
    letter: str
    remarks: Remarks
    taken: set[str]
    guessed: dict[str, int] = field(default_factory=dict)
    title: str = ""
    untitled: int | None = None
    above: str = ""

    def statements(self, rows: Sequence[Row], title: str) -> Iterator[Statement]:
        """The rows below the headings; `title` is the page's."""
        self.above = self._source_of_all(title)
        number = 0
        for row in rows:
            if self._heads(row):
                continue
            number += 1
            self.untitled = None
            name = self._name(row, f"{self.letter}{number}")
            cells = self.layout.aligned(row.cells)
            if cells is None:
                said = "has fewer cells than the table, and none is clearly a port"
                self.remarks.add(row.line, name, said, [joined(row.cells)])
                continue
            inherited = self._inherit(cells)
            ports = self._ports(row.line, name, cells)
            if ports:
                yield self._statement(row.line, name, cells, ports, inherited)
        self._tell_of_title()
        if self.guessed:
            name, *others = self.guessed
            said = "names neither TCP nor UDP: TCP is taken, or UDP for port 123"
            also = f"; the same for {', '.join(others)}" if others else ""
            self.remarks.add(self.guessed[name], name, said + also)

    def _tell_of_title(self) -> None:
        if self.untitled is not None:
            said = "only one cell says anything, and no row follows: not read"
            self.remarks.add(self.untitled, "", said, [self.title])

    def _source_of_all(self, title: str) -> str:
        """Who is meant by a table that names no source."""
        if "source" in self.layout.columns:
            return ""
        found = next(iter(self.table.sections), title)
        said = f"the table names no sources: {shown(found)} is taken for all its rows"
        self.remarks.add(self.table.rows[0].line, self.letter, said)
        return found

    def _heads(self, row: Row) -> bool:
        """Whether a row is a title of those below it, or headings anew."""
        texts = set(filter(None, row.cells))
        if len(texts) == 1 and row.cells[0] and len(self.layout.headings) > 1:
            self._tell_of_title()
            self.title, self.untitled = row.cells[0].replace("\n", " "), row.line
            return True
        again = _anew(row)
        self.layout = again or self.layout
        return again is not None

    def _name(self, row: Row, default: str) -> str:
        index = self.layout.columns.get("row", len(row.cells))
        written = row.cells[index] if index < len(row.cells) else ""
        fits = re.fullmatch(ROW, written) and len(written) <= _LONGEST_ROW
        name = written if fits and written not in self.taken else default
        self.taken.add(name)
        return name

    def _inherit(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Settles the row's source; a note if it is that of the row above."""
        source = self.layout.cell("source", cells)
        blank = not source and "source" in self.layout.columns and self.above
        self.above = source or self.above
        return ("The source is that of the row above.",) if blank else ()

    def _statement(
        self,
        line: int,
        name: str,
        cells: Sequence[str],
        ports: tuple[tuple[int, Transport], ...],
        notes: Sequence[str],
    ) -> Statement:
        layout = self.layout
        others = [
            f"{layout.headings[i]}: {cells[i]}" for i in layout.others if cells[i]
        ]
        written = layout.cell("section", cells)
        sections = tuple(written.split(" / ")) if written else self.table.sections
        inner = (*sections[-1:], self.title) if self.title else sections
        others += [
            f"{layout.headings[i]}: {cells[i]}"
            for i, _ in layout.ports
            if not read_ports(cells[i]).exact
        ]
        return Statement(
            row=name,
            line=line,
            sections=inner,
            source=self.above,
            destination=layout.cell("destination", cells)
            if "destination" in layout.columns
            else None,
            internal=layout.internal,
            ports=ports,
            usage=layout.cell("usage", cells).replace("\n", " "),
            notes=(*notes, *others),
            text=joined(cells),
        )

    def _ports(
        self, line: int, name: str, cells: Sequence[str]
    ) -> tuple[tuple[int, Transport], ...]:
        """The row's ports with their transports; remarks on what is none."""
        written = self.layout.cell("transport", cells)
        named = read_transports(written)
        told = self._no_requirement(cells, "" if named else written)
        if told:
            self.remarks.add(line, name, told, [joined(cells)])
            return ()
        return self._read_ports(line, name, cells, named)

    def _no_requirement(self, cells: Sequence[str], protocol: str) -> str:
        """Why a row is no flow to open, if it is none."""
        if _NO_PORTS.search(protocol):
            return f"runs over neither TCP nor UDP, going by {shown(protocol)}"
        for index in self.layout.others:
            heading = self.layout.headings[index]
            if _ACTION.search(heading) and _FORBIDS.match(cells[index]):
                said = f"{heading}: {cells[index]}"
                return f"forbids the traffic ({said[:60]}): write its rule by hand"
        return ""

    def _read_ports(
        self,
        line: int,
        name: str,
        cells: Sequence[str],
        named: tuple[Transport, ...],
    ) -> tuple[tuple[int, Transport], ...]:
        found: dict[tuple[int, Transport], None] = {}
        told: list[str] = []
        for index, heading in self.layout.ports:
            read = read_ports(cells[index])
            told += read.told
            of_cell = read_transports(cells[index])
            for port, transport in read.pairs:
                default = named or (heading if len(heading) == 1 else of_cell)
                if transport is None and not default:
                    self.guessed[name] = line
                    default = (Transport.UDP if port == _NTP else Transport.TCP,)
                each = default if transport is None else (transport,)
                found |= dict.fromkeys((port, one) for one in each)
        if not found and not told:
            told.append("names no port")
        for said in told:
            self.remarks.add(line, name, said, [joined(cells)])
        return tuple(found)
