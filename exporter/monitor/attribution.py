"""Who it was: whose a reset, an ICMP message or a bare handshake is.

Compared with the distance of the address, by a few packets, or with the routers that a
trace has shown. The runner is told, and judges by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.outcome import Origin, Reason
from exporter.model.verdict_case import Claim, Placed
from exporter.monitor import open_questions
from exporter.monitor.distances import Distances
from exporter.probes.distance import BUT, Distance, fits, whose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.model.network_path import Path
    from exporter.model.outcome import Icmp, Observation
    from exporter.model.rule import Key, Target
    from exporter.monitor.answering import AnsweringTargets
    from exporter.monitor.store import Store
    from exporter.probes.runner import Runner

_ROUTERS_AGE = 600.0
"""Seconds for which the routers that a trace has shown may be used."""
_ADDRESSES = 50_000
_RESET = "reset by a device on the path{where}: nearer than the destination is"
_OWN = "reset from as far away as the destination is: the path is open, nothing listens"


@dataclass(frozen=True, slots=True)
class _Routers:
    """What traces have shown: who passes packets on, and how far an address is.

    `reach` is the least time to live that brought a word from an address.
    """

    addresses: frozenset[str]
    reach: Mapping[str, int]
    at: float


class Attribution:
    """Finds out who it was, and tells the runner.

    Args:
        runner: compares, and judges by what is told.
        store: has the paths that are known.
        answering: the targets whose distance can be known.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        answering: AnsweringTargets,
        clock: Callable[[], float],
    ) -> None:
        self._runner = runner
        self._store = store
        self._answering = answering
        self._clock = clock
        self._distances = Distances(runner, answering, clock)
        self._routers: dict[Key, _Routers] = {}

    async def reset(self, target: Target, address: str) -> bool:
        """Whether it is known now whose the resets at an address are."""
        nearer = await self._nearer(
            target, address, self._answering.at(address), Reason.REFUSED
        )
        record = self._store.record(target)
        path = record.path if record is not None else None
        if nearer:
            self.reset_on_path(target, address, path)
        elif nearer is not None:
            own = Placed(address, self._clock(), _OWN, Origin.DESTINATION)
            told = own if open_questions.asks_for_the_path(target) else None
            self._runner.place_reset(target, address, told)
        return nearer is not None

    async def claim(self, target: Target, seen: Observation) -> bool:
        """Whether it is known now whose the ICMP message in an observation is."""
        icmp = seen.icmp
        if icmp is None:
            return True
        told = await self._speaker(target, seen.address, icmp)
        if told is None:
            return False
        origin, why = told
        # What was found before, by less, is no part of what was said.
        detail = seen.detail.partition(f"; {BUT}")[0]
        if why:
            detail = f"{detail}; {why}"
        self._runner.place_claim(
            target,
            Claim(seen.address, self._clock(), icmp.sender, icmp.left, origin, detail),
        )
        return True

    async def _speaker(
        self, target: Target, address: str, icmp: Icmp
    ) -> tuple[Origin, str] | None:
        """Whose a message about an address is, and why, by the best that is known."""
        traced, other = self._traced_to(target), self._answering.at(address)
        # An address that forwards what is meant for it passes packets on as well.
        if icmp.sender in traced.addresses and icmp.sender != address:
            return Origin.PATH, ""
        told = None
        if other is not None:
            distance = await self._distances.measure(other, address)
            told = None if distance is None else whose(icmp, address, distance)
            by_host = told is not None and told[0] is Origin.DESTINATION
            # As far as a bare handshake may be no farther than a device is.
            if not by_host or not self._answering.is_bare(address):
                return told
        if (heard := self._answering.heard(address)) is not None:
            return whose(icmp, address, Distance(heard, None))
        reach = traced.reach.get(address)
        return told if reach is None else fits(icmp, address, reach)

    async def handshake(self, target: Target, address: str) -> bool:
        """Whether it is known now who completes the handshakes at an address."""
        other = self._answering.speaking_at(address)
        nearer = await self._nearer(target, address, other, Reason.ANSWERED)
        if nearer is not None:
            placed = Placed(address, self._clock(), open_questions.HANDSHAKE)
            self._runner.place_handshake(target, address, placed if nearer else None)
        return nearer is not None

    async def _nearer(
        self, target: Target, address: str, other: Target | None, end: Reason
    ) -> bool | None:
        """Whether what ends so comes from nearer than what answers another target."""
        if other is None:
            return None
        distance, nearer = await self._distances.measure(other, address), None
        if distance is not None:
            nearer = await self._runner.nearer(target, address, distance, end)
        if nearer is None:
            # Something is not as it was.
            self._distances.forget(other, address)
        return nearer

    def reset_on_path(self, target: Target, address: str, path: Path | None) -> None:
        """Takes in that resets at an address come from nearer than it is."""
        hop = path.last_hop if path is not None else ""
        detail = _RESET.format(where=f", at or behind {hop}" if hop else "")
        placed = Placed(address, self._clock(), detail)
        self._runner.place_reset(target, address, placed)

    def knows_routers(self, target: Target) -> bool:
        """Whether a trace has shown any on the path to a target."""
        return target.key in self._routers

    def note_routers(self, target: Target, address: str, path: Path) -> None:
        """Takes in who a trace has shown to pass packets on."""
        if len(self._routers) >= _ADDRESSES:
            self._routers.clear()
        passing = (h for h in path.hops if h.ttl != path.answered_ttl)
        spoken = frozenset(h.address for h in passing if h.address is not None)
        known = self._traced_to(target)
        reach = dict(known.reach)
        if path.answered_ttl is not None:
            reach[address] = path.answered_ttl
        spoken |= known.addresses
        self._routers[target.key] = _Routers(spoken, reach, self._clock())

    def _traced_to(self, target: Target) -> _Routers:
        known = self._routers.get(target.key)
        if known is None or self._clock() - known.at > _ROUTERS_AGE:
            return _Routers(frozenset(), {}, self._clock())
        return known
