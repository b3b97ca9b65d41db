"""Certificates in which one part is of a rare kind or badly encoded.

The name asked for stands in each, and OpenSSL and curl take all of them: verified, and
without a word against them. What a peer puts into its certificate switches no rule off.
"""

from __future__ import annotations

import contextlib
import ssl

from cryptography import x509

from tests.certificates import openssl
from tests.field.situation import (
    HOST,
    Case,
    every,
    holds,
    leaf,
    tls,
    violated,
)
from tests.servers.threaded import answers

_OK = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
_ALTERNATIVES, _POLICIES = "2.5.29.17", "2.5.29.32"
_INFORMATION = "1.3.6.1.5.5.7.1.1"


def der(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    return bytes([tag]) + size + body


def raw(oid, value):
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False


_NAME = der(0x82, HOST.encode())


def beside(*others):
    """Alternative names: the host's, and others."""
    return raw(_ALTERNATIVES, der(0x30, _NAME, *others))


_OID = der(0x06, b"\x2a\x03\x04")
_NOTICE = der(
    *(0x30, der(0x06, b"\x2b\x06\x01\x05\x05\x07\x02\x02")),
    der(0x30, der(0x1A, "Ausk\xfcnfte".encode("latin-1"))),
)
_ODD = {
    "x400-address": beside(der(0xA3, der(0x30))),
    "edi-party": beside(der(0xA5, der(0xA1, der(0x0C, b"party")))),
    "registered-id": beside(der(0x88, b"\x2a\x03")),
    "other-name-not-ascii": beside(
        der(0xA0, _OID, der(0xA0, der(0x0C, "Zürich".encode())))
    ),
    "another-name-in-latin-1": beside(der(0x82, "m\xfcller.test".encode("latin-1"))),
    "an-address-of-five-bytes": beside(der(0x87, b"\x0a\0\0\1\2")),
    "an-empty-name": beside(der(0x82)),
    "a-mail-address-without-one": beside(der(0x81, b"nobody")),
    "a-uri-with-spaces": beside(der(0x86, b"http://a b/")),
}


def odd(*extensions, **more):
    return tls(_OK, leaf(names=(), also=extensions, **more))


@contextlib.contextmanager
def old_text(field, own):
    """An authority whose name is in Latin-1, as old software writes it (T61String)."""
    folder = field.folder
    (folder / "ca.cnf").write_bytes(
        b"[req]\ndistinguished_name=dn\nprompt=no\nutf8=no\nstring_mask=nombstr\n"
        b"x509_extensions=v\n[dn]\nO=Hochsch\xfcle\nCN=Old\n[v]\n"
        b"basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n"
    )
    (folder / "own.cnf").write_text(
        "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=x\n[v]\n"
        f"subjectAltName=DNS:{HOST}\nextendedKeyUsage=serverAuth\n"
    )
    key, ca_key = folder / "own.key", folder / "old.key"
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(
        *(*new, "-x509", "-days", "90", "-config", folder / "ca.cnf"),
        *("-keyout", ca_key, "-out", folder / "old.pem"),
    )
    openssl(
        *(*new, "-new", "-config", folder / "own.cnf"),
        *("-keyout", key, "-out", folder / "own.csr"),
    )
    openssl(
        *("x509", "-req", "-in", folder / "own.csr", "-CA", folder / "old.pem"),
        *("-CAkey", ca_key, "-CAcreateserial", "-days", "30"),
        *("-extfile", folder / "own.cnf", "-extensions", "v"),
        *("-out", folder / "own.pem"),
    )
    field.authorities.append((folder / "old.pem").read_bytes())

    def make(_field):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "own.pem", key)
        return context

    with tls(_OK, make)(field, own) as port:
        yield port


_RULE = {"tls": {"server_name": HOST}}
_PLAIN = beside()
_TLS = {"verified": True, "error": ("", None)}
_VERIFIED = holds(tls=_TLS)
_ACCESS = der(0x06, b"\x2b\x06\x01\x05\x05\x07\x30\x02")
_PLACE = der(0x86, "http://k\xf6ln.test/ca".encode("latin-1"))
_BEYOND = {
    "policy-text-in-latin-1": raw(
        _POLICIES, der(0x30, der(0x30, _OID, der(0x30, _NOTICE)))
    ),
    "issuers-place-in-latin-1": raw(
        _INFORMATION, der(0x30, der(0x30, _ACCESS, _PLACE))
    ),
    "an-extension-of-nobody": raw("1.2.3.4.5", b"\xff\xff"),
}
CASES = {
    **{
        name: Case(odd(names), "https", _VERIFIED, rule=_RULE)
        for name, names in _ODD.items()
    },
    **{
        name: Case(odd(_PLAIN, one), "https", _VERIFIED, rule=_RULE)
        for name, one in _BEYOND.items()
    },
    "let-through-in-spite-of-a-rule": Case(
        odd(_ODD["x400-address"]),
        "https",
        violated("answered"),
        rule={**_RULE, "expect": "deny"},
    ),
    "an-authority-in-latin-1": Case(
        old_text,
        "https",
        holds(tls={**_TLS, "issuer": "CN=Old,O=Hochschüle"}),
        rule=_RULE,
    ),
}
test_situation = every(CASES)
