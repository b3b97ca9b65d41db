"""Waiting until a socket may be written to or read from.

All sockets of an event loop that are waited for share one selector, which the loop
watches. To have asyncio watch each by itself costs a tenth of a bare TCP probe: it makes
a handle for each, and raises and catches three exceptions to find out that it is new.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from exporter.probes import kernel


class _Waiting:
    """Who waits for which socket, on the running event loop."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        asyncio.get_running_loop().add_reader(self._selector, self._wake)

    async def until(self, sock: kernel.Socket, event: int) -> None:
        """Ends once there was an event, or an error to be told."""
        future = asyncio.get_running_loop().create_future()
        descriptor = sock.fileno()
        self._selector.register(descriptor, event, future)
        try:
            await future
        finally:
            self._selector.unregister(descriptor)

    def _wake(self) -> None:
        for key, _ in self._selector.select(0):
            future: asyncio.Future[None] = key.data
            if not future.done():
                future.set_result(None)


_waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting] = WeakKeyDictionary()


def writable(sock: kernel.Socket) -> Awaitable[None]:
    """Ends once there is room to send, or an error to be told."""
    return _on_this_loop().until(sock, selectors.EVENT_WRITE)


def readable(sock: kernel.Socket) -> Awaitable[None]:
    """Ends once there is something to receive, or an error to be told."""
    return _on_this_loop().until(sock, selectors.EVENT_READ)


def _on_this_loop() -> _Waiting:
    loop = asyncio.get_running_loop()
    if (found := _waiting.get(loop)) is None:
        found = _waiting[loop] = _Waiting()
    return found
