"""A round as the service runs it: confirmed before it alarms, traced when it fails.

A verdict flips to violated only after a second look, for one lost packet is no
outage. Then it is told at once: where on the path it stops is traced afterwards, for
a trace takes seconds. Each failure is traced once, no target more often than the
cooldown allows, and only a few at a time. What a trace has shown of a reset is worth
no more than that trace, so it is made again when it has grown as old as the cooldown.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.model.outcome import Origin, ProbeError, Reason, Stage, Verdict
from exporter.model.rule import Expect, Transport
from exporter.probes.path import TRACEABLE
from exporter.probes.protocols.base import FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from exporter.model.outcome import Path, Result
    from exporter.model.rule import Target
    from exporter.monitor.store import Store
    from exporter.probes.distance import Distance
    from exporter.probes.runner import Runner

logger = logging.getLogger(__name__)

CONFIRM_AFTER = 1.0
"""Seconds between a failure and the second look."""
TRACE_COOLDOWN = 300.0
"""Seconds between two traces of one target, at the least."""
_TRACES = 2
"""Traces under way at once. Each takes about two seconds and wants a word of every
router, and Linux routers say no more than one a second to one peer."""


@dataclass(frozen=True, slots=True)
class _Measured:
    distance: Distance
    at: float


class Rounds:
    """Runs rounds into a store.

    Args:
        runner: probes and judges.
        store: takes results and paths.
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
        self._traced: dict[tuple[str, str, int], float] = {}
        self._unplaced: set[tuple[str, str, int]] = set()
        self._distances: dict[str, _Measured] = {}
        self._slots = asyncio.Semaphore(_TRACES)
        self._measuring = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, target: Target) -> float | None:
        """One round; returns seconds in which the peer wants no other, or None."""
        result = await self._runner.run(target)
        if self._flips(target, result) and self._may_confirm(target, result):
            await asyncio.sleep(CONFIRM_AFTER)
            again = await self._runner.run(target)
            result = replace(again, attempts=result.attempts + again.attempts)
        self._store.add(target, result)
        if addresses := self._to_trace(target, result):
            self._traced[target.key] = self._clock()
            task = asyncio.create_task(self._trace(target, result, addresses))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return _hold_off(result)

    async def wait_for_traces(self) -> None:
        """Waits for the traces under way."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Ends the traces under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _flips(self, target: Target, result: Result) -> bool:
        record = self._store.record(target)
        before = record.verdict if record is not None else Verdict.UNKNOWN
        return result.verdict is Verdict.VIOLATED and before is not Verdict.VIOLATED

    def _may_confirm(self, target: Target, result: Result) -> bool:
        """The resolver asks twice by itself; a peer with a floor is not asked again.

        Unless nothing of ours reached that peer's service in the first place.
        """
        stage = result.observation.stage
        if stage is Stage.RESOLVE:
            return False
        return stage is Stage.CONNECT or self._runner.prober(target.rule).floor <= FLOOR

    def _to_trace(self, target: Target, result: Result) -> Collection[str]:
        """The addresses to trace now: of a new failure, or with old evidence."""
        if result.verdict is Verdict.HOLDS and target.rule.expect is Expect.ALLOW:
            return ()
        last = self._traced.get(target.key)
        record = self._store.record(target)
        cooling = last is not None and self._clock() - last < TRACE_COOLDOWN
        if record is None or cooling:
            return ()
        resets = _resets(result)
        if Origin.PATH in resets.values():
            return resets
        if record.path is not None and not self._may_place(target, resets):
            return ()
        if not _ends_on_the_path(result):
            return ()
        return dict.fromkeys([*resets, result.observation.address])

    def _may_place(self, target: Target, resets: Collection[str]) -> bool:
        """Whether the distance that a trace of these resets lacked is known by now."""
        return target.key in self._unplaced and any(map(self._answered_at, resets))

    async def _trace(
        self, target: Target, result: Result, addresses: Collection[str]
    ) -> None:
        try:
            async with self._slots:
                paths = {
                    one: await self._path(target, result, one) for one in addresses
                }
        except ProbeError as error:
            # This host was in no state to trace: a later round may try again.
            logger.info("%s: %s", target, error.detail)
            self._traced.pop(target.key, None)
            return
        placed = self._runner.place_resets(target, result, paths)
        self._store.revise(target, result, placed)
        if result.observation.address in paths:
            self._store.add_path(target, paths[result.observation.address])

    async def _path(self, target: Target, result: Result, address: str) -> Path:
        distance = None
        if address in _resets(result):
            distance = await self._distance(address)
            known = self._unplaced.discard if distance else self._unplaced.add
            known(target.key)
        return await self._runner.trace(target, address, distance)

    async def _distance(self, address: str) -> Distance | None:
        """How far a host is, as a rule that it answers over TCP measures it."""
        async with self._measuring:
            now = self._clock()
            self._distances = {
                key: one
                for key, one in self._distances.items()
                if now - one.at < TRACE_COOLDOWN
            }
            other = self._answered_at(address)
            if address not in self._distances and other is not None:
                distance = await self._runner.distance(other, address)
                if distance is not None:
                    self._distances[address] = _Measured(distance, now)
            known = self._distances.get(address)
        return None if known is None else known.distance

    def _answered_at(self, address: str) -> Target | None:
        """A target over TCP that the address answers at present, if there is one."""
        for record in self._store.records():
            if record.target.rule.transport is not Transport.TCP:
                continue
            for one in record.latest.addresses if record.latest else ():
                seen = one.observation
                here = seen.address == address and not seen.via
                if seen.reason is Reason.ANSWERED and here:
                    return record.target
        return None


def _resets(result: Result) -> dict[str, Origin]:
    """The addresses that reset, and whose reset that is known to be."""
    ends = [one.observation for one in result.addresses]
    return {
        seen.address: seen.origin
        for seen in ends
        if seen.reason is Reason.REFUSED and not seen.via
    }


def _ends_on_the_path(result: Result) -> bool:
    """Whether it failed somewhere between this host and the destination's service."""
    seen = result.observation
    early = seen.stage is Stage.CONNECT and bool(seen.address) and not seen.via
    left = seen.reason in TRACEABLE and seen.origin is not Origin.SELF
    return early and left and result.verdict is not Verdict.HOLDS


def _hold_off(result: Result) -> float | None:
    asked = (one.observation.evidence.hold_off for one in result.addresses)
    return max((seconds for seconds in asked if seconds is not None), default=None)
