"""One set of certificate authorities, and the paths that lead to them.

OpenSSL builds a path, twice if need be: first as of now, then, when only dates are in
the way, without looking at them, so that an expired certificate of a public CA still
counts as that CA's.
"""

from __future__ import annotations

import functools
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from OpenSSL import _util, crypto
from OpenSSL.SSL import X509VerificationCodes as Codes

from exporter.model.tls_facts import TlsError
from exporter.probes.certificate import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# openssl/x509_vfy.h: X509_V_FLAG_NO_CHECK_TIME, which pyOpenSSL does not name.
_NO_CHECK_TIME = 0x200000
_SELECTIONS = 16
"""Further ways up that are tried: a server that sends more is no server that works."""
_DATES = frozenset({TlsError.EXPIRED, TlsError.ISSUER_EXPIRED, TlsError.NOT_YET_VALID})
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


class TrustStore:
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
        for found in self._attempts(chain, now):
            if not found[1]:
                return found
            tried.append(found)
        return next((one for one in tried if one[0]), tried[0])

    def _attempts(
        self, chain: Sequence[Certificate], now: float
    ) -> Iterator[tuple[Sequence[crypto.X509], TlsError]]:
        for selected in _selections(chain):
            path, error = self._attempt(selected, now)
            yield path, error
            if error in _DATES and min(self._ends, default=now) < now:
                ends = zip(self._certificates, self._ends, strict=True)
                current = [one for one, end in ends if end > now]
                yield _build(self._store(current, now), selected)

    def _attempt(
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
        for choice in itertools.islice(choices, _SELECTIONS):
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
