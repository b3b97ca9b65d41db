"""What a person must look at, each at its line of the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.config.diagnostics import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to look at; `kept` are the lines of the page that no rule holds."""

    problem: Problem
    kept: tuple[str, ...] = ()


@dataclass(slots=True)
class Remarks:
    """Collects remarks on one file."""

    file: str
    found: list[Remark] = field(default_factory=list)

    def add(self, line: int, row: str, message: str, kept: Sequence[str] = ()) -> None:
        """A remark on a row, or on the line where it has no id."""
        problem = Problem(self.file, line, row, message)
        self.found.append(Remark(problem, tuple(kept)))


def joined(cells: Sequence[str]) -> str:
    """A row in one line."""
    return " | ".join(cell.replace("\n", " ") for cell in cells)
