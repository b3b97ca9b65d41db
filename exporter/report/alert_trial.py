"""A finding that is none, sent the way of real ones: who is told?

Two ways in: as an alert to Alertmanager, whose routes and receivers are tried then; or
as a metric in a file that Prometheus gets to see, which tries its rules as well.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from exporter.report.alertmanager import Counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.report.alertmanager import Alertmanager, Integration, Routed

CAUSE = "alert_test"
LASTS = timedelta(minutes=5)
"""Until the alert ends by itself."""
_TURN = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """The finding.

    Attributes:
        subject: what it is about; no other alert has it.
        severity: as a finding's, and so of its alert.
        owner: whose it is.
        role: the source role that it hurts.
        usage: what the role cannot do.
        labels: those that the alert has besides, such as `site`.
    """

    subject: str
    severity: str
    owner: str
    role: str
    usage: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def alert(self, now: datetime, link: str) -> dict[str, Any]:
        """As Prometheus would send what the rules make of it.

        Args:
            now: when it begins.
            link: to go with it, where real ones have those to runbook and dashboard.
        """
        labels = {
            "alertname": "ConnectivityFinding",
            "job": "connectivity",
            "scope": "finding",
            "cause": CAUSE,
            "subject": self.subject,
            "severity": self.severity,
            "owner": self.owner,
            "test": "true",
        }
        description = (
            f"1 connection(s): 1 from {self.role} for {self.usage}; sent by"
            f" `connectivity-exporter alert-test`, and over at {now + LASTS:%H:%M:%S} UTC."
        )
        return {
            "labels": labels | dict(self.labels),
            "annotations": {
                "summary": "This is a test of alerting: nothing is wrong.",
                "description": description,
                "runbook_url": link,
                "dashboard_url": link,
            },
            "startsAt": now.isoformat(),
            "endsAt": (now + LASTS).isoformat(),
        }

    def metric(self) -> str:
        """As an exporter would tell it to Prometheus."""
        labels = {
            "finding": CAUSE,
            "cause": CAUSE,
            "subject": self.subject,
            "source_role": self.role,
            "usage": self.usage,
            "severity": self.severity,
            "owner": self.owner,
        }
        pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
        name = "connectivity_finding"
        return f"# TYPE {name} gauge\n{name}{{{pairs}}} 1\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    Attributes:
        routed: the alert as Alertmanager had it; None if it never came there.
        ways: of each receiver that it was for, how that one tells somebody.
        counted: by kind, what was tried since it began, for whichever alert;
            None if Alertmanager does not say.
    """

    routed: Routed | None
    ways: Mapping[str, Sequence[Integration]]
    counted: Mapping[str, Counted] | None

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind of notification is due."""
        return Counter(one.kind for ways in self.ways.values() for one in ways)

    @property
    def reaches_nobody(self) -> bool:
        """Whether something keeps it from everybody."""
        return self.routed is None or bool(self.routed.muted) or not self.kinds

    @property
    def failed(self) -> list[str]:
        """Kinds of notification that failed at least once."""
        counted = self.counted or {}
        return [kind for kind in self.kinds if _of(counted, kind).failed > 0]

    @property
    def waiting(self) -> list[str]:
        """Kinds of notification that were not tried as often as is due."""
        counted = self.counted or {}
        return [
            kind for kind, due in self.kinds.items() if _of(counted, kind).tried < due
        ]


def now() -> datetime:
    """The time, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


async def rehearse(
    server: Alertmanager,
    subject: str,
    before: Mapping[str, Counted],
    *,
    arrives: float,
    told: float,
) -> Outcome:
    """Follows an alert that is on its way.

    Args:
        server: where it comes to.
        subject: its own.
        before: what the server had counted before it was sent.
        arrives: seconds until it must be there.
        told: seconds, from then, for receivers to be told.

    Raises:
        ApiError: the server does not answer.
    """
    routed, before = await _arrived(server, subject, before, arrives)
    if routed is None:
        return Outcome(None, {}, None)
    everybody = await server.receivers()
    ways = {name: everybody.get(name, []) for name in routed.receivers}
    outcome = Outcome(routed, ways, {} if before else None)
    turns = 0 if outcome.reaches_nobody or not before else round(told / _TURN)
    for _ in range(turns):
        after = await server.counted()
        since = {kind: each.since(_of(before, kind)) for kind, each in after.items()}
        outcome = Outcome(routed, ways, since)
        if not outcome.waiting:
            break
        await asyncio.sleep(_TURN)
    return outcome


async def _arrived(
    server: Alertmanager, subject: str, before: Mapping[str, Counted], within: float
) -> tuple[Routed | None, Mapping[str, Counted]]:
    """The alert's way, and what was counted when it was last not there.

    Others are told meanwhile, and what they got must not be taken for this.
    """
    for _ in range(round(within / _TURN)):
        latest = await server.counted() if before else before
        if routed := await server.routed(subject):
            return routed, before
        before = latest or before
        await asyncio.sleep(_TURN)
    return None, before


def _of(counted: Mapping[str, Counted], kind: str) -> Counted:
    return counted.get(kind, Counted())
