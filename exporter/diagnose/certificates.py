"""What is wrong with certificates, or with who shows them.

One certificate may serve many targets, and one issuer many certificates: what is told
once is the one that must be replaced.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter.diagnose.clocks import ENDED
from exporter.diagnose.common_features import are_strangers
from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    listed,
    seen_of,
    where,
)
from exporter.diagnose.features import everything
from exporter.diagnose.symptoms import ENDING
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause
from exporter.model.tls_facts import UNVERIFIED, TlsError, TlsFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom

_DAY = 86400.0
_REQUESTS = {
    TlsError.NAME_MISMATCH: "Please install a certificate for {hosts}.",
    TlsError.NO_ALTERNATIVE_NAME: "Please install a certificate that has {hosts} as"
    " subject alternative name.",
    TlsError.NAME_CONSTRAINT: "Please install a certificate of an issuer that may vouch"
    " for {hosts}.",
    TlsError.ISSUER_KEY_MISMATCH: "Please compare the issuer's certificate that clients"
    " trust with the one that signs now.",
    TlsError.INCOMPLETE_CHAIN: "Please have the server send its intermediate as well.",
}
_MISNAMED = frozenset({TlsError.NAME_MISMATCH, TlsError.NO_ALTERNATIVE_NAME})
_PRODUCTS = (
    "Zscaler",
    "Palo Alto",
    "Fortinet",
    "FortiGate",
    "Sophos",
    "Blue Coat",
    "Symantec",
    "Netskope",
    "Cisco Umbrella",
    "WatchGuard",
    "Check Point",
    "SonicWall",
    "Barracuda",
    "Smoothwall",
    "Lightspeed",
    "McAfee",
    "Forcepoint",
    "Squid",
    "Untangle",
)


def certificates(scene: Scene) -> list[Explanation]:
    """What explains certificates of concern."""
    bad, found = scene.of(Trouble.CERTIFICATE), _portals(scene)
    taken = {id(one) for each in found for one in each.symptoms}
    groups: defaultdict[tuple[str, str], list[Symptom]] = defaultdict(list)
    for one in bad:
        if one.seen.tls is not None and id(one) not in taken:
            groups[_key(one.seen.tls, scene.known.now)].append(one)
    found += [_certificate(scene, members) for members in groups.values()]
    return found + _interceptions(scene)


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
    dated = issuers or facts.verified or facts.error in ENDED
    renewal = (
        f"Please have the certificate of {subject} replaced, where the server sends it"
        " or clients trust it."
        if issuers
        else f"Please renew the certificate of {hosts}."
    )
    request = (
        renewal
        if dated
        else _REQUESTS.get(
            facts.error,
            "Please install a certificate for {hosts} that clients can verify.",
        ).format(hosts=hosts)
    )
    return Explanation(
        Cause.CERTIFICATE,
        subject or hosts,
        members,
        f"{whose} {says}: {extent(members, hosts)}",
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
    if facts.error not in ENDED:
        return UNVERIFIED[facts.error]
    if end > now:  # it had ended by the clock that it was judged by
        return "has ended"
    return f"has ended on {day}, {counted(int((now - end) / _DAY), 'day')} ago"


def _portals(scene: Scene) -> list[Explanation]:
    """One good certificate that is shown for public services of strangers alike."""
    groups: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in scene.of(Trouble.CERTIFICATE):
        facts = one.seen.tls
        if facts is not None and facts.error in _MISNAMED and one.target.rule.public:
            groups[facts.fingerprint_sha256].append(one)
    return [
        _interception(scene, members)
        for members in groups.values()
        if are_strangers(members)
    ]


def _interceptions(scene: Scene) -> list[Explanation]:
    groups: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in scene.of(Trouble.INTERCEPTED):
        if one.seen.tls is not None:
            issuer = one.seen.tls.issuer
            groups[_product(issuer) or issuer].append(one)
    return [_interception(scene, members) for members in groups.values()]


def _product(issuer: str) -> str:
    """The product that is known to sign by such a name; may be empty."""
    return next((p for p in _PRODUCTS if p.lower() in issuer.lower()), "")


def _interception(scene: Scene, members: Sequence[Symptom]) -> Explanation:
    facts = members[0].seen.tls
    assert facts is not None  # noqa: S101 - grouped by it
    own = facts.error in _MISNAMED
    shown = facts.subject if own else facts.issuer
    product = _product(facts.issuer)
    named = f" ({product})" if product else ""
    alike = everything(members[0].seen.via)
    clean = scene.answers.features[alike] - len(members)
    certificate = "is for another name" if own else f"is by {shown}"
    by = (
        f"its own certificate, {shown}"
        if own
        else f"certificates of its own, by {shown}"
    )
    return Explanation(
        Cause.INTERCEPTION,
        shown,
        members,
        f"A device{named} opens connections and shows {by}: {extent(members)}",
        "Please exempt these public services from TLS inspection.",
        (
            f"{where(members[0])} is a public service, and its certificate {certificate}",
            *seen_of([m for m in members if m.seen.detail], 1),
        ),
        (f"{counted(clean, 'address')} of other rules answer without",)
        if clean > 0
        else (),
    )
