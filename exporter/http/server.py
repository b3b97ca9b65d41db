"""The HTTP server: metrics, health, JSON, pages, and the few things one may ask for.

Nothing that arrives is trusted: connections and bodies are bounded, work is done in
turns, requests that change something must not come from another site's page, and what
is shown is escaped.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from exporter.http.auth import (
    Users,
    is_loopback,
    known_hosts,
    password_guard,
    same_origin,
)
from exporter.http.connections import Listener
from exporter.http.handlers import Handlers, Parts
from exporter.http.responses import Pages
from exporter.http.server_connection import HEADERS, without_expectations

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
    )


_GRACE = 5.0
"""Seconds that answers under way have to end when the server does."""
_MAX_BODY = 1 << 14
_OPEN_TO_ALL = frozenset({"/-/healthy"})
"""For whoever watches the process: it tells that it runs, and nothing else."""


def make_app(
    parts: Parts, host: str = "", listener: Listener | None = None
) -> web.Application:
    """The application, ready to be served on the address `host`, by `listener`."""
    users = Users(lambda: parts.protection().users)
    listener = listener or Listener(parts.protection, parts.admission)
    app = web.Application(
        middlewares=[
            listener.hears(),
            known_hosts(lambda: _names(parts.hosts(), host)),
            password_guard(users, _OPEN_TO_ALL),
            listener.seats(
                lambda request: users.asked_for() and request.path in _OPEN_TO_ALL
            ),
            same_origin,
        ],
        client_max_size=_MAX_BODY,
    )
    handlers = Handlers(parts)
    app.add_routes(
        [
            web.get("/", handlers.overview),
            web.get("/metrics", handlers.metrics),
            web.get("/-/healthy", handlers.healthy),
            web.get("/-/ready", handlers.ready),
            web.post("/-/reload", handlers.reload),
            web.get("/rules/{rule}", handlers.rule_page),
            web.get("/api/v1/targets", handlers.targets),
            web.get("/api/v1/findings", handlers.findings),
            web.get("/api/v1/rules/{rule}", handlers.rule),
            web.post("/api/v1/rules/{rule}/probe", handlers.probe),
        ]
    )
    app.on_response_prepare.append(_add_headers)
    app.on_cleanup.append(_closing(users, handlers.pages))
    return app


def _names(hosts: Collection[str], listening: str) -> Collection[str] | None:
    """The names that requests may be for, None where every name will do."""
    return hosts if hosts or is_loopback(listening) else None


@contextlib.asynccontextmanager
async def serve(parts: Parts, host: str, port: int) -> AsyncIterator[int]:
    """Serves until left; gives the port, which the system chooses if it is 0.

    Args:
        parts: what to serve.
        host: the address to listen on; empty is every address.
        port: the TCP port.

    Raises:
        OSError: the address cannot be listened on.
    """
    listener = Listener(parts.protection, parts.admission)
    app = make_app(parts, host, listener)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=_GRACE,
        # Who leaves gives up its turn, or it could have more of them than connections.
        handler_cancellation=True,
    )
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101 - set up above
    server.request_factory = without_expectations(server.request_factory)
    try:
        async with listener.open(server, host, port) as listening:
            yield listening
    finally:
        await runner.cleanup()


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop(hdrs.SERVER, None)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _closing(users: Users, pages: Pages) -> Callable[[Any], Awaitable[None]]:
    async def close(_app: web.Application) -> None:
        users.close()
        await pages.close()

    return close
