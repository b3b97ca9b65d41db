"""Verdicts as a person sees them: their marks, and which comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.outcome import Verdict
from exporter.model.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.monitor.store import Record

MARKS = {Verdict.VIOLATED: "✗", Verdict.UNKNOWN: "?", Verdict.HOLDS: "✓"}
WORST_FIRST = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.HOLDS)
_LOUDEST_FIRST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


def worst_first(records: Iterable[Record]) -> list[Record]:
    """Violated before unknown before holding; then by severity, then by rule."""
    return sorted(
        records,
        key=lambda record: (
            WORST_FIRST.index(record.verdict),
            _LOUDEST_FIRST.index(record.target.rule.severity),
            record.target.rule.id,
        ),
    )
