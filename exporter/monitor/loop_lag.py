"""How late the event loop runs: our own overload, measured.

A heartbeat asks to be woken every interval and books how much later it was. The
latest lateness is a metric; their sum tells the runner how much of a wait was ours.
"""

from __future__ import annotations

import asyncio
import contextlib

_INTERVAL = 0.1
_NOISE = 0.01
"""Lateness below this is the timer's own grain."""


class LoopLag:
    """A heartbeat on the running loop; `async with` starts and ends it.

    Attributes:
        latest: seconds by which the most recent beat came late.
    """

    def __init__(self, interval: float = _INTERVAL) -> None:
        self.latest = 0.0
        self._sum = 0.0
        self._interval = interval
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LoopLag:
        self._due = asyncio.get_running_loop().time() + self._interval
        self._task = asyncio.create_task(self._beat(), name="loop-lag")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def stalled(self) -> float:
        """Seconds this loop was held up since the start, the present stall included."""
        late = asyncio.get_running_loop().time() - self._due
        return self._sum + (late if late > _NOISE else 0.0)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._due - loop.time())
            late = loop.time() - self._due
            self.latest = late
            self._sum += late if late > _NOISE else 0.0
            self._due = loop.time() + self._interval
