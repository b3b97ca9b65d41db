"""Where it stops, and who it was that answered: looked into behind a round.

A trace takes seconds, so a failure is told first and traced in the background: once,
no target more often than the cooldown allows, and only a few at a time. Whether a reset
or a bare handshake comes from nearer than its host is a matter of a few packets. That
is worth no more than the state it explains, so it is asked anew each round, against the
distance of an address that answers another rule now; what nobody confirms expires.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from exporter.model.outcome import Origin, ProbeError, Reason, Stage, Verdict
from exporter.model.rule import Expect, Proof, Transport
from exporter.model.verdict_case import Claim, Placed
from exporter.probes.distance import whose
from exporter.probes.protocols.base import FLOOR
from exporter.probes.traceroute import TRACEABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.model.network_path import Path
    from exporter.model.outcome import Observation, Result
    from exporter.model.rule import Key, Target
    from exporter.monitor.store import Store
    from exporter.probes.distance import Distance
    from exporter.probes.runner import Runner

logger = logging.getLogger(__name__)

TRACE_COOLDOWN = 300.0
"""Seconds between two traces of one target, at the least."""
DISTANCE_AGE = 60.0
"""Seconds for which the measured distance of an address may be used."""
_TRACES = 2
"""Traces under way at once. Each takes about two seconds and wants a word of every
router, and Linux routers say no more than one a second to one peer."""
_LOOKS = 8
"""Targets at once of which distances are compared: that wants no word of routers."""
_MOST_BEGUN = 256
"""Traces that somebody waits for who waits for one round, however long they take."""
_ADDRESSES = 50_000
_RESET = "reset by a device on the path{where}: nearer than the destination is"
_OWN = "reset from as far away as the destination is: the path is open, nothing listens"
_HANDSHAKE = (
    "a device completes the handshake: it is nearer than what answers other rules there"
)


@dataclass(frozen=True, slots=True)
class _Measured:
    distance: Distance
    at: float


@dataclass(frozen=True, slots=True)
class _Routers:
    """The addresses of those that a trace has shown to pass packets on."""

    addresses: frozenset[str]
    at: float


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be looked into: addresses, none if not now."""

    resets: tuple[str, ...] = ()
    handshakes: tuple[str, ...] = ()
    claims: tuple[Observation, ...] = ()
    traces: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.resets or self.handshakes or self.claims or self.traces)


class Traces:
    """Looks into results, and has them judged anew where that changes them.

    Args:
        runner: traces, measures and judges.
        store: takes paths and what a result turns out to be.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._store = store
        self._clock = clock
        self._traced: dict[Key, float] = {}
        self._compared: dict[Key, float] = {}
        self._open: set[Key] = set()
        self._busy: set[Key] = set()
        self._routers: dict[Key, _Routers] = {}
        self._spoken: dict[str, Target] = {}
        self._shaken: dict[str, Target] = {}
        self._distances: dict[tuple[str, Key], _Measured] = {}
        self._measuring: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._until = math.inf
        self._begun = 0
        self._slots = asyncio.Semaphore(_TRACES)
        self._looks = asyncio.Semaphore(_LOOKS)
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, target: Target, result: Result) -> None:
        """Looks into a result that the store has taken, if there is anything to see."""
        self._note_answers(target, result)
        if target.key in self._busy or not _may_tell(target, result):
            return
        due = self._due(target, result)
        if not due:
            return
        self._busy.add(target.key)
        if due.traces:
            self._traced[target.key] = self._clock()
        task = asyncio.create_task(self._look(target, result, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, patience: float) -> None:
        """Ends what is under way, then judges by all that is known at the end.

        So that an answer does not depend on who was probed before whom.

        Args:
            patience: seconds after which no trace is begun any more: where thousands
                of targets fail alike, those traced by then tell of the others.
        """
        self._until = self._clock() + patience
        await asyncio.gather(*self._tasks)
        for record in self._store.records():
            if record.latest is None:
                continue
            self._revise(record.target, record.latest)
            if record.target.key in self._open:
                self.follow(record.target, record.latest)
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, target: Target, result: Result) -> _Due:
        last = self._traced.get(target.key)
        cooling = last is not None and self._clock() - last < TRACE_COOLDOWN
        resets = _resets(result)
        # A rule that allows is violated by a reset, whoever sent it, unless it asks for
        # the path alone.
        wanted = target.rule.expect is Expect.DENY or _asks_for_the_path(target)
        sure = wanted or Origin.PATH in resets.values()
        was_open = target.key in self._open
        self._open.discard(target.key)
        if cooling and not sure and not was_open:
            resets = {}
        claims = [
            seen
            for seen in _claims(result)
            if was_open or not cooling or _decides(target, seen)
        ]
        record = self._store.record(target)
        traced = record is None or record.path is not None
        traces: dict[str, None] = {}
        if not cooling and not traced and _ends_on_the_path(result):
            traces[result.observation.address] = None
        if not cooling:
            traces |= dict.fromkeys(self._unknown_speakers(target, result))
        return _Due(
            resets=self._measurable(target, resets),
            handshakes=self._handshakes(target, result),
            claims=self._answerable(target, claims),
            traces=tuple(traces),
        )

    def _unknown_speakers(self, target: Target, result: Result) -> Iterator[str]:
        """An address for each sender of which only a trace shows whether it is a router."""
        senders = set()
        for seen in _claims(result):
            sender = seen.icmp.sender if seen.icmp is not None else ""
            if not _needs_a_router(seen) or sender in senders:
                continue
            if not self._measurable(target, [seen.address]):
                senders.add(sender)
                yield seen.address

    def _answerable(
        self, target: Target, claims: Iterable[Observation]
    ) -> tuple[Observation, ...]:
        """Those of which a distance, or what a trace has shown, can be known."""
        return tuple(
            seen
            for seen in claims
            if target.key in self._routers or self._measurable(target, [seen.address])
        )

    def _measurable(self, target: Target, addresses: Iterable[str]) -> tuple[str, ...]:
        """Those of which a distance can be known; without one the case stays open."""
        found = tuple(one for one in addresses if self._neighbour(one) is not None)
        if len(found) < len(list(addresses)):
            self._open.add(target.key)
        return found

    def _handshakes(self, target: Target, result: Result) -> tuple[str, ...]:
        """Addresses whose bare handshake may be compared with other answers there."""
        if target.rule.probe != "tcp" or result.case is None:
            return ()
        seen = result.case.sightings
        bare = [s.address for s in seen if _answers(s)]
        doubted = any(_is_doubted(one.observation) for one in result.addresses)
        last = self._compared.get(target.key)
        if last is not None and not doubted and self._clock() - last < TRACE_COOLDOWN:
            return ()
        found = tuple(one for one in bare if self._valid(self._spoken, one))
        if len(found) < len(bare):
            self._open.add(target.key)
        if found:
            self._compared[target.key] = self._clock()
        return found

    async def _look(self, target: Target, result: Result, due: _Due) -> None:
        try:
            async with self._looks:
                resets = (self._place_reset(target, one) for one in due.resets)
                shakes = (self._place_handshake(target, one) for one in due.handshakes)
                claims = (self._place_claim(target, one) for one in due.claims)
                await asyncio.gather(*resets, *shakes, *claims)
            latest = self._revise(target, result)
            for address in due.traces:
                async with self._slots:
                    if not self._may_begin(result):
                        return
                    self._begun += 1
                    path = await self._runner.trace(target, address)
                latest = await self._take_path(target, latest, address, path)
        except ProbeError as error:
            # This host was in no state to look: a later round may try again.
            logger.info("%s: %s", target, error.detail)
            self._traced.pop(target.key, None)
            self._compared.pop(target.key, None)
        finally:
            self._busy.discard(target.key)

    def _may_begin(self, result: Result) -> bool:
        """Whether somebody who waits for one round waits for this trace too.

        Without it nobody knows whose a message is; where a router speaks it is short.
        """
        speaks = any(map(_needs_a_router, _claims(result)))
        return self._clock() <= self._until or (speaks and self._begun < _MOST_BEGUN)

    async def _place_reset(self, target: Target, address: str) -> None:
        nearer = await self._nearer(
            target, address, self._neighbour(address), Reason.REFUSED
        )
        record = self._store.record(target)
        path = record.path if record is not None else None
        if nearer:
            self._runner.place_reset(target, address, self._reset(address, path))
        elif nearer is not None:
            own = Placed(address, self._clock(), _OWN, Origin.DESTINATION)
            told = own if _asks_for_the_path(target) else None
            self._runner.place_reset(target, address, told)

    async def _place_claim(self, target: Target, seen: Observation) -> None:
        icmp, other = seen.icmp, self._neighbour(seen.address)
        if icmp is None:
            return
        told: tuple[Origin, str] | None = None
        if icmp.sender in self._routers_to(target):
            told = (Origin.PATH, "")
        elif other is not None:
            distance = await self._distance(other, seen.address)
            if distance is not None:
                told = whose(icmp, seen.address, distance)
        if told is None:
            self._open.add(target.key)
            return
        origin, why = told
        detail = seen.detail
        if why and why not in detail:
            detail = f"{detail}; {why}"
        self._runner.place_claim(
            target,
            Claim(seen.address, self._clock(), icmp.sender, icmp.left, origin, detail),
        )

    def _routers_to(self, target: Target) -> frozenset[str]:
        known = self._routers.get(target.key)
        if known is None or self._clock() - known.at > 2 * TRACE_COOLDOWN:
            return frozenset()
        return known.addresses

    async def _place_handshake(self, target: Target, address: str) -> None:
        other = self._valid(self._spoken, address)
        nearer = await self._nearer(target, address, other, Reason.ANSWERED)
        if nearer is not None:
            placed = Placed(address, self._clock(), _HANDSHAKE) if nearer else None
            self._runner.place_handshake(target, address, placed)

    async def _nearer(
        self, target: Target, address: str, other: Target | None, end: Reason
    ) -> bool | None:
        """Whether what ends so comes from nearer than what answers another target."""
        distance = await self._distance(other, address) if other is not None else None
        nearer = None
        if distance is not None:
            nearer = await self._runner.nearer(target, address, distance, end)
        if nearer is None:
            # Something is not as it was: the distance is measured anew next time.
            self._open.add(target.key)
            if other is not None:
                self._distances.pop((address, other.key), None)
        return nearer

    def _reset(self, address: str, path: Path | None) -> Placed:
        hop = path.last_hop if path is not None else ""
        where = f", at or behind {hop}" if hop else ""
        return Placed(address, self._clock(), _RESET.format(where=where))

    def _note_routers(self, target: Target, path: Path) -> None:
        if len(self._routers) >= _ADDRESSES:
            self._routers.clear()
        passing = (h for h in path.hops if h.ttl != path.answered_ttl)
        spoken = frozenset(h.address for h in passing if h.address is not None)
        spoken |= self._routers_to(target)
        self._routers[target.key] = _Routers(spoken, self._clock())

    async def _take_path(
        self, target: Target, result: Result, address: str, path: Path
    ) -> Result:
        """Takes in a trace; a reset from nearer than the host is, is where it ends."""
        traced = [one for one in _observations(result) if one.address == address]
        if any(one.icmp is not None for one in traced):
            self._note_routers(target, path)
            claims = _claims(result)
            for one in traced:
                if one in claims:
                    await self._place_claim(target, one)
            result = self._revise(target, result)
        seen = result.observation
        if seen.address != address:
            return result
        if seen.origin is Origin.PATH and path.ended is Reason.REFUSED:
            path = replace(path, refused_on_path=True)
            placed = self._reset(seen.address, path)
            self._runner.place_reset(target, seen.address, placed)
            result = self._revise(target, result)
        self._store.add_path(target, path)
        return result

    def _revise(self, target: Target, result: Result) -> Result:
        anew = self._runner.reconsider(target, result)
        if anew.addresses == result.addresses:
            return result
        self._store.revise(target, result, anew)
        return anew

    async def _distance(self, other: Target, address: str) -> Distance | None:
        """How far a host is, as a rule that it answers over TCP measures it."""
        async with self._measuring.setdefault(address, asyncio.Lock()):
            now = self._clock()
            known = self._distances.get((address, other.key))
            # Measuring takes a dozen connections, which is too much for some.
            age = TRACE_COOLDOWN if self._is_reserved(other) else DISTANCE_AGE
            if known is not None and now - known.at < age:
                return known.distance
            distance = await self._runner.distance(other, address)
            if distance is not None:
                self._distances = {
                    key: one
                    for key, one in self._distances.items()
                    if now - one.at < TRACE_COOLDOWN
                }
                self._distances[address, other.key] = _Measured(distance, now)
            return distance

    def _note_answers(self, target: Target, result: Result) -> None:
        if target.rule.transport is not Transport.TCP:
            return
        last_choice = target.rule.probe == "tcp" or self._is_reserved(target)
        where = self._shaken if last_choice else self._spoken
        for one in result.addresses:
            if _answers(one.observation):
                if len(where) >= _ADDRESSES:
                    where.clear()
                where[one.observation.address] = target

    def _neighbour(self, address: str) -> Target | None:
        """A target over TCP that the address answers at present, if there is one.

        One that speaks a protocol, and minds no connections, before any other.
        """
        spoken = self._valid(self._spoken, address)
        return spoken or self._valid(self._shaken, address)

    def _is_reserved(self, target: Target) -> bool:
        """Whether its protocol has a floor: whoever serves it counts connections."""
        return self._runner.prober(target.rule).floor > FLOOR

    def _valid(self, known: dict[str, Target], address: str) -> Target | None:
        target = known.get(address)
        record = self._store.record(target) if target is not None else None
        for one in record.latest.addresses if record and record.latest else ():
            if one.observation.address == address and _answers(one.observation):
                return target
        known.pop(address, None)
        return None


def _may_tell(target: Target, result: Result) -> bool:
    """Whether anything that can be learnt behind the round would be of use."""
    fine = result.verdict is Verdict.HOLDS and target.rule.expect is Expect.ALLOW
    return not fine or target.rule.probe in {"tcp", "udp"}


def _asks_for_the_path(target: Target) -> bool:
    """Whether a refusal by the host itself is all that the rule needs."""
    return target.rule.proof is not Proof.SERVICE


def _answers(seen: Observation) -> bool:
    return seen.reason is Reason.ANSWERED and not seen.via


def _is_doubted(seen: Observation) -> bool:
    return seen.reason is Reason.UNTESTED and seen.detail == _HANDSHAKE


def _resets(result: Result) -> dict[str, Origin]:
    """The addresses that reset, and whose reset that is known to be."""
    return {
        seen.address: seen.origin
        for seen in _observations(result)
        if seen.reason is Reason.REFUSED
        and seen.origin in {Origin.NOBODY, Origin.PATH, Origin.DESTINATION}
        and seen.icmp is None
        and not seen.via
    }


def _claims(result: Result) -> list[Observation]:
    """What ICMP messages say whose sender is worth looking into.

    Anybody may say that he is the destination; and who says that a port is unreachable
    may be the host, with another of its addresses.
    """
    return [
        seen
        for seen in _observations(result)
        if seen.icmp is not None
        and seen.stage is Stage.CONNECT
        and seen.origin is not Origin.SELF
        and not seen.via
        and (seen.icmp.sender == seen.address or _needs_a_router(seen))
    ]


def _needs_a_router(seen: Observation) -> bool:
    """Whether it is to be shown that a device on the path, not the host, speaks."""
    unreachable = seen.reason is Reason.PORT_UNREACHABLE and seen.icmp is not None
    return unreachable and seen.icmp is not None and seen.icmp.sender != seen.address


def _decides(target: Target, seen: Observation) -> bool:
    """Whether a verdict or a name rests on whose the message is."""
    if seen.reason is Reason.PORT_UNREACHABLE:
        return target.rule.expect is Expect.DENY or target.rule.probe == "udp"
    by_name = seen.icmp is not None and seen.icmp.sender == seen.address
    return by_name and seen.origin is not Origin.DESTINATION


def _observations(result: Result) -> Iterator[Observation]:
    return (one.observation for one in result.addresses)


def _ends_on_the_path(result: Result) -> bool:
    """Whether it failed somewhere between this host and the destination's service."""
    seen = result.observation
    early = seen.stage is Stage.CONNECT and bool(seen.address) and not seen.via
    left = seen.reason in TRACEABLE and seen.origin is not Origin.SELF
    return early and left and result.verdict is not Verdict.HOLDS
