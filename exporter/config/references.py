"""DeclaredNames that parts of files use for each other: do they exist, do they make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.diagnostics import unknown
from exporter.model.rule import Expect

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
    mirrors: frozenset[str]
    rules: frozenset[str]


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
        source = definition.written.source
        if source not in names.roles and "source" not in definition.unread:
            yield definition.problem("source", unknown("role", source, names.roles))
        yield from _unknown_destination(definition, names)
        witness = definition.written.witness
        if witness is not None:
            said = unfit_witness(
                definition, witness, {} if definition.unread else by_id, names
            )
            if said:
                yield definition.problem("witness", said)


def _unknown_destination(
    definition: RuleDefinition, names: DeclaredNames
) -> Iterator[Problem]:
    placeholder, mirrors = (
        definition.written.destination.placeholder,
        definition.written.destination.mirrors,
    )
    at = (*definition.at, "destination")
    if placeholder is not None and placeholder not in names.placeholders:
        said = unknown("placeholder", placeholder, names.placeholders)
        yield definition.file.problem((*at, "placeholder"), said)
    if mirrors is not None and mirrors not in names.mirrors:
        said = unknown("mirror list", mirrors, names.mirrors)
        yield definition.file.problem((*at, "mirrors"), said)


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
    if witness.written.retired is not None:
        return f"{name} is retired, so it is never probed"
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
