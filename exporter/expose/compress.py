"""gzip of a stream, without holding up the event loop.

Compression runs in a thread, which zlib lets run freely, while the next part is
being put together. Level 1: the text is so repetitive that more effort buys little.
"""

from __future__ import annotations

import asyncio
import zlib
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_LEVEL = 1
_GZIP = 31
"""zlib's window size of 2**15 bytes, plus 16 for a gzip header and trailer."""
_BATCH = 1 << 21
"""Bytes handed to the thread at once: some 4 ms of work, so that the way there and the
wait for the event loop's turn do not matter."""


async def gzipped(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The stream as one gzip member (RFC 1952)."""
    loop = asyncio.get_running_loop()
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def compress(batch: Sequence[bytes]) -> bytes:
        return compressor.compress(b"".join(batch))

    under_way = loop.run_in_executor(None, compress, ())
    async with aclosing(_batches(chunks)) as batches:
        async for batch in batches:
            yield await under_way
            under_way = loop.run_in_executor(None, compress, batch)
    yield await under_way
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
