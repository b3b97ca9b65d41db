"""Cyclic garbage collection, paced: a small step at a time between probes.

A collection visits every object younger than the one before it, and nothing else runs
meanwhile. Left alone, Python collects when many more objects were made than went; but
here each result replaces one before, so that hardly ever happens, and then everything
of the last minutes is visited, for 30 ms with 10 000 targets. A full collection takes
a tenth of a second and more. But what lasts here (rules, results, rendered rows) is in
no reference cycle, and what is (tasks, tracebacks) dies young: so young objects are
visited several times a second, and what has lasted hardly ever. The exception is
clients' connections: each refers to itself, and whoever opens many of them for some
seconds each would fill the memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_EVERY = 0.25
"""Seconds between two collections."""
_MIDDLE = 8
"""Collections of which one takes in the middle generation: so few objects are there by
then that it takes a millisecond or two."""
_YOUNG = 5000
"""Objects more than before that make a young collection due at once: those of some
hundred probes under way, which were only looked at and kept with fewer."""
_FULL = 15_000
"""Collections of the middle generation that make a full one due."""
_CONNECTIONS = 5000
"""Connections that make one due as well: of each a kilobyte or two is left."""


@contextlib.asynccontextmanager
async def incremental_gc(ended: Callable[[], int] = lambda: 0) -> AsyncIterator[None]:
    """Takes all that exists now for lasting, and until left collects young objects.

    Args:
        ended: how many connections of clients are over.
    """
    gc.freeze()
    _, middle, _ = gc.get_threshold()
    gc.set_threshold(_YOUNG, middle, _FULL)
    task = asyncio.create_task(_collect(ended), name="gc")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _collect(ended: Callable[[], int]) -> None:
    before = ended()
    for number in itertools.count(1):
        await asyncio.sleep(_EVERY)
        if ended() - before >= _CONNECTIONS:
            before = ended()
            gc.collect()
        else:
            gc.collect(1 if number % _MIDDLE == 0 else 0)
