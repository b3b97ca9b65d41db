"""ASN.1 values in BER and DER (X.690), as far as LDAP and Kerberos need them.

A reader takes bytes to an `Element` and an element to its children; nothing here
recurses, so nesting goes exactly as deep as a caller asks. Tags have one octet and
lengths are definite (RFC 4511 5.1, RFC 4120 5). Lengths in more octets than needed
are accepted: Active Directory writes all of LDAP that way. Everything else that is
wrong ends in a `ProbeError` malformed.
"""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.outcome import ProbeError, Reason

LIMIT = 65536
"""Octets of the largest element accepted."""
_CHILDREN = 256
_LENGTH_OCTETS = 4
_INTEGER_OCTETS = 8
_SHORT = 0x80
_HIGH_TAG = 0x1F
_CONTEXT = 0xA0

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
ENUMERATED = 0x0A
GENERALIZED_TIME = 0x18
GENERAL_STRING = 0x1B
SEQUENCE = 0x30
SET = 0x31


@dataclass(frozen=True, slots=True)
class Element:
    """One value: its identifier octet and its contents octets."""

    tag: int
    content: bytes


def encode(tag: int, *parts: bytes) -> bytes:
    """An element whose contents are `parts`, with the shortest length (DER)."""
    content = b"".join(parts)
    size = len(content)
    if size < _SHORT:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, _SHORT | len(octets)]) + octets + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """An INTEGER or ENUMERATED in the fewest octets (X.690 8.3.2)."""
    size = (value + (value < 0)).bit_length() // 8 + 1
    return encode(tag, value.to_bytes(size, signed=True))


def context(number: int, content: bytes) -> bytes:
    """`content` under an explicit context tag [number] below 31."""
    return encode(_CONTEXT | number, content)


def measure(data: bytes) -> int | None:
    """Octets of the element that `data` begins with; None if that is not told yet."""
    head = _head(data, 0)
    return head and head[1] + head[2]


def whole(data: bytes) -> Element:
    """The one element that `data` is, without anything after it."""
    element, end = _element(data, 0)
    if end != len(data):
        raise _malformed(f"{len(data) - end} octets after the end")
    return element


def children(element: Element) -> list[Element]:
    """The elements inside a constructed one."""
    found: list[Element] = []
    position = 0
    while position < len(element.content):
        if len(found) == _CHILDREN:
            raise _malformed(f"more than {_CHILDREN} values in one")
        child, position = _element(element.content, position)
        found.append(child)
    return found


def fields(sequence: Element) -> dict[int, Element]:
    """A SEQUENCE of explicitly tagged values: context number to value."""
    found: dict[int, Element] = {}
    for child in children(expect(sequence, SEQUENCE)):
        number = child.tag ^ _CONTEXT
        if number >= _HIGH_TAG or number in found:
            raise _malformed(f"tag {child.tag:#x} where it must not be")
        found[number] = whole(child.content)
    return found


def expect(element: Element, tag: int) -> Element:
    """The same element, if it has this tag."""
    if element.tag != tag:
        raise _malformed(f"tag {element.tag:#x} where {tag:#x} is due")
    return element


def number(element: Element, tag: int = INTEGER) -> int:
    """The value of an INTEGER or ENUMERATED of at most 64 bits."""
    content = expect(element, tag).content
    if not 0 < len(content) <= _INTEGER_OCTETS:
        raise _malformed(f"an integer of {len(content)} octets")
    return int.from_bytes(content, signed=True)


def _element(data: bytes, start: int) -> tuple[Element, int]:
    head = _head(data, start)
    if head is None:
        raise _malformed("ends in the middle of a head")
    tag, begin, size = head
    end = begin + size
    if end > len(data):
        raise _malformed(f"{end - len(data)} octets short")
    return Element(tag, data[begin:end]), end


def _head(data: bytes, start: int) -> tuple[int, int, int] | None:
    """Tag, where the contents begin and their size; None if `data` ends before."""
    if len(data) < start + 2:
        return None
    tag, size, begin = data[start], data[start + 1], start + 2
    if tag & _HIGH_TAG == _HIGH_TAG:
        raise _malformed("a tag of several octets")
    if size >= _SHORT:
        count = size ^ _SHORT
        if not 0 < count <= _LENGTH_OCTETS:
            raise _malformed(f"length octet {size:#x}")
        if len(data) < begin + count:
            return None
        size = int.from_bytes(data[begin : begin + count])
        begin += count
    if size > LIMIT:
        raise _malformed(f"a value of {size} octets")
    return tag, begin, size


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not valid ASN.1: {what}")
