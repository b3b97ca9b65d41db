"""Verdicts as a person sees them: their marks, and which comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.outcome import Verdict
from exporter.model.rule import LOUDEST_FIRST
from exporter.present import explain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.monitor.store import Record

MARKS = {Verdict.VIOLATED: "✗", Verdict.UNKNOWN: "?", Verdict.HOLDS: "✓"}
STYLES = {
    Verdict.VIOLATED: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.HOLDS: "green",
}
"""How a terminal shows them."""
WORST_FIRST = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.HOLDS)
SPARED = "not needed"
"""Said of a rule beside an alternative that holds."""
BUT = "holds, but"
"""Said of a rule that holds with a certificate of concern."""


def worst_first(records: Iterable[Record]) -> list[Record]:
    """Violated before unknown before holding, of these the ones of concern first.

    Then by severity, then by rule.
    """
    return sorted(
        records,
        key=lambda record: (
            WORST_FIRST.index(record.verdict),
            not concern(record),
            LOUDEST_FIRST.index(record.target.rule.severity),
            record.target.rule.id,
        ),
    )


def concern(record: Record) -> str:
    """What is wrong with a target that holds; empty if it simply holds, or does not."""
    if record.verdict is not Verdict.HOLDS or record.latest is None:
        return ""
    return explain.concern(record.target.rule, record.latest.observation)


def in_order(record: Record) -> bool:
    """Whether there is nothing to be said of a target but that it holds."""
    return record.spared or (record.verdict is Verdict.HOLDS and not concern(record))


def said(record: Record) -> str:
    """The verdict in words."""
    if record.spared:
        return SPARED
    return BUT if concern(record) else str(record.verdict)
