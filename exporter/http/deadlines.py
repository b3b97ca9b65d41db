"""How long a client may take over what: to ask, and to take its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.http.admission import Cause, Class, Seat

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aiohttp.web_protocol import RequestHandler

PATIENCE = 10.0
"""Seconds for a TLS handshake, and again for the first request."""
STALLED = 10.0
"""Seconds in which a client must take some of its answer."""
ANSWERED = 60.0
"""Seconds until a client has all of its answer; Prometheus gives up after 10 s."""


@dataclass(eq=False, slots=True)
class Client(Seat):
    """One connection, from its acceptance on.

    Attributes:
        progress: loop time at which it came, asked, or took some of an answer.
        abandon: closes its socket, as long as nobody else does.
        greeting: hands the connection to the server, and ends it if cancelled.
        handler: the server's side of it, once there is one.
        asked: it brought a whole request.
        busy_since: loop time at which the answer that it has not yet was asked for.
        unsent: bytes of answers that it had not taken when last looked at.
    """

    progress: float = 0.0
    abandon: Callable[[], None] | None = None
    greeting: asyncio.Task[None] | None = None
    handler: RequestHandler | None = None
    asked: bool = False
    busy_since: float = 0.0
    unsent: int = 0

    def end(self) -> None:
        """Closes it at once, whatever is under way on it."""
        if self.handler is None:
            if self.greeting is not None:
                self.greeting.cancel()
        elif self.handler.transport is not None:
            self.handler.transport.abort()

    def forget(self) -> None:
        """Lets go of what it held, so that no reference cycle is left to be collected."""
        self.handler = self.greeting = self.abandon = None

    def waiting(self) -> int:
        """Bytes of answers that are to be sent yet."""
        transport = self.handler.transport if self.handler is not None else None
        return 0 if transport is None else transport.get_write_buffer_size()

    def hear(self, now: float) -> None:
        """Notes that it brought a request."""
        self.asked, self.busy, self.progress = True, True, now
        if not self.waiting():
            self.busy_since = now

    def overdue(self, now: float) -> Cause | None:
        """Takes in how much of its answers the client took; tells if that is too little."""
        unsent = self.waiting()
        if unsent != self.unsent:
            self.unsent, self.progress = unsent, now
            if self.kind is not Class.UNKNOWN:
                self.active = now
        if self.handler is None:
            return None
        if not self.asked:
            return Cause.NO_REQUEST if now - self.progress > PATIENCE else None
        if unsent and now - self.progress > STALLED:
            return Cause.STALLED
        waits = unsent or self.busy
        return Cause.SLOW if waits and now - self.busy_since > ANSWERED else None


def shortest() -> float:
    """Seconds of the shortest deadline."""
    return min(PATIENCE, STALLED, ANSWERED)
