"""Measures what looking for causes costs, for docs/performance.md.

    python -m tests.bench.findings

Ten thousand targets, all of them failing, or half of them: once when all is new, and
again when nothing is. The goals are the CPU for all of it, and for how long the event
loop is held at a time. It ends with 1 if one was missed.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from exporter.app.diagnosis_loop import TIME_SLICE
from exporter.diagnose.diagnosis import Diagnosis
from tests.bench import report
from tests.diagnose.scenes import holds, known, prohibited, silent, target, unresolved

TARGETS = 10_000
GOAL = 0.1
"""Seconds of CPU for all targets."""
HELD_AT_MOST = 0.005
"""Seconds that the event loop may be held."""
_ROUNDS = 5
_PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
_MARKS = ("<!-- findings -->", "<!-- /findings -->")
_ROUTERS = ["10.0.0.1", "10.0.0.2"]


@dataclass(frozen=True)
class Cost:
    """Milliseconds: of CPU when all is new and when nothing is, and of the longest step."""

    what: str
    new: float
    again: float
    held: float

    @property
    def reached(self):
        """Whether the goals are."""
        return self.new < 1000 * GOAL and self.held < 1000 * HELD_AT_MOST

    def row(self):
        """As a line of the table."""
        return f"| {self.what} | {self.new:.0f} ms | {self.again:.0f} ms | {self.held:.1f} ms |"


def _measured(what, records):
    everything = known(*records)
    gc.collect()
    gc.freeze()  # the service's collector does not look at what lasts either
    fresh, again, held = [], [], []
    for _ in range(_ROUNDS):
        diagnosis = Diagnosis()
        for times in (fresh, again):
            spent = time.process_time()
            held.append(_longest(diagnosis.steps(everything)))
            times.append(time.process_time() - spent)
    cost = (statistics.median(fresh), statistics.median(again), statistics.median(held))
    return Cost(what, *(1000 * one for one in cost))


def _longest(steps):
    """How long the event loop is held at the most, as the service takes the steps.

    In CPU, so that what other processes take is not counted.
    """
    longest, since = 0.0, time.process_time()
    for _ in steps:
        now = time.process_time()
        longest = max(longest, now - since)
        if now - since >= TIME_SLICE:
            since = now
    return max(longest, time.process_time() - since)


def main():
    targets = [
        target(f"h{n}.vendor{n % 300}.com", 443, public=n % 2 == 0)
        for n in range(TARGETS)
    ]
    costs = [
        _measured("no name resolves", [unresolved(one) for one in targets]),
        _measured("a firewall says no to all", [prohibited(one) for one in targets]),
        _measured("a firewall drops all", [silent(one, _ROUTERS) for one in targets]),
        _measured(
            "it drops every other one",
            [silent(t, _ROUTERS) if n % 2 else holds(t) for n, t in enumerate(targets)],
        ),
        _measured("nothing is wrong", [holds(one) for one in targets]),
    ]
    lines = [
        f"| {TARGETS:,} targets | all is new | nothing is new | held at most |",
        "|---|---|---|---|",
        *(cost.row() for cost in costs),
    ]
    table = "\n".join(lines)
    sys.stdout.write(table + "\n")
    report.replace(_PAGE, table, *_MARKS)
    return 0 if all(cost.reached for cost in costs) else 1


if __name__ == "__main__":
    sys.exit(main())
