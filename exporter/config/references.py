"""Names by which parts of files refer to each other: do they exist, do they make sense."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config import destination
from exporter.config.diagnostics import unknown
from exporter.config.ports import PortPlaceholder
from exporter.model.rule import Expect, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.config.definitions import RuleDefinition
    from exporter.config.diagnostics import Problem
    from exporter.config.yamlfile import YamlFile


@dataclass(frozen=True, slots=True)
class DeclaredNames:
    """What may be referred to, including what is declared but wrong in itself."""

    roles: frozenset[str]
    placeholders: frozenset[str]
    feeds: frozenset[str]
    rules: frozenset[str]
    features: frozenset[str]
    usages: frozenset[str]

    def with_all(self, others: Iterable[DeclaredNames]) -> DeclaredNames:
        """These names and those of other files together."""
        parts = (self, *others)
        every = (field.name for field in dataclasses.fields(self))
        return DeclaredNames(
            **{
                name: frozenset().union(*(getattr(one, name) for one in parts))
                for name in every
            }
        )


def duplicates(definitions: Iterable[RuleDefinition]) -> Iterator[Problem]:
    """Rule ids that stand in more than one place."""
    first: dict[str, RuleDefinition] = {}
    for definition in definitions:
        if "id" in definition.unread:
            continue
        other = first.setdefault(definition.written.id, definition)
        if other is not definition:
            line = other.problem("id", "").line
            said = f"{definition.written.id} is taken, by {other.file.path}:{line}"
            yield definition.problem("id", f"{said}: ids are unique over all files")


def unresolved(
    definitions: Iterable[RuleDefinition],
    known: Iterable[RuleDefinition],
    names: DeclaredNames,
) -> Iterator[Problem]:
    """Roles, destinations and witnesses of `definitions` that do not exist or do not fit.

    `known` are all rules that a witness may be.
    """
    by_id = {
        definition.written.id: definition
        for definition in known
        if not definition.unread
    }
    for definition in definitions:
        yield from _unknown_words(definition, names)
        yield from _unknown_destination(definition, names)
        witness = definition.written.witness
        if witness is not None:
            said = unfit_witness(
                definition, witness, {} if definition.unread else by_id, names
            )
            if said:
                yield definition.problem("witness", said)


def _unknown_words(
    definition: RuleDefinition, names: DeclaredNames
) -> Iterator[Problem]:
    rule = definition.written
    for source in rule.source:
        if source not in names.roles and "source" not in definition.unread:
            yield definition.problem("source", unknown("role", source, names.roles))
    if rule.when is not None and rule.when not in names.features:
        said = unknown("feature", rule.when, names.features)
        yield definition.problem("when", said)
    usages = names.usages | frozenset(map(str, Usage))
    if rule.usage not in usages:
        said = unknown("word", rule.usage, usages)
        yield definition.problem("usage", f"{said}; or one that `usages` declares")


def placeholders_of(definition: RuleDefinition) -> Iterator[tuple[str, str]]:
    """The placeholders that a rule needs, with the key where each stands."""
    lead, port = definition.written.destination, definition.written.port
    if lead.placeholder is not None:
        yield "destination", lead.placeholder
    for host in (lead.host or "", *(lead.hosts or ())):
        yield from (("destination", name) for name in destination.fields(host))
    if isinstance(port, PortPlaceholder):
        yield "port", port.placeholder


def misused(
    definitions: Iterable[RuleDefinition], ports: Mapping[str, bool]
) -> Iterator[Problem]:
    """Placeholders of hosts where a port is due, and the other way round.

    `ports` says of each placeholder whether it is a port.
    """
    for definition in definitions:
        for key, name in placeholders_of(definition):
            if ports.get(name, key == "port") != (key == "port"):
                kind = "a port" if key == "destination" else "no port"
                hint = "" if key == "destination" else " (declare it with port: true)"
                yield definition.problem(key, f"placeholder {name} is {kind}{hint}")


def unlike(
    file: YamlFile, defaults: Mapping[str, str | None], ports: Mapping[str, bool]
) -> Iterator[Problem]:
    """Placeholders whose default is of the other kind, a port for a host or a host."""
    for name, default in defaults.items():
        if default is not None and ports.get(default, ports[name]) != ports[name]:
            kinds = ("no port", "one") if ports[name] else ("a port", "none")
            said = f"{default} is {kinds[0]}, and {name} is {kinds[1]}"
            yield file.problem(("placeholders", name, "default"), said)


def _unknown_destination(
    definition: RuleDefinition, names: DeclaredNames
) -> Iterator[Problem]:
    lead = definition.written.destination
    feed, at = lead.feed, (*definition.at, "destination")
    for key, name in placeholders_of(definition):
        if name not in names.placeholders:
            said = unknown("placeholder", name, names.placeholders)
            inner = ("placeholder",) if lead.placeholder == name else ()
            place = at if key == "destination" else (*definition.at, key)
            yield definition.file.problem((*place, *inner), said)
    if feed is not None and feed not in names.feeds:
        said = unknown("feed", feed, names.feeds)
        yield definition.file.problem((*at, "feed"), said)


def unfit_witness(
    definition: RuleDefinition,
    name: str,
    by_id: Mapping[str, RuleDefinition],
    names: DeclaredNames,
) -> str:
    """Why the rule `name` cannot show that a destination lives; empty if it can."""
    if name == definition.written.id:
        return "a rule cannot be its own witness"
    witness = by_id.get(name)
    if witness is None:
        return "" if name in names.rules else unknown("rule", name, names.rules)
    if witness.written.expect is Expect.DENY:
        return f"{name} is a deny rule itself, so its success proves no host alive"
    if witness.written.retired is not None or witness.written.unprovable is not None:
        word = "unprovable" if witness.written.retired is None else "retired"
        return f"{name} is {word}, so it is never probed"
    if witness.written.destination != definition.written.destination:
        there, here = witness.written.destination, definition.written.destination
        return f"{name} leads to {there}, not to this rule's {here}"
    return ""


def broken_pointers(
    file: YamlFile,
    section: str,
    key: str,
    what: str,
    pointers: Mapping[str, str | None],
    names: frozenset[str],
) -> Iterator[Problem]:
    """Pointers from one entry of a section to another that lead nowhere or in a ring.

    `pointers` says where each definition's `key` leads; `names` are all that exist.
    """
    reported: set[str] = set()
    for name, target in pointers.items():
        if target is not None and target not in names:
            said = unknown(what, target, names)
            yield file.problem((section, name, key), said)
        ring = _ring(name, pointers)
        if ring and not reported & set(ring):
            reported |= set(ring)
            said = f"leads in a ring: {' -> '.join((*ring, name))}"
            yield file.problem((section, name, key), said)


def _ring(start: str, pointers: Mapping[str, str | None]) -> tuple[str, ...]:
    """The names on the way from `start` back to itself, or none."""
    way = [start]
    while (following := pointers.get(way[-1])) is not None:
        if following == start:
            return tuple(way)
        if following in way:
            return ()
        way.append(following)
    return ()
