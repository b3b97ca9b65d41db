"""Whether a certificate is for a name (RFC 9525); the common name does not count."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import TYPE_CHECKING

from cryptography import x509
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import (
    DNS_ID,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
    verify_service_identity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.probes.certificate import Certificate

_INTERNATIONAL = "xn--"
"""How labels of an international name begin (RFC 5890 2.3.2.1)."""


def is_for(leaf: Certificate, name: str) -> bool:
    """Whether a certificate is for a name, whoever signed it and until when."""
    try:
        verify_service_identity(list(_patterns(leaf, name)), [_wanted(name)], [])
    except (CertificateError, VerificationError, ValueError):
        # ValueError: the name itself is none, so nobody can have it.
        return False
    return True


def names_hosts(leaf: Certificate) -> bool:
    """Whether it names any host at all; an address for mail, say, is none."""
    names = leaf.alternative_names()
    return bool(
        names.get_values_for_type(x509.DNSName)
        or names.get_values_for_type(x509.IPAddress)
    )


def _wanted(name: str) -> DNS_ID | IPAddress_ID:
    try:
        return IPAddress_ID(ipaddress.ip_address(name))
    except ValueError:
        return DNS_ID(name)


def _patterns(leaf: Certificate, name: str) -> Iterator[DNSPattern | IPAddressPattern]:
    """Its names one by one: an odd one must not hide the others."""
    names = leaf.alternative_names()
    for text in names.get_values_for_type(x509.DNSName):
        if text != text.strip():
            continue  # which the library would take away, and no client does
        with contextlib.suppress(CertificateError):
            yield _pattern(text, name)
    for address in names.get_values_for_type(x509.IPAddress):
        yield IPAddressPattern(address)  # type: ignore[arg-type] # networks only occur in name constraints


def _pattern(text: str, name: str) -> DNSPattern:
    """A name as a pattern; RFC 9525 6.3 lets `*` stand for any label.

    The library excepts those of international names, as RFC 6125 did where the wildcard
    is only a part of a label.
    """
    pattern = DNSPattern.from_bytes(text.encode())
    first = name.partition(".")[0]
    if pattern.pattern.startswith(b"*.") and first.lower().startswith(_INTERNATIONAL):
        return DNSPattern.from_bytes((first + text[1:]).encode())
    return pattern
