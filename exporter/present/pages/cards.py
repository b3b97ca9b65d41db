"""Findings as the pages show them: what, since when, what of, why, whose, what to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.diagnose.explanation import counted
from exporter.present.humanize import folded, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.finding import Finding
    from exporter.present.pages.views import Clock

SHOWN = 20
"""Findings that are shown in full; the rest are counted."""
_ROOM = 300
"""Characters for the names of the rules that one explains."""


@dataclass(frozen=True, slots=True)
class Card:
    """One finding, ready to be laid out."""

    finding: str
    summary: str
    cause: str
    subject: str
    severity: str
    owner: str
    since: str
    begun: str
    explains: str
    evidence: tuple[str, ...]
    counter_evidence: tuple[str, ...]
    ask: str


def card(finding: Finding, clock: Clock) -> Card:
    """A finding to be shown."""
    rules = list(dict.fromkeys(key[0] for key in finding.targets))
    count = counted(len(finding.targets), "target")
    return Card(
        finding=finding.finding,
        summary=finding.summary,
        cause=finding.cause.replace("_", " "),
        subject=finding.subject,
        severity=str(finding.severity),
        owner=finding.owner or "nobody named",
        since=clock.since(finding.since),
        begun=moment(finding.since),
        explains=f"{count}: {folded(rules, _ROOM)}" if rules else "",
        evidence=finding.evidence,
        counter_evidence=finding.counter_evidence,
        ask=finding.ask,
    )


def cards(findings: Sequence[Finding], clock: Clock) -> list[Card]:
    """The findings to be shown in full."""
    return [card(one, clock) for one in findings[:SHOWN]]
