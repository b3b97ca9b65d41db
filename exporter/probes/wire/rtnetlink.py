"""Questions to the kernel's routing tables and its answers (rtnetlink(7)).

Three questions, each about one thing: the route to an address, the neighbour table's
entry for one, and a network device. Numbers are in the host's byte order.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 65536
"""Bytes of one answer; a device's is the longest, with a few thousand."""

# linux/socket.h, linux/netlink.h, linux/rtnetlink.h, linux/neighbour.h, linux/if_link.h
_HEADER = struct.Struct("=IHHII")
_REQUEST = 1
_ATTRIBUTE = struct.Struct("=HH")
_KIND = 0x3FFF
_FAMILY = {4: 2, 6: 10}
_ROUTE, _GET_ROUTE = 24, 26
_ROUTE_HEADER = struct.Struct("=BBBBBBBBI")
_TO, _DEVICE, _GATEWAY, _SOURCE, _VIA = 1, 4, 5, 7, 18
_LOCAL = 2
_NEIGHBOUR, _GET_NEIGHBOUR = 28, 30
_NEIGHBOUR_HEADER = struct.Struct("=BBHiHBB")
_UNANSWERED = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED
_LINK, _GET_LINK = 16, 18
_LINK_HEADER = struct.Struct("=BBHiII")
_NAME, _CARRIER = 3, 33
_INDEX = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class Route:
    """How packets to an address leave this host.

    Attributes:
        device: the number of the network device.
        gateway: the router they are handed to; None if they go straight there.
        local: the address is this host's own.
        source: the address that they come from; None if none is chosen.
    """

    device: int
    gateway: str | None
    local: bool
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A network device; `carrier` says whether something is at its other end."""

    name: str
    carrier: bool


def ask_route(address: str) -> bytes:
    """The question how packets to an address leave this host."""
    family, packed = _packed(address)
    header = _ROUTE_HEADER.pack(family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0)
    return _message(_GET_ROUTE, header, _TO, packed)


def ask_neighbour(address: str, device: int) -> bytes:
    """The question whether an address answers on a device's own network."""
    family, packed = _packed(address)
    header = _NEIGHBOUR_HEADER.pack(family, 0, 0, device, 0, 0, 0)
    return _message(_GET_NEIGHBOUR, header, _TO, packed)


def ask_device(index: int) -> bytes:
    """The question for a network device."""
    return _message(_GET_LINK, _LINK_HEADER.pack(0, 0, 0, index, 0, 0))


def read_route(data: bytes) -> Route | None:
    """The answer to `ask_route`; None if there is no route."""
    body = _body(data, _ROUTE, _ROUTE_HEADER)
    if body is None:
        return None
    fields, attributes = body
    device = attributes.get(_DEVICE, b"")
    if len(device) != _INDEX.size:
        return None
    gateway = attributes.get(_GATEWAY) or attributes.get(_VIA, b"")[2:]
    return Route(
        device=_INDEX.unpack(device)[0],
        gateway=_address(gateway),
        local=fields[7] == _LOCAL,
        source=_address(attributes.get(_SOURCE, b"")),
    )


def read_neighbour(data: bytes) -> bool | None:
    """Whether the neighbour answers (RFC 826, RFC 4861); None if nobody asked."""
    body = _body(data, _NEIGHBOUR, _NEIGHBOUR_HEADER)
    return None if body is None else not body[0][4] & _UNANSWERED


def read_device(data: bytes) -> Device | None:
    """The answer to `ask_device`."""
    body = _body(data, _LINK, _LINK_HEADER)
    if body is None:
        return None
    name = body[1].get(_NAME, b"").rstrip(b"\0").decode("ascii", "replace")
    return Device(name, body[1].get(_CARRIER, b"\1")[:1] != b"\0")


def _address(packed: bytes) -> str | None:
    return str(ipaddress.ip_address(packed)) if len(packed) in {4, 16} else None


def _packed(address: str) -> tuple[int, bytes]:
    ip = ipaddress.ip_address(address)
    return _FAMILY[ip.version], ip.packed


def _message(kind: int, header: bytes, attribute: int = 0, value: bytes = b"") -> bytes:
    body = header
    if value:
        body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), attribute) + value
    return _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST, 1, 0) + body


def _body(
    data: bytes, kind: int, header: struct.Struct
) -> tuple[tuple[int, ...], dict[int, bytes]] | None:
    """The fields of a message's own header and its attributes; None for another."""
    if len(data) < _HEADER.size + header.size:
        return None
    length, told, *_ = _HEADER.unpack_from(data)
    if told != kind:
        return None
    fields = header.unpack_from(data, _HEADER.size)
    rest = data[_HEADER.size + header.size : length]
    return fields, dict(_attributes(rest))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _KIND, data[_ATTRIBUTE.size : length]
        data = data[-(-length // 4) * 4 :]
