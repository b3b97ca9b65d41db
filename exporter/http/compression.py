"""gzip of a stream, as it is made.

With ISA-L, which takes half a millisecond for a megabyte of such text: no longer than
putting it together does, so the event loop is not held up and no thread is needed.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_LEVEL = 1
"""The text is so repetitive that more effort buys little."""
_GZIP = 31
"""The window size of 2**15 bytes, plus 16 for a gzip header and trailer."""


async def gzipped(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The stream as one gzip member (RFC 1952)."""
    compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    async with aclosing(chunks):
        async for chunk in chunks:
            if part := compressor.compress(chunk):
                yield part
    yield compressor.flush()
