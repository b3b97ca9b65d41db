"""Names that parts of files use for each other: do they exist, do they make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.diagnostics import unknown
from exporter.model.rule import Expect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.config.definitions import Entry
    from exporter.config.diagnostics import Problem
    from exporter.config.yamlfile import YamlFile

DENY_ONLY = "belongs to rules with expect: deny only"


@dataclass(frozen=True, slots=True)
class Names:
    """What may be referred to, including what is declared but wrong in itself."""

    roles: frozenset[str]
    placeholders: frozenset[str]
    mirrors: frozenset[str]
    rules: frozenset[str]


def duplicates(entries: Iterable[Entry]) -> Iterator[Problem]:
    """Rule ids that stand in more than one place."""
    first: dict[str, Entry] = {}
    for entry in entries:
        if "id" in entry.unread:
            continue
        other = first.setdefault(entry.rule.id, entry)
        if other is not entry:
            line = other.problem("id", "").line
            said = f"{entry.rule.id} is taken, by {other.file.path}:{line}"
            yield entry.problem("id", f"{said}: ids are unique over all files")


def references(
    entries: Iterable[Entry], known: Iterable[Entry], names: Names
) -> Iterator[Problem]:
    """Roles, destinations and witnesses of `entries` that do not exist or do not fit.

    `known` are all rules that a witness may be.
    """
    by_id = {entry.rule.id: entry for entry in known if not entry.unread}
    for entry in entries:
        source = entry.rule.source
        if source not in names.roles and "source" not in entry.unread:
            yield entry.problem("source", unknown("role", source, names.roles))
        yield from _unknown_destination(entry, names)
        if entry.rule.witness is not None:
            witness = None if entry.unread else by_id.get(entry.rule.witness)
            said = unfit_witness(entry, witness, names)
            if said:
                yield entry.problem("witness", said)


def _unknown_destination(entry: Entry, names: Names) -> Iterator[Problem]:
    placeholder, mirrors = entry.destination.placeholder, entry.destination.mirrors
    at = (*entry.at, "destination")
    if placeholder is not None and placeholder not in names.placeholders:
        said = unknown("placeholder", placeholder, names.placeholders)
        yield entry.file.problem((*at, "placeholder"), said)
    if mirrors is not None and mirrors not in names.mirrors:
        said = unknown("mirror list", mirrors, names.mirrors)
        yield entry.file.problem((*at, "mirrors"), said)


def unfit_witness(entry: Entry, witness: Entry | None, names: Names) -> str:
    """Why a rule cannot vouch for its destination being alive; empty if it can."""
    name = entry.rule.witness or ""
    if name == entry.rule.id:
        return "a rule cannot be its own witness"
    if witness is None:
        return "" if name in names.rules else unknown("rule", name, names.rules)
    if witness.rule.expect is Expect.DENY:
        return f"{name} is a deny rule itself, so its success proves no host alive"
    if witness.rule.retired is not None:
        return f"{name} is retired, so it is never probed"
    if witness.destination != entry.destination:
        there, here = witness.destination, entry.destination
        return f"{name} leads to {there}, not to this rule's {here}"
    return ""


def links(
    file: YamlFile,
    section: str,
    key: str,
    what: str,
    pointers: Mapping[str, str | None],
    names: frozenset[str],
) -> Iterator[Problem]:
    """Pointers from one entry of a section to another that lead nowhere or in a ring.

    `pointers` says where each entry's `key` leads; `names` are all that exist.
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
