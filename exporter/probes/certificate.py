"""What one X.509 certificate says, in words that are safe to print.

OpenSSL read the certificate in the handshake and is lenient; cryptography, which
has the better view on names and extensions, refuses some certificates that real
servers present (a negative serial number, say). So dates, the fingerprint and the
key come from OpenSSL and are always there; names and extensions come from
cryptography, and where one part stops it, from wire/x509.py, part by part. Nothing
here judges: see certificate_verification.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import unicodedata
import warnings
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from exporter.probes.wire import x509 as reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

E = TypeVar("E", bound=x509.ExtensionType)

NAME_LIMIT = 200
"""Characters of a distinguished name that are kept."""
UNREADABLE = "(unreadable)"

_WEAKEST_KEY = {crypto.TYPE_RSA: 2048, crypto.TYPE_DSA: 2048}
_ODD = (
    ValueError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises of certificates that OpenSSL and its clients take."""
_KEY_OF_ISSUER = "2.5.29.35"
_POLICIES = "2.5.29.32"
_FORUM = bytes.fromhex("67810c01")
"""2.23.140.1, as an object identifier under it begins."""
_TIMESTAMPS = "1.3.6.1.4.1.11129.2.4.2"
_WEAK_DIGESTS = (b"md2", b"md4", b"md5", b"sha1")


class Certificate:
    """One certificate as presented.

    Attributes:
        native: OpenSSL's object, for path building.
        not_before: Unix time from which it is valid.
        not_after: Unix time until which it is valid; 0 if its date makes no sense.
        parsed: cryptography's view, None if it refuses to read it.
    """

    def __init__(self, native: crypto.X509) -> None:
        self.native = native
        self.not_before = _unix_time(native.get_notBefore)
        self.not_after = _unix_time(native.get_notAfter)
        with _unwarned():
            self.parsed = _parse(encode(native))
            if self.parsed is not None:
                self._subject, self._issuer = self.parsed.subject, self.parsed.issuer
            else:
                self._subject = _name(reader.subject(encode(native)))
                self._issuer = _name(reader.issuer(encode(native)))

    @property
    def subject(self) -> str:
        """The subject: RFC 4514, one bounded line of printable text."""
        return printable(self._subject) or UNREADABLE

    @property
    def issuer(self) -> str:
        """The issuer: RFC 4514, one bounded line of printable text."""
        return printable(self._issuer) or UNREADABLE

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER form, 64 lower-case hexadecimal digits."""
        return hashlib.sha256(encode(self.native)).hexdigest()

    def issuer_contains(self, text: str) -> bool:
        """Whether `text` is part of the issuer's name or of one of its values."""
        values = [one.value for one in self._issuer if isinstance(one.value, str)]
        return any(text in place for place in (self._issuer.rfc4514_string(), *values))

    def serves_tls(self) -> bool:
        """Whether its extended key usage, if any, names TLS servers (RFC 5280).

        That any usage is allowed does not name them: OpenSSL and its clients refuse it.
        """
        usage = self._extension(x509.ExtendedKeyUsage)
        return usage is None or ExtendedKeyUsageOID.SERVER_AUTH in usage

    def key_serves_tls(self) -> bool:
        """Whether its key usage, if any, allows what a TLS server does with its key."""
        usage = self._extension(x509.KeyUsage)
        return usage is None or (
            usage.digital_signature or usage.key_encipherment or usage.key_agreement
        )

    def looks_public(self) -> bool:
        """Whether it bears what every public authority's server certificate bears.

        That is a policy of the CA/Browser Forum (Baseline Requirements, 7.1.6.1), or
        timestamps of certificate transparency logs (RFC 6962, 3.3); a private authority
        has no reason for either.
        """
        found = reader.extensions(encode(self.native))
        return _TIMESTAMPS in found or _FORUM in found.get(_POLICIES, b"")

    def names_issuers_key(self) -> bool:
        """Whether it says which key it is signed with (RFC 5280, 4.2.1.1)."""
        return _KEY_OF_ISSUER in reader.extensions(encode(self.native))

    def alternative_names(self) -> x509.SubjectAlternativeName:
        """Its subject alternative names, none if it has no such extension."""
        names = self._extension(x509.SubjectAlternativeName)
        return x509.SubjectAlternativeName([]) if names is None else names

    def has_weak_key(self) -> bool:
        """Whether its key offers less than 112 bits (NIST SP 800-57, table 2)."""
        key = self.native.get_pubkey()
        return key.bits() < _WEAKEST_KEY.get(key.type(), 0)

    def has_weak_signature(self) -> bool:
        """Whether it is signed over a digest for which collisions are known."""
        algorithm = self.native.get_signature_algorithm().lower()
        return any(digest in algorithm for digest in _WEAK_DIGESTS)

    def _extension(self, kind: type[E]) -> E | None:
        """Its extension of a kind, if it has one."""
        try:
            return self._extensions().get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return None

    def _extensions(self) -> x509.Extensions:
        """All of them, or those of use here where one of them is odd."""
        if self.parsed is not None:
            with _unwarned(), contextlib.suppress(*_ODD):
                return self.parsed.extensions
        return x509.Extensions(list(_readable(encode(self.native))))


def encode(native: crypto.X509) -> bytes:
    """The certificate's DER form."""
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, native)


def printable(name: x509.Name, limit: int = NAME_LIMIT) -> str:
    """A distinguished name as one line, cut at `limit` characters.

    RFC 4514, section 2.4, lets any octet of the UTF-8 form be written as a
    backslash and two digits; this does so with every character that is not plainly
    visible: control characters, line ends, direction marks, unassigned ones.
    """
    return _cut((_visible(char) for char in name.rfc4514_string()), limit)


def _visible(char: str) -> str:
    if char == " " or unicodedata.category(char)[0] not in "CZ":
        return char
    octets = char.encode("utf-8", "surrogatepass")
    return "".join(f"\\{octet:02X}" for octet in octets)


def _cut(pieces: Iterable[str], limit: int) -> str:
    kept: list[str] = []
    for piece in pieces:
        limit -= len(piece)
        if limit < 0:
            return "".join([*kept, "…"])
        kept.append(piece)
    return "".join(kept)


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """What cryptography warns about, an over-long name, say, is all the same here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _readable(der: bytes) -> Iterator[x509.Extension[x509.ExtensionType]]:
    """What clients look at, read part by part as OpenSSL does."""
    found = reader.extensions(der)
    purposes = found.get(x509.ExtendedKeyUsage.oid.dotted_string)
    if purposes is not None:
        oids = map(x509.ObjectIdentifier, reader.key_purposes(purposes))
        usage = x509.ExtendedKeyUsage(oids)
        yield x509.Extension(usage.oid, critical=False, value=usage)
    names = found.get(x509.SubjectAlternativeName.oid.dotted_string)
    if names is not None:
        hosts, addresses = reader.alternative_names(names)
        known: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        known += [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]
        value = x509.SubjectAlternativeName(known)
        yield x509.Extension(value.oid, critical=False, value=value)


def _name(attributes: Iterable[tuple[str, str]]) -> x509.Name:
    known = []
    for oid, text in attributes:
        with contextlib.suppress(ValueError):  # an empty one, or a country of three
            known.append(x509.NameAttribute(x509.ObjectIdentifier(oid), text))
    return x509.Name(known)


def _parse(der: bytes) -> x509.Certificate | None:
    try:
        parsed = x509.load_der_x509_certificate(der)
        # Some versions read names on first use only.
        _ = (parsed.subject, parsed.issuer)
    except (ValueError, x509.InvalidVersion):
        return None
    return parsed


def _unix_time(generalized: Callable[[], bytes | None]) -> float:
    """Unix time of an ASN.1 GeneralizedTime; 0 if it is none."""
    try:
        text = (generalized() or b"").decode()
        return datetime.strptime(text, "%Y%m%d%H%M%S%z").timestamp()
    except (ValueError, crypto.Error):
        return 0.0
