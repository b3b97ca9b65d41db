"""Places for work that is dear, for which sources take turns.

First come, first served gives everything to whoever asks most. Here each source of
requests has a queue of its own, and the queues are served in turn (fair queueing): a
scrape waits for one piece of somebody else's work, however much of that waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HOME = 64
"""Bits of an IPv6 address that one client has no choice of (RFC 6177, RFC 8981)."""


def source_of(address: str | None) -> str:
    """Who shares a share: an IPv4 address, or an IPv6 network of one client.

    Args:
        address: as the socket tells it; with a zone (RFC 4007) if it is link-local.
    """
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), _HOME), strict=False))


class FairPool:
    """So many places, given to the sources that wait for one in turn.

    How many wait is bounded by the connections that there may be, since none has more
    than one request answered at a time.

    Args:
        places: pieces of work under way at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def place(
        self, source: str, patience: float | None = None
    ) -> AsyncIterator[None]:
        """Waits for a place, and has it until left.

        Args:
            source: who asks, as `source_of` has it.
            patience: seconds to wait at the most; None waits as long as it takes.

        Raises:
            TimeoutError: there was no place within `patience`.
        """
        if self._free:
            self._free -= 1
        else:
            await self._turn_of(source, patience)
        try:
            yield
        finally:
            self._pass_on()

    async def _turn_of(self, source: str, patience: float | None) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(source, deque()).append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Gives a place to the source whose turn it is, if any waits."""
        while self._waiting:
            source = next(iter(self._waiting))
            queue = self._waiting.pop(source)
            turn = queue.popleft()
            if queue:
                self._waiting[source] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
