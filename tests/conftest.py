from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest

from exporter.probes.protocols import PROBERS
from tests.config import standins

_SLOW = 5.0


def pytest_terminal_summary(terminalreporter):
    """Tells how long each file took, set-up and all, of those that took a while."""
    took = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            took[report.location[0]] += report.duration
    slow = [(file, seconds) for file, seconds in took.most_common() if seconds > _SLOW]
    if slow:
        terminalreporter.section("slow files")
        for file, seconds in slow:
            terminalreporter.line(f"{seconds:6.1f}s {file}")


@pytest.fixture
def stand_ins(monkeypatch):
    """The loader knows these probers only, with options of every kind."""
    for name in [*PROBERS]:
        monkeypatch.delitem(PROBERS, name)
    for name, prober in standins.STAND_INS.items():
        monkeypatch.setitem(PROBERS, name, prober)
