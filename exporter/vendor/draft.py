"""Statements as the rules of a catalogue, with the roles and placeholders they need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from exporter.config.diagnostics import ConfigError, Problem, shown
from exporter.vendor import names
from exporter.vendor.boilerplate import notes_of
from exporter.vendor.destinations import DraftPlaceholder, Places
from exporter.vendor.hosts import Destinations, read_destinations
from exporter.vendor.remarks import Remark, Remarks
from exporter.vendor.statements import Statement, read_statements
from exporter.vendor.usage import Guess, guess

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from exporter.model.rule import Transport
    from exporter.vendor.destinations import Destination
    from exporter.vendor.page import Page

Flow: TypeAlias = "tuple[str, Destination, int, Transport]"

MAX_FLOWS = 200
"""Rules that one row may become."""
MAX_RULES = 5000
_OPTIONAL = re.compile(
    r"\bif (?:applicable|used|required|needed)\b|\boptional\b", re.IGNORECASE
)


@dataclass(slots=True)
class DraftRule:
    """A rule of the draft; `rows` are all rows that state it."""

    id: str
    flow: Flow
    usage: Guess
    description: str
    section: str
    rows: list[str]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A catalogue to be: `roles` are titles and wider roles by name.

    `prose` is the page's text outside tables, with its lines.
    """

    title: str
    roles: Mapping[str, tuple[str, str | None]]
    placeholders: Mapping[str, DraftPlaceholder]
    rules: Sequence[DraftRule]
    remarks: Sequence[Remark]
    prose: Sequence[tuple[int, str]]


def draft_of(page: Page, file: str, internal: Collection[str] = ()) -> Draft:
    """The rules that a page states.

    Args:
        page: what was read from the file.
        file: its name, for remarks.
        internal: domains whose hosts are examples that each site replaces.

    Raises:
        ConfigError: not a single rule could be read.
    """
    remarks = Remarks(file)
    for line, said in page.losses:
        remarks.add(line, "", said)
    drafter = _Drafter(Places(internal), remarks)
    for statement in read_statements(page, remarks):
        drafter.take(statement)
    drafter.finish()
    if not drafter.rules:
        said = "holds no table of requirements that could be read"
        problems = [remark.problem for remark in remarks.found]
        raise ConfigError([Problem(file, 1, "", said), *problems])
    return Draft(
        title=page.title,
        roles=drafter.role_tree(),
        placeholders=drafter.places.placeholders,
        rules=drafter.in_order(),
        remarks=sorted(remarks.found, key=lambda remark: remark.problem.line),
        prose=page.prose,
    )


@dataclass(slots=True)
class _Drafter:
    """Rules come first from rows that name hosts; the others then refer to those."""

    places: Places
    remarks: Remarks
    roles: dict[str, names.Source] = field(default_factory=dict)
    rules: dict[Flow, DraftRule] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    order: dict[str, int] = field(default_factory=dict)
    summaries: list[Statement] = field(default_factory=list)
    nameless: list[tuple[Statement, Destinations]] = field(default_factory=list)

    def take(self, statement: Statement) -> None:
        """Makes rules of one statement, or keeps it until all hosts are known."""
        self.order[statement.row] = len(self.order)
        if not names.sources(statement.source):
            self._unread(statement, "names no source")
        elif statement.destination is None:
            self.summaries.append(statement)
        else:
            self._lead(statement, read_destinations(statement.destination))

    def _lead(self, statement: Statement, found: Destinations) -> None:
        for said in found.told:
            self._unread(statement, said)
        if found.hosts and self._fits(statement, len(found.hosts)):
            internal = statement.internal
            leads = [self.places.of_host(host, internal) for host in found.hosts]
            self._add(statement, leads, notes_of(found.rest))
        elif not found.hosts and not found.told:
            self.nameless.append((statement, found))

    def finish(self) -> None:
        """Takes the rows that only make sense beside all others."""
        for statement, found in self.nameless:
            self._place(statement, found.words)
        for rule in self.rules.values():
            rule.rows = sorted(set(rule.rows), key=self.order.__getitem__)
        for statement in self.summaries:
            self._sum_up(statement)

    def _place(self, statement: Statement, words: str) -> None:
        if not self._fits(statement, 1):
            return
        if words:
            lead = self.places.of_words(words, statement.sections)
            said = f"names no host: {shown(words)}"
        else:
            lead = self.places.of_nothing(statement.sections)
            said = "the destination is blank"
        example = self.places.placeholders[str(lead.placeholder)].example
        said += f"; {lead}, for example {example}, is taken"
        self.remarks.add(statement.line, statement.row, said)
        self._add(statement, [lead], [])

    def _unread(self, statement: Statement, message: str) -> None:
        self.remarks.add(statement.line, statement.row, message, [statement.text])

    def _fits(self, statement: Statement, hosts: int) -> bool:
        """Whether a row and the whole page stay within bounds.

        Raises:
            ConfigError: the page does not.
        """
        count = hosts * len(statement.ports) * len(names.sources(statement.source))
        if len(self.rules) + count > MAX_RULES:
            said = f"makes more than {MAX_RULES} rules, which is the limit"
            raise ConfigError([Problem(self.remarks.file, statement.line, "", said)])
        if count > MAX_FLOWS:
            said = f"would be {count} rules; at most {MAX_FLOWS} are read from a row"
            self._unread(statement, said)
        return count <= MAX_FLOWS

    def _add(
        self, statement: Statement, leads: Sequence[Destination], notes: Sequence[str]
    ) -> None:
        roles = names.sources(statement.source)
        flows = [
            (role.name, lead, port, transport)
            for role in roles
            for lead in leads
            for port, transport in statement.ports
        ]
        for role in roles:
            self._know(role)
        for flow in dict.fromkeys(flows):
            self._state(flow, statement, [*notes, *statement.notes])
        for lead in leads:
            if lead.placeholder and _OPTIONAL.search(statement.usage):
                self.places.placeholders[lead.placeholder].optional = True

    def _know(self, role: names.Source) -> None:
        known = self.roles.get(role.name)
        if known is None or (role.wider and not known.wider):
            self.roles[role.name] = role
        if role.wider:
            self._know(role.wider)

    def _state(self, flow: Flow, statement: Statement, notes: Sequence[str]) -> None:
        """One more row states a flow."""
        known = self.rules.get(flow)
        if known is not None:
            if statement.usage and statement.usage != known.description:
                known.notes.append(f"{statement.row} says: {statement.usage}")
            known.rows.append(statement.row)
            known.notes += [note for note in notes if note not in known.notes]
            return
        source, lead, port, transport = flow
        words = f"{statement.usage} {' '.join(notes)}"
        self.rules[flow] = DraftRule(
            id=self._free_id(flow),
            flow=flow,
            usage=guess(words, port, internal=lead.host is None),
            description=statement.usage
            or f"{transport.upper()} {port} from {source}, of which the page says no more",
            section=" / ".join(statement.sections),
            rows=[statement.row],
            notes=list(notes),
        )

    def _free_id(self, flow: Flow) -> str:
        source, lead, port, transport = flow
        name = names.rule_id(
            source, lead.host or str(lead.placeholder), port, transport
        )
        free, number = name, 1
        while free in self.ids:
            number += 1
            free = f"{name}-{number}"
        self.ids.add(free)
        return free

    def _sum_up(self, statement: Statement) -> None:
        """A row without destination stands with the rules that it sums up."""
        side = _side(statement.sections)
        wanted = {role.name for role in names.sources(statement.source)}
        for port, transport in statement.ports:
            covered = [
                rule
                for (source, lead, *rest), rule in self.rules.items()
                if rest == [port, transport]
                and wanted & self._with_wider(source)
                and side in (None, lead.host is None)
            ]
            for rule in covered:
                rule.rows.append(statement.row)
            if not covered:
                said = (
                    f"sums up {transport.upper()} {port}, for which no row names a host"
                )
                self._unread(statement, said)

    def _with_wider(self, name: str) -> set[str]:
        wider = self.roles[name].wider
        return {name} | ({wider.name} if wider else set())

    def role_tree(self) -> dict[str, tuple[str, str | None]]:
        """Roles by name: their title, and the wider role.

        `appsanywhere01` is one of `appsanywhere`, if the page knows that one as well.
        """
        tree = {}
        for name, role in self.roles.items():
            wider = role.wider.name if role.wider else None
            numbered = re.fullmatch(r"(.*[a-z])-?[0-9]+", name)
            if numbered and numbered[1] in self.roles:
                wider = wider or numbered[1]
            tree[name] = (role.title, wider)
        return tree

    def in_order(self) -> list[DraftRule]:
        """The rules in the order of the page."""
        return sorted(self.rules.values(), key=lambda rule: self.order[rule.rows[0]])


def _side(sections: Sequence[str]) -> bool | None:
    """Whether a section is of internal destinations, of external ones, or of both."""
    words = set(re.findall(r"internal|external", " ".join(sections).lower()))
    return words == {"internal"} if len(words) == 1 else None
