"""TDS packets and the PRELOGIN message ([MS-TDS] 2.2.3.1, 2.2.6.5).

PRELOGIN is what client and server say before anything else: the server's version
and what it thinks of encryption. TLS then travels inside packets of the same type.
Nothing of a login is here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = 8
"""Octets of a packet's head."""
PACKET_LIMIT = 4096
"""Octets of a packet before a login agrees on anything else ([MS-TDS] 2.2.3.1.3)."""

_PRELOGIN = 0x12
_RESPONSE = 0x04
_LAST = 0x01
_HEAD = struct.Struct(">BBHHBB")
_OPTION = struct.Struct(">BHH")
_END = 0xFF

_VERSION = 0
_ENCRYPTION = 1
_INSTANCE = 2
_THREAD = 3
_MARS = 4


class Encryption(IntEnum):
    """A peer's stance on encryption ([MS-TDS] 2.2.6.5); off is for logins alone."""

    OFF = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Head:
    """A packet's head: whether it ends its message, and the octets that follow."""

    last: bool
    size: int


@dataclass(frozen=True, slots=True)
class Prelogin:
    """A server's answer: its version as `major.minor.build`, and its stance.

    Without a stance it is as good as not supported; TDS 8 needs none.
    """

    version: str
    encryption: Encryption


def packets(payload: bytes) -> bytes:
    """`payload` as one message of PRELOGIN packets."""
    room = PACKET_LIMIT - HEAD
    pieces = [payload[at : at + room] for at in range(0, len(payload), room)]
    return b"".join(
        _HEAD.pack(_PRELOGIN, number == len(pieces), HEAD + len(piece), 0, 0, 0) + piece
        for number, piece in enumerate(pieces, start=1)
    )


def prelogin() -> bytes:
    """The client's PRELOGIN, asking for encryption as today's drivers do."""
    return packets(
        _encode_options(
            {
                _VERSION: bytes(6),
                _ENCRYPTION: bytes([Encryption.ON]),
                _INSTANCE: b"\0",
                _THREAD: bytes(4),
                _MARS: b"\0",
            }
        )
    )


def begins(data: bytes, *, carries_tls: bool = False) -> None:
    """Whether a packet's head can begin with `data`, one octet at the least.

    Raises:
        ProbeError: malformed if it cannot.
    """
    if data[0] != _RESPONSE and not (carries_tls and data[0] == _PRELOGIN):
        raise _malformed(f"a packet begins with {printable(data)}")


def parse_head(data: bytes, *, carries_tls: bool = False) -> Head:
    """The head that `HEAD` octets from a server are.

    Args:
        data: the octets.
        carries_tls: packets of type PRELOGIN will do as well. Before TLS only an echo
            of our own would be one.

    Raises:
        ProbeError: malformed if they are none.
    """
    if len(data) != HEAD:
        raise _malformed(f"a head of {len(data)} octets")
    begins(data, carries_tls=carries_tls)
    _, status, size, _, _, _ = _HEAD.unpack(data)
    if not HEAD < size <= PACKET_LIMIT:
        raise _malformed(f"a packet of {size} octets")
    return Head(bool(status & _LAST), size - HEAD)


def parse_prelogin(payload: bytes) -> Prelogin:
    """The server's PRELOGIN in a message's payload.

    Raises:
        ProbeError: malformed if it is none.
    """
    options = _parse_options(payload)
    version = options.get(_VERSION, b"")
    if len(version) != 6:  # noqa: PLR2004 - UL_VERSION and US_SUBBUILD, 4 + 2 octets
        raise _malformed("a PRELOGIN without the server's version")
    stance = options.get(_ENCRYPTION) or bytes([Encryption.NOT_SUPPORTED])
    if len(stance) != 1 or stance[0] not in set(Encryption):
        raise _malformed(f"encryption {printable(stance)}")
    build = int.from_bytes(version[2:4])
    return Prelogin(f"{version[0]}.{version[1]}.{build}", Encryption(stance[0]))


def _encode_options(options: Mapping[int, bytes]) -> bytes:
    offset = _OPTION.size * len(options) + 1
    table = b""
    for token, value in options.items():
        table += _OPTION.pack(token, offset, len(value))
        offset += len(value)
    return table + bytes([_END]) + b"".join(options.values())


def _parse_options(payload: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while payload[position : position + 1] != bytes([_END]):
        if len(payload) < position + _OPTION.size:
            raise _malformed("a PRELOGIN whose option table does not end")
        token, offset, size = _OPTION.unpack_from(payload, position)
        if token in found or offset + size > len(payload):
            raise _malformed(f"option {token} given twice or beyond the end")
        found[token] = payload[offset : offset + size]
        position += _OPTION.size
    return found


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not TDS: {what}")
