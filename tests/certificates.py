"""Certificates for tests, good unless told otherwise, valid around `NOW`."""

from __future__ import annotations

import ipaddress
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass
class Issued:
    key: object
    certificate: x509.Certificate

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def common_name(text):
    attribute = x509.NameAttribute(NameOID.COMMON_NAME, text, _validate=False)
    return x509.Name([attribute])


def openssl(*arguments):
    """What the system's openssl prints; CalledProcessError if it is not content."""
    command = ["/usr/bin/openssl", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return done.stdout


def issue(name, issuer=None, *, start=-DAY, end=30 * DAY, key=None, extensions=()):
    """A certificate valid from NOW + start to NOW + end; self-signed by default."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = name if isinstance(name, x509.Name) else common_name(name)
    signer = issuer or Issued(key, None)
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer.certificate.subject if issuer else subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=NOW + start,
        not_valid_after=NOW + end,
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    digest = (
        None if isinstance(signer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    )
    return Issued(key, builder.sign(signer.key, digest))


PUBLICLY_ISSUED = x509.CertificatePolicies(
    [x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)]
)
"""Domain validated, by the rules of the CA/Browser Forum."""


def authority(name, issuer=None, *, bare=False, most_below=None, also=(), **changes):
    """A CA certificate; a bare one has no key usage and no key identifiers.

    `most_below`: so many further authorities may follow; `also`: more extensions.
    """
    key = changes.setdefault("key", ec.generate_private_key(ec.SECP256R1()))
    extensions = [(x509.BasicConstraints(ca=True, path_length=most_below), True), *also]
    if not bare:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        extensions += [(identifier, False), (usage, True)]
    return issue(name, issuer, extensions=extensions, **changes)


def server(
    issuer=None, *names, common="server", purposes=(SERVER,), also=(), **changes
):
    """A server's certificate for DNS names and IP addresses; `also`: more extensions."""
    extensions = [*also]
    if names:
        alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
        extensions.append((alternatives, False))
    if purposes:
        extensions.append((x509.ExtendedKeyUsage(purposes), False))
    return issue(common, issuer, extensions=extensions, **changes)


def _general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
