"""The listening socket of the HTTP server: connections are bounded, idle ones closed.

Each connection takes a file descriptor, and the probes live on those too: somebody
who opens hundreds of connections and says nothing must cost neither a probe nor a
scrape. So there are only so many, TLS handshakes under way included, and each must
bring a whole request soon. Later ones on the same connection have as long as the
server keeps idle connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import AsyncIterator, Callable

    from aiohttp.typedefs import Handler, Middleware
    from aiohttp.web_protocol import RequestHandler

logger = logging.getLogger(__name__)
clients = logging.getLogger(f"{__name__}.clients")
"""Where the server tells what went wrong with a request."""

MAX_CONNECTIONS = 128
"""Connections at once; one more is closed unheard."""
PATIENCE = 10.0
"""Seconds for a TLS handshake, and again for the first request."""
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


class BoundedListener:
    """Lets connections in to a server.

    Args:
        context: what to serve TLS with to the next one, or None for plain HTTP.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext | None]) -> None:
        self._context = context
        self._greeted: set[asyncio.Task[None]] = set()
        self._silent: set[RequestHandler] = set()

    def middleware(self) -> Middleware:
        """Notes that a connection brought a request."""

        @web.middleware
        async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._silent.discard(request.protocol)
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
        accepting = [asyncio.create_task(self._accept(server, on)) for on in listeners]
        try:
            yield listeners[0].getsockname()[1]
        finally:
            ending = [*accepting, *self._greeted]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            for listener in listeners:
                listener.close()

    async def _accept(self, server: web.Server, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                logger.warning("a client has to wait: %s", error.strerror)
                await asyncio.sleep(_BREATH)
                continue
            if len(server.connections) + len(self._greeted) >= MAX_CONNECTIONS:
                connection.close()
                continue
            task = asyncio.create_task(self._greet(server, connection))
            self._greeted.add(task)
            task.add_done_callback(self._greeted.discard)

    async def _greet(self, server: web.Server, connection: socket.socket) -> None:
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
            return
        self._silent.add(handler)
        loop.call_later(PATIENCE, self._lose_patience, handler)

    def _lose_patience(self, handler: RequestHandler) -> None:
        if handler in self._silent:
            self._silent.discard(handler)
            if handler.transport is not None:
                handler.transport.abort()


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
