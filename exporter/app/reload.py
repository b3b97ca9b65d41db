"""Reloads, one at a time: requests that come during one share the next.

A storm of requests is one reload that runs and one that waits, which begins after the
last of them and so sees what each of them was meant to put in force.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


class Reloader:
    """Merges requests to reload.

    Args:
        load: one reload; gives the problems, none if it is in force.
    """

    def __init__(self, load: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._load = load
        self._running = asyncio.Lock()
        self._waiting: asyncio.Task[Sequence[str]] | None = None
        self._tasks: set[asyncio.Task[Sequence[str]]] = set()

    async def reload(self) -> Sequence[str]:
        """A reload that begins no earlier than now; gives its problems."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._next(), name="reload")
            self._tasks.add(self._waiting)
            self._waiting.add_done_callback(self._tasks.discard)
        # Whoever asked may leave; the others still wait for it.
        return await asyncio.shield(self._waiting)

    async def close(self) -> None:
        """Ends what runs and what waits."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _next(self) -> Sequence[str]:
        async with self._running:
            self._waiting = None
            return await self._load()
