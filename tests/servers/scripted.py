"""Peers with a script, inside TLS where wanted; plain misbehaviour is the lab's."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from tests.lab.misbehave import mute

GONE = (OSError, ssl.SSLError, asyncio.IncompleteReadError)


@contextlib.asynccontextmanager
async def peer(treat, tls=None):
    """Treats each TCP connection by a coroutine function; yields the port."""
    tasks = set()

    async def accepted(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            with contextlib.suppress(*GONE):
                await treat(reader, writer)
            with contextlib.suppress(*GONE):
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def replies(data):
    """Sends `data` once it has been asked anything, and then waits."""

    async def treat(reader, writer):
        await reader.read(4096)
        writer.write(data)
        await mute(reader, writer)

    return treat


def dialogue(*steps, heard=None):
    """Sends the first step, then each next one after a line was read.

    What was read is appended to `heard`.
    """

    async def treat(reader, writer):
        for number, step in enumerate(steps):
            if number:
                line = await reader.readline()
                if heard is not None:
                    heard.append(line)
            writer.write(step)
        await mute(reader, writer)

    return treat
