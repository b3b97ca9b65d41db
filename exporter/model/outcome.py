"""What probes see, in the closed words everything else speaks.

An `Observation` is what one
probe of one address saw; a `Result` is one round over all addresses of a target
with its verdict. Times are seconds; `*_timestamp` fields are Unix times.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.model.tls_facts import TlsFacts
    from exporter.model.verdict_case import Case


class Stage(StrEnum):
    """How far a probe came, in order."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    EXCHANGE = "exchange"


class Reason(StrEnum):
    """Why a probe ended where it did: a closed set, safe as a label value."""

    ANSWERED = "answered"
    NXDOMAIN = "nxdomain"
    NO_ADDRESS = "no_address"
    DNS_FAILURE = "dns_failure"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    PORT_UNREACHABLE = "port_unreachable"
    HOST_UNREACHABLE = "host_unreachable"
    NETWORK_UNREACHABLE = "network_unreachable"
    PROHIBITED = "prohibited"
    NO_ROUTE = "no_route"
    RESET = "reset"
    CLOSED = "closed"
    TLS_ALERT = "tls_alert"
    MALFORMED = "malformed"
    REJECTED = "rejected"
    UNTESTED = "untested"
    LOCAL_FAULT = "local_fault"
    BUG = "bug"


OWN_FAULT = frozenset({Reason.LOCAL_FAULT, Reason.BUG})
"""Reasons for which this host is to blame: nothing was seen."""
INCONCLUSIVE = OWN_FAULT | {Reason.UNTESTED}
"""Reasons from which nothing about the rule can be concluded."""


class Origin(StrEnum):
    """Who said no, from the sender of the ICMP error; empty when nobody spoke."""

    DESTINATION = "destination"
    PATH = "path"
    SELF = "self"
    NOBODY = ""


class Verdict(StrEnum):
    """An observation judged against the rule's expectation."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Icmp:
    """An ICMP error from the socket's error queue (RFC 792, RFC 4443).

    `left` is what was left of the time to live of the message itself when it arrived.
    """

    type: int
    code: int
    sender: str
    left: int | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One SQL Server instance as its Browser names it; the port if it told one."""

    name: str
    tcp_port: int | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a protocol tells beyond having answered; absent facts are None.

    `hold_off` is how many seconds the peer asks not to be probed again;
    `clock_skew` how many seconds its clock is ahead of ours, where a protocol
    that does not serve time happens to tell; `instances` what a SQL Server
    Browser lists.
    """

    detail: str = ""
    http_status: int | None = None
    ntp_offset: float | None = None
    ntp_stratum: int | None = None
    hold_off: float | None = None
    clock_skew: float | None = None
    instances: tuple[Instance, ...] = ()


NO_EVIDENCE = Evidence()


class ProbeError(Exception):
    """A probe ended before the intended answer; `reason` says how.

    Raised by the socket module, the codecs and the probers, caught only by the
    runner. `evidence` keeps what was learnt before the end, and `broken` names the
    part of this host that is proven to be at fault, such as its gateway.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        origin: Origin = Origin.NOBODY,
        icmp: Icmp | None = None,
        evidence: Evidence = NO_EVIDENCE,
        broken: str = "",
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.origin = origin
        self.icmp = icmp
        self.evidence = evidence
        self.broken = broken


class CredentialsWantedError(ProbeError):
    """The intended service answered, and goes on only with whom it knows.

    As an HTTP status of 401 does, this proves the service; `detail` says what it wants.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.ANSWERED, detail)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The first bytes each way, escaped; of what TLS protects, the text inside it."""

    sent: str
    received: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one probe of one address saw.

    `address` is empty when the name did not resolve. `latency` is the network
    round trip as the kernel timed it; `phases` the seconds spent per stage. Through
    a proxy, `via` names it, and address and latency are the proxy's. `heard` is how
    many bytes came in the stage a failed probe ended in: with any, nobody was silent.
    `conversation` is kept where the rule does not hold, as far as anything was said.
    `source_address` is this host's own, that the probe was sent from; empty if none
    was chosen. `answer_hops` is how far away whoever spoke is, by what was left of its
    time to live. `broken` names the part of this host that is proven to be at fault.
    `small_passes` says that the silence ended when all segments were small.
    `began` and `ended` are monotonic seconds: when it was seen.
    """

    address: str
    stage: Stage
    reason: Reason
    detail: str = ""
    origin: Origin = Origin.NOBODY
    icmp: Icmp | None = None
    latency: float | None = None
    syn_retransmits: int | None = None
    phases: Mapping[Stage, float] = field(default_factory=dict)
    tls: TlsFacts | None = None
    evidence: Evidence = NO_EVIDENCE
    via: str = ""
    heard: int = 0
    conversation: Conversation | None = None
    source_address: str = ""
    answer_hops: int | None = None
    broken: str = ""
    small_passes: bool = False
    began: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """One address's observation with the verdict on it alone."""

    observation: Observation
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """One round over a target: the verdict, what decided it, and every address.

    `duration` is the wall time of the whole round, `finished_timestamp` its end.
    `attempts` counts how often the addresses were probed in it, confirmation included.
    `case` is what the verdict rests on, for judging it anew when more is known.
    `instead` is the rule that holds in its place, where one of several is enough.
    """

    verdict: Verdict
    observation: Observation
    addresses: tuple[Judged, ...]
    duration: float
    finished_timestamp: float
    attempts: int = 1
    case: Case | None = None
    instead: str = ""

    @property
    def sent(self) -> bool:
        """Whether anything may have been sent to any address of the target."""
        stages = (one.observation.stage for one in self.addresses)
        return any(stage is not Stage.RESOLVE for stage in stages)


def may_await_tls(probe: str, seen: Observation) -> bool:
    """Whether a silence may be that of a mail service that waits for TLS.

    It greets first, so one that says nothing in the clear may be waiting for the
    client's first word of TLS (RFC 8314 3).
    """
    silent = seen.stage is Stage.EXCHANGE and not seen.heard
    return probe in {"imap", "smtp"} and silent and seen.tls is None
