"""gzip of a stream, without holding up the event loop.

Compression runs in a thread, which zlib lets run freely, while the next part is
being put together. Level 1: the text is so repetitive that more effort buys little.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_LEVEL = 1
_GZIP = 31
"""zlib's window size of 2**15 bytes, plus 16 for a gzip header and trailer."""
_BATCH = 1 << 20
"""Bytes handed to the thread at once: some 2 ms of work, so that the way there does not
matter."""
_AHEAD = 8
"""Batches that may wait for the thread, so that it never waits for the event loop."""


async def gzipped(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The stream as one gzip member (RFC 1952)."""
    loop = asyncio.get_running_loop()
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def compress(batch: Sequence[bytes]) -> bytes:
        return compressor.compress(b"".join(batch))

    # A thread of its own, so that what waits for it stays in order.
    thread = ThreadPoolExecutor(1, "gzip")
    under_way: deque[asyncio.Future[bytes]] = deque()
    try:
        async with aclosing(_batches(chunks)) as batches:
            async for batch in batches:
                under_way.append(loop.run_in_executor(thread, compress, batch))
                if len(under_way) > _AHEAD:
                    yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
    yield compressor.flush()


async def _batches(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[Sequence[bytes]]:
    pending: list[bytes] = []
    size = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            pending.append(chunk)
            size += len(chunk)
            if size >= _BATCH:
                yield pending
                pending = []
                size = 0
    yield pending
