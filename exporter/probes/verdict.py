"""From what was seen to whether the rule holds: pure and total.

`judge` takes a `Case` and nothing else. Every address of the host is judged alone, by
facts of that address that are recent enough; one that nothing is known of is a member
all the same, an `untested` one. Silence and refusals mean little on their own for a rule
that must be denied, so they need a witness at that very address, a distance, or the
rule's word; our own faults never become a verdict at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.outcome import (
    INCONCLUSIVE,
    Judged,
    Observation,
    Origin,
    Reason,
    Stage,
    Verdict,
)
from exporter.model.rule import AddressPolicy, Denial, Expect, Proof
from exporter.probes.bare_handshake import distrust

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from exporter.model.rule import Rule
    from exporter.model.verdict_case import Case, Claim, Placed

_LET_THROUGH = frozenset(
    {Reason.ANSWERED, Reason.MALFORMED, Reason.REJECTED, Reason.TLS_ALERT}
)
_REFUSALS = frozenset({Reason.REFUSED, Reason.PORT_UNREACHABLE})
_BY_ORIGIN = {
    Origin.DESTINATION: Verdict.HOLDS,
    Origin.PATH: Verdict.VIOLATED,
    Origin.SELF: Verdict.VIOLATED,
}


def judge(case: Case) -> tuple[Verdict, tuple[Judged, ...]]:
    """The verdict on a target, and that on each member of its set.

    A rule that allows needs any or all addresses, as it says; one that denies
    needs every address denied. An untested address never counts as either.
    """
    if len(case.members) == len(case.sightings) == 1 and not case.unlearned:
        (address,), (seen,) = case.members, case.sightings
        only = _judge_address(case, address, seen if seen.address == address else None)
        return only.verdict, (only,)
    sightings = {seen.address: seen for seen in case.sightings}
    judged = tuple(
        _judge_address(case, address, sightings.get(address))
        for address in case.members
    )
    judged += tuple(Judged(_unlearned(one), Verdict.UNKNOWN) for one in case.unlearned)
    return _combine(case.rule, {one.verdict for one in judged}), judged


def any_suffices(rule: Rule) -> bool:
    """Whether one address that answers is enough, whatever the others do."""
    return rule.expect is Expect.ALLOW and rule.addresses is AddressPolicy.ANY


def is_silent(seen: Observation) -> bool:
    """Whether nothing at all came back."""
    return seen.reason is Reason.TIMEOUT and seen.stage is Stage.CONNECT


def is_unnamed_reset(seen: Observation) -> bool:
    """Whether it was refused by whoever that was: a reset bears no name."""
    nobody = seen.origin is Origin.NOBODY and seen.icmp is None
    return seen.reason is Reason.REFUSED and nobody and not seen.via


def _combine(rule: Rule, verdicts: Collection[Verdict]) -> Verdict:
    strongest, weakest = Verdict.VIOLATED, Verdict.HOLDS
    if any_suffices(rule):
        strongest, weakest = weakest, strongest
    if strongest in verdicts:
        return strongest
    return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else weakest


def _judge_address(case: Case, address: str, seen: Observation | None) -> Judged:
    if seen is None or not case.recent(seen.ended):
        return Judged(_untested(address), Verdict.UNKNOWN)
    seen = _in_the_light(case, seen)
    rule = case.rule
    if rule.unverifiable is not None or seen.reason in INCONCLUSIVE:
        return Judged(seen, Verdict.UNKNOWN)
    if rule.expect is Expect.ALLOW:
        left_open = _may_have_arrived(case, seen)
        verdict = Verdict.UNKNOWN if left_open else _judge_allow(rule, seen)
        return Judged(seen, verdict)
    return Judged(seen, _judge_deny(case, seen))


def _in_the_light(case: Case, seen: Observation) -> Observation:
    """What a sighting stands for beside other facts of the same address."""
    if is_silent(seen):
        return _spoken_for(case, seen)
    if is_unnamed_reset(seen):
        placed = _at(seen.address, case.resets)
        if placed is not None and case.recent(placed.at):
            return replace(seen, origin=placed.origin, detail=placed.detail)
        return seen
    if seen.icmp is not None and not seen.via:
        return _weighed(case, seen)
    device = _at(seen.address, case.nearer)
    doubt = device.detail if device is not None and not seen.via else case.doubt
    return distrust(case.rule, seen, doubt)


def _weighed(case: Case, seen: Observation) -> Observation:
    """An ICMP message as its distance or a trace shows it to be.

    A host may speak from another of its addresses. So that a port is unreachable is the
    word of a device on the path only if that is shown.
    """
    claim = _claim_of(case, seen)
    if claim is not None:
        return replace(seen, origin=claim.origin, detail=claim.detail)
    if seen.reason is Reason.PORT_UNREACHABLE and seen.origin is Origin.PATH:
        return replace(seen, origin=Origin.NOBODY)
    return seen


def _claim_of(case: Case, seen: Observation) -> Claim | None:
    """What was found of whose the ICMP message is, if that was looked into."""
    said = seen.icmp is not None and (seen.icmp.sender, seen.icmp.left)
    for claim in case.claims:
        meant = claim.address == seen.address and said == (claim.sender, claim.left)
        if meant and case.recent(claim.at):
            return claim
    return None


def _may_have_arrived(case: Case, seen: Observation) -> bool:
    """Whether it was looked into if a datagram arrived, and stays open.

    The host may speak from another of its addresses, or a device in its name.
    """
    if case.rule.probe != "udp" or seen.reason is not Reason.PORT_UNREACHABLE:
        return False
    claim = _claim_of(case, seen)
    return claim is not None and claim.origin is Origin.NOBODY


def _spoken_for(case: Case, seen: Observation) -> Observation:
    """Silence right after a refusal is that refusal: routers say it now and then."""
    for refusal in case.refusals:
        # That a datagram arrived once says nothing of one that brought no answer.
        if refusal.address != seen.address or _shows_the_way(case.rule, refusal):
            continue
        if case.recent(refusal.ended):
            age = case.now - refusal.ended
            said = _weighed(case, refusal)
            detail = f"{said.detail} ({age:.0f} s ago, silent since)"
            return replace(
                said,
                detail=detail,
                phases=seen.phases,
                began=seen.began,
                ended=seen.ended,
            )
    return seen


def _judge_allow(rule: Rule, seen: Observation) -> Verdict:
    if seen.reason is Reason.ANSWERED or _arrived(rule, seen):
        return Verdict.HOLDS
    if rule.proof is not Proof.SERVICE and seen.reason in _REFUSALS:
        # Of a port on which nothing need listen a refusal shows the way, if it is
        # known to be the host's own; the firewall's is what the rule is there to find.
        return _BY_ORIGIN.get(seen.origin, Verdict.UNKNOWN)
    if rule.proof is Proof.SAMPLE:
        return _judge_sample(seen)
    return Verdict.VIOLATED


def _judge_sample(seen: Observation) -> Verdict:
    """Of an address that need not exist: whatever speaks from there was reached."""
    if seen.reason in _LET_THROUGH or seen.stage in {Stage.TLS, Stage.EXCHANGE}:
        return Verdict.HOLDS
    forbidden = seen.reason is Reason.PROHIBITED
    return Verdict.VIOLATED if forbidden else Verdict.UNKNOWN


def _arrived(rule: Rule, seen: Observation) -> bool:
    """Whether the datagram did: that nothing listens there is not the firewall's doing."""
    by_host = seen.origin is Origin.DESTINATION
    return rule.probe == "udp" and seen.reason is Reason.PORT_UNREACHABLE and by_host


def _shows_the_way(rule: Rule, refusal: Observation) -> bool:
    """Whether a refusal may be good news to a rule, and so is none of a silence later."""
    asks_for_it = rule.proof is not Proof.SERVICE and refusal.reason in _REFUSALS
    return asks_for_it or _arrived(rule, refusal)


def _judge_deny(case: Case, seen: Observation) -> Verdict:
    if seen.reason in _LET_THROUGH or seen.stage in {Stage.TLS, Stage.EXCHANGE}:
        return Verdict.VIOLATED
    denied = (
        seen.reason is Reason.PROHIBITED
        or (seen.reason is Reason.TIMEOUT and _is_witnessed(case, seen))
        or _refused_by_firewall(case.rule, seen)
    )
    return Verdict.HOLDS if denied else Verdict.UNKNOWN


def _is_witnessed(case: Case, silence: Observation) -> bool:
    """Whether the witness answered at that address after the silence began.

    One that may not be asked at each silence counts for the silences in a row since
    it answered, until it may be asked again.
    """
    since = dict(case.silences).get(silence.address, silence.began)
    for answer in case.answers:
        if answer.address != silence.address or not case.recent(answer.at):
            continue
        reserved = answer.at > since and case.now - answer.at < case.floor
        if answer.holds and (answer.at > silence.began or reserved):
            return True
    return False


def _refused_by_firewall(rule: Rule, seen: Observation) -> bool:
    """Whether a refusal came from the path, by evidence or by the rule's word."""
    if seen.reason not in {Reason.REFUSED, Reason.PORT_UNREACHABLE}:
        return False
    return Denial.RESET in rule.denial or seen.origin is Origin.PATH


def _at(address: str, facts: Iterable[Placed]) -> Placed | None:
    for fact in facts:
        if fact.address == address:
            return fact
    return None


def _untested(address: str) -> Observation:
    detail = f"{address} has not been probed lately: the host has many addresses"
    return Observation(address, Stage.RESOLVE, Reason.UNTESTED, detail)


def _unlearned(detail: str) -> Observation:
    return Observation("", Stage.RESOLVE, Reason.UNTESTED, detail)
