"""Which part of a host's targets one of several replicas probes: `serve --shard 2/5`.

Whatever is judged together stays together: all rules to one host (a witness, the
distance of an answer, four connections at a time, the findings about a host), all
members of a feed, since each replica would have its own idea of which are in force,
and the alternatives of `any_of`. Each such group goes to the shard with the highest
hash of its own number and the group's name (rendezvous hashing), so that every process
says the same without asking another, and one more shard takes groups from all others
and moves none between them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model.rule import Target

MOST = 100
"""Shards at the most: one process probes some ten thousand targets."""
_WRITTEN = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_DIVIDED = frozenset({Status.ACTIVE, Status.UNSET})
"""What is or would be probed from here; the rest is nobody's."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts, numbered from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that is written as `2/5`.

        Raises:
            ValueError: it is none; the message says what is allowed.
        """
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ValueError("write the number of a shard and how many there are: 2/5")
        number, count = map(int, written.groups())
        if not 1 <= count <= MOST:
            raise ValueError(f"there can be 1 to {MOST} shards, not {count}")
        if not 1 <= number <= count:
            raise ValueError(f"of {count} shards there are 1 to {count}, not {number}")
        return cls(number, count)

    def holds(self, group: str) -> bool:
        """Whether a group of targets is this shard's."""
        return max(range(1, self.count + 1), key=lambda n: _weight(n, group)) == (
            self.number
        )

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def divided(targets: Sequence[Target], shard: Shard | None) -> tuple[Target, ...]:
    """`targets` in their order, with those of other shards marked as such.

    Args:
        targets: all of the site's, before members take the place of their feeds.
        shard: the part that is probed from here, None for all of them.
    """
    if shard is None:
        return tuple(targets)
    groups = _groups([one for one in targets if one.status in _DIVIDED])
    own = {group: shard.holds(group) for group in set(groups.values())}
    return tuple(
        target
        if target.status not in _DIVIDED or own[groups[_node(target)]]
        else replace(target, status=Status.OTHER_SHARD)
        for target in targets
    )


def _weight(number: int, group: str) -> bytes:
    """The same in every process, whatever its hash seed."""
    return hashlib.blake2b(f"{number} {group}".encode(), digest_size=8).digest()


def _node(target: Target) -> str:
    """What a target is placed by: its feed, or its host."""
    name = target.rule.feed
    return f"host {target.destination}" if name is None else f"feed {name}"


def _groups(targets: Iterable[Target]) -> dict[str, str]:
    """The group of each node: the first, by name, of all that are judged together."""
    above: dict[str, str] = {}
    nodes: dict[tuple[str, str, str], str] = {}

    def first(node: str) -> str:
        while above[node] != node:
            node = above[node]
        return node

    for target in targets:
        node = _node(target)
        above.setdefault(node, node)
        if (choice := target.rule.choice) is not None:
            beside = nodes.setdefault(choice, node)
            before, behind = sorted((first(node), first(beside)))
            above[behind] = before
    return {node: first(node) for node in above}
