"""One round over a set of targets, now: what `check` runs.

The scheduler's bounds hold here too. Rules that need a witness come first, so that
what it says in its own round was said after the silence it is heard about.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from exporter.monitor.scheduler import PER_DESTINATION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from exporter.model.rule import Target
    from exporter.monitor.scheduler import Limits


async def run_once(
    targets: Sequence[Target],
    run: Callable[[Target], Awaitable[object]],
    limits: Limits,
) -> None:
    """Probes each target once, those that need a witness before the witnesses."""
    first = [target for target in targets if target.rule.witness is not None]
    then = [target for target in targets if target.rule.witness is None]
    pace = _Pace(limits)
    for group in (first, then):
        await asyncio.gather(*(pace.run(target, run) for target in group))


class _Pace:
    def __init__(self, limits: Limits) -> None:
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(PER_DESTINATION)
        )
        self._gap = 1 / limits.rate
        self._next = 0.0

    async def run(
        self, target: Target, run: Callable[[Target], Awaitable[object]]
    ) -> None:
        async with self._hosts[target.destination], self._slots:
            now = asyncio.get_running_loop().time()
            self._next = max(self._next + self._gap, now)
            await asyncio.sleep(self._next - now)
            await run(target)
