"""A byte stream with bounded, buffered reading; no sockets here.

`Stream` is what probers talk through. A TCP connection, TLS over one, and TLS
inside another protocol's packets are all Streams, so a prober never knows which.
Subclasses move bytes (`_write`, `_read`); every reading helper is shared and
bounded, because the peer decides how much it sends. What passes is noted in the
stream's transcript.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    Begins = Callable[[bytes], None]

CHUNK = 16384
READ_LIMIT = 384 * 1024
"""Bytes accepted from one connection before the peer is called malformed: more than
the longest HTTP head that a client takes, which is the longest answer there is."""


class Stream(ABC):
    """Bytes to and from one peer.

    All methods raise `ProbeError`: `closed` on FIN where an answer was due,
    `reset` on RST, `malformed` beyond the read limit. Where one waits for more than
    has come, `begins` is asked whether that can still become what is due, and raises
    `malformed` if it cannot: then there is nothing to wait for.

    Attributes:
        transcript: what was sent and came.
    """

    def __init__(self, limit: int = READ_LIMIT) -> None:
        self._buffer = bytearray()
        self._left = limit
        self.transcript = Transcript()

    async def send(self, data: bytes) -> None:
        """Sends all of `data`."""
        self.transcript.say(data)
        await self._write(data)

    @abstractmethod
    async def _write(self, data: bytes) -> None:
        """Moves all of `data`."""

    @abstractmethod
    async def _read(self) -> bytes:
        """The next bytes as they come, at most `CHUNK`; empty at the end."""

    @property
    def pending(self) -> int:
        """How many received bytes nobody has asked for yet."""
        return len(self._buffer)

    async def peek(self) -> int | None:
        """The next byte, which stays; None if the peer cuts the connection instead.

        For conversations in which being cut off is an answer too.
        """
        if not self._buffer:
            try:
                await self._fill()
            except ProbeError as error:
                if error.reason in {Reason.CLOSED, Reason.RESET}:
                    return None
                raise
        return self._buffer[0]

    async def receive(self) -> bytes:
        """At least one byte: whatever is there, else the next to come."""
        if not self._buffer:
            await self._fill()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def receive_exactly(self, count: int, begins: Begins | None = None) -> bytes:
        """Exactly `count` bytes."""
        while len(self._buffer) < count:
            if begins is not None and self._buffer:
                begins(bytes(self._buffer))
            await self._fill()
        return self._take(count)

    async def receive_line(self, limit: int, begins: Begins | None = None) -> bytes:
        r"""One line without its line end (\n or \r\n), at most `limit` bytes.

        Raises:
            ProbeError: malformed if no line end comes within `limit` bytes.
        """
        while (end := self._buffer.find(b"\n", 0, limit)) < 0:
            if len(self._buffer) >= limit:
                message = f"no line end within {limit} bytes"
                raise ProbeError(Reason.MALFORMED, message)
            if begins is not None and self._buffer:
                begins(bytes(self._buffer))
            await self._fill()
        return self._take(end + 1).removesuffix(b"\n").removesuffix(b"\r")

    async def _fill(self) -> None:
        data = await self._read()
        if not data:
            detail = "closed by the peer in the middle of an answer"
            if not self._buffer:
                detail = "closed by the peer where an answer was due"
            raise ProbeError(Reason.CLOSED, detail)
        self.transcript.hear(data)
        self._left -= len(data)
        if self._left < 0:
            raise ProbeError(Reason.MALFORMED, "more data than any real answer has")
        self._buffer += data

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


class Connection(Stream):
    """A Stream that a Link opened and will end.

    Attributes:
        asks_certificate: the server asked for a client certificate; none was sent.
    """

    asks_certificate = False

    def send_last(self, data: bytes) -> None:
        """Says goodbye, if anybody still listens.

        For what follows the answer: a peer that has left by then has answered.
        """
        self.transcript.say(data)
        self._write_last(data)

    @abstractmethod
    def _write_last(self, data: bytes) -> None:
        """Moves what goes at once."""


class SecureStream(Connection):
    """A Connection inside TLS.

    Attributes:
        alpn: the protocol agreed on, empty if none.
    """

    alpn: str

    @abstractmethod
    def farewell(self) -> bytes:
        """The last bytes to send, so that the peer sees an orderly end."""
