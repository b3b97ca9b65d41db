"""The strongest recent evidence, kept over rounds in which nobody spoke.

Routers limit how often they send ICMP (Linux: one a second to a peer after a burst),
so a firewall that says "prohibited" in one round may be silent in the next. Silence
right after a refusal is still that refusal. Likewise a reset that a trace has shown to
come from the path stays the path's until something else happens.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.model.outcome import Observation, Origin, Reason, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.outcome import Path
    from exporter.model.rule import Target

_ROUNDS = 3
"""Rounds for which a refusal speaks for the silence after it."""
_PLACED = 900.0
"""Seconds for which a trace speaks for resets: until some that renew it have failed."""
_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    seen: Observation
    at: float


@dataclass(frozen=True, slots=True)
class _Placed:
    detail: str
    at: float


class Memory:
    """What was last said by name, per target and address.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refusals: dict[tuple[str, str, int, str], _Kept] = {}
        self._resets: dict[tuple[str, str, int, str], _Placed] = {}

    def strongest(self, target: Target, seen: Observation) -> Observation:
        """`seen`, or what it stands for in the light of the rounds before."""
        if seen.reason is Reason.ANSWERED and not self._refusals and not self._resets:
            return seen
        key = (*target.key, seen.address)
        if seen.icmp is not None:
            self._keep(key, seen)
            return seen
        if seen.reason is Reason.TIMEOUT and seen.stage is Stage.CONNECT:
            return self._spoken_for(key, seen, _ROUNDS * target.rule.interval)
        self._refusals.pop(key, None)
        placed = self._resets.pop(key, None)
        if placed is None or seen.reason is not Reason.REFUSED:
            return seen
        if self._clock() - placed.at > _PLACED:
            return seen
        self._resets[key] = placed
        return replace(seen, origin=Origin.PATH, detail=placed.detail)

    def place_reset(self, target: Target, address: str, path: Path) -> None:
        """Takes in what a trace has shown of whose this address's resets are."""
        if not path.refused_on_path:
            self._resets.pop((*target.key, address), None)
            return
        if len(self._resets) >= _ENTRIES:
            self._resets.clear()
        where = f"at or behind {path.last_hop}" if path.last_hop else "right here"
        self._resets[*target.key, address] = _Placed(
            f"reset by a device on the path, {where}: nearer than the destination is",
            self._clock(),
        )

    def _keep(self, key: tuple[str, str, int, str], seen: Observation) -> None:
        if len(self._refusals) >= _ENTRIES:
            self._refusals.clear()
        self._refusals[key] = _Kept(seen, self._clock())

    def _spoken_for(
        self, key: tuple[str, str, int, str], seen: Observation, at_most: float
    ) -> Observation:
        kept = self._refusals.get(key)
        if kept is None:
            return seen
        age = self._clock() - kept.at
        if age > at_most:
            del self._refusals[key]
            return seen
        detail = f"{kept.seen.detail} ({age:.0f} s ago, silent since)"
        return replace(kept.seen, detail=detail, phases=seen.phases)
