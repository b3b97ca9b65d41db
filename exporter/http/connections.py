"""The listening socket of the HTTP server: who comes in gets a place, or does not stay.

A client must bring a whole request soon, go on taking its answer, whatever the answer
is, and have all of it within a minute. What it may hold of this host's memory is
bounded in the kernel as well. Later requests on the same connection have as long as the
server keeps idle connections. Who has to go when there is no place is decided in
`admission.py`, and who has taken too long in `deadlines.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import os
import socket
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

from exporter.http import deadlines
from exporter.http.admission import Admission, Cause, Class
from exporter.http.deadlines import Client
from exporter.http.fairness import source_of
from exporter.http.handshake import failure, names
from exporter.http.server_connection import ServerConnection
from exporter.model.endpoint import place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp.typedefs import Handler, Middleware

    from exporter.http.web_config import WebConfig

_Address: TypeAlias = "tuple[str | int, ...]"

logger = logging.getLogger(__name__)
_QUEUE = 1024
"""Connections that the kernel keeps until they are accepted. What does not fit tries again
after a second or three, so whoever floods this queue would make a scrape wait."""
_AT_ONCE = 16
"""Connections accepted in one turn of the loop: two milliseconds of work or so."""
_SENT = 1 << 17
"""Bytes that the kernel keeps for a connection until they are taken (it doubles them)."""
_RECEIVED = 1 << 14
"""Bytes of requests that it keeps (doubled, too): no more is parsed in one turn of the loop."""
_BREATH = 1.0
"""Seconds until another try to accept, when the system had nothing left to do it."""
_SCRAPES = frozenset({"/metrics", "/-/healthy", "/-/ready"})


class Listener:
    """Lets connections in to a server, and puts those out that only hold a place.

    Args:
        protection: TLS for the next connection, and whom it lets in.
        admission: who has a place.
    """

    def __init__(
        self, protection: Callable[[], WebConfig], admission: Admission
    ) -> None:
        self._protection = protection
        self._admission = admission
        self._greeted: set[asyncio.Task[None]] = set()
        self._clients: dict[_Address, Client] = {}

    def hears(self) -> Middleware:
        """Notes that a connection brought a request; to be the first to see it."""

        @web.middleware
        async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
            client = self._client(request)
            if isinstance(request.protocol, ServerConnection) and _unread(request):
                request.protocol.hear_no_more()
            try:
                # One of those that came together in each turn of the loop.
                await asyncio.sleep(0)
                if client is not None:
                    # Who asks on and reads nothing waits for what was sent already.
                    await request.writer.drain()
                    client.hear(asyncio.get_running_loop().time())
                return await handler(request)
            except web.HTTPException as refused:
                return _plain(refused)
            except TimeoutError:
                kind = Class.UNKNOWN if client is None else client.kind
                self._admission.reject(kind, Cause.BUSY)
                return _plain(too_busy())
            finally:
                if client is not None:
                    client.busy = False

        return hear

    def seats(self, anybody: Callable[[web.Request], bool]) -> Middleware:
        """Gives a client that may ask the place for what it asks; after the password.

        Args:
            anybody: whether a request says nothing of who asks.
        """

        @web.middleware
        async def seat(request: web.Request, handler: Handler) -> web.StreamResponse:
            client = self._client(request)
            if client is not None and not anybody(request):
                scrapes = request.path in _SCRAPES
                client.active = client.progress
                kind = Class.SCRAPE if scrapes else Class.PEOPLE
                if not self._admission.take(client, kind):
                    raise too_busy()
            return await handler(request)

        return seat

    def _client(self, request: web.Request) -> Client | None:
        transport = request.transport
        address = transport.get_extra_info("peername") if transport else ()
        return self._clients.get(address)

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
        for number in itertools.count():
            # A few in each turn of the loop: a queue full of them must not hold it up,
            # nor grow while a turn takes long.
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                connection, address = await loop.sock_accept(listener)
            except OSError as error:
                logger.warning("a client has to wait: %s", error.strerror)
                await asyncio.sleep(_BREATH)
                continue
            now = loop.time()
            client = Client(source_of(address[0]), now, progress=now)
            if not self._admission.take(client, Class.UNKNOWN):
                connection.close()
                continue
            client.abandon = connection.close
            self._clients[address] = client
            gone = functools.partial(self._gone, client, address)
            greeting = self._greet(server, client, connection, gone)
            task = asyncio.create_task(greeting)
            client.greeting = task
            self._greeted.add(task)
            task.add_done_callback(functools.partial(self._met, client, gone))

    def _gone(self, client: Client, address: _Address) -> None:
        self._admission.leave(client)
        self._admission.ended += 1
        if self._clients.get(address) is client:
            del self._clients[address]
        client.forget()

    def _met(
        self, client: Client, gone: Callable[[], None], task: asyncio.Task[None]
    ) -> None:
        """Lets go of a client that the server has not been handed, begun or not."""
        self._greeted.discard(task)
        if client.abandon is not None:
            client.abandon()
        if client.handler is None:
            gone()

    async def _greet(
        self,
        server: web.Server,
        client: Client,
        connection: socket.socket,
        gone: Callable[[], None],
    ) -> None:
        client.abandon = None
        loop = asyncio.get_running_loop()
        protection = self._protection()
        context = protection.tls

        def lets_in(transport: asyncio.BaseTransport) -> bool:
            if protection.lets_in(names(transport)):
                return True
            self._failed("client_untrusted")
            return False

        try:
            _, client.handler = await loop.connect_accepted_socket(
                lambda: ServerConnection(server, gone, lets_in),
                connection,
                ssl=context,
                ssl_handshake_timeout=deadlines.PATIENCE if context else None,
            )
            client.progress = loop.time()
        except OSError as error:
            self._failed(failure(error))

    def _failed(self, reason: str) -> None:
        self._admission.handshake_failures[reason] += 1
        self._admission.reject(Class.UNKNOWN, Cause.HANDSHAKE)

    async def _watch(self) -> None:
        """Looks at each connection now and then, and ends those that hold a place."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(deadlines.shortest() / 8)
            for client in list(self._clients.values()):
                cause = client.overdue(loop.time())
                if cause is not None:
                    self._admission.put_out(client, cause)


def _unread(request: web.Request) -> bool:
    """Whether its body has not come as a whole."""
    return not request.content.is_eof()


def too_busy() -> web.HTTPServiceUnavailable:
    """Tells a client to come back: others have all that there is."""
    return web.HTTPServiceUnavailable(
        text="too many requests of this kind at once\n", headers={"Retry-After": "5"}
    )


def _plain(refused: web.HTTPException) -> web.Response:
    """The same answer without its traceback.

    As an exception and an answer in one it is in a reference cycle with the request,
    and a flood of refused requests would fill the memory until these are collected.
    """
    return web.Response(
        status=refused.status, text=refused.text, headers=refused.headers
    )


async def _listeners(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on all addresses of `host`, or of this host if empty."""
    loop = asyncio.get_running_loop()
    # asyncio knows how to bind every address of a name, with or without IPv6.
    try:
        bound = await loop.create_server(
            asyncio.Protocol, host or None, port, start_serving=False
        )
    except OSError as error:
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror
        said = f"cannot listen on {place(host, port)}: {why}"
        raise OSError(number, said) from error
    listeners = [one.dup() for one in bound.sockets]
    bound.close()
    for listener in listeners:
        listener.setblocking(False)
        # Connections inherit these, and the kernel does not enlarge them then.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED)
        listener.listen(_QUEUE)
    return listeners
