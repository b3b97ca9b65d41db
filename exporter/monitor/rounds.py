"""A round as the service runs it: confirmed before it alarms, traced when it fails.

A verdict flips to violated only after a second look, for one lost packet is no
outage. A failure that names nobody is traced: a reset at once, since a trace of it
takes milliseconds and may show that a device on the path sent it; silence afterwards,
since that takes seconds. Each failure is traced once, no target more often than the
cooldown allows, and only a few at a time.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.probes.outcome import Reason, Stage, Verdict
from exporter.probes.path import TRACEABLE
from exporter.probes.protocols.base import FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.monitor.store import Store
    from exporter.probes.outcome import Path, Result
    from exporter.probes.runner import Runner
    from exporter.rules.rule import Target

CONFIRM_AFTER = 1.0
"""Seconds between a failure and the second look."""
TRACE_COOLDOWN = 300.0
"""Seconds between two traces of one target, at the least."""
_TRACES = 3
"""Traces under way at once."""


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
        self._slots = asyncio.Semaphore(_TRACES)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, target: Target) -> float | None:
        """One round; returns seconds in which the peer wants no other, or None."""
        result = await self._runner.run(target)
        if self._flips(target, result) and self._may_confirm(target, result):
            await asyncio.sleep(CONFIRM_AFTER)
            again = await self._runner.run(target)
            result = replace(again, attempts=result.attempts + again.attempts)
        worth_a_trace = self._worth_a_trace(target, result)
        if worth_a_trace and result.observation.reason is Reason.REFUSED:
            await self._trace_reset(target, result)
        else:
            self._store.add(target, result)
            if worth_a_trace:
                task = asyncio.create_task(self._trace_silence(target, result))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return _hold_off(result)

    async def settle(self) -> None:
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

    def _worth_a_trace(self, target: Target, result: Result) -> bool:
        seen = result.observation
        if result.verdict is Verdict.HOLDS or seen.stage is not Stage.CONNECT:
            return False
        if seen.reason not in TRACEABLE or not seen.address or seen.via:
            return False
        record = self._store.record(target)
        if record is None or (record.latest is not None and record.path is not None):
            return False
        last = self._traced.get(target.key)
        if last is not None and self._clock() - last < TRACE_COOLDOWN:
            return False
        self._traced[target.key] = self._clock()
        return True

    async def _trace_reset(self, target: Target, result: Result) -> None:
        address = result.observation.address
        async with self._slots:
            distance = await self._distance(target, address)
            path = await self._runner.trace(target, address, distance)
        if path.refused_on_path:
            attempts = result.attempts
            result = self._runner.blame_path(target, result, path)
            result = replace(result, attempts=attempts)
        self._store.add(target, result)
        self._store.add_path(target, path)

    async def _trace_silence(self, target: Target, result: Result) -> None:
        async with self._slots:
            path = await self._runner.trace(target, result.observation.address)
        self._store.add_path(target, path)

    async def _distance(self, target: Target, address: str) -> int | None:
        """Hops to a host, as another rule that it answers measures them."""
        for record in self._store.records():
            other = record.target
            answered = record.latest is not None and any(
                one.observation.reason is Reason.ANSWERED
                and one.observation.address == address
                for one in record.latest.addresses
            )
            if answered and other.rule.transport is target.rule.transport:
                path: Path = await self._runner.trace(other, address)
                return path.answered_ttl if path.ended is Reason.ANSWERED else None
        return None


def _hold_off(result: Result) -> float | None:
    asked = (one.observation.evidence.hold_off for one in result.addresses)
    return max((seconds for seconds in asked if seconds is not None), default=None)
