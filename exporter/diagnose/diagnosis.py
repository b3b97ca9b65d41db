"""Findings over time: each keeps its name and its beginning as long as it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.diagnose.known import Known
    from exporter.model.finding import Finding


class Diagnosis:
    """What is wrong at present, told as the findings of before where it still is."""

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = ()

    def update(self, known: Known) -> tuple[Finding, ...]:  # noqa: ARG002 - causes follow
        """The findings of `known`, the worst first."""
        self.findings = ()
        return self.findings
