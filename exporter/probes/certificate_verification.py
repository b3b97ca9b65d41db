"""Whether a presented chain verifies, against which roots, and if not, why.

OpenSSL builds the path, twice if need be: first as of now, then, when only dates
are in the way, without looking at them, so that an expired certificate of a public
CA still counts as that CA's. Names are service-identity's business (RFC 9525; the
common name does not count). When several things are wrong the first of these is
told: the chain, the dates, the name, the purpose, the strength. That is the order
in which they make the ones behind pointless, and dates are exported anyway.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import itertools
import logging
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from OpenSSL import _util, crypto
from OpenSSL.SSL import X509VerificationCodes as Codes
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import (
    DNS_ID,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
    verify_service_identity,
)

from exporter.model.tls_facts import TlsError, Trust
from exporter.probes.certificate import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_log = logging.getLogger(__name__)

# openssl/x509_vfy.h: X509_V_FLAG_NO_CHECK_TIME, which pyOpenSSL does not name.
_NO_CHECK_TIME = 0x200000
_WAYS = 16
"""Further ways up that are tried: a server that sends more is no server that works."""
_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?"
    rb"(?:-----END (?:TRUSTED |X509 )?CERTIFICATE-----|\Z)",
    re.DOTALL,
)
_DATES = frozenset({TlsError.EXPIRED, TlsError.ISSUER_EXPIRED, TlsError.NOT_YET_VALID})
_ROOTLESS = frozenset(
    {TlsError.INCOMPLETE_CHAIN, TlsError.UNKNOWN_ISSUER, TlsError.SELF_SIGNED}
)
_ERRORS = {
    Codes.ERR_CERT_HAS_EXPIRED: TlsError.EXPIRED,
    Codes.ERR_CERT_NOT_YET_VALID: TlsError.NOT_YET_VALID,
    Codes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: TlsError.SELF_SIGNED,
    Codes.ERR_SELF_SIGNED_CERT_IN_CHAIN: TlsError.UNKNOWN_ISSUER,
    Codes.ERR_CERT_UNTRUSTED: TlsError.UNKNOWN_ISSUER,
    Codes.ERR_CERT_REJECTED: TlsError.UNKNOWN_ISSUER,
    Codes.ERR_UNABLE_TO_GET_ISSUER_CERT: TlsError.INCOMPLETE_CHAIN,
    Codes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TlsError.INCOMPLETE_CHAIN,
    Codes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: TlsError.INCOMPLETE_CHAIN,
    Codes.ERR_CERT_REVOKED: TlsError.REVOKED,
    Codes.ERR_INVALID_PURPOSE: TlsError.INVALID_PURPOSE,
    Codes.ERR_INVALID_CA: TlsError.INVALID_PURPOSE,
    Codes.ERR_KEYUSAGE_NO_CERTSIGN: TlsError.INVALID_PURPOSE,
    Codes.ERR_PATH_LENGTH_EXCEEDED: TlsError.PATH_LENGTH,
    Codes.ERR_UNHANDLED_CRITICAL_EXTENSION: TlsError.CRITICAL_EXTENSION,
    **dict.fromkeys(
        (
            Codes.ERR_PERMITTED_VIOLATION,
            Codes.ERR_EXCLUDED_VIOLATION,
            Codes.ERR_SUBTREE_MINMAX,
            Codes.ERR_UNSUPPORTED_CONSTRAINT_TYPE,
            Codes.ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
            Codes.ERR_UNSUPPORTED_NAME_SYNTAX,
        ),
        TlsError.NAME_CONSTRAINT,
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a chain is worth.

    `error` is empty when the chain verifies. `path` is the chain as built, leaf
    first, root last; empty when there is none.
    """

    trust: Trust
    error: TlsError
    path: tuple[Certificate, ...] = ()


class Roots:
    """One set of certificate authorities.

    Args:
        certificates: the authorities; an intermediate may be one.
        directory: more of them, as c_rehash(1) files them, looked up when needed.
    """

    def __init__(
        self, certificates: Iterable[crypto.X509], directory: str | None = None
    ) -> None:
        self._certificates = tuple(certificates)
        self._directory = directory

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """What the authorities are called, as `Certificate.subject` says it."""
        return frozenset(Certificate(one).subject for one in self._certificates)

    @functools.cached_property
    def _ends(self) -> tuple[float, ...]:
        return tuple(Certificate(one).not_after for one in self._certificates)

    def path(
        self, chain: Sequence[Certificate], now: float
    ) -> tuple[Sequence[crypto.X509], TlsError]:
        """The path from the leaf to a root, empty if none, and what is wrong.

        Of several that verify, one after the end of which none does.

        Args:
            chain: as presented, leaf first.
            now: Unix time at which to judge dates.
        """
        path, error = self._best(chain, now)
        while not error and (end := _end(path)) < chain[0].not_after:
            later, worse = self._best(chain, end + 1)
            if worse:
                break
            path = later
        return path, error

    def _best(
        self, chain: Sequence[Certificate], now: float
    ) -> tuple[Sequence[crypto.X509], TlsError]:
        """The first way that verifies, else one that leads to a root, else the first."""
        tried = []
        for way in self._ways(chain, now):
            if not way[1]:
                return way
            tried.append(way)
        return next((way for way in tried if way[0]), tried[0])

    def _ways(
        self, chain: Sequence[Certificate], now: float
    ) -> Iterator[tuple[Sequence[crypto.X509], TlsError]]:
        for selected in _selections(chain):
            path, error = self._one_way(selected, now)
            yield path, error
            if error in _DATES and min(self._ends, default=now) < now:
                ends = zip(self._certificates, self._ends, strict=True)
                current = [one for one, end in ends if end > now]
                yield _build(self._store(current, now), selected)

    def _one_way(
        self, chain: Sequence[Certificate], now: float
    ) -> tuple[Sequence[crypto.X509], TlsError]:
        path, error = _build(self._store(self._certificates, now), chain)
        if error in _DATES:
            path, worse = _build(self._store(self._certificates), chain)
            error = worse or error
        if error is TlsError.ISSUER_EXPIRED and chain[0].not_after <= now:
            # OpenSSL looks at dates from the root down.
            error = TlsError.EXPIRED
        return path, error

    def _store(
        self, authorities: Iterable[crypto.X509], now: float | None = None
    ) -> crypto.X509Store:
        """The authorities as of `now`; without it, dates do not matter."""
        # A store keeps the first time it is given, so each is used once.
        store = crypto.X509Store()
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        if now is None:
            store.set_flags(_NO_CHECK_TIME)
        else:
            store.set_time(datetime.fromtimestamp(now, UTC))
        for certificate in authorities:
            store.add_cert(certificate)
        if self._directory is not None:
            store.load_locations(None, self._directory)
        return store


class Judge:
    """Judges chains against the public authorities and the site's own.

    Args:
        public: a PEM file of the public certificate authorities.
        site: a PEM file of the site's authorities, added to the system's.
    """

    def __init__(self, public: Path, site: Path | None) -> None:
        system = ssl.get_default_verify_paths()
        certificates = list(load(site)) if site else []
        self._own = [Certificate(one) for one in certificates]
        if system.cafile:
            with contextlib.suppress(OSError):
                certificates += load(Path(system.cafile))
        self._public = Roots(load(public))
        self._site = Roots(certificates, system.capath)

    def judge(self, chain: Sequence[Certificate], name: str, now: float) -> Finding:
        """What the chain is worth to a client that asked for `name`."""
        finding = self._trust(chain, now)
        if finding.error:
            return finding
        error = _shortcoming(finding.path, name)
        return Finding(finding.trust, error, finding.path)

    def _trust(self, chain: Sequence[Certificate], now: float) -> Finding:
        public, public_error = self._public.path(chain, now)
        if public_error in _ROOTLESS and self._own:
            # The site may hold the intermediate that the server forgets to send.
            completed = [*chain, *self._own]
            public, public_error = self._public.path(completed, now)
        if not public_error:
            return _finding(Trust.PUBLIC, public, public_error)
        site, site_error = self._site.path(chain, now)
        if not site_error or (site and not public):
            return _finding(Trust.SITE, site, site_error)
        if public:
            return _finding(Trust.PUBLIC, public, public_error)
        # Nothing builds: a forged signature says more than a missing root.
        error = public_error if site_error in _ROOTLESS else site_error
        if error is TlsError.INCOMPLETE_CHAIN and self._knows_issuer_of(chain[-1]):
            error = TlsError.ISSUER_KEY_MISMATCH
        return Finding(Trust.NONE, error)

    def _knows_issuer_of(self, last: Certificate) -> bool:
        """Whether an authority has the issuer's name, and so must have another key."""
        return last.issuer in self._public.names | self._site.names


def damaged(content: bytes) -> str:
    """What is wrong with a file of certificates; empty if all of them can be read."""
    blocks = list(_PEM.finditer(content))
    if not blocks:
        return "holds no certificates in PEM form"
    for number, block in enumerate(blocks, start=1):
        try:
            crypto.load_certificate(crypto.FILETYPE_PEM, block[0])
        except crypto.Error:
            line = content.count(b"\n", 0, block.start()) + 1
            return f"line {line}: certificate {number} of {len(blocks)} is damaged"
    return ""


def load(file: Path) -> Iterator[crypto.X509]:
    """The certificates of a PEM file; one that cannot be read is skipped."""
    for number, block in enumerate(_PEM.findall(file.read_bytes()), start=1):
        try:
            yield crypto.load_certificate(crypto.FILETYPE_PEM, block)
        except crypto.Error:
            _log.warning("%s: certificate %d cannot be read, skipped", file, number)


def _selections(chain: Sequence[Certificate]) -> Iterator[Sequence[Certificate]]:
    """The chain as presented; then with one alone of each name, in all ways."""
    yield chain
    leaf, *others = chain
    named: dict[str, dict[str, Certificate]] = {}
    for one in others:
        named.setdefault(one.subject, {})[one.fingerprint] = one
    if any(len(namesakes) > 1 for namesakes in named.values()):
        choices = itertools.product(
            *(namesakes.values() for namesakes in named.values())
        )
        for choice in itertools.islice(choices, _WAYS):
            yield [leaf, *choice]


def _end(path: Sequence[crypto.X509]) -> float:
    return min(Certificate(one).not_after for one in path)


def _build(
    store: crypto.X509Store, chain: Sequence[Certificate]
) -> tuple[Sequence[crypto.X509], TlsError]:
    leaf, *others = (certificate.native for certificate in chain)
    context = crypto.X509StoreContext(store, leaf, others)
    try:
        return context.get_verified_chain(), TlsError.NONE
    except crypto.X509StoreContextError as error:
        return (), _told(error)
    finally:
        # What it tried and dropped on the way would be taken for the next call's error.
        _util.lib.ERR_clear_error()


def _told(error: crypto.X509StoreContextError) -> TlsError:
    code, depth = error.errors[:2]
    if code == Codes.ERR_CERT_SIGNATURE_FAILURE:
        # Without the key's identifier an issuer is found by its name alone.
        named = not Certificate(error.certificate).names_issuers_key()
        return TlsError.ISSUER_KEY_MISMATCH if named else TlsError.INVALID
    told = _ERRORS.get(code, TlsError.INVALID)
    return TlsError.ISSUER_EXPIRED if told is TlsError.EXPIRED and depth else told


def _finding(trust: Trust, path: Sequence[crypto.X509], error: TlsError) -> Finding:
    return Finding(trust, error, tuple(Certificate(one) for one in path))


def _shortcoming(path: Sequence[Certificate], name: str) -> TlsError:
    """What a client would still object to in a trusted chain in date."""
    if not is_for(path[0], name):
        names = list(path[0].alternative_names())
        return TlsError.NAME_MISMATCH if names else TlsError.NO_ALTERNATIVE_NAME
    # The last one is trusted as it stands: neither its purposes nor its signature
    # are anyone's promise.
    vouched = path[:-1] or path
    if not all(certificate.serves_tls() for certificate in vouched):
        return TlsError.INVALID_PURPOSE
    if any(certificate.has_weak_key() for certificate in path):
        return TlsError.WEAK
    if any(certificate.has_weak_signature() for certificate in path[:-1]):
        return TlsError.WEAK
    return TlsError.NONE


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
