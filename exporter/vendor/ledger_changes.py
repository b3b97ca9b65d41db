"""The ledgers of two versions of a document, compared by their words.

An entry is the same if its words are, in whatever order its cells stand; or else if most
of them are. Where a row stands, and what number it has, never counts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.ledger import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from exporter.model.ledger import Requirement

Told: TypeAlias = "tuple[str, str, str, str]"

_WORD = re.compile(r"[\w*]+(?:[.:/-][\w*]+)*")
_ASKS = re.compile(
    r"[0-9*]|\.[a-z]|^(?:tcp|udp|icmp\w*|vrrp|igmp|gre|esp|any|all|not|no|multicast|broadcast)$",
    re.IGNORECASE,
)
_ALIKE = 0.5
_MOST_COMPARED = 60
"""Entries that one is compared with, at the most."""


def reworded(
    old: Sequence[Requirement], new: Sequence[Requirement], touched: Collection[str]
) -> Iterator[Told]:
    """Entries that came, went or have other words: effect, row, old and new words.

    What becomes of rules is told by their flows: here only that their words are others,
    unless the rule is one of those `touched`.
    """
    left, right = _unequal(old, new)
    pairs = _pairs(left, right)
    paired = {id(one) for pair in pairs for one in pair}
    for was, now in pairs:
        rules = was.fate is Fate.RULES or now.fate is Fate.RULES
        if not {*was.rules, *now.rules}.isdisjoint(touched):
            continue
        if rules or _asks(was) == _asks(now):
            yield ("TEXT", now.row, _words(was), _words(now))
        else:
            yield ("OPEN", now.row, _words(was), _words(now))
            yield ("CLOSE", was.row, _words(was), _words(now))
    for sides, effect in ((right, "OPEN"), (left, "CLOSE")):
        for entry in sides:
            if id(entry) in paired or entry.fate is Fate.RULES:
                continue
            if entry.fate is Fate.ELSEWHERE and not entry.text:
                continue  # a pointer that a person took down: no page states it as a row
            asked = entry.fate in (Fate.UNPROVABLE, Fate.OPEN, Fate.ELSEWHERE)
            words = _words(entry)
            both = ("", words) if effect == "OPEN" else (words, "")
            yield (effect if asked else "TEXT", entry.row, *both)


def _unequal(
    old: Sequence[Requirement], new: Sequence[Requirement]
) -> tuple[list[Requirement], list[Requirement]]:
    """Entries of each side whose words are not on the other; parts of a row are one."""
    left, right = _without_common(_rows(old), _rows(new), lambda one: one.sha256)
    return _without_common(left, right, _key)


def _without_common(
    old: Sequence[Requirement],
    new: Sequence[Requirement],
    key: Callable[[Requirement], object],
) -> tuple[list[Requirement], list[Requirement]]:
    """Entries of each side that have no partner of the same key on the other."""
    theirs = Counter(map(key, new))
    left = []
    for entry in old:
        if theirs[key(entry)] > 0:
            theirs[key(entry)] -= 1
        else:
            left.append(entry)
    right = []
    for entry in reversed(new):
        if theirs[key(entry)] > 0:
            theirs[key(entry)] -= 1
            right.append(entry)
    return left, right[::-1]


def _rows(entries: Sequence[Requirement]) -> list[Requirement]:
    """Entries, of the parts of one row the one that tells most."""
    found: dict[tuple[str, int | None, str], Requirement] = {}
    for entry in entries:
        at = (
            entry.row.partition(".")[0] if entry.line else entry.row,
            entry.line,
            entry.sha256,
        )
        if at not in found or found[at].fate is Fate.RULES:
            found[at] = entry
    return list(found.values())


def _key(entry: Requirement) -> object:
    tokens = frozenset(Counter(_tokens(entry)).items())
    return tokens if entry.text else entry.sha256


def _tokens(entry: Requirement) -> list[str]:
    return [word.lower() for word in _WORD.findall(entry.text)]


def _asks(entry: Requirement) -> set[str]:
    """The words that may ask for something: numbers, hosts, protocols."""
    return {word for word in _tokens(entry) if _ASKS.search(word)}


def _pairs(
    left: Sequence[Requirement], right: Sequence[Requirement]
) -> list[tuple[Requirement, Requirement]]:
    """Entries that are one with other words, the most alike first."""
    pairs = []
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    for _, number, other in sorted(_scored(left, right)):
        if number not in taken_left and other not in taken_right:
            taken_left.add(number)
            taken_right.add(other)
            pairs.append((left[number], right[other]))
    return pairs


def _scored(
    left: Sequence[Requirement], right: Sequence[Requirement]
) -> Iterator[tuple[float, int, int]]:
    """How alike entries are, from -1 for the same words; only those that may be one."""
    index: dict[str, list[int]] = defaultdict(list)
    words = [set(_tokens(entry)) for entry in right]
    for number, tokens in enumerate(words):
        for token in tokens:
            index[token].append(number)
    for number, entry in enumerate(left):
        tokens = set(_tokens(entry))
        near: Counter[int] = Counter()
        for token in tokens:
            near.update(index[token][:_MOST_COMPARED])
        for other, _ in near.most_common(_MOST_COMPARED):
            likeness = len(tokens & words[other]) / len(tokens | words[other])
            if likeness >= _ALIKE:
                yield -likeness, number, other


def _words(entry: Requirement) -> str:
    return entry.text or entry.row
