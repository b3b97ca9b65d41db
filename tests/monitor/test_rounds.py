"""Confirmation and tracing, with a runner that sees what the test says."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import defaultdict
from types import SimpleNamespace

import pytest

from exporter.model.outcome import (
    Evidence,
    Hop,
    Judged,
    Observation,
    Origin,
    Path,
    ProbeError,
    Reason,
    Stage,
    Verdict,
)
from exporter.model.rule import Expect
from exporter.monitor.rounds import CONFIRM_AFTER, TRACE_COOLDOWN, Rounds
from exporter.monitor.store import Store
from exporter.probes.distance import Distance
from tests import make, virtual

SILENT = Path((Hop(1, "10.0.0.1", 0.001),), None, None, "10.0.0.1", 1)
RESET_ON_PATH = Path((), 2, Reason.REFUSED, "10.0.0.1", 1, refused_on_path=True)
AWAY = Distance(4, 61)
DENIED = Verdict.HOLDS


def again(result, origin, verdict=None):
    seen = dataclasses.replace(result.observation, origin=origin)
    judged = Judged(seen, verdict or result.verdict)
    return dataclasses.replace(
        result, observation=seen, addresses=(judged,), verdict=judged.verdict
    )


class Runner:
    """Gives the results it is told to, the last one for ever."""

    def __init__(self, *results, path=SILENT, floor=5.0, busy=0):
        self._results = list(results)
        self._paths = path if isinstance(path, dict) else defaultdict(lambda: path)
        self._floor = floor
        self._busy = busy
        self.runs = 0
        self.traces = []
        self.measured = []

    def prober(self, _rule):
        return SimpleNamespace(floor=self._floor)

    async def run(self, _target):
        self.runs += 1
        more = len(self._results) > 1
        return self._results.pop(0) if more else self._results[0]

    async def trace(self, target, address, distance=None):
        self.traces.append((target.rule.id, address, distance))
        await asyncio.sleep(2)
        if self._busy:
            self._busy -= 1
            raise ProbeError(Reason.LOCAL_FAULT, "too busy")
        return self._paths[address]

    async def distance(self, target, address):
        self.measured.append((target.rule.id, address))
        await asyncio.sleep(2)
        return AWAY

    def place_resets(self, target, result, paths):
        if not any(path.refused_on_path for path in paths.values()):
            return result
        origin = Origin.PATH
        return again(result, origin, DENIED if target.rule.expect == "deny" else None)


GOOD = make.result(Verdict.HOLDS)
DOWN = make.result(Verdict.VIOLATED)
RESET = make.result(Verdict.VIOLATED, reason=Reason.REFUSED)
UNRESOLVED = make.result(Verdict.VIOLATED, reason=Reason.NXDOMAIN, stage=Stage.RESOLVE)
CUT = make.result(Verdict.VIOLATED, reason=Reason.RESET, stage=Stage.EXCHANGE)


def rounds(runner, count=1, targets=(), target=None, gap=60.0):
    """Runs rounds of one target in virtual time; gives store, record and clock."""
    target = target or make.target()

    async def main(loop):
        store = Store()
        store.replace([target, *targets])
        for other in targets:
            store.add(other, GOOD)
        under_test = Rounds(runner, store, clock=loop.time)
        pauses = []
        for _ in range(count):
            pauses.append(await under_test.run(target))
            await asyncio.sleep(gap)
        await under_test.wait_for_traces()
        await under_test.close()
        return store.record(target), loop.time() - 1000.0, pauses

    return virtual.run(main)


def test_a_round_that_holds_needs_no_second_look():
    runner = Runner(GOOD)
    record, _, _ = rounds(runner, 3)
    assert (runner.runs, record.probes, record.attempts) == (3, 3, 3)
    assert runner.traces == []


def test_one_lost_packet_is_no_outage():
    runner = Runner(DOWN, GOOD)
    record, took, _ = rounds(runner, gap=0)
    assert record.verdict is Verdict.HOLDS
    assert (record.probes, record.failures, record.attempts) == (1, 0, 2)
    assert took == pytest.approx(CONFIRM_AFTER, abs=0.01)


def test_a_failure_is_confirmed_once_when_it_begins():
    runner = Runner(GOOD, DOWN)
    record, _, _ = rounds(runner, 4)
    assert record.verdict is Verdict.VIOLATED
    assert runner.runs == 5
    assert (record.probes, record.failures, record.attempts) == (4, 3, 5)


def test_a_resolver_that_has_asked_twice_is_not_asked_again():
    runner = Runner(UNRESOLVED)
    rounds(runner)
    assert runner.runs == 1


@pytest.mark.parametrize(("failure", "runs"), [(CUT, 1), (DOWN, 2)])
def test_a_peer_with_a_floor_is_asked_again_only_if_nothing_reached_it(failure, runs):
    runner = Runner(failure, floor=30.0)
    rounds(runner)
    assert runner.runs == runs


def test_silence_is_traced_once_per_failure():
    runner = Runner(DOWN)
    record, _, _ = rounds(runner, 4)
    assert runner.traces == [("web-api", "192.0.2.1", None)]
    assert record.path == SILENT


def test_no_target_is_traced_more_often_than_the_cooldown():
    runner = Runner(*[GOOD, DOWN, DOWN] * 4)
    rounds(runner, 8, gap=60.0)
    assert len(runner.traces) == 2
    assert TRACE_COOLDOWN < 8 * 60.0


def test_a_path_is_forgotten_when_the_failure_ends():
    runner = Runner(DOWN, DOWN, GOOD)
    record, _, _ = rounds(runner, 2)
    assert record.verdict is Verdict.HOLDS
    assert record.path is None


def test_what_a_device_forbids_is_traced_to_its_place():
    runner = Runner(
        make.result(Verdict.VIOLATED, reason=Reason.PROHIBITED, origin=Origin.PATH)
    )
    record, _, _ = rounds(runner, 4)
    assert runner.traces == [("web-api", "192.0.2.1", None)]
    assert record.path is not None


def test_what_stood_connected_or_never_left_this_host_is_not_traced():
    own = make.result(Verdict.VIOLATED, reason=Reason.PROHIBITED, origin=Origin.SELF)
    for result in (own, CUT, UNRESOLVED):
        runner = Runner(result)
        rounds(runner)
        assert runner.traces == []


def test_a_failure_at_a_proxy_is_not_traced_for_the_way_is_another():
    runner = Runner(make.result(Verdict.VIOLATED, via="proxy.test:3128"))
    rounds(runner)
    assert runner.traces == []


def test_a_reset_from_nearer_than_the_host_is_blamed_on_the_path():
    sibling = make.target(id="sibling", port=80)
    runner = Runner(RESET, path=RESET_ON_PATH)
    record, _, _ = rounds(runner, targets=[sibling])
    assert runner.measured == [("sibling", "192.0.2.1")]
    assert runner.traces == [("web-api", "192.0.2.1", AWAY)]
    assert record.latest.observation.origin is Origin.PATH
    assert record.path == RESET_ON_PATH
    assert (record.attempts, record.failures, len(record.episodes)) == (2, 1, 1)


def test_a_failure_is_told_before_it_is_traced():
    async def main(loop):
        store = Store()
        targets = [make.target(id=f"r{n}") for n in range(60)]
        store.replace([make.target(id="sibling", port=80), *targets])
        store.add(make.target(id="sibling", port=80), GOOD)
        runner = Runner(RESET, path=RESET_ON_PATH)
        under_test = Rounds(runner, store)
        await asyncio.gather(*map(under_test.run, targets))
        took = loop.time() - 1000.0
        told = [store.record(target).verdict for target in targets]
        await under_test.wait_for_traces()
        return took, told, runner.measured

    took, told, measured = virtual.run(main)
    assert took == pytest.approx(CONFIRM_AFTER, abs=0.01)
    assert set(told) == {Verdict.VIOLATED}
    assert len(measured) == 1, "a healthy host is measured once for all"


def test_without_another_rule_to_the_host_its_distance_is_unknown():
    stranger = make.target(id="sibling", destination="192.0.2.9", transport="udp")
    runner = Runner(RESET)
    record, _, _ = rounds(runner, targets=[stranger])
    assert runner.traces == [("web-api", "192.0.2.1", None)]
    assert record.latest.observation.origin is Origin.NOBODY


def test_a_reset_is_placed_when_the_distance_becomes_known():
    sibling = make.target(id="sibling", port=80)
    target = make.target()

    async def main(loop):
        store = Store()
        store.replace([target, sibling])
        runner = Runner(RESET, path=RESET_ON_PATH)
        under_test = Rounds(runner, store, clock=loop.time)
        for _ in range(12):
            await under_test.run(target)
            await asyncio.sleep(60)
            store.add(sibling, GOOD)
        return [distance for _, _, distance in runner.traces]

    first, *later = virtual.run(main)
    assert first is None
    assert later
    assert set(later) == {AWAY}


def test_what_a_trace_showed_of_a_reset_is_looked_at_again_when_it_is_old():
    sibling = make.target(id="sibling", port=80)
    undecided = make.result(Verdict.UNKNOWN, reason=Reason.REFUSED)
    denied = again(undecided, Origin.PATH, DENIED)
    runner = Runner(undecided, denied, path=RESET_ON_PATH)
    target = make.target(expect=Expect.DENY)
    record, _, _ = rounds(runner, 11, targets=[sibling], target=target)
    assert record.verdict is Verdict.HOLDS
    assert len(runner.traces) == 1 + 10 * 60 // TRACE_COOLDOWN


def test_a_rule_that_holds_by_another_address_is_not_traced_again():
    blamed = again(RESET, Origin.PATH)
    holds = dataclasses.replace(blamed, verdict=Verdict.HOLDS)
    runner = Runner(holds)
    rounds(runner, 11)
    assert runner.traces == []


def test_every_address_that_resets_is_placed_by_a_trace_of_its_own():
    seen = [
        Observation(address, Stage.CONNECT, Reason.REFUSED)
        for address in ("192.0.2.1", "192.0.2.2")
    ]
    judged = tuple(Judged(one, Verdict.VIOLATED) for one in seen)
    both = dataclasses.replace(RESET, addresses=judged, observation=seen[0])
    runner = Runner(both, path={"192.0.2.1": RESET_ON_PATH, "192.0.2.2": SILENT})
    record, _, _ = rounds(runner)
    assert [address for _, address, _ in runner.traces] == ["192.0.2.1", "192.0.2.2"]
    assert record.path == RESET_ON_PATH


def test_silence_is_traced_beside_a_reset_of_another_address():
    silent, reset = (
        Observation(address, Stage.CONNECT, reason)
        for address, reason in (
            ("192.0.2.1", Reason.TIMEOUT),
            ("192.0.2.2", Reason.REFUSED),
        )
    )
    judged = tuple(Judged(one, Verdict.VIOLATED) for one in (silent, reset))
    both = dataclasses.replace(DOWN, addresses=judged, observation=silent)
    runner = Runner(both)
    record, _, _ = rounds(runner, 2)
    assert {address for _, address, _ in runner.traces} == {"192.0.2.1", "192.0.2.2"}
    assert record.path == SILENT


def test_a_trace_that_this_host_was_too_busy_for_is_made_in_a_later_round():
    runner = Runner(DOWN, busy=1)
    record, _, _ = rounds(runner, 3)
    assert len(runner.traces) == 2
    assert record.path == SILENT


def test_another_failure_has_another_path():
    prohibited = make.result(Verdict.VIOLATED, reason=Reason.PROHIBITED)
    record, _, _ = rounds(Runner(DOWN, DOWN, prohibited), 2)
    assert record.path is None


def test_an_undecided_deny_rule_is_traced_too():
    undecided = make.result(Verdict.UNKNOWN, reason=Reason.REFUSED)
    runner = Runner(undecided, path=RESET_ON_PATH)
    rounds(runner, target=make.target(expect=Expect.DENY))
    assert len(runner.traces) == 1


def test_the_longest_pause_any_address_asks_for_is_kept():
    seen = [
        Observation("192.0.2.1", Stage.EXCHANGE, Reason.REJECTED, evidence=evidence)
        for evidence in (Evidence(hold_off=64), Evidence(hold_off=1024), Evidence())
    ]
    judged = [
        SimpleNamespace(observation=one, verdict=Verdict.VIOLATED) for one in seen
    ]
    result = dataclasses.replace(CUT, addresses=tuple(judged))
    _, _, pauses = rounds(Runner(result))
    assert pauses == [1024]


def test_traces_under_way_end_with_the_service():
    async def main(_loop):
        store = Store()
        target = make.target()
        store.replace([target])
        under_test = Rounds(Runner(DOWN), store)
        await under_test.run(target)
        await asyncio.sleep(0.1)
        await under_test.close()
        return store.record(target).path

    assert virtual.run(main) is None
