"""What clients may do to the exporter's door: each holds one connection in its own way.

An attack returns, or raises OSError, when its connection is over. All of it goes to
loopback. `python -m tests.siege.attacks PORT SECONDS` does all of it at once, in a
process of its own, so that whoever watches is not held up by it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import itertools
import os
import random
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Attack = Callable[["Line"], Awaitable[None]]

PAUSE = 0.02
"""Seconds before what was closed is opened again."""


class Line:
    """One connection of an attacker."""

    def __init__(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.port, self.reader, self.writer = port, reader, writer

    def ask(self, path: str, *headers: str, method: str = "GET") -> None:
        """Writes a request and waits for nothing."""
        lines = (
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            *headers,
            "",
            "",
        )
        self.writer.write("\r\n".join(lines).encode())

    async def rest(self) -> int:
        """Reads until the end; gives how many bytes came."""
        count = 0
        while part := await self.reader.read(1 << 16):
            count += len(part)
        return count


async def silent(line: Line) -> None:
    """Says nothing."""
    await line.rest()


async def idle(line: Line) -> None:
    """Asks once, and stays."""
    line.ask("/-/healthy")
    await line.rest()


async def trickles(line: Line) -> None:
    """Sends a request that never ends, a byte at a time."""
    for byte in itertools.cycle(b"GET / HTTP/1.1\r\nX-Long: yes\r\n"):
        line.writer.write(bytes([byte]))
        await line.writer.drain()
        await asyncio.sleep(0.1)


async def pipelines(line: Line) -> None:
    """Asks on and on, and reads nothing."""
    while not line.writer.is_closing():
        for _ in range(100):
            line.ask("/")
        await line.writer.drain()
        await asyncio.sleep(0.005)


async def sips(line: Line) -> None:
    """Reads a scrape a few bytes at a time."""
    line.ask("/metrics")
    while await line.reader.read(16):  # noqa: ASYNC110 - slowness is the attack
        await asyncio.sleep(0.2)


async def guesses(line: Line) -> None:
    """Tries one password after the other."""
    for number in itertools.count():
        word = base64.b64encode(f"prometheus:guess {number}".encode()).decode()
        line.ask("/metrics", f"Authorization: Basic {word}")
        if not await line.reader.readline():
            return


async def babbles(line: Line) -> None:
    """Sends what is no request."""
    while not line.writer.is_closing():
        line.writer.write(os.urandom(random.randrange(1, 4000)))  # noqa: S311 - no secret
        await line.writer.drain()
        if not await line.reader.read(1 << 16):
            return


async def heads(line: Line) -> None:
    """Asks for what has no body, on and on, and reads nothing."""
    while not line.writer.is_closing():
        for _ in range(100):
            line.ask("/metrics", method="HEAD")
        await line.writer.drain()
        await asyncio.sleep(0.005)


async def leaves(line: Line) -> None:
    """Asks for what takes work, with a wrong password, and does not wait for it."""
    chance = random.random()  # noqa: S311 - no secret
    word = base64.b64encode(f"prometheus:guess {chance}".encode()).decode()
    line.ask(f"/?text={chance}", f"Authorization: Basic {word}")
    await line.writer.drain()
    await asyncio.sleep(0.002)


async def half_closes(line: Line) -> None:
    """Asks, says that it will say no more, and stays."""
    line.ask("/metrics")
    line.writer.write_eof()
    await asyncio.sleep(30)


async def floods(line: Line) -> None:
    """Sends a body without end."""
    line.ask("/-/reload", "Transfer-Encoding: chunked", method="POST")
    while not line.writer.is_closing():
        line.writer.write(b"10000\r\n" + b"A" * 65536 + b"\r\n")
        await line.writer.drain()
        await asyncio.sleep(0.01)


async def crumbles(line: Line) -> None:
    """Sends a body of chunks of one byte each."""
    line.ask("/-/reload", "Transfer-Encoding: chunked", method="POST")
    while not line.writer.is_closing():
        line.writer.write(b"1\r\nA\r\n" * 10_000)
        await line.writer.drain()
        await asyncio.sleep(0.01)


_BOMB = gzip.compress(bytes(1 << 28))


async def bombs(line: Line) -> None:
    """Sends a body that grows a thousandfold where it is unpacked."""
    what = ("Content-Encoding: gzip", f"Content-Length: {len(_BOMB)}")
    line.ask("/-/reload", *what, method="POST")
    line.writer.write(_BOMB)
    await line.writer.drain()
    await line.rest()


async def expects(line: Line) -> None:
    """Asks for what nobody has promised."""
    while True:
        line.ask("/", f"Expect: {'more' * 1000}")
        if not await line.reader.read(1 << 16):
            return


def reads(*paths: str) -> Attack:
    """Reads pages, each over a connection of its own."""
    turn = itertools.cycle(paths)

    async def read(line: Line) -> None:
        line.ask(next(turn), "Connection: close")
        await line.rest()

    return read


async def crowd(port: int, attack: Attack, size: int, sources: Sequence[str]) -> None:
    """So many connections at a time that do the same, until cancelled."""
    await asyncio.gather(
        *(_again(port, attack, sources[i % len(sources)]) for i in range(size))
    )


async def _again(port: int, attack: Attack, source: str) -> None:
    while True:
        writer = None
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(source, 0), limit=1 << 12
            )
            await attack(Line(port, reader, writer))
        if writer is not None:
            writer.transport.abort()
        await asyncio.sleep(PAUSE)


async def all_at_once(port: int, seconds: float) -> None:
    """Every attack, some from one address and some from many."""
    one = ["127.0.0.66"]
    many = [f"127.0.0.{100 + i}" for i in range(40)]
    pages = reads(
        *("/", "/?text=good&page=2", "/rules/good-0", "/api/v1/rules/good-0"),
        *("/api/v1/targets", "/api/v1/findings", "/metrics"),
    )
    crowds = (
        (pipelines, 40, one),
        (pipelines, 20, many),
        (idle, 60, many),
        (silent, 60, ["127.0.0.67"]),
        (trickles, 20, many),
        (sips, 20, ["127.0.0.68"]),
        (guesses, 10, ["127.0.0.69"]),
        (babbles, 10, ["127.0.0.70"]),
        (pages, 10, ["127.0.0.71"]),
        (pages, 10, many),
        (heads, 10, many),
        (leaves, 10, ["127.0.0.72"]),
        (half_closes, 10, many),
        (floods, 5, ["127.0.0.73"]),
        (crumbles, 5, many),
        (bombs, 5, many),
        (expects, 5, many),
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(crowd(port, *each) for each in crowds))


if __name__ == "__main__":
    os.nice(5)
    asyncio.run(all_at_once(int(sys.argv[1]), float(sys.argv[2])))
