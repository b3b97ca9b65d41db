"""Peers that misbehave to order, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct

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


@contextlib.asynccontextmanager
async def udp_peer(answer, address=("127.0.0.1", 0)):
    """Answers each datagram with the datagrams `answer(data)` gives; yields the port."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(address)

        async def serve():
            while True:
                data, client = await loop.sock_recvfrom(sock, 65535)
                for reply in answer(data):
                    await loop.sock_sendto(sock, reply, client)

        task = asyncio.create_task(serve())
        try:
            yield sock.getsockname()[1]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def mute(reader, _writer):
    """Accepts, reads, and never says a word."""
    while await reader.read(4096):
        pass


async def close(_reader, _writer):
    """Closes at once."""


async def close_after_question(reader, _writer):
    """Takes what is asked, then closes."""
    await reader.read(4096)


async def reset(_reader, writer):
    """Ends the connection with a RST at once."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_after_question(reader, writer):
    """Takes what is asked, then resets."""
    await reader.read(4096)
    await reset(reader, writer)


async def endless(_reader, writer):
    """Sends one line without end."""
    while True:
        writer.write(b"x" * 4096)
        await writer.drain()


def says(data):
    """Sends `data` at once, whatever is asked, and then waits."""

    async def treat(reader, writer):
        writer.write(data)
        await mute(reader, writer)

    return treat


def replies(data):
    """Sends `data` once it has been asked anything, and then waits."""

    async def treat(reader, writer):
        await reader.read(4096)
        writer.write(data)
        await mute(reader, writer)

    return treat


def drips(data):
    """Sends `data` a byte at a time, slower than anybody should wait for."""

    async def treat(_reader, writer):
        for octet in data:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.05)

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
