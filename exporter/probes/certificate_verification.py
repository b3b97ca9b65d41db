"""Whether a presented chain verifies, against which roots, and if not, why.

`trust_store.py` builds the path, `certificate_names.py` looks at the name. When several
things are wrong the first of these is told: the chain, the dates, the name, the purpose,
the strength. That is the order in which they make the ones behind pointless, and dates
are exported anyway.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.model.tls_facts import TlsError, Trust
from exporter.probes.certificate import Certificate
from exporter.probes.certificate_names import is_for, names_hosts
from exporter.probes.pem import load
from exporter.probes.trust_store import TrustStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from OpenSSL import crypto

_ROOTLESS = frozenset(
    {TlsError.INCOMPLETE_CHAIN, TlsError.UNKNOWN_ISSUER, TlsError.SELF_SIGNED}
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a chain is worth.

    `error` is empty when the chain verifies. `path` is the chain as built, leaf
    first, root last; empty when there is none.
    """

    trust: Trust
    error: TlsError
    path: tuple[Certificate, ...] = ()


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
        self._public = TrustStore(load(public))
        self._site = TrustStore(certificates, system.capath)

    def judge(self, chain: Sequence[Certificate], name: str, now: float) -> Judgement:
        """What the chain is worth to a client that asked for `name`."""
        judged = self._trust(chain, now)
        if judged.error:
            return judged
        error = _shortcoming(judged.path, name)
        return Judgement(judged.trust, error, judged.path)

    def _trust(self, chain: Sequence[Certificate], now: float) -> Judgement:
        public, public_error = self._public.path(chain, now)
        if public_error in _ROOTLESS and self._own:
            # The site may hold the intermediate that the server forgets to send.
            completed = [*chain, *self._own]
            public, public_error = self._public.path(completed, now)
        if not public_error:
            return _judgement(Trust.PUBLIC, public, public_error)
        site, site_error = self._site.path(chain, now)
        if not site_error or (site and not public):
            return _judgement(Trust.SITE, site, site_error)
        if public:
            return _judgement(Trust.PUBLIC, public, public_error)
        # Nothing builds: a forged signature says more than a missing root.
        error = public_error if site_error in _ROOTLESS else site_error
        if error is TlsError.INCOMPLETE_CHAIN and self._knows_issuer_of(chain[-1]):
            error = TlsError.ISSUER_KEY_MISMATCH
        return Judgement(Trust.NONE, error)

    def _knows_issuer_of(self, last: Certificate) -> bool:
        """Whether an authority has the issuer's name, and so must have another key."""
        return last.issuer in self._public.names | self._site.names


def _judgement(trust: Trust, path: Sequence[crypto.X509], error: TlsError) -> Judgement:
    return Judgement(trust, error, tuple(Certificate(one) for one in path))


def _shortcoming(path: Sequence[Certificate], name: str) -> TlsError:
    """What a client would still object to in a trusted chain in date."""
    if not is_for(path[0], name):
        named = names_hosts(path[0])
        return TlsError.NAME_MISMATCH if named else TlsError.NO_ALTERNATIVE_NAME
    # The last one is trusted as it stands: neither its purposes nor its signature
    # are anyone's promise.
    vouched = path[:-1] or path
    purposes = [certificate.serves_tls() for certificate in vouched]
    if not all(purposes) or not path[0].key_serves_tls():
        return TlsError.INVALID_PURPOSE
    if any(certificate.has_weak_key() for certificate in path):
        return TlsError.WEAK
    if any(certificate.has_weak_signature() for certificate in path[:-1]):
        return TlsError.WEAK
    return TlsError.NONE
