"""NTP version 4 packets (RFC 5905 7.3): one client request, one server reply."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from exporter.model.outcome import ProbeError, Reason

_PACKET = struct.Struct(">BBBbII4s8s8s8s8s")
_SIZE = _PACKET.size
_FIRST = (0 << 6) | (4 << 3) | 3  # no leap warning, version 4, client
_SERVER = 4
_UNSYNCHRONISED = 3
# RFC 5905 7.3: 0 is unspecified, 16 unsynchronised, more is reserved.
_STRATA = range(1, 16)
_ERA = 2_208_988_800
"""Seconds from 1900-01-01 to 1970-01-01 (RFC 5905 A.4)."""
COOKIE = 8
_NEVER = -float(_ERA)
"""The Unix time that a timestamp of zero stands for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer; times are Unix times.

    `kiss` is the kiss code (RFC 5905 7.4) that a packet of stratum 0 may have: a
    refusal, or only the state of a server that is not synchronised. Else it is empty.
    """

    stratum: int
    synchronised: bool
    kiss: str
    received: float
    transmitted: float

    @property
    def timed(self) -> bool:
        """Whether there is a time in it: zero is none (RFC 5905 6)."""
        return _NEVER not in {self.received, self.transmitted}


def request(cookie: bytes) -> bytes:
    """A client packet whose transmit timestamp is eight random bytes.

    The server copies them into its origin timestamp, which proves that the answer
    is one to this very request, and our clock stays our own business.
    """
    return bytes([_FIRST]) + bytes(39) + cookie


def parse(data: bytes, cookie: bytes) -> Reply | None:
    """The reply to the request that carried `cookie`; None for any other packet.

    Raises:
        ProbeError: malformed if this is not an NTP server's packet at all.
    """
    if len(data) < _SIZE:
        raise ProbeError(Reason.MALFORMED, f"{len(data)} bytes are no NTP packet")
    first, stratum, _, _, _, _, refid, _, origin, received, transmitted = (
        _PACKET.unpack_from(data)
    )
    if first & 7 != _SERVER:
        raise ProbeError(Reason.MALFORMED, f"NTP mode {first & 7}, not a server's")
    if origin != cookie:
        return None
    return Reply(
        stratum=stratum,
        synchronised=first >> 6 != _UNSYNCHRONISED and stratum in _STRATA,
        kiss=_kiss(refid) if stratum == 0 else "",
        received=_unix(received),
        transmitted=_unix(transmitted),
    )


def offset(sent: float, reply: Reply, received: float) -> float:
    """Seconds the server's clock is ahead of ours (RFC 5905 8)."""
    return ((reply.received - sent) + (reply.transmitted - received)) / 2


def _kiss(refid: bytes) -> str:
    """The kiss code; empty for the all-zero refid of an unsynchronised server."""
    text = refid.rstrip(b"\0")
    return text.decode("ascii") if text and text.isalnum() and text.isascii() else ""


def _unix(timestamp: bytes) -> float:
    if not any(timestamp):
        return _NEVER
    seconds = int.from_bytes(timestamp[:4])
    fraction = int.from_bytes(timestamp[4:])
    # RFC 5905 6: era 1 begins in 2036, so small seconds are of the next era.
    era = 1 << 32 if seconds < 1 << 31 else 0
    return seconds + era - _ERA + fraction / (1 << 32)
