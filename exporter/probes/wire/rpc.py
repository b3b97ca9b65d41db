"""DCE/RPC over TCP ([MS-RPCE], DCE 1.1: RPC, C706, 12.6): a bind out, its answer back.

The bind asks for the endpoint mapper, which every client of Microsoft's RPC asks first,
at port 135, for the port of the service it wants. No call follows, and no authentication.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from uuid import UUID

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

HEAD = 16
"""Octets of the common header, which has the length of the whole fragment."""

_HEADER = struct.Struct("<2sBB4sHHI")
_VERSION = b"\5\0"
_BIND, _BIND_ACK, _BIND_NAK, _FAULT = 11, 12, 13, 3
_FIRST_AND_LAST = 0x03
# C706 14.1: the lowest four bits tell characters (ASCII), the highest integers.
_LITTLE_ENDIAN = 0x10
_REPRESENTATION = bytes([_LITTLE_ENDIAN, 0, 0, 0])
_CALL = 1
_LARGEST = 5840
"""Octets of a fragment that Microsoft's implementations offer; no answer is near it."""
_ENDPOINT_MAPPER = UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3
_NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2
_ACCEPTED = 0

# C706 12.6.3.1 and 12.6.4.5.
_REFUSED_CONTEXT = {
    1: "abstract syntax not supported",
    2: "proposed transfer syntaxes not supported",
    3: "local limit exceeded",
}
_REFUSED_BIND = {
    1: "temporary congestion",
    2: "local limit exceeded",
    4: "protocol version not supported",
    8: "authentication type not recognized",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """What a server said to the bind.

    `refusal` is why it does not serve the endpoint mapper, empty if it does.
    """

    refusal: str = ""


def bind() -> bytes:
    """A bind to the endpoint mapper (C706 12.6.4.3)."""
    context = struct.pack("<HBx", 0, 1) + _syntax(*_ENDPOINT_MAPPER) + _syntax(*_NDR)
    body = struct.pack("<HHIBxxx", _LARGEST, _LARGEST, 0, 1) + context
    head = _HEADER.pack(
        *(_VERSION, _BIND, _FIRST_AND_LAST, _REPRESENTATION),
        *(HEAD + len(body), 0, _CALL),
    )
    return head + body


def _syntax(uuid: UUID, version: int) -> bytes:
    return uuid.bytes_le + struct.pack("<I", version)


def begins(data: bytes) -> None:
    """Whether an answer can begin with `data`.

    Raises:
        ProbeError: malformed if it cannot.
    """
    kind = data[len(_VERSION) : len(_VERSION) + 1]
    answer = not kind or kind[0] in {_BIND_ACK, _BIND_NAK, _FAULT}
    if not data.startswith(_VERSION[: len(data)]) or not answer:
        raise _malformed(f"a beginning like {printable(data[:HEAD])}")


def fragment_length(head: bytes) -> int:
    """How many octets follow the `HEAD` octets that a fragment begins with.

    Raises:
        ProbeError: malformed if no answer to a bind can have this length.
    """
    if len(head) < HEAD:
        raise _malformed(f"a head of {len(head)} octets")
    begins(head)
    (size,) = struct.unpack_from(_order(head) + "H", head, 8)
    if not HEAD < size <= _LARGEST:
        raise _malformed(f"a fragment of {size} octets")
    return int(size) - HEAD


def parse(fragment: bytes) -> Bound:
    """What the answer says, head and all.

    Raises:
        ProbeError: malformed if it is none, rejected if the server wants no bind
            now, or none of ours.
    """
    try:
        return _parse(fragment)
    except (IndexError, struct.error) as error:
        detail = f"an answer of {len(fragment)} octets that ends too soon"
        raise _malformed(detail) from error


def _parse(fragment: bytes) -> Bound:
    begins(fragment)
    order = _order(fragment)
    kind = fragment[len(_VERSION)]
    (call,) = struct.unpack_from(order + "I", fragment, 12)
    if call != _CALL:
        raise _malformed(f"an answer to call {call}, which was never made")
    if kind == _BIND_NAK:
        (reason,) = struct.unpack_from(order + "H", fragment, HEAD)
        raise _rejected("bind refused", _REFUSED_BIND.get(reason, f"reason {reason}"))
    if kind == _FAULT:
        (status,) = struct.unpack_from(order + "I", fragment, HEAD + 8)
        raise _rejected("fault", f"{status:#010x}")
    return _acknowledged(fragment, order)


def _acknowledged(fragment: bytes, order: str) -> Bound:
    """bind_ack: sizes, group, secondary address, one result (C706 12.6.4.4)."""
    at = HEAD + 8
    (address,) = struct.unpack_from(order + "H", fragment, at)
    at += 2 + address
    at += -at % 4
    results, result, reason = struct.unpack_from(order + "BxxxHH", fragment, at)
    if results != 1:
        raise _malformed(f"{results} results for one interface")
    if result == _ACCEPTED:
        return Bound()
    return Bound(_REFUSED_CONTEXT.get(reason, f"result {result}, reason {reason}"))


def _order(head: bytes) -> str:
    # The sender's own order of integers, so it is the server's to choose.
    return "<" if head[4] & _LITTLE_ENDIAN else ">"


def _rejected(what: str, why: str) -> ProbeError:
    return ProbeError(Reason.REJECTED, f"{what}: {why}")


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not DCE/RPC: {what}")
