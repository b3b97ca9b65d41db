"""Echo messages of ICMP and ICMPv6 (RFC 792, RFC 4443 4): one out, its reply back.

The identifier and the checksum are left to the kernel, whose ping sockets set both.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from typing import Final

_HEAD = struct.Struct(">BBHHH")
_REQUEST: Final = {4: 8, 6: 128}
_REPLY: Final = {4: 0, 6: 129}
COOKIE = 16
"""Octets that an echo carries and its reply brings back."""


def request(version: int, sequence: int, cookie: bytes) -> bytes:
    """An echo request of IP version 4 or 6."""
    return _HEAD.pack(_REQUEST[version], 0, 0, 0, sequence) + cookie


def reply(data: bytes, version: int, sequence: int, cookie: bytes) -> bytes | None:
    """The cookie that came back; None for the reply to another request.

    Raises:
        ProbeError: malformed if it is no echo reply.
    """
    if len(data) < _HEAD.size:
        raise _malformed(data)
    kind, code, _, _, number = _HEAD.unpack_from(data)
    if (kind, code) != (_REPLY[version], 0):
        raise _malformed(data)
    same = number == sequence and data[_HEAD.size :] == cookie
    return cookie if same else None


def _malformed(data: bytes) -> ProbeError:
    said = f"not an echo reply: {printable(data[: _HEAD.size])}"
    return ProbeError(Reason.MALFORMED, said)
