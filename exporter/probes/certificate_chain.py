"""From the chain a peer presented to the facts that are exported.

Reading and judging a chain costs about as much as the handshake, and peers present
the same chain for months. So facts are remembered by everything that went into
them, until the next date in the chain passes, and never for more than an hour.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.tls_facts import TlsError, TlsFacts, Trust
from exporter.probes.certificate import Certificate, encode
from exporter.probes.certificate_names import is_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from OpenSSL.crypto import X509

    from exporter.model.rule import Rule, Target
    from exporter.probes.certificate_verification import Judge, Judgement

_REMEMBERED = 20_000
"""More than the targets of one exporter: beyond it nothing is remembered in time."""
_REJUDGED_AFTER = 3600.0


@dataclass(frozen=True, slots=True)
class Session:
    """What the handshake agreed on."""

    version: str
    cipher: str


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Facts that hold from `since` until just before `until` (Unix times)."""

    facts: TlsFacts
    since: float
    until: float


class Examiner:
    """Tells the facts of a chain, and remembers them while they hold.

    Args:
        judge: says what a chain is worth.
        clock: Unix time, for judging dates.
    """

    def __init__(self, judge: Judge, clock: Callable[[], float] = time.time) -> None:
        self._judge = judge
        self._clock = clock
        self._known: OrderedDict[tuple[object, ...], _Remembered] = OrderedDict()

    def facts(
        self, presented: Sequence[X509], session: Session, target: Target
    ) -> TlsFacts:
        """The facts of a chain, leaf first, presented to a probe of `target`."""
        encoded = b"".join(encode(native) for native in presented)
        policy = (server_name(target), target.rule.public, target.rule.tls)
        key = (hashlib.sha256(encoded).digest(), session, policy)
        now = self._clock()
        known = self._known.get(key)
        if known is None or not known.since <= now < known.until:
            known = self._examine(presented, session, target, now)
            self._known[key] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known.facts

    def _examine(
        self, presented: Sequence[X509], session: Session, target: Target, now: float
    ) -> _Remembered:
        chain = [Certificate(native) for native in presented]
        leaf = chain[0]
        judged = self._judge.judge(chain, server_name(target), now)
        first = min(judged.path or chain, key=lambda one: one.not_after)
        facts = TlsFacts(
            version=session.version,
            cipher=session.cipher,
            subject=leaf.subject,
            issuer=leaf.issuer,
            fingerprint_sha256=leaf.fingerprint,
            expiry_timestamp=leaf.not_after,
            chain_expiry_timestamp=first.not_after,
            verified=not judged.error,
            error=judged.error,
            trust=judged.trust,
            intercepted=_intercepted(target.rule, leaf, judged),
            named=is_for(leaf, server_name(target)),
            chain_expiry_subject=first.subject,
        )
        return _Remembered(facts, now, _next_date([*chain, *judged.path], now))


def server_name(target: Target) -> str:
    """The name, or IP literal, that the certificate must be for."""
    return (target.rule.tls.server_name or target.destination).rstrip(".")


def _intercepted(rule: Rule, leaf: Certificate, judged: Judgement) -> bool | None:
    """Whether somebody else's certificate is in the peer's place.

    None when the chain does not tell: the rule is not about a public service and
    names no issuer, or the chain ends before any root.
    """
    expected = rule.tls.expected_issuer
    if expected is not None and not leaf.issuer_contains(expected):
        return True
    if not rule.public:
        return None if expected is None else False
    if judged.trust is not Trust.NONE:
        return judged.trust is Trust.SITE
    foreign = judged.error in {TlsError.SELF_SIGNED, TlsError.UNKNOWN_ISSUER}
    # A public authority's own would be complete with the intermediate that is missing.
    private = judged.error is TlsError.INCOMPLETE_CHAIN and not leaf.looks_public()
    return True if foreign or private else None


def _next_date(certificates: Sequence[Certificate], now: float) -> float:
    dates = [
        date
        for certificate in certificates
        for date in (certificate.not_before, certificate.not_after)
        if date > now
    ]
    return min([*dates, now + _REJUDGED_AFTER])
