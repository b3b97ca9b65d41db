import unicodedata

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import crypto

from exporter.probes.certificate import (
    NAME_LIMIT,
    Certificate,
    printable,
)
from tests.certificates import DAY, NOW, authority, common_name, issue, openssl, server


def read(issued, before=b"", after=b""):
    """The certificate with some of its bytes replaced; the signature breaks."""
    der = issued.certificate.public_bytes(Encoding.DER)
    assert before in der
    patched = der.replace(before, after)
    return Certificate(crypto.load_certificate(crypto.FILETYPE_ASN1, patched))


def test_dates_are_unix_times():
    certificate = read(server(start=-DAY, end=400 * DAY))
    assert certificate.not_before == (NOW - DAY).timestamp()
    assert certificate.not_after == (NOW + 400 * DAY).timestamp()


def test_the_fingerprint_is_the_one_openssl_prints(tmp_path):
    issued = server()
    (tmp_path / "pem").write_bytes(issued.pem)
    said = openssl("x509", "-in", tmp_path / "pem", "-fingerprint", "-sha256", "-noout")
    hexadecimal = said.strip().partition("=")[2].replace(":", "").lower()
    assert read(issued).fingerprint == hexadecimal


def test_a_negative_serial_number_is_read_like_any_other(tmp_path):
    request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 9)
    files = ("-keyout", tmp_path / "key", "-out", tmp_path / "pem")
    openssl(*request, *files, "-set_serial", -5, "-subj", "/CN=SSL_Self_Signed")
    pem = (tmp_path / "pem").read_bytes()
    certificate = Certificate(crypto.load_certificate(crypto.FILETYPE_PEM, pem))
    assert certificate.subject == "CN=SSL_Self_Signed"
    assert certificate.not_after - certificate.not_before == 9 * DAY.total_seconds()


def printable_string(text):
    kind = _ASN1Type.PrintableString
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, _type=kind)])


@pytest.mark.parametrize(
    ("issued", "good", "bad", "name"),
    [
        (server(), b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x08", "server"),
        (
            server(None, "a.b", common=printable_string("R and D")),
            *(b"R and", b"R & *", "R & * D"),
        ),
    ],
    ids=["unknown version", "characters its type forbids"],
)
def test_what_only_openssl_reads_hides_nothing_else(issued, good, bad, name):
    certificate = read(issued, good, bad)
    assert certificate.parsed is None
    assert (certificate.subject, certificate.issuer) == (f"CN={name}", f"CN={name}")
    assert certificate.not_after == (NOW + 30 * DAY).timestamp()
    assert len(certificate.fingerprint) == 64
    assert certificate.issuer_contains(name)
    assert certificate.serves_tls()
    names = read(issued).alternative_names()
    assert list(certificate.alternative_names()) == list(names)


@pytest.mark.parametrize("date", [b"2607010000+01", b"260701000000+"])
def test_a_date_that_is_none_counts_as_long_past(date):
    certificate = read(server(end=30 * DAY), b"260701000000Z", date)
    assert certificate.not_after == 0
    assert certificate.not_before == (NOW - DAY).timestamp()


def test_an_extension_given_twice_counts_as_none():
    names = x509.SubjectAlternativeName([x509.DNSName("web.uni.example")])
    twin = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.99"), names.public_bytes()
    )
    issued = issue("twice", extensions=[(names, False), (twin, False)])
    assert list(read(issued).alternative_names())
    assert not list(read(issued, b"\x55\x1d\x63", b"\x55\x1d\x11").alternative_names())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb\r\tc", r"a\0Ab\0D\09c"),
        ('"quoted" \\ back', r"\"quoted\" \\ back"),
        ("nul\0nul", r"nul\00nul"),
        ("right\u202eleft", r"right\E2\80\AEleft"),
        ("zero\u200bwidth\u2028line", r"zero\E2\80\8Bwidth\E2\80\A8line"),
        ("<script>, a;b", r"\<script\>\, a\;b"),
        ("Universität 大学", "Universität 大学"),
    ],
)
def test_a_name_is_shown_as_one_line_without_surprises(text, shown):
    assert printable(common_name(text)) == f"CN={shown}"


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12))
def test_what_is_shown_is_visible_and_reads_back_as_the_same_name(text):
    name = common_name(text)
    shown = printable(name)
    assert all(
        char == " " or unicodedata.category(char)[0] not in "CZ" for char in shown
    )
    assert x509.Name.from_rfc4514_string(shown) == name


def test_a_huge_name_is_cut_between_escapes():
    with pytest.warns(UserWarning, match="length must be"):
        name = common_name("\u202e" * 10_000)
    shown = printable(name)
    assert len(shown) <= NAME_LIMIT + 1
    assert shown.startswith(r"CN=\E2\80\AE\E2\80\AE")
    assert shown.endswith(r"\E2\80\AE…")


def test_an_issuer_is_recognised_by_any_part_of_its_name_as_a_person_writes_it():
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme Trust, Inc."),
            x509.NameAttribute(NameOID.COMMON_NAME, "Acme G2"),
        ]
    )
    certificate = read(server(authority(name)))
    for part in ("Acme G2", "Acme Trust, Inc.", "CN=Acme G2", "Trust"):
        assert certificate.issuer_contains(part), part
    for other in ("Acme G3", "acme g2", "server"):
        assert not certificate.issuer_contains(other), other


def test_a_key_that_is_not_rsa_is_not_measured_in_its_bits():
    assert not read(server()).has_weak_key()
    modern = issue("modern", key=ed25519.Ed25519PrivateKey.generate())
    assert not read(modern).has_weak_key()
    assert not read(modern).has_weak_signature()
