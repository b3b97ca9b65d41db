"""A TCP connection: its handshake, and bytes each way, with what ICMP says of it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from exporter.probes import kernel
from exporter.probes.readiness import readable, writable
from exporter.probes.refusal import SOFT, State
from exporter.probes.stream import CHUNK, Connection

if TYPE_CHECKING:
    from exporter.probes.progress import Progress

_RESET = frozenset({errno.ECONNRESET, errno.EPIPE})


class SentError(OSError):
    """A connection failed after its first packet was sent."""


# The loop's own `sock_connect` and its kin first see to names and transports, which
# there are none of here: a bare TCP probe costs a seventh less without.
async def handshake(sock: kernel.Socket, peer: tuple[str, int]) -> OSError | None:
    """A completed handshake; returns the reset that came before we looked, if any."""
    code = sock.connect_ex(peer)
    sent = code == errno.EINPROGRESS
    if sent:
        await writable(sock)
        code = kernel.pending_error(sock)
    # An ICMP error may have come right behind the handshake, of our last word in it.
    if not code or (sent and code in SOFT and kernel.stands(sock)):
        return None
    # A RST to our SYN is ECONNREFUSED: these came later, EPIPE after a FIN. Whether
    # one is here already is luck, so it is told by the first read, as ever. The kernel
    # has forgotten it by then: asking for SO_ERROR took it.
    if code in _RESET:
        return OSError(code, os.strerror(code))
    # Without a name here, which would hold this frame and the error in a cycle.
    raise (SentError if sent else OSError)(code, os.strerror(code))


class TcpStream(Connection):
    """A plain TCP connection.

    Args:
        progress: of the probe that it belongs to.
        sock: the connected socket.
        reset: the reset that came right behind the handshake, if one did.
    """

    def __init__(
        self, progress: Progress, sock: kernel.Socket, reset: OSError | None
    ) -> None:
        super().__init__()
        self._progress = progress
        self._sock = sock
        self._reset = reset

    async def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                await writable(self._sock)
            except OSError as error:
                self._live_with(error)

    async def _read(self) -> bytes:
        while True:
            try:
                data = self._sock.recv(CHUNK)
            except BlockingIOError:
                await readable(self._sock)
            except OSError as error:
                self._live_with(error)
            else:
                if not data and self._reset is not None:
                    raise self._progress.refusal(self._sock, self._reset)
                return data

    def _live_with(self, error: OSError) -> None:
        """Bears the one ICMP error that may come before they are no longer reported."""
        if error.errno in SOFT and not self._progress.soft_error:
            self._progress.soft_error = error.errno or 0
            return
        raise self._progress.refusal(self._sock, error, State.STANDING) from error

    def _write_last(self, data: bytes) -> None:
        try:
            self._sock.send(data)
        except OSError as error:
            # The kernel tells a reset once, and the next read has to know of it.
            if error.errno in _RESET:
                self._reset = self._reset or error
