"""The listening socket of the HTTP server: connections are bounded, idle ones closed.

Each connection takes a file descriptor, and the probes live on those too: somebody
who opens hundreds of connections and says nothing must cost neither a probe nor a
scrape. So there are only so many, TLS handshakes under way included, each must bring a
whole request soon and read its answer, and when all places are taken, a client that
holds many of them, or does nothing with its own, gives way (as with OpenSSH's
PerSourceMaxStartups). Later requests on the same connection have as long as the server
keeps idle connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import AsyncIterator, Callable

    from aiohttp.typedefs import Handler, Middleware
    from aiohttp.web_protocol import RequestHandler

_Address: TypeAlias = "tuple[str | int, ...]"

logger = logging.getLogger(__name__)
clients = logging.getLogger(f"{__name__}.clients")
"""Where the server tells what went wrong with a request."""

MAX_CONNECTIONS = 128
"""Connections at once; for one more, another one ends, or it is closed unheard."""
PATIENCE = 10.0
"""Seconds for a TLS handshake, and again for the first request."""
STALLED = 10.0
"""Seconds in which a client must take some of its answer."""
RECENT = 1.0
"""Seconds for which a connection of nobody who holds more than others is left alone."""
_QUEUE = 128
_BREATH = 1.0
"""Seconds until another try to accept, when the system had nothing left to do it."""


def _nonsense(record: logging.LogRecord) -> bool:
    """Tells of a request that is none in one line: the fault is not in our code."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg = f"{record.msg}: {type(error).__name__}"
        record.exc_info, record.exc_text = None, None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


clients.addFilter(_nonsense)


@dataclass(eq=False, slots=True)
class _Client:
    """One connection, from its acceptance on.

    Attributes:
        address: the client's, with its port.
        progress: loop time at which it last asked, or took some of an answer.
        greeting: hands the connection to the server, and ends it if cancelled.
        handler: the server's side of it, once there is one.
        asked: it brought a whole request.
        unsent: bytes of answers that it had not taken when last looked at.
    """

    address: _Address
    progress: float
    greeting: asyncio.Task[None] | None = None
    handler: RequestHandler | None = None
    asked: bool = False
    unsent: int = 0

    @property
    def source(self) -> str:
        """The host it comes from."""
        return str(self.address[0])

    def abort(self) -> None:
        """Ends the connection at once, whatever is under way on it."""
        if self.handler is None:
            if self.greeting is not None:
                self.greeting.cancel()
        elif self.handler.transport is not None:
            self.handler.transport.abort()

    def look(self, now: float) -> None:
        """Takes in how much of its answers the client took."""
        transport = self.handler.transport if self.handler is not None else None
        if transport is None:
            return
        unsent = transport.get_write_buffer_size()
        if unsent != self.unsent:
            self.unsent, self.progress = unsent, now


class BoundedListener:
    """Lets connections in to a server, and puts those out that only hold a place.

    A client must bring a request within `PATIENCE`, and take some of its answer within
    `STALLED`. When all places are taken, whoever holds most of them gives one up: the
    connection on which nothing has happened for longest.

    Args:
        context: what to serve TLS with to the next one, or None for plain HTTP.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext | None]) -> None:
        self._context = context
        self._greeted: set[asyncio.Task[None]] = set()
        self._clients: dict[_Address, _Client] = {}

    def middleware(self) -> Middleware:
        """Notes that a connection brought a request."""

        @web.middleware
        async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
            transport = request.transport
            address = transport.get_extra_info("peername") if transport else ()
            if (client := self._clients.get(address)) is not None:
                client.asked = True
                client.progress = asyncio.get_running_loop().time()
            return await handler(request)

        return hear

    @contextlib.asynccontextmanager
    async def open(
        self, server: web.Server, host: str, port: int
    ) -> AsyncIterator[int]:
        """Listens until left; gives the port.

        Raises:
            OSError: the address cannot be listened on.
        """
        listeners = await _listeners(host, port)
        tasks = [asyncio.create_task(self._accept(server, on)) for on in listeners]
        tasks.append(asyncio.create_task(self._watch()))
        try:
            yield listeners[0].getsockname()[1]
        finally:
            ending = [*tasks, *self._greeted]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            for listener in listeners:
                listener.close()

    async def _accept(self, server: web.Server, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listener)
            except OSError as error:
                logger.warning("a client has to wait: %s", error.strerror)
                await asyncio.sleep(_BREATH)
                continue
            client = _Client(address, loop.time())
            if not self._make_room(client):
                connection.close()
                continue
            self._clients[address] = client
            task = asyncio.create_task(self._greet(server, client, connection))
            client.greeting = task
            self._greeted.add(task)
            task.add_done_callback(self._greeted.discard)

    def _make_room(self, newcomer: _Client) -> bool:
        """Whether there is a place; a connection may have to give it up."""
        self._forget_the_gone()
        if len(self._clients) < MAX_CONNECTIONS:
            return True
        clients = self._clients.values()
        held = Counter(client.source for client in clients)
        longest = min(clients, key=lambda one: (-held[one.source], one.progress))
        idle = newcomer.progress - longest.progress
        if held[longest.source] <= held[newcomer.source] + 1 and idle < RECENT:
            return False
        self._end(longest)
        return True

    def _end(self, client: _Client) -> None:
        self._clients.pop(client.address, None)
        client.abort()

    def _forget_the_gone(self) -> None:
        self._clients = {
            address: client
            for address, client in self._clients.items()
            if client.handler is None or client.handler.transport is not None
        }

    async def _greet(
        self, server: web.Server, client: _Client, connection: socket.socket
    ) -> None:
        loop = asyncio.get_running_loop()
        context = self._context()
        try:
            _, handler = await loop.connect_accepted_socket(
                server,
                connection,
                ssl=context,
                ssl_handshake_timeout=PATIENCE if context else None,
            )
        except OSError:  # no TLS, another version, no certificate: the client knows
            self._clients.pop(client.address, None)
            return
        client.handler = handler

    async def _watch(self) -> None:
        """Looks at each connection now and then, and ends those that hold a place."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(PATIENCE, STALLED) / 8)
            self._forget_the_gone()
            now = loop.time()
            for client in list(self._clients.values()):
                client.look(now)
                limit = STALLED if client.unsent else PATIENCE
                waits = client.unsent or not client.asked
                if client.handler and waits and now - client.progress > limit:
                    self._end(client)


async def _listeners(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on all addresses of `host`, or of this host if empty."""
    loop = asyncio.get_running_loop()
    # asyncio knows how to bind every address of a name, with or without IPv6.
    bound = await loop.create_server(
        asyncio.Protocol, host or None, port, start_serving=False
    )
    listeners = [one.dup() for one in bound.sockets]
    bound.close()
    for listener in listeners:
        listener.setblocking(False)
        listener.listen(_QUEUE)
    return listeners
