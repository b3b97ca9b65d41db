"""One row of a table: its cells as statements, with both ends wherever they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.vendor.columns import ends_of
from exporter.vendor.conditions import condition_in, condition_of
from exporter.vendor.directions import (
    Direction,
    cell_direction,
    direction_of,
    product_of,
    title_ends,
)
from exporter.vendor.ends import Destinations, read_destinations, words_of
from exporter.vendor.ledger import Fate
from exporter.vendor.pairing import paired
from exporter.vendor.remarks import joined
from exporter.vendor.statements import (
    Statement,
    Unread,
    check_bound,
    hosts_with_ports,
    read_flows,
    read_lead,
    without_ports,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.model.rule import Transport
    from exporter.vendor.columns import Layout
    from exporter.vendor.conditions import Condition
    from exporter.vendor.ledger import Ledger
    from exporter.vendor.page import Row, Table
    from exporter.vendor.pairing import Cells
    from exporter.vendor.remarks import Remarks

_ACTION = re.compile(r"\b(?:action|allow|permit|aktion|acci[o\u00f3]n)", re.IGNORECASE)
_FORBIDS = re.compile(
    r"\W*(?:no|not|deny|denied|block|blocked|reject|rejected|drop|dropped|forbidden|verboten|refus\w*|denegar|bloque\w*)\b",
    re.IGNORECASE,
)
_EVERYONE = re.compile(
    r"(?:any|all|every(?:one|where)?|anyone|anywhere|\*|internet|alle|beliebig|tous|todos|0\.0\.0\.0/0|any\s+host)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Reading:
    """What is shared while a page is read: where rows and remarks go."""

    remarks: Remarks
    ledger: Ledger
    footnotes: Mapping[str, str]
    title: str
    guessed: dict[str, int] = field(default_factory=dict)
    others: int = 0

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

    def say_no(self, end: str) -> None:
        """A remark that the table names no sources, or no destinations."""
        said = f"the table names no {end}s: what is taken for them stands in the draft"
        self.say_once(self.table.rows[0].line, said)

    def product(self) -> str:
        """What the page is about, by the titles above the table."""
        titles = (self.title, *self.table.sections[:1], self.reading.title)
        return next(filter(None, map(product_of, titles)), "product")


@dataclass(slots=True)
class RowReader:
    """One row whose cells stand under their headings."""

    of: TableContext
    layout: Layout
    row: Row
    name: str
    cells: tuple[str, ...]
    footnotes: Sequence[str]

    def statements(self) -> Iterator[Statement]:
        """What the row states, in as many parts as its cells have lines."""
        self._check_action()
        cells = {
            name: self.layout.cell(name, self.cells)
            for name in ("source", "destination", "transport", "usage", "ends")
        }
        cells["port"] = "\n".join(
            filter(None, (self.cells[i] for i, _ in self.layout.ports))
        )
        parts, why = paired(cells) if len(self.layout.ports) == 1 else ([cells], "")
        if why:
            raise Unread(Fate.OPEN, why)
        for part in parts:
            try:
                yield from self._part(part, alone=len(parts) == 1)
            except Unread as unread:
                self._settle(unread)

    def _settle(self, unread: Unread) -> None:
        """A part of the row is no rule."""
        text = joined(self.row.cells)
        self.of.reading.settle(self.name, self.row.line, text, unread)

    def _check_action(self) -> None:
        for index in self.layout.others:
            heading = self.layout.headings[index]
            if _ACTION.search(heading) and _FORBIDS.match(self.cells[index]):
                said = f"{heading}: {self.cells[index]}"
                said = f"forbids the traffic ({said[:60]}): write its rule by hand"
                raise Unread(Fate.OPEN, said)

    def _part(self, part: Cells, *, alone: bool) -> Iterator[Statement]:
        check_bound([*part.values(), *self._others()])
        for ports, host, rest in self._columns_of_ports(part, alone=alone):
            flows = read_flows(
                ports, part["transport"], self.layout.cell("component", self.cells)
            )
            if flows.portless:
                self._settle(without_ports(flows.portless))
            if flows.guessed:
                self.of.reading.guessed[self.name] = self.row.line
            sources, lead, both = self._ends(part, host)
            if lead is not None and (host or part["destination"]):
                read_lead(host or part["destination"], flows.spans)
            notes = (
                *flows.notes,
                *filter(None, (rest,)),
                *self._others(),
                *self.footnotes,
            )
            yield Statement(
                row=self.name,
                line=self.row.line,
                sections=self._sections(),
                sources=sources,
                lead=lead,
                internal=self.layout.internal,
                spans=flows.spans,
                usage=part["usage"].replace("\n", " "),
                notes=notes,
                text=joined(self.row.cells),
                choice=flows.choice,
                both=both,
                when=self._condition(part, notes),
            )

    def _columns_of_ports(
        self, part: Cells, *, alone: bool
    ) -> Iterator[tuple[list[tuple[str, Sequence[Transport]]], str, str]]:
        """Cells of ports, and the host that a line of them names, with what else it says."""
        named = hosts_with_ports(part["port"])
        if named:
            for host, port, rest in named:
                bracket = re.sub(r"[0-9]+(?:\.[0-9]+)*", "", rest)
                found = " ".join(
                    re.findall(r"\b(?:tcp|udp|https?)\b", bracket, re.IGNORECASE)
                )
                yield [(f"{port} {found}".strip(), ())], host, rest
        elif alone:
            yield [(self.cells[i], named) for i, named in self.layout.ports], "", ""
        else:
            yield [(part["port"], self.layout.ports[0][1])], "", ""

    def _others(self) -> list[str]:
        """What columns say that mean nothing to us."""
        shown_too = {"condition", "component", "direction"}
        indices = [
            *self.layout.others,
            *(i for n, i in self.layout.columns.items() if n in shown_too),
        ]
        return [
            f"{self.layout.headings[i]}: {' '.join(self.cells[i].split())}"
            for i in sorted(indices)
            if self.cells[i]
        ]

    def _sections(self) -> tuple[str, ...]:
        written = self.layout.cell("section", self.cells)
        sections = tuple(written.split(" / ")) if written else self.of.table.sections
        return (*sections[-1:], self.of.title) if self.of.title else sections

    def _condition(self, part: Cells, notes: Sequence[str]) -> Condition | None:
        about = (
            part["usage"]
            or part["destination"]
            or self.layout.cell("component", self.cells)
        )
        index = self.layout.columns.get("condition")
        if index is not None:
            found = condition_of(self.layout.headings[index], self.cells[index], about)
            if found:
                return found
        texts = (part["usage"], *notes, part["destination"], *self._sections()[-1:])
        return next(filter(None, (condition_in(text, about) for text in texts)), None)

    def _ends(
        self, part: Cells, host: str
    ) -> tuple[tuple[str, ...], Destinations | None, bool]:
        """Sources, where it leads, and whether connections are opened both ways."""
        direction = self._direction()
        columns = self.layout.columns
        both = direction is Direction.BOTH
        if "ends" in columns and (ends := ends_of(part["ends"])):
            return self._sources(ends[0]), read_destinations(host or ends[1]), both
        if "source" in columns and "destination" in columns:
            if direction is Direction.IN:
                said = "the direction reads 'inbound': taken as from the source to the destination"
                self.of.say_once(self.row.line, said)
            return (
                self._sources(part["source"]),
                read_destinations(part["destination"]),
                both,
            )
        if host or "destination" in columns:
            source = (
                self.of.product() if direction is Direction.OUT and not host else ""
            )
            if "source" in columns:
                return self._sources(part["source"]), read_destinations(host), both
            if not source:
                self.of.say_no("source")
            return (
                self._sources(source),
                read_destinations(host or part["destination"]),
                both,
            )
        if "source" in columns:
            lead = (
                None
                if direction is not Direction.IN
                else Destinations(words=(self.of.product(),))
            )
            return self._sources(part["source"]), lead, both
        return (*self._unsaid_ends(part, direction), both)

    def _unsaid_ends(
        self, part: Cells, direction: Direction
    ) -> tuple[tuple[str, ...], Destinations]:
        """Ends of a row that has no column for either."""
        for title in reversed(self._sections()):
            ends = title_ends(title)
            if ends:
                if not ends[0]:
                    self.of.say_no("source")
                return tuple(filter(None, ends[:1])), Destinations(words=(ends[1],))
        first = (
            self.cells[0]
            if self.layout.columns.get("component") == 0 or not self.layout.headings[0]
            else ""
        )
        other = " ".join(
            (first or part["usage"] or part["transport"] or "far end").split()
        )
        if direction is Direction.OUT or direction is Direction.BOTH:
            self.of.say_no("destination")
            if direction is Direction.BOTH:
                self.of.say_no("source")
            return (self.of.product(),), Destinations(words=(other,))
        self.of.say_no("source")
        if direction is Direction.IN:
            self.of.say_no("destination")
            return ((first,) if first else ()), Destinations(words=(self.of.product(),))
        self.of.say_no("destination")
        return (), Destinations(words=(other,))

    def _direction(self) -> Direction:
        index = self.layout.columns.get("direction")
        if index is not None:
            said = cell_direction(self.layout.headings[index], self.cells[index])
            if said is None:
                raise Unread(
                    Fate.OPEN, f"which way is meant by {shown(self.cells[index])}?"
                )
            return said
        if {"source", "destination"} <= self.layout.columns.keys():
            return Direction.UNSAID
        found = (direction_of(title) for title in reversed(self._sections()))
        said = next(filter(None, found), Direction.UNSAID)
        return Direction.UNSAID if said is Direction.BOTH else said

    def _sources(self, text: str) -> tuple[str, ...]:
        if _EVERYONE.fullmatch(text.strip()):
            raise Unread(Fate.OPEN, f"which sources are meant by {shown(text)}?")
        if not text.strip(" -\u2013\u2014") and "source" in self.layout.columns:
            raise Unread(Fate.OPEN, "names no source")
        return words_of(text)
