"""Waiting until a socket may be written to or read from.

Both watch the bare descriptor: of one that it does not know yet, asyncio makes a
message first, and that of a socket asks the kernel for its addresses.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.probes import kernel


async def writable(sock: kernel.Socket) -> None:
    """Returns once there is room to send, or an error to be told."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()
    loop.add_writer(descriptor, _wake, future)
    try:
        await future
    finally:
        loop.remove_writer(descriptor)


async def readable(sock: kernel.Socket) -> None:
    """Returns once there is something to receive, or an error to be told."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()
    loop.add_reader(descriptor, _wake, future)
    try:
        await future
    finally:
        loop.remove_reader(descriptor)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
