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


def is_for(leaf: Certificate, name: str) -> bool:
    """Whether a certificate is for a name, whoever signed it and until when."""
    try:
        verify_service_identity(list(_patterns(leaf)), [_wanted(name)], [])
    except (CertificateError, VerificationError, ValueError):
        # ValueError: the name itself is none, so nobody can have it.
        return False
    return True


def _wanted(name: str) -> DNS_ID | IPAddress_ID:
    try:
        return IPAddress_ID(ipaddress.ip_address(name))
    except ValueError:
        return DNS_ID(name)


def _patterns(leaf: Certificate) -> Iterator[DNSPattern | IPAddressPattern]:
    """Its names one by one: an odd one must not hide the others."""
    names = leaf.alternative_names()
    for text in names.get_values_for_type(x509.DNSName):
        with contextlib.suppress(CertificateError):
            yield DNSPattern.from_bytes(text.encode())
    for address in names.get_values_for_type(x509.IPAddress):
        yield IPAddressPattern(address)  # type: ignore[arg-type] # networks only occur in name constraints
