"""Announced work: while it lasts, what it touches is muted.

A muted target is probed and shown as ever; it is in no finding and raises no alert,
so that nothing is correlated with what everybody knows to be down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Maintenance:
    """One window of announced work; Unix times, `start` inclusive, `end` exclusive."""

    start: float
    end: float
    why: str

    def lasts(self, now: float) -> bool:
        """Whether the work is under way; it ends by itself."""
        return self.start <= now < self.end

    def __str__(self) -> str:
        end = datetime.fromtimestamp(self.end, UTC)
        return f"until {end:%Y-%m-%d %H:%M} UTC: {self.why}"
