"""X.509 certificates (RFC 5280 4.1) part by part, each read by itself.

For certificates that OpenSSL and clients take and a stricter reader does not: an odd
extension, name form or string must hide nothing else. Whatever is wrong with one part
leaves that part out.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from exporter.model.outcome import ProbeError
from exporter.probes.wire import ber

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.probes.wire.ber import Element

_OID = 0x06
_VERSION = 0xA0
_EXTENSIONS = 0xA3
_DNS_NAME = 0x82
_IP_ADDRESS = 0x87
_ISSUER, _SUBJECT = 2, 4
"""Places in a TBSCertificate behind its version (RFC 5280 4.1)."""
# X.680 8.4; T61String is written in Latin-1 by all who still write it.
_ENCODINGS = {0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}


def extensions(certificate: bytes) -> dict[str, bytes]:
    """The contents of each extension by its OID; one that stands twice is left out."""
    found: dict[str, bytes] = {}
    twice = set()
    wrapped = next((e for e in _fields(certificate) if e.tag == _EXTENSIONS), None)
    for extension in _inside(wrapped, 2):
        parts = list(_values(extension.content))
        if len(parts) > 1 and parts[0].tag == _OID:
            oid = _dotted(parts[0].content)
            twice |= {oid} & found.keys()
            found[oid] = parts[-1].content
    return {oid: content for oid, content in found.items() if oid not in twice}


def alternative_names(extension: bytes) -> tuple[list[str], list[bytes]]:
    """DNS names and IP addresses of a SubjectAltName (RFC 5280 4.2.1.6)."""
    hosts, addresses = [], []
    for name in _inside(ber.Element(0, extension), 1):
        if name.tag == _DNS_NAME and name.content.isascii():
            hosts.append(name.content.decode("ascii"))
        elif name.tag == _IP_ADDRESS and len(name.content) in (4, 16):
            addresses.append(name.content)
    return hosts, addresses


def key_purposes(extension: bytes) -> list[str]:
    """The OIDs of an ExtKeyUsageSyntax (RFC 5280 4.2.1.12)."""
    purposes = _inside(ber.Element(0, extension), 1)
    return [_dotted(one.content) for one in purposes if one.tag == _OID]


def issuer(certificate: bytes) -> list[tuple[str, str]]:
    """The issuer's attributes as OID and text, in the order of the certificate."""
    return _name(certificate, _ISSUER)


def subject(certificate: bytes) -> list[tuple[str, str]]:
    """The subject's attributes, likewise."""
    return _name(certificate, _SUBJECT)


def _name(certificate: bytes, place: int) -> list[tuple[str, str]]:
    fields = [one for one in _fields(certificate) if one.tag != _VERSION]
    if len(fields) <= place:
        return []
    found = []
    for attribute in _inside(fields[place], 1):
        for pair in _values(attribute.content):
            parts = list(_values(pair.content))
            if len(parts) > 1 and parts[0].tag == _OID:
                found.append((_dotted(parts[0].content), _text(parts[1])))
    return found


def _fields(certificate: bytes) -> Iterator[Element]:
    """The parts of the TBSCertificate."""
    outer = next(_values(certificate), None)
    inner = next(_values(outer.content), None) if outer else None
    return _values(inner.content) if inner else iter(())


def _inside(element: Element | None, depth: int) -> Iterator[Element]:
    """The values `depth` levels inside, along the first of each level."""
    while element is not None and depth > 1:
        element = next(_values(element.content), None)
        depth -= 1
    if element is not None and element.tag == 0:
        element = next(_values(element.content), None)
    return _values(element.content) if element is not None else iter(())


def _values(content: bytes) -> Iterator[Element]:
    """The values that stand one after the other, up to one that cannot be read."""
    with suppress(ProbeError):
        while content:
            size = ber.measure(content)
            if size is None:
                return
            yield ber.whole(content[:size])
            content = content[size:]


def _dotted(content: bytes) -> str:
    """An object identifier in dots (X.690 8.19)."""
    numbers, value = [], 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if not numbers:
        return ""
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _text(value: Element) -> str:
    try:
        return value.content.decode(_ENCODINGS.get(value.tag, "utf-8"))
    except UnicodeDecodeError:
        return value.content.decode("latin-1")
