"""Which targets a page shows, and in which order: by finding, then by role and usage."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from exporter.model.outcome import Verdict
from exporter.model.rule import LOUDEST_FIRST
from exporter.present.pages import views
from exporter.present.verdicts import WORST_FIRST, concern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.model.finding import Finding
    from exporter.model.rule import Key
    from exporter.monitor.store import Record
    from exporter.present.pages.views import Clock

ENDING = 30 * 86400
"""Seconds before a certificate's end from which on it is counted as ending."""


class State(StrEnum):
    """What targets can be filtered by: a verdict, or what is the matter besides."""

    VIOLATED = "violated"
    UNKNOWN = "unknown"
    BUT = "holds, but"
    HOLDS = "holds"
    ENDING = "certificate ends within 30 days"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which targets the table shows; empty words let everything through.

    `refresh` tells whether the page loads itself anew.
    """

    role: str = ""
    usage: str = ""
    verdict: str = ""
    text: str = ""
    finding: str = ""
    page: int = 1
    refresh: bool = True

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filter:
        """From the words after `?`; a page that is no number is the first."""
        page = query.get("page", "")[:6]
        return cls(
            role=query.get("role", ""),
            usage=query.get("usage", ""),
            verdict=query.get("verdict", ""),
            text=query.get("text", "").strip().lower()[:100],
            finding=query.get("finding", ""),
            page=int(page) if page.isdecimal() else 1,
            refresh=query.get("refresh", "") != "off",
        )

    def words(self, **changes: str | int) -> dict[str, str | int]:
        """The words for the same page, with some of them changed."""
        names = ("role", "usage", "verdict", "text", "finding")
        words: dict[str, str | int] = {name: getattr(self, name) for name in names}
        words["refresh"] = "" if self.refresh else "off"
        return {name: word for name, word in (words | changes).items() if word}

    def lets_through(self, record: Record, clock: Clock) -> bool:
        """Whether the table shows a record, whatever finding explains it."""
        rule = record.target.rule
        return (
            self.role in ("", rule.source)
            and self.usage in ("", rule.usage)
            and (not self.verdict or self.verdict in states(record, clock.now))
            and (not self.text or self.text in views.searched(record, clock))
        )


def states(record: Record, now: float) -> set[State]:
    """All that a target is counted as."""
    found = {State(record.verdict)}
    if concern(record):
        found.add(State.BUT)
    facts = record.latest.observation.tls if record.latest is not None else None
    if facts is not None and facts.expiry_timestamp - now < ENDING:
        found.add(State.ENDING)
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """A target that the table shows, with the finding that explains it, if one does."""

    record: Record
    finding: Finding | None


@dataclass(slots=True)
class Summary:
    """Counts of all targets, and those to be shown.

    Attributes:
        findings: what explains targets, the worst first.
        counts: targets by verdict.
        states: targets by what they can be filtered by.
        cells: targets by role and usage, and by verdict.
    """

    findings: Sequence[Finding]
    wanted: Filter
    clock: Clock
    counts: Counter[Verdict] = field(default_factory=Counter)
    states: Counter[State] = field(default_factory=Counter)
    cells: defaultdict[tuple[str, str], Counter[Verdict]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    _found: list[tuple[int, Found]] = field(default_factory=list)
    _explained: dict[Key, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for rank, finding in enumerate(self.findings):
            self._explained |= dict.fromkeys(finding.targets, rank)

    def add(self, record: Record) -> None:
        """Counts a target, and keeps it if the table shows it."""
        verdict, rule = record.verdict, record.target.rule
        self.counts[verdict] += 1
        self.states.update(states(record, self.clock.now))
        self.cells[rule.source, rule.usage][verdict] += 1
        rank = self._explained.get(record.target.key, len(self.findings))
        finding = self.findings[rank] if rank < len(self.findings) else None
        if self.wanted.finding and self.wanted.finding != getattr(
            finding, "finding", ""
        ):
            return
        if self.wanted.lets_through(record, self.clock):
            self._found.append((rank, Found(record, finding)))

    def in_order(self) -> list[Found]:
        """By finding, verdict and severity, then by role and usage."""
        return [found for _, found in sorted(self._found, key=_place)]


def _place(one: tuple[int, Found]) -> tuple[int, int, bool, int, str, str]:
    rank, found = one
    record, rule = found.record, found.record.target.rule
    return (
        rank,
        WORST_FIRST.index(record.verdict),
        not concern(record),
        LOUDEST_FIRST.index(rule.severity),
        rule.source,
        rule.usage,
    )


def groups(
    found: Sequence[Found], row: Callable[[Record], views.Row]
) -> list[tuple[str, str, list[views.Row]]]:
    """Rows under what they have in common: an anchor, a heading, the rows."""
    grouped: dict[tuple[str, str], list[views.Row]] = {}
    for one in found:
        if one.finding is not None:
            key = (one.finding.finding, one.finding.summary)
        else:
            key = ("", _heading(one.record))
        grouped.setdefault(key, []).append(row(one.record))
    return [(anchor, heading, rows) for (anchor, heading), rows in grouped.items()]


def _heading(record: Record) -> str:
    if record.verdict is Verdict.HOLDS:
        return "Holds, but" if concern(record) else "In order"
    if record.latest is None:
        return "Not probed yet"
    return f"{str(record.verdict).capitalize()}, by itself"
