"""What a new version of a document changes: must be opened, may be closed, text only.

Flows are compared as sets of ports between a source and an end, so that neither ids nor
rows nor the layout of the page count. A role or a placeholder that only has another
name is known by its flows. What is no rule is compared by the ledger's words.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.rule import Transport
from exporter.vendor.ledger_changes import reworded
from exporter.vendor.names import slug
from exporter.vendor.stated_flows import Span, Told, Way, told_by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from exporter.config.catalogue import Catalogue

Profile: TypeAlias = "set[tuple[str, str, Span]]"
_ALIKE = 0.5
"""The part of their flows that two names share if they are one."""

_MOST_COMPARED = 250_000


class Effect(StrEnum):
    """What a change asks of a firewall."""

    OPEN = "must be opened"
    CLOSE = "may be closed"
    TEXT = "text only"


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: `what` is `flow`, `requirement`, `role` or `destination`.

    `old` and `new` are its words on either side, empty where there are none. `rows`
    are the words of the document that they come from, as far as these are known.
    """

    effect: Effect
    what: str
    name: str
    old: str
    new: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What roles and ends are called in the new document, by their old names."""

    roles: dict[str, str] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)

    def of(self, way: Way) -> Way:
        """A way under its new names."""
        source, end = self.roles.get(way.source), self.ends.get(way.end)
        return Way(source or way.source, end or way.end, way.transport)


def differences(
    old: Catalogue,
    new: Catalogue,
    aliases: Mapping[str, str] | None = None,
    *,
    ledger: bool = True,
) -> list[Difference]:
    """All that changes from `old` to `new`, what must be opened first.

    Args:
        old: the catalogue before.
        new: the catalogue after.
        aliases: names of roles and hosts that are only called otherwise now, new by old.
        ledger: compare the words of the requirements too.
    """
    before, after = told_by(old), told_by(new)
    known = Names(dict(aliases or {}), dict(aliases or {}))
    found = [*_renamed(before, after, known)]
    before = _called(before, known)
    flows = [*_flows(before, after)]
    found += flows
    if ledger:
        touched = {change.name for change in flows}
        found += [
            Difference(Effect[effect], "requirement", row, was, now)
            for effect, row, was, now in reworded(
                old.requirements, new.requirements, touched
            )
        ]
    order = list(Effect)
    return sorted(found, key=lambda one: order.index(one.effect))


def _flows(before: Told, after: Told) -> Iterator[Difference]:
    for way in dict.fromkeys((*after.ways, *before.ways)):
        was, now = before.ways.get(way, []), after.ways.get(way, [])
        for effect, told, spans in (
            (Effect.OPEN, after, _without(now, was)),
            (Effect.CLOSE, before, _without(was, now)),
        ):
            for span in spans:
                words = _said(way, span)
                sides = ("", words) if effect is Effect.OPEN else (words, "")
                name, rows = _origin(told, way, span)
                yield Difference(effect, "flow", name, *sides, rows)
        yield from _bindings(way, before, after)


def _bindings(way: Way, before: Told, after: Told) -> Iterator[Difference]:
    """Spans on both sides that were, or are, only needed in some cases."""
    if way.end in before.loose | after.loose:
        return
    for span in dict.fromkeys(after.ways.get(way, [])):
        if span not in before.ways.get(way, []):
            continue
        was, now = before.bound.get((way, span), ""), after.bound.get((way, span), "")
        if was != now:
            effect = Effect.CLOSE if now else Effect.OPEN
            said = _said(way, span)
            old, new = (
                f"{said} {was or 'in any case'}",
                f"{said} {now or 'in any case'}",
            )
            name, rows = _origin(after, way, span)
            yield Difference(effect, "flow", name, old, new, rows)


def _origin(told: Told, way: Way, span: Span) -> tuple[str, tuple[str, ...]]:
    """The rule that states a span, and the words of its row."""
    rules = told.rules[way].items()
    named = (rule for (low, high), rule in rules if low <= span[0] <= high)
    name = next(named, "")
    return name, tuple(filter(None, (told.words.get(name, ""),)))


def _said(way: Way, span: Span) -> str:
    if way.transport == Transport.ICMP:
        return f"icmp from {way.source} to {way.end}"
    ports = "a port that the site chooses" if span == (0, 0) else str(span[0])
    ports = ports if span[0] == span[1] else f"{span[0]}-{span[1]}"
    return f"{way.transport} {ports} from {way.source} to {way.end}"


def _without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The ports of `spans` that no span of `others` has, in as few spans as there are."""
    left: list[Span] = []
    for low, high in _merged(spans):
        begin = low
        for other_low, other_high in _merged(others):
            if begin <= other_high and other_low <= high:
                if other_low > begin:
                    left.append((begin, other_low - 1))
                begin = other_high + 1
        if begin <= high:
            left.append((begin, high))
    return left


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, of which no two overlap."""
    found: list[Span] = []
    for low, high in sorted(set(spans)):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _renamed(before: Told, after: Told, known: Names) -> Iterator[Difference]:
    """Roles and placeholders that have another name; `known` learns them."""
    for index, what, names in (
        (0, "role", known.roles),
        (1, "destination", known.ends),
    ):
        ours, theirs = _profiles(before, index, known), _profiles(after, index, Names())
        gone = _only_here(ours, theirs, after)
        came = _only_here(theirs, ours, before)
        if what == "destination":
            gone = {
                name: flows for name, flows in gone.items() if name in before.placed
            }
            came = {name: flows for name, flows in came.items() if name in after.placed}
        if len(gone) * len(came) > _MOST_COMPARED:
            continue  # another document altogether
        for name, flows in gone.items():
            if other := _closest(flows, came):
                names[name] = other
                yield Difference(Effect.TEXT, what, name, name, other)


def _only_here(
    here: Mapping[str, Profile], there: Collection[str], other: Told
) -> dict[str, Profile]:
    """What no end of the other side is called: who changes sides has no new name."""
    called = {_bare(name) for way in other.ways for name in (way.source, way.end)}
    return {
        name: flows
        for name, flows in here.items()
        if name not in there and _bare(name) not in called
    }


def _bare(name: str) -> str:
    """A name as a role and as a placeholder's made-up example have it."""
    return slug(name.removesuffix(".example"))


def _closest(flows: Profile, came: Mapping[str, Profile]) -> str:
    """The one name whose flows are most of these; empty if there is none."""
    alike = {
        name: len(flows & those) / len(flows | those) for name, those in came.items()
    }
    best = max(alike.values(), default=0.0)
    closest = [name for name, likeness in alike.items() if likeness == best]
    return closest[0] if best >= _ALIKE and len(closest) == 1 else ""


def _profiles(told: Told, index: int, known: Names) -> dict[str, Profile]:
    """What stands on the other side of each name, with transports and ports."""
    found: dict[str, Profile] = defaultdict(set)
    for old, spans in told.ways.items():
        way = known.of(old)
        found[way[index]] |= {(way[1 - index], way.transport, span) for span in spans}
    return found


def _called(told: Told, known: Names) -> Told:
    """The same under the names of today."""
    renamed = Told(placed=told.placed, loose=told.loose, words=told.words)
    for old, spans in told.ways.items():
        renamed.ways[known.of(old)] += spans
    renamed.bound = {(known.of(old), s): said for (old, s), said in told.bound.items()}
    for old, rules in told.rules.items():
        renamed.rules[known.of(old)] |= rules
    return renamed
