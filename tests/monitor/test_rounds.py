"""Confirmation, with a runner that sees what the test says."""

from __future__ import annotations

import asyncio
import dataclasses
from types import SimpleNamespace

import pytest

from exporter.model.outcome import Evidence, Observation, Reason, Stage, Verdict
from exporter.model.rule import Expect
from exporter.monitor.rounds import CONFIRM_AFTER, TRACES_END, Rounds
from exporter.monitor.store import Store
from tests import make, virtual
from tests.monitor.looking import (
    CUT,
    DOWN,
    GOOD,
    RESET,
    UNRESOLVED,
    Runner,
    one_round,
    rounds,
)

LOOKS = 3
"""At once, in the place of a second look after silence."""


def test_a_round_that_holds_needs_no_second_look():
    runner = Runner(GOOD)
    record, _, _ = rounds(runner, 3)
    assert (runner.runs, record.probes, record.attempts) == (3, 3, 3)
    assert runner.traces == []


def test_one_lost_packet_is_no_outage():
    runner = Runner(DOWN, GOOD)
    record, took, _ = rounds(runner, gap=0)
    assert record.verdict is Verdict.HOLDS
    assert (record.probes, record.failures, record.attempts) == (1, 0, 1 + LOOKS)
    assert took == pytest.approx(CONFIRM_AFTER, abs=0.01)


def test_a_failure_is_confirmed_once_when_it_begins():
    runner = Runner(GOOD, RESET)
    record, _, _ = rounds(runner, 4)
    assert record.verdict is Verdict.VIOLATED
    assert runner.runs == 5
    assert (record.probes, record.failures, record.attempts) == (4, 3, 5)


@pytest.mark.parametrize("answered", range(3))
def test_of_several_looks_after_silence_one_answer_is_enough(answered):
    looks = [GOOD if look == answered else DOWN for look in range(LOOKS)]
    record, _, _ = rounds(Runner(DOWN, *looks, DOWN), gap=0)
    assert record.verdict is Verdict.HOLDS


def test_a_look_that_this_host_was_too_busy_for_speaks_against_none():
    busy = make.result(Verdict.UNKNOWN, reason=Reason.LOCAL_FAULT)
    record, _, _ = rounds(Runner(DOWN, busy, DOWN, busy, DOWN), gap=0)
    assert record.verdict is Verdict.VIOLATED


def test_where_much_is_silent_at_once_each_is_looked_at_once_more():
    targets = [make.target(id=f"rule-{i}") for i in range(40)]
    runner = Runner(DOWN)

    async def main(loop):
        store = Store()
        store.replace(targets)
        under_test = Rounds(runner, store, clock=loop.time)
        await asyncio.gather(*map(under_test.run, targets))
        await under_test.close()

    virtual.run(main)
    assert runner.runs == 40 + 16 * LOOKS + 24


def test_a_resolver_that_has_asked_twice_is_not_asked_again():
    runner = Runner(UNRESOLVED)
    rounds(runner)
    assert runner.runs == 1


@pytest.mark.parametrize(("failure", "runs"), [(CUT, 1), (DOWN, 2), (RESET, 2)])
def test_a_peer_with_a_floor_is_asked_again_only_if_nothing_reached_it(failure, runs):
    runner = Runner(failure, floor=30.0)
    rounds(runner)
    assert runner.runs == runs


WITNESSED = make.target(expect=Expect.DENY, witness="web")
BLOCKED = make.result(Verdict.HOLDS, reason=Reason.TIMEOUT)
UNWITNESSED = make.result(Verdict.UNKNOWN, reason=Reason.TIMEOUT)
OPEN = make.result(Verdict.VIOLATED, reason=Reason.ANSWERED)
PROHIBITED = make.result(Verdict.HOLDS, reason=Reason.PROHIBITED)


@pytest.mark.parametrize("first", [BLOCKED, UNWITNESSED])
def test_one_lost_packet_is_no_block(first):
    runner = Runner(first, OPEN)
    record, took, _ = rounds(runner, gap=0, target=WITNESSED)
    assert record.verdict is Verdict.VIOLATED
    assert (record.probes, record.failures, record.attempts) == (1, 1, 1 + LOOKS)
    assert took >= CONFIRM_AFTER


def test_a_silent_block_is_confirmed_once_when_it_begins():
    runner = Runner(OPEN, BLOCKED)
    record, _, _ = rounds(runner, 4, target=WITNESSED)
    assert record.verdict is Verdict.HOLDS
    assert runner.runs == 1 + 1 + LOOKS + 1 + 1


def test_a_connection_that_was_let_through_is_no_accident():
    runner = Runner(OPEN, BLOCKED)
    record, _, _ = rounds(runner, target=WITNESSED)
    assert (record.verdict, runner.runs) == (Verdict.VIOLATED, 1)


def test_want_of_a_witness_asks_for_one_second_look_in_all():
    runner = Runner(UNWITNESSED)
    record, _, _ = rounds(runner, 4, target=WITNESSED)
    assert record.verdict is Verdict.UNKNOWN
    assert runner.runs == 4 + LOOKS


@pytest.mark.parametrize(
    ("result", "target"), [(PROHIBITED, WITNESSED), (UNWITNESSED, make.target())]
)
def test_what_is_no_witnessed_silence_needs_no_second_look(result, target):
    runner = Runner(result)
    rounds(runner, target=target)
    assert runner.runs == 1


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


def test_where_everything_fails_alike_no_second_look_is_needed_any_more():
    targets = [make.target(id=f"rule-{i}") for i in range(10)]
    runner = Runner(DOWN)
    store, _, _ = one_round(runner, targets, second_looks=3)
    assert runner.runs == 10 + 3 * LOOKS
    assert {record.verdict for record in store.records()} == {Verdict.VIOLATED}


def test_a_second_look_that_shows_another_thing_begins_the_count_anew():
    targets = [make.target(id=f"rule-{i}") for i in range(6)]
    runner = Runner(RESET, RESET, RESET, GOOD, RESET)
    store, _, _ = one_round(runner, targets, second_looks=2)
    # Confirmed, refuted, confirmed twice; the last two are believed.
    assert runner.runs == 2 + 2 + 4 + 2
    assert store.records()[1].verdict is Verdict.HOLDS


def test_traces_of_thousands_that_fail_alike_come_to_an_end():
    targets = [make.target(id=f"rule-{i}") for i in range(300)]
    runner = Runner(DOWN)
    store, _, waited = one_round(runner, targets, second_looks=0)
    assert waited < TRACES_END + 5
    traced = [record for record in store.records() if record.path is not None]
    assert 20 < len(traced) < 100
    assert len(runner.traces) == len(traced)
