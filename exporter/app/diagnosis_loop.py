"""Findings kept up to date behind the rounds, a little at a time.

A round that ends may change what explains the others, so all of it is looked at anew:
not after each round, but once things have been quiet for a moment, or after some seconds
at the latest; and never for so long at a time that a probe would notice.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from exporter.diagnose.diagnosis import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.diagnose.known import Known
    from exporter.model.finding import Finding
    from exporter.monitor.store import Record

DEBOUNCE = 2.0
"""Seconds that changes are gathered for."""
TIME_SLICE = 0.001
"""Seconds after which the event loop gets its turn."""
_SHARE = 50
"""Of how many parts of the time one, at the most, goes into looking for causes."""


class DiagnosisLoop:
    """Explains what is wrong, as often as anything changes.

    Args:
        known: what is known now.
        compare: learns what is of use for it and missing; whether anything was learnt.
        tell: takes in what was found.
        clock: seconds, to tell for how long the event loop was kept.
    """

    def __init__(
        self,
        known: Callable[[], Known],
        compare: Callable[[], Awaitable[bool]],
        tell: Callable[[tuple[Finding, ...]], Awaitable[None]],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._known = known
        self._compare = compare
        self._tell = tell
        self._clock = clock
        self._diagnosis = Diagnosis()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def findings(self) -> tuple[Finding, ...]:
        """What explains all that is wrong, the worst first."""
        return self._diagnosis.findings

    def hear(self, _record: Record) -> None:
        """Takes note that something is new of a target."""
        self._changed.set()

    def keep_explaining(self) -> None:
        """Explains what changes from now on, until closed."""
        self._changed.set()
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name="diagnosis")

    async def close(self) -> None:
        """Stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def explain(self) -> float:
        """Explains what is known now; the seconds of work that it took."""
        worked, since = 0.0, self._clock()
        for _ in self._diagnosis.steps(self._known()):
            now = self._clock()
            if now - since >= TIME_SLICE:
                worked += now - since
                await asyncio.sleep(0)
                since = self._clock()
        worked += self._clock() - since
        await self._tell(self.findings())
        return worked

    async def _keep(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(DEBOUNCE)
            self._changed.clear()
            worked = await self.explain()
            if await self._compare():
                self._changed.set()
            await asyncio.sleep(worked * _SHARE)
