"""What is wrong with one target by itself, before anything is correlated.

A target that is in order has no symptom. The kind of a symptom says which causes may
explain it: what happened, and at which part of the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.diagnose.features import features, heard, is_in_order
from exporter.diagnose.trouble import HOLDING, Trouble, is_named, trouble_of
from exporter.model.addresses import neighbourhood
from exporter.model.outcome import Reason, Stage, Verdict
from exporter.model.rule import Expect
from exporter.model.tls_facts import UNVERIFIED

if TYPE_CHECKING:
    from exporter.diagnose.features import Features, Heard
    from exporter.diagnose.known import Known
    from exporter.model.network_path import Hop
    from exporter.model.outcome import Observation
    from exporter.model.rule import Target
    from exporter.monitor.store import Record

_DAY = 86400.0
ENDING = 21 * _DAY
"""Seconds before its end from which on a certificate is told of."""
SKEW = 1.0
"""Seconds by which a time server may differ from this host's clock, beside half of the
round trip: it is known no better, for either way may have taken it all (RFC 5905 4)."""
KERBEROS_SKEW = 240.0
"""Seconds by which a KDC may differ from it: sign-in fails beyond 300 (RFC 4120)."""
NEVER = 3600.0
"""Seconds without any verdict after which a target counts as never proven."""


@dataclass(slots=True, eq=False)
class Symptom:
    """What is wrong with one target. Nobody changes it.

    Ten thousand are made within some 20 ms: to freeze one would take as long as to make
    it, and what may not be asked for is worked out when it is.

    Attributes:
        record: of the target.
        trouble: what kind of thing is wrong.
        seen: the observation that shows it.
        place: the address of who refused, or of the last router before silence; empty
            if that is not known.
        hop: its number, 0 if unknown.
        target: the record's.
        host: the target's host.
        address: at which it was seen; empty through a proxy and without one.
    """

    record: Record
    trouble: Trouble
    seen: Observation
    place: str = ""
    hop: int = 0
    target: Target = field(init=False)
    host: str = field(init=False)
    address: str = field(init=False)
    _features: Features | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.target = self.record.target
        self.host = self.target.destination
        self.address = "" if self.seen.via else self.seen.address

    @property
    def features(self) -> Features:
        """What it may have in common with others."""
        if self._features is None:
            seen = self.seen
            passed = seen.stage in {Stage.TLS, Stage.EXCHANGE}
            self._features = features(
                self.target,
                self.address,
                seen.source_address,
                seen.via if passed else "",
            )
        return self._features

    @property
    def network(self) -> str:
        """The network of that address."""
        return neighbourhood(self.address) if self.address else ""

    @property
    def since(self) -> float:
        """Unix time since which its verdict is what it is."""
        latest = self.record.latest
        if latest is not None and latest.verdict is Verdict.HOLDS:
            return latest.finished_timestamp
        return self.record.state_change_timestamp or 0.0


def read(record: Record, now: float) -> Symptom | None:
    """What is wrong with a target at present; None if it is in order or not known yet.

    What fails beside an alternative that holds is in order.
    """
    latest = record.latest
    if latest is None or latest.instead:
        return None
    seen, rule = latest.observation, record.target.rule
    if latest.verdict is Verdict.HOLDS:
        allowed = rule.expect is Expect.ALLOW
        return _reservation(record, seen, now) if allowed else None
    if latest.verdict is Verdict.VIOLATED:
        if rule.expect is Expect.DENY:
            return Symptom(record, Trouble.OPEN, seen)
        placed = _placed(record, seen)
        if placed.trouble in _OF_AN_ADDRESS and any(map(is_in_order, latest.addresses)):
            return Symptom(record, Trouble.PARTIAL, seen, placed.place, placed.hop)
        return placed
    return _unknown(record, seen, now)


_OF_AN_ADDRESS = frozenset(
    {
        *(Trouble.SILENT, Trouble.UNREACHABLE, Trouble.SHUT),
        *(Trouble.CUT, Trouble.WRONG),
    }
)
"""What one address of a host does by itself, where another of them answers."""


class Reading:
    """What one target shows, as long as nothing is new of it."""

    __slots__ = ("_heard", "_latest", "_path", "_record", "symptom")

    def __init__(self, record: Record, known: Known) -> None:
        self._record = record
        self._latest = record.latest
        self._path = record.path
        self.symptom = read(record, known.now) or _nearer(record, known)
        self._heard: list[Heard] | None = None

    @property
    def heard(self) -> list[Heard]:
        """Which of its addresses answered."""
        if self._heard is None:
            self._heard = heard(self._record)
        return self._heard

    def is_of(self, record: Record) -> bool:
        """Whether a record shows just that."""
        return (
            self._record is record
            and self._latest is record.latest
            and self._path is record.path
        )


def _nearer(record: Record, known: Known) -> Symptom | None:
    """Whether answers come from nearer than they used to, though nothing else is wrong."""
    latest = record.latest
    hops = latest.observation.answer_hops if latest is not None else None
    if latest is None or hops is None:
        return None
    usual = known.distances.get(record.target.key)
    if usual is None or hops >= usual:
        return None
    return Symptom(record, Trouble.NEARER, latest.observation, hop=hops)


_TRACED = frozenset({Trouble.SILENT, Trouble.REFUSED, Trouble.SHUT})
"""What a trace tells the place of."""


def _placed(record: Record, seen: Observation) -> Symptom:
    trouble, path = trouble_of(seen), record.path
    if is_named(seen) and seen.icmp is not None:
        hop = next((h.ttl for h in _hops(record) if h.address == seen.icmp.sender), 0)
        return Symptom(record, trouble, seen, seen.icmp.sender, hop)
    if path is not None and trouble in _TRACED:
        return Symptom(record, trouble, seen, path.last_hop, path.last_ttl)
    return Symptom(record, trouble, seen)


def _hops(record: Record) -> tuple[Hop, ...]:
    return record.path.hops if record.path is not None else ()


def _unknown(record: Record, seen: Observation, now: float) -> Symptom:
    """Of a target whose verdict is unknown: the same causes, where it ended by them."""
    if record.target.rule.unverifiable is not None:
        return Symptom(record, Trouble.UNPROVEN, seen)
    trouble = trouble_of(seen)
    if trouble in _REGARDLESS:
        return Symptom(record, trouble, seen)
    if seen.reason is Reason.UNTESTED and _is_doubted(record, seen):
        return Symptom(record, Trouble.DEVICE, seen)
    begun = record.episodes[0].first_timestamp if record.episodes else now
    if not record.probes and now - begun > NEVER:
        return Symptom(record, Trouble.NEVER_PROVEN, seen)
    return Symptom(record, Trouble.UNPROVEN, seen)


def _is_doubted(record: Record, seen: Observation) -> bool:
    """Whether somebody else may have completed a bare handshake."""
    case = record.latest.case if record.latest is not None else None
    if case is None or record.target.rule.probe != "tcp":
        return False
    return bool(case.doubt) or any(p.address == seen.address for p in case.nearer)


_REGARDLESS = frozenset(
    {
        *(Trouble.BUG, Trouble.UNABLE, Trouble.HERE),
        *(Trouble.NO_ANSWER, Trouble.NO_NAME),
    }
)
"""What keeps a rule from being tested, whatever it expects."""


def _reservation(record: Record, seen: Observation, now: float) -> Symptom | None:
    """What is wrong with a target that holds, the worst of it."""
    facts = seen.tls
    if facts is not None and record.target.rule.tls.verify:
        if facts.intercepted:
            return Symptom(record, Trouble.INTERCEPTED, seen)
        if not facts.verified or facts.chain_expiry_timestamp - now < ENDING:
            return Symptom(record, Trouble.CERTIFICATE, seen)
    if abs(seen.evidence.ntp_offset or 0.0) - (seen.latency or 0.0) / 2 > SKEW:
        return Symptom(record, Trouble.CLOCK, seen)
    if abs(seen.evidence.clock_skew or 0.0) > KERBEROS_SKEW:
        return Symptom(record, Trouble.CLOCK, seen)
    return _partial(record)


def _partial(record: Record) -> Symptom | None:
    latest = record.latest
    if latest is None or len(latest.addresses) == 1:
        return None
    for one in latest.addresses:
        if one.verdict is Verdict.VIOLATED:
            seen = one.observation
            place = seen.icmp.sender if is_named(seen) and seen.icmp else ""
            return Symptom(record, Trouble.PARTIAL, seen, place)
    return None


def beside(symptom: Symptom, now: float) -> tuple[str, ...]:
    """What else is wrong with a target, and hidden by what is told of it."""
    found = [certificate_problem(symptom, now)]
    if symptom.trouble in _WORSE and (some := _partial(symptom.record)) is not None:
        found.append(f"its address {some.seen.address} fails as well")
    skew = symptom.seen.evidence.clock_skew or 0.0
    if symptom.trouble is not Trouble.CLOCK and abs(skew) > KERBEROS_SKEW:
        found.append(f"its clock and this host's are {abs(skew):.0f} s apart as well")
    return tuple(filter(None, found))


_WORSE = frozenset({Trouble.INTERCEPTED, Trouble.CERTIFICATE, Trouble.CLOCK})
"""What is told of a target that holds, before that some of its addresses fail."""


def certificate_problem(symptom: Symptom, now: float) -> str:
    """What is wrong with the certificate beside what failed; empty if nothing is."""
    facts = symptom.seen.tls
    if facts is None or symptom.trouble in HOLDING:
        return ""
    if not symptom.target.rule.tls.verify:
        return ""
    if facts.verified:
        left = facts.chain_expiry_timestamp - now
        days = max(int(left / _DAY), 0)
        return f"its certificate ends in {days} days as well" if left < ENDING else ""
    return f"its certificate {UNVERIFIED[facts.error]} as well"
