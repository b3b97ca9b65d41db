from __future__ import annotations

import asyncio
import gzip
import os

from exporter.http.compression import gzipped


async def parts(*chunks, closed=None):
    try:
        for chunk in chunks:
            await asyncio.sleep(0)
            yield chunk
    finally:
        if closed is not None:
            closed.append(True)


async def test_a_stream_comes_back_whole_and_smaller():
    chunks = [b"%d " % i * 50_000 for i in range(100)]
    compressed = b"".join([part async for part in gzipped(parts(*chunks))])
    assert gzip.decompress(compressed) == b"".join(chunks)
    assert len(compressed) < len(b"".join(chunks)) / 50


async def test_what_is_compressed_goes_out_before_all_was_made():
    made = []

    async def source():
        for number in range(20):
            made.append(number)
            yield os.urandom(1 << 16)

    stream = gzipped(source())
    await anext(stream)
    assert made in ([0], [0, 1])
    await stream.aclose()


async def test_nothing_is_an_empty_gzip_member():
    compressed = b"".join([part async for part in gzipped(parts())])
    assert gzip.decompress(compressed) == b""


async def test_a_stream_left_early_closes_its_source():
    closed = []
    stream = gzipped(parts(*[os.urandom(1 << 18)] * 9, closed=closed))
    await anext(stream)
    await stream.aclose()
    assert closed == [True]
