"""Whose clock is wrong: this host's, or that of one who tells the time.

A clock that differs says nothing by itself of which of the two is wrong. Others that tell
the same time do, and so do certificates: nobody installs one of tomorrow, and strangers
do not all forget to renew theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.diagnose.explanation import SHOWN, Explanation, extent, where
from exporter.diagnose.features import domain_of
from exporter.diagnose.self_evident import grouped
from exporter.diagnose.symptoms import SKEW
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause
from exporter.model.tls_facts import TlsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
ENDED = frozenset({TlsError.EXPIRED, TlsError.ISSUER_EXPIRED})
_AGREE = 2
"""Servers that tell the same time, so that it is the right one."""
_STRANGERS = 2
"""Unrelated domains whose certificates are not yet valid: this host's clock is slow."""
_ALL_ENDED = 3
"""Unrelated domains whose certificates all ended, none valid: its clock is fast."""


def clocks(scene: Scene) -> list[Explanation]:
    """What explains clocks that differ, with the certificates that only they make bad."""
    differing = scene.of(Trouble.CLOCK)
    dated = [one for one in scene.of(Trouble.CERTIFICATE) if _is_dated(one)]
    if not differing and not dated:
        return []
    told = _told(scene)
    ahead = _agreed(told)
    if ahead is None:
        ahead = _confirmed(scene, told, dated)
    if ahead is None:
        strangers = [] if told else _by_certificates(scene, dated)
        by_them = [_own_by_certificates(strangers)] if strangers else []
        return by_them + _other_clocks(differing)
    if abs(ahead) <= SKEW:
        return _other_clocks(differing)
    own = [one for one in differing if _alike(_offset(one), ahead)]
    judged = [one for one in dated if _by_clock(one, ahead, scene.known.now)]
    mine = {id(one) for one in own}
    others = [one for one in differing if id(one) not in mine]
    return [_own_clock(own, judged, ahead), *_other_clocks(others)]


def _told(scene: Scene) -> Mapping[str, float]:
    """Seconds by which each host's clock is ahead of ours; time servers know best."""
    by_ntp: dict[str, float] = {}
    others: dict[str, float] = {}
    for record in scene.known.records:
        if record.latest is None:
            continue
        evidence = record.latest.observation.evidence
        if evidence.ntp_offset is not None:
            by_ntp[record.target.destination] = evidence.ntp_offset
        if evidence.clock_skew is not None:
            others[record.target.destination] = evidence.clock_skew
    return others | by_ntp


def _agreed(told: Mapping[str, float]) -> float | None:
    """What at least half of those who tell the time agree on, if several do.

    Of two times that as many agree on, the one that is nearer to ours counts.
    """
    if len(told) < _AGREE:
        return None
    offsets = sorted(told.values(), key=abs)
    votes = [sum(_alike(other, one) for other in offsets) for one in offsets]
    most = max(votes)
    if most < _AGREE or 2 * most < len(offsets):
        return None
    return offsets[votes.index(most)]


def _confirmed(
    scene: Scene, told: Mapping[str, float], dated: Sequence[Symptom]
) -> float | None:
    """What a single server tells, if certificates say the same."""
    if len(told) != 1:
        return None
    (ahead,) = told.values()
    judged = [one for one in dated if _by_clock(one, ahead, scene.known.now)]
    early = any(_error(one) is TlsError.NOT_YET_VALID for one in judged)
    ended = len(_domains(judged)) >= _STRANGERS or not _any_valid(scene)
    return ahead if judged and (early or ended) else None


def _by_certificates(scene: Scene, dated: Sequence[Symptom]) -> Sequence[Symptom]:
    """Certificates of strangers that only a wrong clock of this host makes bad."""
    early = [one for one in dated if _error(one) is TlsError.NOT_YET_VALID]
    if len(_domains(early)) >= _STRANGERS:
        return early
    ended = [one for one in dated if _error(one) in ENDED]
    ends = {one.seen.tls.chain_expiry_timestamp for one in ended if one.seen.tls}
    strangers = min(len(_domains(ended)), len(ends))
    return ended if strangers >= _ALL_ENDED and not _any_valid(scene) else []


def _is_dated(symptom: Symptom) -> bool:
    error = _error(symptom)
    return error is TlsError.NOT_YET_VALID or error in ENDED


def _error(symptom: Symptom) -> TlsError:
    facts = symptom.seen.tls
    return TlsError.NONE if facts is None else facts.error


def _by_clock(symptom: Symptom, ahead: float, now: float) -> bool:
    """Whether a certificate is only judged by a wrong clock."""
    facts = symptom.seen.tls
    if facts is None or abs(ahead) < _HOUR:
        return False
    if facts.error is TlsError.NOT_YET_VALID:
        return ahead > 0
    return facts.error in ENDED and facts.chain_expiry_timestamp > now + ahead


def _any_valid(scene: Scene) -> bool:
    """Whether any certificate is valid by this host's clock."""
    return any(
        one.observation.tls is not None and one.observation.tls.verified
        for record in scene.known.records
        if record.latest is not None
        for one in record.latest.addresses
    )


def _domains(symptoms: Sequence[Symptom]) -> set[str]:
    return {domain_of(one.host) or one.host for one in symptoms}


def _own_clock(
    own: Sequence[Symptom], judged: Sequence[Symptom], ahead: float
) -> Explanation:
    late = "behind" if ahead > 0 else "ahead of"
    told = len({one.host for one in own}) > 1
    servers = "its time servers" if told else "its time server"
    both = [*own, *judged]
    return Explanation(
        Cause.CLOCK,
        "this host",
        both,
        f"This host's clock is {_lasting(ahead)} {late} {servers}: {extent(both)}",
        "Please set this host's clock, and check the service that should keep it.",
        (
            *(f"{where(one)} differs by {_offset(one):+.1f} s" for one in own[:SHOWN]),
            *_certificates(judged),
        ),
    )


def _own_by_certificates(judged: Sequence[Symptom]) -> Explanation:
    early = _error(judged[0]) is TlsError.NOT_YET_VALID
    late = "behind" if early else "ahead"
    return Explanation(
        Cause.CLOCK,
        "this host",
        judged,
        f"This host's clock is {late}, by the certificates of strangers: {extent(judged)}",
        "Please set this host's clock, and check the service that should keep it; a rule"
        " with an NTP server would tell by how much it is wrong.",
        _certificates(judged),
        () if early else ("no certificate is valid by this host's clock",),
    )


def _certificates(judged: Sequence[Symptom]) -> tuple[str, ...]:
    said = []
    for one in judged[:SHOWN]:
        early = _error(one) is TlsError.NOT_YET_VALID
        says = "is not valid yet" if early else "has ended"
        said.append(f"by this host's clock the certificate of {where(one)} {says}")
    return tuple(said)


def _other_clocks(differing: Sequence[Symptom]) -> list[Explanation]:
    return [_other_clock(one) for one in grouped(differing, lambda one: one.host)]


def _other_clock(members: Sequence[Symptom]) -> Explanation:
    first = members[0]
    return Explanation(
        Cause.CLOCK,
        first.host,
        members,
        f"The clock of {first.host} and this host's are {_lasting(_offset(first))}"
        f" apart: {extent(members, first.host)}",
        f"Please check the clock of {first.host}; and this host's, if others say so too.",
        tuple(
            f"{where(one)} differs by {_offset(one):+.1f} s" for one in members[:SHOWN]
        ),
        theirs=True,
    )


def _offset(symptom: Symptom) -> float:
    evidence = symptom.seen.evidence
    return evidence.ntp_offset or evidence.clock_skew or 0.0


def _lasting(seconds: float) -> str:
    """A difference in a unit that shows something: `30.0 s`, `2.5 hours`, `3.0 days`."""
    size = abs(seconds)
    for unit, length in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
        if size >= 2 * length:
            return f"{size / length:.1f} {unit}"
    return f"{size:.1f} s"


def _alike(offset: float, other: float) -> bool:
    return abs(offset - other) <= max(SKEW, abs(other) / 10)
