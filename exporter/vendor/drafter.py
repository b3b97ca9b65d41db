"""Statements made into rules, with the roles and placeholders they need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.config.diagnostics import ConfigError, Problem, shown
from exporter.model.ledger import Fate
from exporter.vendor import names
from exporter.vendor.boilerplate import notes_of
from exporter.vendor.directions import Direction, direction_of, product_of
from exporter.vendor.ends import Destinations, read_destinations
from exporter.vendor.roles import Roles, Switches
from exporter.vendor.rules import Flow, Rules
from exporter.vendor.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.model.rule import Transport
    from exporter.vendor.destinations import Destination, Places
    from exporter.vendor.ledger import Ledger
    from exporter.vendor.remarks import Remarks
    from exporter.vendor.rules import DraftRule
    from exporter.vendor.statements import Statement

MAX_FLOWS = 200
"""Rules that one row may become."""
MAX_RULES = 5000
UNSTATED = names.Source("unstated-source", "Sources that the page does not name")


@dataclass(slots=True)
class Drafter:
    """Rules come first from rows that name hosts; the others then refer to those."""

    places: Places
    remarks: Remarks
    ledger: Ledger
    roles: Roles = field(default_factory=Roles)
    switches: Switches = field(default_factory=Switches)
    rules: Rules = field(default_factory=Rules)
    order: dict[str, int] = field(default_factory=dict)
    summaries: list[Statement] = field(default_factory=list)
    nameless: list[Statement] = field(default_factory=list)

    def take(self, statement: Statement) -> None:
        """Makes rules of one statement, or keeps it until all hosts are known."""
        self.order.setdefault(statement.row, len(self.order))
        lead = statement.lead
        if not self._roles(statement):
            self._unread(statement, "names no source")
        elif lead is None:
            self.summaries.append(statement)
        else:
            for said in lead.open:
                self._unread(statement, said)
            if lead.ends and self._fits(statement, len(lead.ends)):
                leads = [
                    self.places.of_end(end, statement.internal) for end in lead.ends
                ]
                self._add(statement, leads, notes_of(lead.rest))
            elif not lead.ends and not lead.open:
                self.nameless.append(statement)

    def finish(self) -> None:
        """Takes the rows that only make sense beside all others."""
        for statement in self.nameless:
            self._place(statement)
        for rule in self.rules.by_flow.values():
            rule.rows = sorted(set(rule.rows), key=self.order.__getitem__)
        summed = any(map(self._sums_up_any, self.summaries))
        for statement in self.summaries:
            own = None if summed else self._to_its_section(statement)
            if own:
                self._place(own)
            else:
                self._sum_up(statement)

    def _place(self, statement: Statement) -> None:
        words = statement.lead.words if statement.lead else ()
        if not self._fits(statement, max(1, len(words))):
            return
        leads = []
        for word in words:
            leads.append(self.places.of_words(word, statement.sections))
            self._tell_place(statement, f"names no host: {shown(word)}", leads[-1])
        if not words:
            leads.append(self.places.of_nothing(statement.sections))
            self._tell_place(statement, "the destination is blank", leads[-1])
        self._add(statement, leads, [])

    def _tell_place(self, statement: Statement, said: str, lead: Destination) -> None:
        example = self.places.placeholders[lead.name].example
        said += f"; {lead}, for example {example}, is taken"
        self.remarks.add(statement.line, statement.row, said)

    def _unread(self, statement: Statement, message: str) -> None:
        self.remarks.add(statement.line, statement.row, message, [statement.text])
        self.ledger.settle(statement.row, Fate.OPEN, message)

    def _roles(self, statement: Statement) -> list[names.Source]:
        if not statement.sources:
            return [UNSTATED]
        found = map(names.source, statement.sources)
        return list(dict.fromkeys(filter(None, found)))

    def _fits(self, statement: Statement, hosts: int) -> bool:
        """Whether a row and the whole page stay within bounds.

        Raises:
            ConfigError: the page does not.
        """
        ways = sum(len(span.transports) for span in statement.spans) * (
            1 + statement.both
        )
        count = hosts * ways * len(self._roles(statement))
        if len(self.rules.by_flow) + count > MAX_RULES:
            said = f"makes more than {MAX_RULES} rules, which is the limit"
            raise ConfigError([Problem(self.remarks.file, statement.line, "", said)])
        if count > MAX_FLOWS:
            said = f"would be {count} rules; at most {MAX_FLOWS} are read from a row"
            self._unread(statement, said)
        return count <= MAX_FLOWS

    def _add(
        self, statement: Statement, leads: Sequence[Destination], notes: Sequence[str]
    ) -> None:
        when = self.switches.name(statement.when)
        roles = self._roles(statement)
        for role in roles:
            self.roles.add(role)
        ends = [(role.name, lead) for role in roles for lead in leads]
        if statement.both:
            ends += list(self._back(statement, roles, leads))
        for source, lead in dict.fromkeys(ends):
            flows = [
                Flow(source, lead, Span(span.low, span.high), transport, when)
                for span in statement.spans
                for transport in span.transports
            ]
            for flow in dict.fromkeys(flows):
                told = [*notes, *statement.notes]
                choice = self._choice(statement, flow)
                rule = self.rules.state(flow, statement, told, choice)
                self.ledger.stated(statement.row, rule)

    def _choice(self, statement: Statement, flow: Flow) -> str:
        """The name that the alternatives of a statement share, if it has any."""
        of_hosts = statement.lead is not None and statement.lead.choice
        if of_hosts and statement.choice:
            return ""
        if of_hosts:
            return names.slug(
                f"{flow.source} {statement.row} {flow.span} {flow.transport}"
            )
        return (
            names.slug(f"{flow.source} {flow.lead.name} {statement.row}")
            if statement.choice
            else ""
        )

    def _back(
        self,
        statement: Statement,
        roles: Sequence[names.Source],
        leads: Sequence[Destination],
    ) -> Iterator[tuple[str, Destination]]:
        """The same flows, opened from the other end."""
        for lead in leads:
            if lead.key in ("network", "domain"):
                self._unread(
                    statement, f"is for both directions: who of {lead} connects back?"
                )
                continue
            title = (
                self.places.placeholders[lead.name].title
                if lead.placeholder
                else lead.name
            )
            back = names.source(
                title.removeprefix("Destination ").removesuffix(" of the page")
            )
            if back:
                self.roles.add(back)
                for role in roles:
                    yield back.name, self._end_called(role.title)

    def _end_called(self, name: str) -> Destination:
        """The destination that a source is; one word is a host only if it is one already."""
        known = self.places.placeholders.get(names.placeholder(name))
        for end in read_destinations(name).ends[:1]:
            if re.search(r"[.:]", end.name) or (known and known.example == end.name):
                return self.places.of_end(end, None)
        return self.places.of_words(name, ())

    def _to_its_section(self, statement: Statement) -> Statement | None:
        """A row of sources and ports as one that leads to what its section is about.

        None where the section names nothing, or the source itself.
        """
        if any(direction_of(title) is Direction.OUT for title in statement.sections):
            return None
        found = map(product_of, reversed(statement.sections))
        name = next(filter(None, found), "")
        own = names.source(name)
        if own is None or own in self._roles(statement):
            return None
        said = f"the row names no destination: {shown(name)} is taken"
        self.remarks.add(statement.line, statement.row, said)
        return replace(statement, lead=Destinations(words=(name,)))

    def _sum_up(self, statement: Statement) -> None:
        """A row without destination stands with the rules that it sums up."""
        for span in statement.spans:
            for transport in span.transports:
                covered = self._covered(statement, span, transport)
                for rule in covered:
                    rule.rows.append(statement.row)
                    self.ledger.stated(statement.row, rule.id)
                if not covered:
                    what = f"{transport.upper()} {span}".strip()
                    said = f"sums up {what}, for which no row names a host"
                    self._unread(statement, said)

    def _sums_up_any(self, statement: Statement) -> bool:
        return any(
            self._covered(statement, span, transport)
            for span in statement.spans
            for transport in span.transports
        )

    def _covered(
        self, statement: Statement, span: Span, transport: Transport
    ) -> list[DraftRule]:
        """The rules that a row without destination sums up with one of its ports."""
        side = _side(statement.sections)
        wanted = {role.name for role in self._roles(statement)}
        return [
            rule
            for flow, rule in self.rules.by_flow.items()
            if (flow.span[:2], flow.transport) == (span[:2], transport)
            and wanted & self.roles.with_wider(flow.source)
            and side in (None, flow.lead.placeholder is not None)
        ]

    def in_order(self) -> list[DraftRule]:
        """The rules in the order of the page."""
        return sorted(
            self.rules.by_flow.values(), key=lambda rule: self.order[rule.rows[0]]
        )


def _side(sections: Sequence[str]) -> bool | None:
    """Whether a section is of internal destinations, of external ones, or of both."""
    words = set(re.findall(r"internal|external", " ".join(sections).lower()))
    return words == {"internal"} if len(words) == 1 else None
