"""aiohttp's side of one connection: whom it hears, and what it answers to nonsense.

That has the headers which all answers have, and repeats nothing that was sent.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeAlias, cast

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict, CIMultiDictProxy

from exporter.present.pages import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.web_request import BaseRequest

    _RequestFactory: TypeAlias = Callable[..., BaseRequest]

clients = logging.getLogger("exporter.http.clients")
"""Where the server tells what went wrong with a request."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": render.CONTENT_SECURITY_POLICY,
}
"""What every answer has."""
_IDLE = 75.0
"""How long a connection may wait for its next request; scrapes are often 60 s apart."""
_LINGERS = 2.0
"""Seconds for which a connection is kept after its answer while a body still comes: closed
at once, it might take the answer along."""
_OUR_FAULT = 500


def _without_traceback(record: logging.LogRecord) -> bool:
    """Tells of a request or a body that is none in one line: no fault of our code.

    Of a client that left before its answer nothing is told.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        record.msg = f"{record.msg}: {type(error).__name__}"
        record.exc_info, record.exc_text = None, None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return not isinstance(error, ConnectionError)


clients.addFilter(_without_traceback)


class ServerConnection(RequestHandler):
    """The server's side of a connection: tells when it has ended, and little else."""

    __slots__ = ("_deaf", "_gone", "_lets_in")

    def __init__(
        self,
        server: web.Server,
        gone: Callable[[], None],
        lets_in: Callable[[asyncio.BaseTransport], bool],
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=clients,
            access_log=None,  # type: ignore[arg-type] # None is how there is none
            keepalive_timeout=_IDLE,
            # Nothing here reads a body, and one that grows a thousandfold when it is
            # unpacked would hold the event loop up for good.
            auto_decompress=False,
            # What it would do itself leaves a circle of 20 KiB for each who does not wait.
            lingering_time=0.0,
        )
        self._deaf = False
        self._gone = gone
        self._lets_in = lets_in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hears those who are let in, and nobody else."""
        if self._lets_in(transport):
            super().connection_made(transport)
        else:
            self.force_close()
            cast("asyncio.Transport", transport).abort()

    def hear_no_more(self) -> None:
        """Throws away what comes from now on, and closes after the answer."""
        self._deaf = True

    def data_received(self, data: bytes) -> None:
        """Reads no body: one of tiny chunks takes a second of work for each megabyte."""
        if not self._deaf:
            super().data_received(data)

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answers; if it was for the last time, says so and leaves time to take it."""
        if not self._deaf:
            return await super().finish_response(request, resp, start_time)
        resp.force_close()
        finished = await super().finish_response(request, resp, start_time)
        await asyncio.sleep(_LINGERS)
        return finished

    def connection_lost(self, exc: BaseException | None) -> None:
        """Its place is free."""
        self._gone()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers what is no request: not with its own words, nor with ours."""
        said = "not a request" if status < _OUR_FAULT else None
        answer = super().handle_error(request, status, exc, message and said)
        answer.headers[hdrs.SERVER] = ""
        for name, value in HEADERS.items():
            answer.headers[name] = value
        return answer


def without_expectations(make: _RequestFactory) -> _RequestFactory:
    """Makes requests as `make` does, deaf to what a client expects (RFC 9110 10.1.1).

    Nothing here waits for a body, so the answer itself comes in the place of "100
    Continue"; aiohttp would answer before any of our checks, in the client's own words.
    """

    def deaf(message: RawRequestMessage, *rest: object) -> BaseRequest:
        if hdrs.EXPECT in message.headers:
            heard = CIMultiDict(message.headers)
            heard.popall(hdrs.EXPECT)
            message = message._replace(headers=CIMultiDictProxy(heard))
        return make(message, *rest)

    return deaf
