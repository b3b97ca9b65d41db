"""Paths to what answers, for comparison with those that end."""

from __future__ import annotations

import pytest

from exporter.model.network_path import Hop, Path
from exporter.model.outcome import ProbeError, Reason, Result, Verdict
from exporter.model.rule import Transport
from exporter.monitor.comparison_traces import ComparisonTraces
from exporter.monitor.store import Store
from tests import make
from tests.diagnose.scenes import seen

OPEN = Path((Hop(1, "10.0.0.1"),), 2, Reason.ANSWERED, "10.0.0.1", 1)


class Runner:
    """Traces by what it is told, and counts."""

    def __init__(self):
        self.traced = []
        self.path = OPEN

    def prober(self, rule):
        return type("Prober", (), {"floor": 30.0 if rule.probe == "ssh" else 5.0})()

    async def trace(self, _target, address):
        self.traced.append(address)
        if isinstance(self.path, ProbeError):
            raise self.path
        return self.path


class Scene:
    def __init__(self):
        self.store = Store()
        self.runner = Runner()
        self.now = 0.0
        self.ways = ComparisonTraces(self.runner, self.store, lambda: self.now)
        self.targets = []

    def add(self, address, reason=Reason.ANSWERED, probe="tcp", **changes):
        to = make.target(probe, address, 443, id=f"rule-{len(self.targets)}", **changes)
        self.targets.append(to)
        results = [(r.target, r.latest) for r in self.store.records() if r.latest]
        self.store.replace(self.targets)
        assert all(self.store.record(t).latest is latest for t, latest in results)
        holds = reason is Reason.ANSWERED
        verdict = Verdict.HOLDS if holds else Verdict.VIOLATED
        one = make.result(verdict).addresses[0]
        judged = type(one)(seen(address, reason), verdict)
        result = Result(verdict, judged.observation, (judged,), 0.01, 1000.0)
        self.store.add(to, result)


@pytest.fixture
def scene():
    return Scene()


async def test_a_neighbour_that_answers_is_traced_beside_what_is_silent(scene):
    scene.add("10.1.1.1", Reason.TIMEOUT)
    scene.add("10.1.1.2")
    scene.add("10.9.9.9")
    assert await scene.ways.look()
    assert scene.runner.traced == ["10.1.1.2"]
    assert scene.ways.paths() == {"10.1.1.0/24": OPEN}


async def test_without_a_neighbour_the_nearest_of_the_family_is(scene):
    scene.add("10.1.1.1", Reason.TIMEOUT)
    scene.add("10.1.9.9")
    scene.add("192.0.2.1")
    scene.add("fd00::1")
    assert await scene.ways.look()
    assert scene.runner.traced == ["10.1.9.9"]


async def test_what_is_known_is_not_asked_again_until_it_is_old(scene):
    scene.add("10.1.1.1", Reason.TIMEOUT)
    scene.add("10.1.1.2")
    await scene.ways.look()
    assert not await scene.ways.look()
    scene.now = 299.0
    assert scene.ways.paths()
    scene.now = 301.0
    assert not scene.ways.paths()
    assert await scene.ways.look()
    assert len(scene.runner.traced) == 2


async def test_nothing_is_traced_while_nothing_is_silent(scene):
    scene.add("10.1.1.2")
    assert not await scene.ways.look()
    assert scene.runner.traced == []


async def test_who_counts_connections_and_what_answers_datagrams_is_left_alone(scene):
    scene.add("10.1.1.1", Reason.TIMEOUT)
    scene.add("10.1.1.2", probe="ssh")
    scene.add("10.1.1.3", probe="udp", transport=Transport.UDP)
    assert not await scene.ways.look()
    assert scene.runner.traced == []


@pytest.mark.parametrize(
    "path",
    [
        ProbeError(Reason.LOCAL_FAULT, "too busy"),
        Path((), None, None, "", 0),
    ],
)
async def test_a_path_that_was_not_found_is_none(scene, path):
    scene.add("10.1.1.1", Reason.TIMEOUT)
    scene.add("10.1.1.2")
    scene.runner.path = path
    assert not await scene.ways.look()
    assert scene.ways.paths() == {}


async def test_two_silent_networks_that_share_the_nearest_need_one_trace(scene):
    scene.add("10.1.1.1", Reason.TIMEOUT)
    scene.add("10.1.2.1", Reason.TIMEOUT)
    scene.add("10.1.3.1")
    await scene.ways.look()
    assert scene.runner.traced == ["10.1.3.1"]
