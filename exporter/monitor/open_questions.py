"""What a result leaves open that a trace or a comparison could tell; pure.

Whose a reset is, whose an ICMP message is, who completes a handshake, and where on the
path silence begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.outcome import Origin, Reason, Stage, Verdict
from exporter.model.rule import Expect, Proof
from exporter.probes.bare_handshake import rests_on_a_handshake
from exporter.probes.traceroute import TRACEABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.outcome import Observation, Result
    from exporter.model.rule import Target

HANDSHAKE = (
    "a device completes the handshake: it is nearer than what answers other rules there"
)
"""What is told of a handshake that comes from nearer than its address is."""


def may_tell(target: Target, result: Result) -> bool:
    """Whether anything that can be learnt behind the round would be of use."""
    fine = result.verdict is Verdict.HOLDS and target.rule.expect is Expect.ALLOW
    return not fine or target.rule.probe in {"tcp", "udp"}


def asks_for_the_path(target: Target) -> bool:
    """Whether a refusal by the host itself is all that the rule needs."""
    return target.rule.proof is not Proof.SERVICE


def answers(seen: Observation) -> bool:
    """Whether the address itself answered, and no proxy for it."""
    return seen.reason is Reason.ANSWERED and not seen.via


def is_doubted(seen: Observation) -> bool:
    """Whether a handshake there is held for a device's."""
    return seen.reason is Reason.UNTESTED and seen.detail == HANDSHAKE


def resets(result: Result) -> dict[str, Origin]:
    """The addresses that reset, and whose reset that is known to be."""
    return {
        seen.address: seen.origin
        for seen in observations(result)
        if seen.reason is Reason.REFUSED
        and seen.origin in {Origin.NOBODY, Origin.PATH, Origin.DESTINATION}
        and seen.icmp is None
        and not seen.via
    }


def claims(result: Result) -> list[Observation]:
    """What ICMP messages say whose sender is worth looking into.

    Anybody may say that he is the destination; and who says no in another name may be
    the host, with another of its addresses.
    """
    return [
        seen
        for seen in observations(result)
        if seen.icmp is not None
        and seen.stage is Stage.CONNECT
        and seen.origin is not Origin.SELF
        and not seen.via
    ]


def needs_a_router(seen: Observation) -> bool:
    """Whether it is to be shown that a device on the path, not the host, speaks."""
    unreachable = seen.reason is Reason.PORT_UNREACHABLE and seen.icmp is not None
    return unreachable and seen.icmp is not None and seen.icmp.sender != seen.address


def is_arrival(target: Target, seen: Observation) -> bool:
    """Whether a rule holds because the host says that a datagram has come there."""
    by_host = seen.icmp is not None and seen.icmp.sender == seen.address
    arrived = seen.reason is Reason.PORT_UNREACHABLE and by_host
    allowed = target.rule.expect is Expect.ALLOW
    return allowed and target.rule.probe == "udp" and arrived


def bare_handshakes(target: Target, result: Result) -> list[str]:
    """The addresses at which nothing but a handshake was met."""
    seen = result.case.sightings if result.case is not None else ()
    rule = target.rule
    return [s.address for s in seen if rests_on_a_handshake(rule, s) and not s.via]


def decides(target: Target, seen: Observation) -> bool:
    """Whether a verdict or a name rests on whose the message is."""
    if seen.reason is Reason.PORT_UNREACHABLE:
        return target.rule.expect is Expect.DENY or target.rule.probe == "udp"
    by_name = seen.icmp is not None and seen.icmp.sender == seen.address
    taken_for = Origin.DESTINATION if by_name else Origin.PATH
    return seen.origin is not taken_for


def observations(result: Result) -> Iterator[Observation]:
    """What was seen of each address."""
    return (one.observation for one in result.addresses)


def ends_on_the_path(result: Result) -> bool:
    """Whether it failed somewhere between this host and the destination's service."""
    seen = result.observation
    early = seen.stage is Stage.CONNECT and bool(seen.address) and not seen.via
    left = seen.reason in TRACEABLE and seen.origin is not Origin.SELF
    return early and left and result.verdict is not Verdict.HOLDS
