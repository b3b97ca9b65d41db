"""Answers that take work: made piece by piece in turns, or made once for all who ask.

A long answer is streamed: each piece is made when it is the client's source's turn, and
sent without holding a place, so a client that reads slowly keeps nobody from theirs. A
page is drawn once for everybody who asks for it within a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from exporter.http.compression import gzipped
from exporter.http.fairness import FairPool, source_of
from exporter.http.negotiation import accepts_gzip

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable

logger = logging.getLogger(__name__)

FRESH = 1.0
"""Seconds for which a page is shown again."""
PATIENCE = 5.0
"""Seconds that somebody waits for an answer to be begun; then 503."""
PLACES = 2
"""Pieces made at once in one pool: while one waits for its turn of the event loop."""
_KEPT = 64
"""Pages kept; the table of one configuration has more filters than anybody turns to."""


class Pages:
    """Draws pages, each no more often than `FRESH` allows."""

    def __init__(self, pool: FairPool) -> None:
        self._pool = pool
        self._drawn: dict[Hashable, tuple[float, asyncio.Task[str]]] = {}

    async def get(
        self,
        request: web.Request,
        key: Hashable,
        draw: Callable[[], Awaitable[str]],
    ) -> web.Response:
        """A page, drawn now or a moment ago.

        Args:
            request: who asks.
            key: what the page shows, and all that it depends on but the time.
            draw: draws it.

        Raises:
            TimeoutError: too much else is being drawn.
        """
        now = asyncio.get_running_loop().time()
        at, task = self._drawn.get(key, (-FRESH, None))
        if task is None or now - at >= FRESH:
            self._forget(now)
            source = source_of(request.remote)
            task = asyncio.create_task(self._draw(source, draw), name="page")
            # From its beginning on: what it tells is no newer.
            self._drawn[key] = (now, task)
        # Whoever asked first may leave; the others still wait for it.
        page = await asyncio.shield(task)
        return web.Response(text=page, content_type="text/html")

    async def close(self) -> None:
        """Ends what is being drawn."""
        tasks = [task for _, task in self._drawn.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _draw(self, source: str, draw: Callable[[], Awaitable[str]]) -> str:
        async with self._pool.place(source, PATIENCE):
            return await draw()

    def _forget(self, now: float) -> None:
        """Drops what is too old to be shown, and the oldest if there is too much."""
        old = [
            key
            for key, (at, task) in self._drawn.items()
            if task.done() and now - at >= FRESH
        ]
        for key in old:
            del self._drawn[key]
        while len(self._drawn) >= _KEPT:
            _, task = self._drawn.pop(next(iter(self._drawn)))
            task.cancel()


async def stream(
    request: web.Request,
    content_type: str,
    chunks: AsyncGenerator[bytes],
    pool: FairPool,
) -> web.StreamResponse:
    """Sends chunks as they are made, gzipped where that is welcome.

    Raises:
        TimeoutError: too many answers are being made to begin another one.
    """
    headers = {hdrs.CONTENT_TYPE: content_type}
    headers[hdrs.VARY] = f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}"
    if accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, []))):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        chunks = gzipped(chunks)
    response = web.StreamResponse(headers=headers)
    async with contextlib.aclosing(chunks):
        if request.method == hdrs.METH_HEAD:
            await response.prepare(request)
            return response
        source = source_of(request.remote)
        async with pool.place(source, PATIENCE):
            chunk = await anext(chunks, b"")
        await response.prepare(request)
        try:
            while chunk:
                await response.write(chunk)
                async with pool.place(source):
                    chunk = await anext(chunks, b"")
        except ConnectionResetError:
            logger.info("%s did not read all of its answer", request.remote)
    return response
