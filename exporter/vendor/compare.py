"""Every field in which two catalogues differ.

Two rules are one if they have the same id, or else the same flow: source, destination,
port and transport. A placeholder then counts as its example, since two authors name
ids and placeholders differently. What is left over is one if nothing else on either
side has its source and destination, so that a moved port is a change.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from exporter.config.rule_schema import TlsModel
from exporter.model.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from exporter.config.catalogue import Catalogue
    from exporter.config.definitions import RuleDefinition

Fields: TypeAlias = "Mapping[str, str]"


@dataclass(frozen=True, slots=True)
class Change:
    """One part that came, went or differs.

    `what` is `catalogue`, `role`, `placeholder`, `feed`, `note` or `rule`. `old` and
    `new` hold its fields, of a part that is on both sides those that differ; None
    where there is no such part.
    """

    what: str
    name: str
    old: Fields | None
    new: Fields | None


@dataclass(frozen=True, slots=True)
class _Told:
    """A rule as text: `place` is its source and destination, `flow` adds the port."""

    name: str
    place: tuple[str, str]
    flow: tuple[str, ...]
    facts: Fields


def compare(old: Catalogue, new: Catalogue) -> list[Change]:
    """All changes from `old` to `new`, rules last."""
    told = [
        [_as_text(catalogue, one) for one in catalogue.definitions]
        for catalogue in (old, new)
    ]
    return _surroundings(old, new) + _rules(*told)


def _as_text(catalogue: Catalogue, definition: RuleDefinition) -> _Told:
    rule, lead = definition.written, definition.written.destination
    name = lead.placeholder
    host = catalogue.placeholders[name].example.host if name else str(lead)
    place = (", ".join(rule.source), host)
    ports = _word(rule.ports) if rule.port is None else str(rule.port)
    said = {
        **{name: _word(getattr(rule, name)) for name in type(rule).model_fields},
        "destination": str(lead),
        "probe": definition.probe(definition.ports[0] if definition.ports else None),
        "options": _word(definition.options),
        "severity": str(definition.severity),
    }
    return _Told(rule.id, place, (*place, ports, str(rule.transport)), said)


def _rules(old: Sequence[_Told], new: Sequence[_Told]) -> list[Change]:
    partner = _partners(old, new)
    changes = []
    for told in old:
        other = partner.get(told.name)
        if other is None:
            changes.append(Change("rule", told.name, told.facts, None))
        else:
            changes += _difference("rule", told.name, told.facts, other.facts)
    paired = {other.name for other in partner.values()}
    added = (told for told in new if told.name not in paired)
    return changes + [Change("rule", told.name, None, told.facts) for told in added]


def _partners(old: Sequence[_Told], new: Sequence[_Told]) -> dict[str, _Told]:
    """Rules of `new` by the id of the same one in `old`."""
    found: dict[str, _Told] = {}
    steps: Sequence[tuple[Callable[[_Told], Hashable], bool]] = (
        (lambda told: told.name, False),
        (lambda told: told.flow, False),
        (lambda told: told.place, True),
    )
    for key, alone in steps:
        paired = {told.name for told in found.values()}
        ours = _grouped((told for told in old if told.name not in found), key)
        theirs = _grouped((told for told in new if told.name not in paired), key)
        for same, left in ours.items():
            right = theirs.get(same, [])
            if not alone or len(left) == len(right) == 1:
                pairs = zip(left, right, strict=False)
                found |= {one.name: other for one, other in pairs}
    return found


def _grouped(
    rules: Iterable[_Told], key: Callable[[_Told], Hashable]
) -> dict[Hashable, list[_Told]]:
    groups: dict[Hashable, list[_Told]] = {}
    for told in rules:
        groups.setdefault(key(told), []).append(told)
    return groups


def _surroundings(old: Catalogue, new: Catalogue) -> list[Change]:
    """Changes of everything but the rules."""
    heads = [
        {"name": c.name, "title": c.title, "reference": c.reference} for c in (old, new)
    ]
    return [
        *_difference("catalogue", old.name, *heads),
        *_parts("role", old.roles, new.roles),
        *_parts("placeholder", old.placeholders, new.placeholders),
        *_parts("feed", old.feeds, new.feeds),
        *_parts("note", {str(n): n for n in old.notes}, {str(n): n for n in new.notes}),
    ]


def _parts(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    changes = []
    for name in dict.fromkeys((*old, *new)):
        before, after = (
            _fields(side[name], {"name"}) if name in side else None
            for side in (old, new)
        )
        if before is None or after is None:
            changes.append(Change(what, name, before, after))
        else:
            changes += _difference(what, name, before, after)
    return changes


def _difference(what: str, name: str, old: Fields, new: Fields) -> list[Change]:
    differ = [key for key in old if old[key] != new[key]]
    if not differ:
        return []
    return [
        Change(what, name, {k: old[k] for k in differ}, {k: new[k] for k in differ})
    ]


def _fields(part: Any, left_out: set[str]) -> dict[str, str]:  # noqa: ANN401 - any of our dataclasses
    return {
        item.name: _word(getattr(part, item.name))
        for item in dataclasses.fields(part)
        if item.name not in left_out
    }


def _word(value: object) -> str:
    """A value as one text; nothing is the empty one."""
    match value:
        case None | str():
            return value or ""
        case Endpoint(host=host, port=0):
            return host
        case tuple() | frozenset():
            return ", ".join(sorted(map(str, value)))
        case TlsModel():
            return value.model_dump_json()
        case _:
            return json.dumps(value, default=str, sort_keys=True)
