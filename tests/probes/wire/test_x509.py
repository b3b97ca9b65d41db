"""Certificates read part by part: one odd part hides no other."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509 as strict
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from exporter.probes.wire import ber, x509
from tests.certificates import issue, server

SAN, PURPOSES = "2.5.29.17", "2.5.29.37"
HOST = ber.encode(0x82, b"web.uni.example")


def der_of(issued):
    return issued.certificate.public_bytes(Encoding.DER)


def test_a_proper_certificate_is_read_as_the_strict_reader_reads_it():
    addresses = [ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::1")]
    names = strict.SubjectAlternativeName(
        [strict.DNSName("a.example"), *map(strict.IPAddress, addresses)]
    )
    usage = strict.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issued = issue("web", extensions=[(names, False), (usage, False)])
    found = x509.extensions(der_of(issued))
    assert x509.alternative_names(found[SAN]) == (
        ["a.example"],
        [one.packed for one in addresses],
    )
    assert x509.key_purposes(found[PURPOSES]) == ["1.3.6.1.5.5.7.3.1"]
    assert (NameOID.COMMON_NAME.dotted_string, "web") in x509.subject(der_of(issued))
    known = {one.oid.dotted_string for one in issued.certificate.extensions}
    assert found.keys() == known


@pytest.mark.parametrize(
    "odd",
    [
        ber.encode(0xA3, b"\x30\x00"),  # x400Address
        ber.encode(0xA5, b"\x30\x00"),  # ediPartyName
        ber.encode(0xA0, b"\x06\x01\x2a"),  # otherName
        ber.encode(0x82, "b\xfccher.example".encode("latin-1")),
        ber.encode(0x87, b"\x0a\x00\x00\x01\x02"),
        ber.encode(0x88, b"\x2a\x03"),  # registeredID
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_odd_name_hides_no_other(odd, first):
    names = (odd, HOST) if first else (HOST, odd)
    extension = ber.encode(ber.SEQUENCE, *names)
    assert x509.alternative_names(extension)[0] == ["web.uni.example"]


@pytest.mark.parametrize(
    ("tag", "octets", "text"),
    [
        (0x0C, "Universit\xe4t".encode(), "Universit\xe4t"),
        (0x14, "Universit\xe4t".encode("latin-1"), "Universit\xe4t"),
        (0x1E, "Universit\xe4t".encode("utf-16-be"), "Universit\xe4t"),
        (0x13, b"R & D", "R & D"),
        (0x0C, b"\xff", "\xff"),
    ],
)
def test_a_name_is_read_whatever_its_string_type(tag, octets, text):
    pair = ber.encode(
        ber.SEQUENCE, ber.encode(6, b"\x55\x04\x0a"), ber.encode(tag, octets)
    )
    name = ber.encode(ber.SEQUENCE, ber.encode(ber.SET, pair))
    parts = [ber.integer(1), ber.encode(ber.SEQUENCE), name]
    body = ber.encode(ber.SEQUENCE, ber.context(0, ber.integer(2)), *parts)
    certificate = ber.encode(ber.SEQUENCE, body)
    assert x509.issuer(certificate) == [("2.5.4.10", text)]


@given(st.binary(max_size=300), st.integers(0, 400), st.binary(max_size=3))
def test_no_bytes_surprise_the_reader(junk, at, put):
    der = der_of(server(None, "a.example"))
    for data in (junk, der[:at] + put + der[at + len(put) :], der[:at]):
        for extension in x509.extensions(data).values():
            x509.alternative_names(extension)
            x509.key_purposes(extension)
        x509.subject(data)
        x509.issuer(data)
