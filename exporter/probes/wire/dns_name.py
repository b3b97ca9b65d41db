"""Names in DNS messages (RFC 1035 3.1, 4.1.4), with their compression.

They are kept as they lie on the wire, lengths and labels without the root's, in lower case.
"""

from __future__ import annotations

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

_LABEL, _NAME = 63, 254
"""Octets of a label, and of a name on the wire without its root (RFC 1035 2.3.4)."""
_POINTER = 0xC0
_JUMPS = 32
"""Compression pointers followed for one name: an honest one needs a few."""
_OFFSET = 0x3FFF
_PRINTED_NAME = 80


def encode(name: str) -> bytes:
    """A name as it is asked for, in the case it is written in; empty for the root, `.`.

    Raises:
        ProbeError: nxdomain if DNS can hold no such name.
    """
    if name == ".":
        return b""
    try:
        labels = name.removesuffix(".").encode("ascii").split(b".")
    except UnicodeEncodeError:
        labels = [b""]
    owner = b"".join(bytes([len(label) & 0xFF]) + label for label in labels)
    if not all(0 < len(one) <= _LABEL for one in labels) or len(owner) > _NAME:
        detail = f"{printable(name)}: not a name that DNS can hold"
        raise ProbeError(Reason.NXDOMAIN, detail)
    return owner


def read(data: bytes, at: int) -> tuple[bytes, int]:
    """The name at an offset, its pointers followed, and the offset behind it.

    Raises:
        ProbeError: malformed if it is none.
        IndexError: the message ends before it does.
    """
    labels = bytearray()
    behind, lowest, jumps = 0, at, 0
    while size := data[at]:
        if size <= _LABEL:
            labels += data[at : at + 1 + size]
            at += 1 + size
        elif size >= _POINTER:
            behind = behind or at + 2
            at = (size << 8 | data[at + 1]) & _OFFSET
            jumps += 1
            if at >= lowest or jumps > _JUMPS:
                raise malformed("a name that points at itself")
            lowest = at
        else:
            raise malformed(f"a label of type {size >> 6}")
        if len(labels) > _NAME:
            raise malformed("a name of more than 255 octets")
    return bytes(labels).lower(), behind or at + 1


def printed(owner: bytes) -> str:
    """A name for people to read."""
    labels = []
    while owner:
        labels.append(owner[1 : 1 + owner[0]])
        owner = owner[1 + owner[0] :]
    return printable(b".".join(labels), _PRINTED_NAME)


def malformed(what: str) -> ProbeError:
    """The error of an answer that has what none may have."""
    return ProbeError(Reason.MALFORMED, f"a DNS answer with {what}")
