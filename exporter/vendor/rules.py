"""The rules of a draft: each flow once, with all the rows that state it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from exporter.probes.protocols import PROBERS, default_probe
from exporter.vendor import names
from exporter.vendor.usage import Guess, guess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.rule import Transport
    from exporter.vendor.destinations import Destination
    from exporter.vendor.spans import Span
    from exporter.vendor.statements import Statement


class Flow(NamedTuple):
    """What a rule opens; `when` is the switch it depends on, empty for none."""

    source: str
    lead: Destination
    span: Span
    transport: Transport
    when: str = ""


@dataclass(slots=True)
class DraftRule:
    """A rule of the draft; `rows` are all rows that state it.

    `probe` speaks the application that they name, where the port says nothing of it.
    """

    id: str
    flow: Flow
    usage: Guess
    description: str
    section: str
    rows: list[str]
    notes: list[str]
    any_of: str = ""
    probe: str = ""


@dataclass(slots=True)
class Rules:
    """Rules by their flows; `bound` leads from a flow to the one with a condition."""

    by_flow: dict[Flow, DraftRule] = field(default_factory=dict)
    bound: dict[Flow, Flow] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def state(
        self, flow: Flow, statement: Statement, notes: Sequence[str], any_of: str
    ) -> str:
        """One more row states a flow; returns the id of its rule."""
        known = self._known(flow)
        if known is not None:
            if statement.usage and statement.usage != known.description:
                known.notes.append(f"{statement.row} says: {statement.usage}")
            known.rows.append(statement.row)
            known.notes += [note for note in notes if note not in known.notes]
            known.any_of = known.any_of if any_of else ""
            probes = {known.probe, _probe(statement.probe, flow)} - {""}
            known.probe = probes.pop() if len(probes) == 1 else ""
            return known.id
        words = f"{statement.usage} {' '.join(notes)}"
        internal = flow.lead.placeholder is not None
        self.by_flow[flow] = DraftRule(
            id=self._free_id(flow),
            flow=flow,
            usage=guess(words, flow.span.low, internal=internal),
            description=statement.usage or _described(flow),
            section=" / ".join(statement.sections),
            rows=[statement.row],
            notes=list(dict.fromkeys(notes)),
            any_of=any_of,
            probe=_probe(statement.probe, flow),
        )
        if flow.when:
            self.bound.setdefault(flow._replace(when=""), flow)
        return self.by_flow[flow].id

    def _known(self, flow: Flow) -> DraftRule | None:
        """The rule of a flow; what is needed in any case has no condition."""
        bare = flow._replace(when="")
        if flow.when and bare not in self.by_flow:
            return self.by_flow.get(flow)
        if bare not in self.by_flow and bare in self.bound:
            self.by_flow[bare] = self.by_flow.pop(self.bound[bare])
            self.by_flow[bare].flow = bare
        return self.by_flow.get(bare)

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


def _described(flow: Flow) -> str:
    what = f"{flow.transport.upper()} {flow.span}".strip()
    return f"{what} from {flow.source}, of which the page says no more"


def _probe(named: str, flow: Flow) -> str:
    """The probe of an application, where it can be spoken and the port tells none."""
    name = named.strip("{").partition(":")[0]
    single = flow.span.low == flow.span.high
    unknown = default_probe(flow.span.low, flow.transport) == str(flow.transport)
    spoken = name in PROBERS and flow.transport in PROBERS[name].transports
    return named if single and unknown and spoken else ""
