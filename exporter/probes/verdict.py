"""From what was seen to whether the rule holds: pure and total.

`judge` decides for one address, `combine` over all addresses of a target. Silence
and refusals mean little on their own for a rule that must be denied, so they need
a witness or the rule's word; our own faults never become a verdict at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.outcome import INCONCLUSIVE, Origin, Reason, Stage, Verdict
from exporter.model.rule import AddressPolicy, Denial, Expect

if TYPE_CHECKING:
    from collections.abc import Collection

    from exporter.model.outcome import Observation
    from exporter.model.rule import Rule

_LET_THROUGH = frozenset(
    {Reason.ANSWERED, Reason.MALFORMED, Reason.REJECTED, Reason.TLS_ALERT}
)


def judge(rule: Rule, seen: Observation, witness: Verdict) -> Verdict:
    """The verdict on one address.

    Args:
        rule: what must hold.
        seen: what one probe of the address saw.
        witness: the present verdict of the rule's witness, unknown without one.
    """
    if rule.unverifiable is not None or seen.reason in INCONCLUSIVE:
        return Verdict.UNKNOWN
    if rule.expect is Expect.ALLOW:
        return _judge_allow(rule, seen)
    return _judge_deny(rule, seen, witness)


def combine(rule: Rule, verdicts: Collection[Verdict]) -> Verdict:
    """The verdict on a target from those on its addresses (at least one).

    A rule that allows needs any or all addresses, as it says; one that denies
    needs every address denied. An unknown address never counts as either.
    """
    any_suffices = rule.expect is Expect.ALLOW and rule.addresses is AddressPolicy.ANY
    strongest = Verdict.HOLDS if any_suffices else Verdict.VIOLATED
    weakest = Verdict.VIOLATED if any_suffices else Verdict.HOLDS
    if strongest in verdicts:
        return strongest
    return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else weakest


def _judge_allow(rule: Rule, seen: Observation) -> Verdict:
    # The datagram arrived; that nothing listens there is not the firewall's doing.
    arrived = (
        rule.probe == "udp"
        and seen.reason is Reason.PORT_UNREACHABLE
        and seen.origin is Origin.DESTINATION
    )
    holds = arrived or seen.reason is Reason.ANSWERED
    return Verdict.HOLDS if holds else Verdict.VIOLATED


def _judge_deny(rule: Rule, seen: Observation, witness: Verdict) -> Verdict:
    if seen.reason in _LET_THROUGH or seen.stage in {Stage.TLS, Stage.EXCHANGE}:
        return Verdict.VIOLATED
    denied = (
        seen.reason is Reason.PROHIBITED
        or (seen.reason is Reason.TIMEOUT and witness is Verdict.HOLDS)
        or _refused_by_firewall(rule, seen)
    )
    return Verdict.HOLDS if denied else Verdict.UNKNOWN


def _refused_by_firewall(rule: Rule, seen: Observation) -> bool:
    """Whether a refusal came from the path, by evidence or by the rule's word."""
    if seen.reason not in {Reason.REFUSED, Reason.PORT_UNREACHABLE}:
        return False
    return Denial.RESET in rule.denial or seen.origin is Origin.PATH
