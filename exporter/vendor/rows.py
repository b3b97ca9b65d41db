"""One row of a table: its cells as statements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.model.ledger import Fate
from exporter.vendor.conditions import condition_in, condition_of, demands_in
from exporter.vendor.pairing import paired
from exporter.vendor.protocols import titled_transports
from exporter.vendor.remarks import joined
from exporter.vendor.row_ends import RowEnds
from exporter.vendor.sentences import ports_in
from exporter.vendor.statements import (
    Statement,
    Unread,
    check_bound,
    check_lead,
    hosts_with_ports,
    read_flows,
    without_ports,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.model.rule import Transport
    from exporter.vendor.columns import Layout
    from exporter.vendor.conditions import Condition
    from exporter.vendor.map_file import RowModel
    from exporter.vendor.page import Row
    from exporter.vendor.pairing import Cells
    from exporter.vendor.reading import TableContext

_NUMBER = re.compile(r"[0-9]+")
_FIRST = re.compile(r"^[0-9]{2,5}(?![0-9.])\b")
_ACTION = re.compile(
    r"\b(?:action|allow|permit|decision|verdict|policy|access|aktion|zugriff"
    r"|acc[e\u00e8]s|acci[o\u00f3]n)",
    re.IGNORECASE,
)
_FORBIDS = re.compile(
    r"\W*(?:[\u2717\u2718\u2716\u2715\u274c\u26d4]|\U0001f6ab|(?:(?:must|may|should"
    r"|shall|can)\s*|do(?:es)?\s+)?not\b|cannot|never|no|x|deny|denied|block|blocked"
    r"|reject|rejected|drop|dropped|forbidden|prohibited|closed|verboten|gesperrt"
    r"|refus\w*|interdit\w*|denegar|bloque\w*)(?!\w)",
    re.IGNORECASE,
)
_MUST_NOT = re.compile(
    r"\b(?:must|may|shall|should|can)(?:\s*not|\s+never"
    r"|n't)\s+(?:\w+\s+){0,2}?(?:reach|access|expos|open|allow|permit|possib|connect"
    r"|rout|available)"
    r"|\b(?:must|should|ha(?:s|ve)\s+to|needs?\s+to)\s+(?:be|remain|stay)\s+(?:blocked"
    r"|closed|denied|dropped|rejected)"
    r"|\b(?:do\s+not|don't|never)\s+(?:open|allow|expose|permit)|\b(?:is"
    r"|are)\s+(?:blocked|denied|forbidden|prohibited)\b"
    r"|\bd(?:arf|\u00fcrfen)\s+nicht\b|\bne\s+doi(?:t|vent)\s+pas\b|\bno\s+debe",
    re.IGNORECASE,
)
_PROVIDED = re.compile(
    r"\b(?:if|when|where|unless)\s+[^.;]{1,60}?\s(?:is|are)\s+"
    r"(?:blocked|denied|forbidden|prohibited)\b",
    re.IGNORECASE,
)
"""What speaks of a ban elsewhere, as in "fallback if UDP is blocked"."""
_OUTSIDE = re.compile(r"\b(?:internet|public\w*|outside|world)\b", re.IGNORECASE)
"""Who is kept out where a row says so of others than its own source."""


@dataclass(slots=True)
class RowReader:
    """One row whose cells stand under their headings."""

    of: TableContext
    layout: Layout
    row: Row
    name: str
    cells: tuple[str, ...]
    footnotes: Sequence[str]
    answer: RowModel

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
        cells |= self.answer.cells
        one = len(self.layout.ports) == 1 or "port" in self.answer.cells
        parts, why = paired(cells) if one else ([cells], "")
        if why:
            raise Unread(Fate.OPEN, why)
        for more in demands_in("\n".join((cells["usage"], *self._others()))):
            self._settle(Unread(Fate.OPEN, f"asks for more: {shown(more)}"))
        for note in filter(self._asks_for_others, self.footnotes):
            self._settle(Unread(Fate.OPEN, f"asks for more: {shown(note)}"))
        for part in parts:
            try:
                yield from self._part(part, alone=len(parts) == 1)
            except Unread as unread:
                self._settle(unread)

    def _asks_for_others(self, note: str) -> bool:
        """Whether a footnote names ports that its row does not."""
        named = " ".join(ports_in(note)) or "".join(_FIRST.findall(note))
        return bool(
            set(_NUMBER.findall(named)) - set(_NUMBER.findall(joined(self.cells)))
        )

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
        source = self.layout.cell("source", self.cells)
        for text in (self.layout.cell("usage", self.cells), *self._others()):
            others = _OUTSIDE.search(text) and not _OUTSIDE.search(source)
            forbids = _MUST_NOT.search(_PROVIDED.sub(" ", text))
            if forbids and not (source and others):
                said = f"forbids the traffic ({text[:60]}): write its rule by hand"
                raise Unread(Fate.OPEN, said)

    def _part(self, part: Cells, *, alone: bool) -> Iterator[Statement]:
        check_bound([*part.values(), *self._others()])
        for ports, host, rest in self._columns_of_ports(part, alone=alone):
            component = self.layout.cell("component", self.cells)
            purpose = " ".join((component, part["usage"], *self._others()))
            above = titled_transports(self._titles())
            columns = [(cell, named or above) for cell, named in ports]
            flows = read_flows(columns, part["transport"], component, purpose)
            for name in flows.portless:
                self._settle(without_ports(name))
            if flows.pinged:
                said = "names no type of ICMP: an echo request is taken"
                self.of.reading.remarks.add(self.row.line, self.name, said)
            if flows.assumed:
                names = " and ".join(map(str.upper, flows.assumed))
                taken = " and ".join(map(str, flows.spans))
                said = f"names no port: {taken} is taken, for {names}"
                self.of.reading.remarks.add(self.row.line, self.name, said)
            if flows.guessed:
                self.of.reading.guessed[self.name] = self.row.line
            ends = RowEnds(self.of, self.layout, self.cells, self._sections())
            sources, lead, both = ends.read(part, host)
            check_lead(lead, flows.spans)
            single = len(flows.spans) == 1 and (lead is None or len(lead.ends) < 2)  # noqa: PLR2004 - more than one
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
                when=self._condition(part, notes, single=single),
                probe=flows.probe,
            )

    def _columns_of_ports(
        self, part: Cells, *, alone: bool
    ) -> Iterator[tuple[list[tuple[str, Sequence[Transport]]], str, str]]:
        """Cells of ports, and the host that a line of them names, with what else it says."""
        named = hosts_with_ports(part["port"])
        if not part["port"].strip():
            named = hosts_with_ports(part["destination"])
        if named:
            for host, port, rest in named:
                bracket = re.sub(r"[0-9]+(?:\.[0-9]+)*", "", rest)
                found = " ".join(
                    re.findall(r"\b(?:tcp|udp|https?)\b", bracket, re.IGNORECASE)
                )
                found = found or ("tcp" if "://" in host else "")
                yield [(f"{port} {found}".strip(), ())], host, rest
        elif alone and "port" not in self.answer.cells:
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
            f"{self.layout.headings[i]}: {' '.join(self.cells[i].split())}".removeprefix(
                ": "
            )
            for i in sorted(indices)
            if self.cells[i]
        ]

    def _titles(self) -> Iterator[str]:
        """What stands above the row, the innermost first."""
        yield from (self.of.title, self.of.table.intro)
        yield from reversed(self.of.table.sections)

    def _sections(self) -> tuple[str, ...]:
        written = self.layout.cell("section", self.cells)
        sections = tuple(written.split(" / ")) if written else self.of.table.sections
        return (*sections[-1:], self.of.title) if self.of.title else sections

    def _condition(
        self, part: Cells, notes: Sequence[str], *, single: bool
    ) -> Condition | None:
        """What the row depends on; `single` says that it has one port and one end."""
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
        told = "" if index is None else f"{self.layout.headings[index]}: "
        others = [one for one in self._others() if not told or not one.startswith(told)]
        for text in (
            part["usage"],
            *others,
            *self._sections()[-1:],
            self.of.table.intro,
        ):
            if found := condition_in(text, about):
                return found
        loose_notes = (
            n
            for n in notes
            if not (told and n.startswith(told)) and not self._asks_for_others(n)
        )
        texts = (*loose_notes, part["destination"])
        loose = next(filter(None, (condition_in(text, about) for text in texts)), None)
        if loose and not single:
            said = f"for which part is it that the row says {shown(loose.title)}?"
            self.of.reading.remarks.add(self.row.line, self.name, said)
            return None
        return loose
