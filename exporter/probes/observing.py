"""From what a link went through to the observation that is judged and told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from exporter.model.outcome import Evidence, Observation, Reason, Stage
from exporter.model.rule import Expect
from exporter.probes.transcript import quoting

if TYPE_CHECKING:
    from exporter.model.endpoint import Endpoint
    from exporter.model.outcome import ProbeError
    from exporter.probes.link import Link


class Times(NamedTuple):
    """Seconds that the look-up took, and when the probe began and ended (monotonic)."""

    resolve: float
    began: float
    ended: float


def answered(link: Link, evidence: Evidence, times: Times) -> Observation:
    """A probe that got its answer."""
    seen = _seen(link, Reason.ANSWERED, evidence.detail, evidence, times)
    if link.target.rule.expect is Expect.DENY:
        return replace(seen, conversation=link.conversation())
    return seen


def ended(link: Link, error: ProbeError, times: Times) -> Observation:
    """A probe that ended before its answer; closes the link."""
    error = link.blamed(quoting(error, link.talk))
    seen = _seen(link, error.reason, error.detail, error.evidence, times)
    conversation = link.conversation()
    # Before it is closed the kernel is asked how often the SYN was sent.
    link.close()
    return replace(
        seen,
        origin=error.origin,
        icmp=error.icmp,
        syn_retransmits=link.syn_retransmits,
        heard=link.talk.received,
        conversation=conversation,
        broken=error.broken,
    )


def _seen(
    link: Link, reason: Reason, detail: str, evidence: Evidence, times: Times
) -> Observation:
    return Observation(
        address=link.address,
        stage=link.stage,
        reason=reason,
        detail=detail,
        latency=link.latency,
        syn_retransmits=link.syn_retransmits,
        phases={Stage.RESOLVE: times.resolve, **link.phases()},
        tls=link.tls,
        evidence=evidence,
        via=str(link.via or ""),
        source_address=link.source_address(),
        answer_hops=link.answer_hops,
        began=times.began,
        ended=times.ended,
    )


def found_as(seen: Observation, completed: str) -> Observation:
    """`seen` at an address that another name has than the one that was asked for."""
    told = f"{seen.detail}; " if seen.detail else ""
    says = f"the name itself has no address, the search list made it {completed}"
    return replace(seen, detail=told + says)


def unresolved(error: ProbeError, via: Endpoint | None) -> Observation:
    """A look-up, of the host or of the proxy, that gave no address."""
    detail = error.detail
    if via is not None:
        detail = f"the proxy {via} is not found: {detail}"
    return Observation(
        "", Stage.RESOLVE, error.reason, detail, error.origin, via=str(via or "")
    )
