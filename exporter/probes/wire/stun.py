"""STUN Binding requests and their responses (RFC 8489 5, 6, 14).

A response says from which address the request came, as its server saw it. It is text
that anybody could have sent: only one with our transaction id counts.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.endpoint import place
from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = 20
"""Octets of a message's head."""
TRANSACTION = 12
"""Octets of a transaction id."""
MESSAGE_LIMIT = 2048
"""Octets of attributes that are read: more than any datagram of a server has."""

_COOKIE = 0x2112A442
_MASK = _COOKIE.to_bytes(4)
_HEAD = struct.Struct(f">HHI{TRANSACTION}s")
_ATTRIBUTE = struct.Struct(">HH")
_REQUEST = 0x0001
_SUCCESS = 0x0101
_ERROR = 0x0111
_MAPPED = 0x0001
_ERROR_CODE = 0x0009
_XOR_MAPPED = 0x0020
_SOFTWARE = 0x8022
_FAMILIES = {1: 4, 2: 16}
"""Octets of an address by its family (RFC 8489 14.1)."""
_ADDRESS_HEAD = 4
_SOFTWARE_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Response:
    """A server's answer.

    `mapped` is where the request came from, as `address:port`, `[address]:port` for
    IPv6; empty in an error, whose code and reason are then in `error`. `software` is
    what the server says it is, if it does.
    """

    mapped: str = ""
    error: str = ""
    software: str = ""


def request(transaction: bytes) -> bytes:
    """A Binding request without attributes."""
    return _HEAD.pack(_REQUEST, 0, _COOKIE, transaction)


def begins(data: bytes) -> None:
    """Whether the head of a response can begin with `data`.

    Raises:
        ProbeError: malformed if it cannot.
    """
    kinds = tuple(kind.to_bytes(2) for kind in (_SUCCESS, _ERROR))
    if not any(kind[: len(data)] == data[:2] for kind in kinds):
        raise _malformed(f"a message begins with {printable(data[:HEAD], 60)}")
    if data[4:8] != _MASK[: len(data[4:8])]:
        raise _malformed("a message without the magic cookie")


def message_length(head: bytes) -> int:
    """How many octets of attributes follow a head.

    Raises:
        ProbeError: malformed if it is no response's head.
    """
    if len(head) != HEAD:
        raise _malformed(f"{len(head)} octets")
    begins(head)
    size = int.from_bytes(head[2:4])
    if size % 4 or size > MESSAGE_LIMIT:
        raise _malformed(f"a message of {size} octets")
    return size


def parse(data: bytes, transaction: bytes) -> Response | None:
    """The response to the request with that id; None for one to any other.

    Raises:
        ProbeError: malformed if this is no response at all.
    """
    size = message_length(data[:HEAD])
    if len(data) != HEAD + size:
        raise _malformed(f"{len(data)} octets, not as many as announced")
    kind, _, _, echoed = _HEAD.unpack_from(data)
    if echoed != transaction:
        return None
    attributes = _attributes(data[HEAD:])
    software = printable(attributes.get(_SOFTWARE, b""), _SOFTWARE_LIMIT)
    if kind == _ERROR:
        return Response(error=_error(attributes), software=software)
    return Response(_mapped(attributes, transaction), software=software)


def _attributes(data: bytes) -> Mapping[int, bytes]:
    """Values by type; of a type that is there twice the first (RFC 8489 14)."""
    found: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, position)
        position += _ATTRIBUTE.size
        if position + size > len(data):
            raise _malformed(f"attribute {kind:#06x} beyond the end")
        found.setdefault(kind, data[position : position + size])
        position += size + -size % 4
    return found


def _mapped(attributes: Mapping[int, bytes], transaction: bytes) -> str:
    """XOR-MAPPED-ADDRESS (14.2), else MAPPED-ADDRESS (14.1) of an old server."""
    if _XOR_MAPPED in attributes:
        return _address(attributes[_XOR_MAPPED], _MASK + transaction)
    if _MAPPED in attributes:
        return _address(attributes[_MAPPED], bytes(len(_MASK) + TRANSACTION))
    raise _malformed("a success without a mapped address")


def _address(value: bytes, mask: bytes) -> str:
    size = _FAMILIES.get(value[1] if len(value) > 1 else 0)
    if size is None or len(value) != _ADDRESS_HEAD + size:
        raise _malformed(f"a mapped address {printable(value, 60)}")
    port = int.from_bytes(value[2:4]) ^ int.from_bytes(mask[:2])
    octets = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    return place(str(ipaddress.ip_address(octets)), port)


def _error(attributes: Mapping[int, bytes]) -> str:
    """Code and reason of ERROR-CODE (14.8)."""
    value = attributes.get(_ERROR_CODE, b"")
    if len(value) < _ADDRESS_HEAD:
        raise _malformed("an error without a code")
    code = (value[2] & 7) * 100 + value[3]
    return f"{code} {printable(value[4:], _SOFTWARE_LIMIT)}".rstrip()


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not STUN: {what}")
