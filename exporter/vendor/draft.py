"""Statements as the rules of a catalogue, with the roles and placeholders they need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exporter.config.diagnostics import ConfigError, Problem, shown
from exporter.model.ledger import Fate
from exporter.model.rule import Transport
from exporter.vendor import names
from exporter.vendor.answers import Answers
from exporter.vendor.boilerplate import notes_of
from exporter.vendor.destinations import Destination, DraftPlaceholder, Places
from exporter.vendor.ledger import Entry, Ledger
from exporter.vendor.ports import Span
from exporter.vendor.prose import read_prose
from exporter.vendor.remarks import Remark, Remarks
from exporter.vendor.tables import read_tables, reading_of
from exporter.vendor.usage import Guess, guess

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from exporter.vendor.conditions import Condition
    from exporter.vendor.page import Page, Prose
    from exporter.vendor.statements import Statement

MAX_FLOWS = 200
"""Rules that one row may become."""
MAX_RULES = 5000
UNSTATED = names.Source("unstated-source", "Sources that the page does not name")


class Flow(NamedTuple):
    """What a rule opens; `when` is the switch it depends on, empty for none."""

    source: str
    lead: Destination
    span: Span
    transport: Transport
    when: str = ""


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
    any_of: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A catalogue to be: `roles` are titles and wider roles by name.

    `features` are the titles of switches by name. `prose` is the page's text outside
    tables. `ledger` has every row. `questions` has the headings of tables that do not name
    an end, by their letter and that end.
    """

    title: str
    roles: Mapping[str, tuple[str, str | None]]
    placeholders: Mapping[str, DraftPlaceholder]
    features: Mapping[str, str]
    rules: Sequence[DraftRule]
    ledger: Sequence[Entry]
    remarks: Sequence[Remark]
    prose: Sequence[Prose]
    questions: Mapping[tuple[str, str], str]


def draft_of(
    page: Page,
    file: str,
    internal: Collection[str] = (),
    answers: Answers | None = None,
) -> Draft:
    """The rules that a page states, and the fate of all that it asks for.

    Args:
        page: what was read from the file.
        file: its name, for remarks.
        internal: domains whose hosts are examples that each site replaces.
        answers: what a person has said of the page.

    Raises:
        ConfigError: there is no row and no sentence that could be a requirement.
    """
    remarks, ledger = Remarks(file), Ledger()
    for line, said in page.losses:
        remarks.add(line, "", said)
    drafter = _Drafter(Places(internal), remarks, ledger)
    reading = reading_of(page, remarks, ledger, answers or Answers())
    for statement in (*read_tables(page, reading), *read_prose(page, reading)):
        drafter.take(statement)
    drafter.finish()
    if all(
        told.fates and {f for f, _ in told.fates} == {Fate.NOT_A_REQUIREMENT}
        for told in ledger.told.values()
    ):
        said = "holds no table of requirements that could be read"
        problems = [remark.problem for remark in remarks.found]
        raise ConfigError([Problem(file, 1, "", said), *problems])
    return Draft(
        title=page.title,
        roles=drafter.role_tree(),
        placeholders=drafter.places.placeholders,
        features=drafter.used_features(),
        rules=drafter.in_order(),
        ledger=[*ledger.entries()],
        remarks=sorted(remarks.found, key=lambda remark: remark.problem.line),
        prose=page.prose,
        questions=reading.questions,
    )


@dataclass(slots=True)
class _Drafter:
    """Rules come first from rows that name hosts; the others then refer to those."""

    places: Places
    remarks: Remarks
    ledger: Ledger
    roles: dict[str, names.Source] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    rules: dict[Flow, DraftRule] = field(default_factory=dict)
    bound: dict[Flow, Flow] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
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
        for rule in self.rules.values():
            rule.rows = sorted(set(rule.rows), key=self.order.__getitem__)
        for statement in self.summaries:
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
        when = self._switch(statement.when)
        roles = self._roles(statement)
        for role in roles:
            self._know(role)
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
                self._state(
                    flow,
                    statement,
                    [*notes, *statement.notes],
                    self._choice(statement, flow),
                )

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
                self._know(back)
                for role in roles:
                    yield back.name, self.places.of_words(role.title, ())

    def _switch(self, when: Condition | None) -> str:
        """The feature of a condition; another one of the same name gets a number."""
        if when is None:
            return ""
        free, number = when.name, 1
        while self.features.get(free, when.title) != when.title:
            number += 1
            free = f"{when.name}-{number}"
        self.features[free] = when.title
        return free

    def _know(self, role: names.Source) -> None:
        known = self.roles.get(role.name)
        if known is None or (role.wider and not known.wider):
            self.roles[role.name] = role
        if role.wider:
            self._know(role.wider)

    def _state(
        self, flow: Flow, statement: Statement, notes: Sequence[str], any_of: str
    ) -> None:
        """One more row states a flow."""
        known = self._known(flow)
        if known is not None:
            if statement.usage and statement.usage != known.description:
                known.notes.append(f"{statement.row} says: {statement.usage}")
            known.rows.append(statement.row)
            known.notes += [note for note in notes if note not in known.notes]
            known.any_of = known.any_of if any_of else ""
            self.ledger.stated(statement.row, known.id)
            return
        words = f"{statement.usage} {' '.join(notes)}"
        internal = flow.lead.placeholder is not None
        self.rules[flow] = DraftRule(
            id=self._free_id(flow),
            flow=flow,
            usage=guess(words, flow.span.low, internal=internal),
            description=statement.usage or _described(flow),
            section=" / ".join(statement.sections),
            rows=[statement.row],
            notes=list(dict.fromkeys(notes)),
            any_of=any_of,
        )
        if flow.when:
            self.bound.setdefault(flow._replace(when=""), flow)
        self.ledger.stated(statement.row, self.rules[flow].id)

    def _known(self, flow: Flow) -> DraftRule | None:
        """The rule of a flow; what is needed in any case has no condition."""
        bare = flow._replace(when="")
        if flow.when and bare not in self.rules:
            return self.rules.get(flow)
        if bare not in self.rules and bare in self.bound:
            self.rules[bare] = self.rules.pop(self.bound[bare])
            self.rules[bare].flow = bare
        return self.rules.get(bare)

    def _free_id(self, flow: Flow) -> str:
        name = names.rule_id(
            flow.source, flow.lead.name, str(flow.span), flow.transport
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
        wanted = {role.name for role in self._roles(statement)}
        for span in statement.spans:
            for transport in span.transports:
                covered = [
                    rule
                    for flow, rule in self.rules.items()
                    if (flow.span[:2], flow.transport) == (span[:2], transport)
                    and wanted & self._with_wider(flow.source)
                    and side in (None, flow.lead.placeholder is not None)
                ]
                for rule in covered:
                    rule.rows.append(statement.row)
                    self.ledger.stated(statement.row, rule.id)
                if not covered:
                    said = f"sums up {transport.upper()} {span}, for which no row names a host"
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

    def used_features(self) -> dict[str, str]:
        """The switches that some rule depends on."""
        used = {flow.when for flow in self.rules}
        return {name: title for name, title in self.features.items() if name in used}

    def in_order(self) -> list[DraftRule]:
        """The rules in the order of the page."""
        return sorted(self.rules.values(), key=lambda rule: self.order[rule.rows[0]])


def _described(flow: Flow) -> str:
    said = f"{flow.transport.upper()} {flow.span} from {flow.source}"
    return f"{said}, of which the page says no more"


def _side(sections: Sequence[str]) -> bool | None:
    """Whether a section is of internal destinations, of external ones, or of both."""
    words = set(re.findall(r"internal|external", " ".join(sections).lower()))
    return words == {"internal"} if len(words) == 1 else None
