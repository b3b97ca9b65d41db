from __future__ import annotations

import pytest

from exporter.probes.protocols import PROBERS
from tests.config import standins


@pytest.fixture
def stand_ins(monkeypatch):
    """The loader knows these probers only, with options of every kind."""
    for name in [*PROBERS]:
        monkeypatch.delitem(PROBERS, name)
    for name, prober in standins.STAND_INS.items():
        monkeypatch.setitem(PROBERS, name, prober)
