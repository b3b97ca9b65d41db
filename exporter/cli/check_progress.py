"""What somebody sees who waits for a check at a terminal: how far it is, and why so far."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import MofNCompleteColumn, Progress
from rich.text import Text

from exporter.app.oneshot import Onlooker
from exporter.model.outcome import Verdict
from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from exporter.model.finding import Finding
    from exporter.monitor.store import Record

_SHOWN = 3
"""Causes that are told while the check goes on."""


class CheckProgress(Onlooker):
    """A bar, and below it what explains what was seen so far; nothing where none looks.

    Args:
        total: targets to be probed.
    """

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            *Progress.get_default_columns(), MofNCompleteColumn(), console=console
        )
        self._task = self._bar.add_task("probing", total=total)
        self._counts: Counter[Verdict] = Counter()
        self._causes: list[Text] = []
        self._live = Live(console=console, transient=True, get_renderable=self.shown)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @property
    def is_seen(self) -> bool:
        """Whether there is a terminal."""
        return self._live.is_started

    def done(self, record: Record) -> None:
        """Counts a target."""
        self._counts[record.verdict] += 1
        so_far = f"probing ({self._counts[Verdict.VIOLATED]} violated)"
        self._bar.update(self._task, advance=1, description=so_far)

    def tracing(self) -> None:
        """Says that the paths of what failed are looked at."""
        self._bar.update(self._task, description="tracing what failed")

    def found(self, findings: Sequence[Finding]) -> None:
        """Tells the worst of what was found so far."""
        more = len(findings) - _SHOWN
        told = [f"so far: {visible(one.summary)}" for one in findings[:_SHOWN]]
        told += [f"so far: {more} more"] if more > 0 else []
        self._causes = [Text(line, no_wrap=True, overflow="ellipsis") for line in told]

    def shown(self) -> RenderableType:
        """What a terminal shows now."""
        return Group(self._bar.get_renderable(), *self._causes)
