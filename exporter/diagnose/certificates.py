"""What is wrong with certificates, and with the clocks that they are judged by.

One certificate may serve many targets, and one issuer many certificates: what is told
once is the one that must be replaced.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    listed,
    seen_of,
    where,
)
from exporter.diagnose.features import EVERYTHING
from exporter.diagnose.symptoms import ENDING, SKEW
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause
from exporter.model.tls_facts import UNVERIFIED, TlsError, TlsFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom

_DAY = 86400.0
_REQUESTS = {
    TlsError.NAME_MISMATCH: "Please install a certificate for this name.",
    TlsError.NO_ALTERNATIVE_NAME: "Please install a certificate that has this name as"
    " subject alternative name.",
    TlsError.NAME_CONSTRAINT: "Please install a certificate of an issuer that may vouch"
    " for this name.",
    TlsError.ISSUER_KEY_MISMATCH: "Please compare the issuer's certificate that clients"
    " trust with the one that signs now.",
    TlsError.INCOMPLETE_CHAIN: "Please have the server send its intermediate as well.",
}
_ENDED = frozenset({TlsError.EXPIRED, TlsError.ISSUER_EXPIRED})
_PRODUCTS = (
    *(
        "Zscaler",
        "Palo Alto",
        "Fortinet",
        "FortiGate",
        "Sophos",
        "Blue Coat",
        "Symantec",
    ),
    *(
        "Netskope",
        "Cisco Umbrella",
        "WatchGuard",
        "Check Point",
        "SonicWall",
        "Barracuda",
    ),
    *("Smoothwall", "Lightspeed", "McAfee", "Forcepoint", "Squid", "Untangle"),
)


def certificates(scene: Scene) -> list[Explanation]:
    """What explains certificates of concern, and clocks that differ."""
    found: list[Explanation] = []
    bad = scene.of(Trouble.CERTIFICATE)
    ahead = own_offset(scene)
    by_clock = [one for one in bad if _by_clock(one, ahead, scene.known.now)]
    if clocks := scene.of(Trouble.CLOCK):
        found += _clocks(clocks, by_clock, ahead)
    taken = {id(one) for one in by_clock} if clocks else set()
    groups: defaultdict[tuple[str, str], list[Symptom]] = defaultdict(list)
    for one in bad:
        if id(one) not in taken and one.seen.tls is not None:
            groups[_key(one.seen.tls, scene.known.now)].append(one)
    found += [_certificate(scene, members) for members in groups.values()]
    return found + _interceptions(scene)


def own_offset(scene: Scene) -> float:
    """Seconds by which this host's clock is behind, by the time servers that answer."""
    offsets = [
        (evidence.ntp_offset, evidence.clock_skew, record.target.destination)
        for record in scene.known.records
        if record.latest is not None
        for evidence in (record.latest.observation.evidence,)
    ]
    by_ntp = [ntp for ntp, _, _ in offsets if ntp is not None]
    others = {host: skew for _, skew, host in offsets if skew is not None}
    if not by_ntp and len(others) > 1:
        by_ntp = list(others.values())
    return statistics.median(by_ntp) if by_ntp else 0.0


def _by_clock(symptom: Symptom, ahead: float, now: float) -> bool:
    """Whether a certificate is only judged by a wrong clock."""
    facts = symptom.seen.tls
    if facts is None or abs(ahead) < _DAY / 24:
        return False
    if facts.error is TlsError.NOT_YET_VALID:
        return ahead > 0
    return facts.error in _ENDED and facts.chain_expiry_timestamp > now + ahead


def _clocks(
    clocks: Sequence[Symptom], judged: Sequence[Symptom], ahead: float
) -> list[Explanation]:
    """This host's clock where the time servers agree on it, else each that differs."""
    own = [one for one in clocks if _explained(_offset(one), ahead)] if ahead else []
    found = []
    if own and abs(ahead) > SKEW:
        late = "behind" if ahead > 0 else "ahead of"
        found.append(
            Explanation(
                Cause.CLOCK,
                "this host",
                [*own, *judged],
                f"This host's clock is {abs(ahead):.1f} s {late} its time servers:"
                f" {extent([*own, *judged])}",
                "Please set this host's clock, and check the service that should keep it.",
                tuple(
                    f"{where(one)} differs by {_offset(one):+.1f} s" for one in own[:3]
                ),
            )
        )
    else:
        own = []
    mine = {id(one) for one in own}
    return found + [_other_clock(one) for one in clocks if id(one) not in mine]


def _other_clock(one: Symptom) -> Explanation:
    return Explanation(
        Cause.CLOCK,
        one.host,
        [one],
        f"The clock of {one.host} and this host's are {abs(_offset(one)):.1f} s apart:"
        f" {extent([one])}",
        f"Please check the clock of {one.host}, and this host's.",
        (f"{where(one)} differs by {_offset(one):+.1f} s",),
    )


def _offset(symptom: Symptom) -> float:
    evidence = symptom.seen.evidence
    return evidence.ntp_offset or evidence.clock_skew or 0.0


def _explained(offset: float, ahead: float) -> bool:
    return abs(offset - ahead) <= max(SKEW, abs(ahead) / 10)


def _key(facts: TlsFacts, now: float) -> tuple[str, str]:
    """What must be replaced: the certificate itself, or one of its issuer."""
    if _is_issuers(facts, now):
        return "issuer", facts.chain_expiry_subject
    if facts.error is TlsError.UNKNOWN_ISSUER:
        return "issuer", facts.issuer
    return "certificate", facts.fingerprint_sha256


def _is_issuers(facts: TlsFacts, now: float) -> bool:
    """Whether it is the issuer's certificate that ends, and not the one presented."""
    if facts.verified:
        return facts.expiry_timestamp - now >= ENDING
    return facts.error is TlsError.ISSUER_EXPIRED


def _certificate(scene: Scene, members: Sequence[Symptom]) -> Explanation:
    facts, now = members[0].seen.tls, scene.known.now
    assert facts is not None  # noqa: S101 - grouped by it
    issuers = _is_issuers(facts, now)
    end = facts.chain_expiry_timestamp if issuers else facts.expiry_timestamp
    end = min(end, facts.chain_expiry_timestamp) if facts.verified else end
    kind, named = _key(facts, now)
    subject = named if kind == "issuer" else facts.subject
    hosts = listed(dict.fromkeys(one.host for one in members))
    whose = (
        f"The certificate of {subject}, issuer of {hosts},"
        if issuers
        else f"The certificate of {hosts}"
    )
    says = _says(facts, end, now)
    dated = issuers or facts.verified or facts.error in _ENDED
    renewal = (
        f"Please have the certificate of {subject} replaced, where the server sends it"
        " or clients trust it."
        if issuers
        else "Please renew this certificate."
    )
    request = (
        renewal
        if dated
        else _REQUESTS.get(
            facts.error, "Please install a certificate that clients can verify."
        )
    )
    return Explanation(
        Cause.CERTIFICATE,
        subject or hosts,
        members,
        f"{whose} {says}: {extent(members)}",
        request,
        (
            f"{where(members[0])} shows {facts.subject}, issued by {facts.issuer}",
            f"SHA-256 {facts.fingerprint_sha256}",
        ),
        ("the service itself answers",),
        since=end if end <= now and dated else None,
    )


def _says(facts: TlsFacts, end: float, now: float) -> str:
    day = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d")
    if facts.verified:
        return f"ends on {day}, in {counted(max(int((end - now) / _DAY), 0), 'day')}"
    if facts.error not in _ENDED:
        return UNVERIFIED[facts.error]
    if end > now:  # it had ended by the clock that it was judged by
        return "has ended"
    return f"has ended on {day}, {counted(int((now - end) / _DAY), 'day')} ago"


def _interceptions(scene: Scene) -> list[Explanation]:
    groups: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in scene.of(Trouble.INTERCEPTED):
        if one.seen.tls is not None:
            groups[one.seen.tls.issuer].append(one)
    return [_interception(scene, issuer, members) for issuer, members in groups.items()]


def _interception(scene: Scene, issuer: str, members: Sequence[Symptom]) -> Explanation:
    product = next((p for p in _PRODUCTS if p.lower() in issuer.lower()), "")
    named = f" ({product})" if product else ""
    clean = scene.answers.features[EVERYTHING] - len(members)
    return Explanation(
        Cause.INTERCEPTION,
        issuer,
        members,
        f"A device{named} opens connections and shows certificates of its own, by"
        f" {issuer}: {extent(members)}",
        "Please exempt these public services from TLS inspection.",
        (
            f"{where(members[0])} is a public service, and its certificate is by {issuer}",
            *seen_of([m for m in members if m.seen.detail], 1),
        ),
        (f"{counted(clean, 'address')} of other rules answer without",)
        if clean > 0
        else (),
    )
