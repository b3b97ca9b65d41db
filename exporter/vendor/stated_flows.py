"""What a catalogue asks to open, whoever wrote it: ports between a source and an end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exporter.model.rule import Expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.config.catalogue import Catalogue
    from exporter.config.definitions import RuleDefinition


Span: TypeAlias = "tuple[int, int]"


class Way(NamedTuple):
    """Who reaches what, by which transport."""

    source: str
    end: str
    transport: str


@dataclass(slots=True)
class Told:
    """What one catalogue asks for: ports by way, and how they are bound.

    `bound` has the spans that hold only under a condition or as an alternative.
    `rules` leads from a way and a span to the rule, `words` from there to its row.
    `placed` are ends that each site names for itself, `loose` those of them that sites
    may well not have.
    """

    ways: dict[Way, list[Span]] = field(default_factory=lambda: defaultdict(list))
    bound: dict[tuple[Way, Span], str] = field(default_factory=dict)
    rules: dict[Way, dict[Span, str]] = field(default_factory=lambda: defaultdict(dict))
    placed: set[str] = field(default_factory=set)
    loose: set[str] = field(default_factory=set)
    words: dict[str, str] = field(default_factory=dict)


def told_by(catalogue: Catalogue) -> Told:
    """The flows that a document asks to open, whoever wrote the catalogue."""
    told = Told()
    for definition in catalogue.definitions:
        rule = definition.written
        stated = (
            rule.expect is Expect.ALLOW and not rule.advisory and not rule.unprovable
        )
        if not stated or rule.destination.feed is not None:
            continue
        bound = (
            "under a condition"
            if rule.when
            else "as an alternative"
            if rule.any_of
            else ""
        )
        for end in _ends(catalogue, definition, told):
            for source in rule.source:
                way = Way(source, end, str(rule.transport))
                for span in _spans(definition):
                    told.ways[way].append(span)
                    told.rules[way][span] = rule.id
                    if bound:
                        told.bound[way, span] = bound
    for entry in catalogue.requirements:
        told.words |= dict.fromkeys(entry.rules, entry.text) if entry.text else {}
    return told


def _ends(
    catalogue: Catalogue, definition: RuleDefinition, told: Told
) -> Iterator[str]:
    lead = definition.written.destination
    if lead.placeholder is not None:
        place = catalogue.placeholders[lead.placeholder]
        name = place.example.host or lead.placeholder
        told.placed.add(name)
        told.loose |= {name} if place.optional else set()
        yield name
    elif lead.hosts is not None:
        yield from lead.hosts
    else:
        yield str(lead)


def _spans(definition: RuleDefinition) -> list[Span]:
    """The ports of a rule; 0 stands for one that each site chooses."""
    return [(span.first, span.last) for span in definition.ports] or [(0, 0)]
