"""What is kept of earlier rounds, per target and address.

Routers limit how often they send ICMP (Linux: one a second to a peer after a burst),
so a firewall that says "prohibited" in one round may be silent in the next: silence
right after a refusal is still that refusal. A host with many addresses is probed a part
at a time. What distances showed of resets and handshakes stays so until something else
happens at that address. How long any of it may be used is not decided here: see `Case`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from exporter.model.outcome import OWN_FAULT, Observation, Reason
from exporter.model.verdict_case import Case
from exporter.probes.bare_handshake import rests_on_a_handshake
from exporter.probes.verdict import is_silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model.rule import Key, Target
    from exporter.model.verdict_case import Claim, Placed

K = TypeVar("K")
V = TypeVar("V")

_ENTRIES = 10_000

_Key = tuple[str, str, str, int, str]


class EarlierRounds:
    """What was learnt, each thing with its time."""

    def __init__(self) -> None:
        self._refusals: dict[_Key, Observation] = {}
        self._silences: dict[_Key, float] = {}
        self._resets: dict[_Key, Placed] = {}
        self._nearer: dict[_Key, Placed] = {}
        self._seen: dict[Key, dict[str, Observation]] = {}
        self._claims: dict[_Key, Claim] = {}
        self._kept = (
            self._refusals,
            self._silences,
            self._resets,
            self._nearer,
            self._claims,
        )

    def seen(self, target: Target) -> Mapping[str, Observation]:
        """The latest sighting of each address of a host that is probed in parts."""
        return self._seen.get(target.key, {})

    def case(
        self, target: Target, members: Sequence[str], seen: Sequence[Observation]
    ) -> Case:
        """What a round saw, with what is known from before: judged as of its end.

        Args:
            target: what was probed.
            members: every address of its host.
            seen: what was seen of some of them, one at the least.
        """
        for one in seen:
            self._take(target, one)
        now = seen[0].ended if len(seen) == 1 else max(one.ended for one in seen)
        if len(seen) < len(members):
            seen = self._all_parts(target, members, seen)
        elif self._seen:
            self._seen.pop(target.key, None)
        case = Case(target.rule, now, tuple(members), sightings=tuple(seen))
        return self.remind(target, case)

    def remind(self, target: Target, case: Case) -> Case:
        """`case` with what is remembered of its addresses now."""
        if not any(self._kept):
            return case
        keys = [(*target.key, address) for address in case.members]
        return replace(
            case,
            refusals=tuple(self._refusals[k] for k in keys if k in self._refusals),
            resets=tuple(self._resets[k] for k in keys if k in self._resets),
            nearer=tuple(self._nearer[k] for k in keys if k in self._nearer),
            claims=tuple(self._claims[k] for k in keys if k in self._claims),
            silences=tuple(
                (k[-1], self._silences[k]) for k in keys if k in self._silences
            ),
        )

    def place_reset(self, target: Target, address: str, placed: Placed | None) -> None:
        """Takes in whether an address's resets come from nearer than it is."""
        _keep(self._resets, (*target.key, address), placed)

    def place_handshake(
        self, target: Target, address: str, placed: Placed | None
    ) -> None:
        """Takes in whether an address's handshakes come from nearer than it is."""
        _keep(self._nearer, (*target.key, address), placed)

    def place_claim(self, target: Target, claim: Claim) -> None:
        """Takes in whose an address's ICMP messages are."""
        _keep(self._claims, (*target.key, claim.address), claim)

    def _take(self, target: Target, seen: Observation) -> None:
        answered = seen.reason is Reason.ANSWERED
        if answered and not any(self._kept):
            return
        key = (*target.key, seen.address)
        if is_silent(seen):
            if target.rule.witness is not None:
                _keep(self._silences, key, self._silences.get(key, seen.began))
            return
        self._silences.pop(key, None)
        if seen.reason in OWN_FAULT:
            return
        _keep(self._refusals, key, seen if seen.icmp is not None else None)
        if seen.icmp is None:
            self._claims.pop(key, None)
        if seen.reason is not Reason.REFUSED:
            self._resets.pop(key, None)
        if not rests_on_a_handshake(target.rule, seen):
            self._nearer.pop(key, None)

    def _all_parts(
        self, target: Target, members: Sequence[str], seen: Sequence[Observation]
    ) -> Sequence[Observation]:
        known = {**self.seen(target), **{one.address: one for one in seen}}
        parts = {one: known[one] for one in members if one in known}
        _keep(self._seen, target.key, parts)
        return tuple(parts.values())


def _keep(entries: dict[K, V], key: K, value: V | None) -> None:
    """Sets an entry, or takes it away; beyond the bound everything is forgotten."""
    if value is None:
        entries.pop(key, None)
        return
    if key not in entries and len(entries) >= _ENTRIES:
        entries.clear()
    entries[key] = value
