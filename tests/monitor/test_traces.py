"""What is looked into behind a round, with a runner that sees what the test says."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from exporter.model.outcome import Judged, Observation, Origin, Reason, Stage, Verdict
from exporter.model.rule import Expect
from exporter.monitor.rounds import CONFIRM_AFTER, Rounds
from exporter.monitor.store import Store
from exporter.monitor.traces import TRACE_COOLDOWN
from tests import make, virtual
from tests.monitor.looking import (
    CUT,
    DOWN,
    GOOD,
    RESET,
    RESET_THERE,
    SILENT,
    UNDECIDED,
    UNRESOLVED,
    Runner,
    rounds,
)

HERE = "192.0.2.1"
SIBLING = make.target("https", id="sibling", port=80)
TRACED = [("web-api", HERE)]


def test_silence_is_traced_once_per_failure():
    runner = Runner(DOWN)
    record, _, _ = rounds(runner, 4)
    assert runner.traces == TRACED
    assert record.path == SILENT


def test_no_target_is_traced_more_often_than_the_cooldown():
    runner = Runner(*[GOOD, *[DOWN] * 4] * 4)
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
    assert runner.traces == TRACED
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
    runner = Runner(RESET, path=RESET_THERE)
    record, _, _ = rounds(runner, targets=[SIBLING])
    assert runner.measured == [("sibling", HERE)]
    assert runner.compared[0] == ("web-api", HERE, Reason.REFUSED)
    assert runner.traces == TRACED
    assert record.latest.observation.origin is Origin.PATH
    assert "at or behind 10.0.0.1" in record.latest.observation.detail
    assert record.path == dataclasses.replace(RESET_THERE, refused_on_path=True)
    assert (record.attempts, record.failures, len(record.episodes)) == (2, 1, 1)


def test_a_reset_of_the_hosts_own_is_blamed_on_nobody():
    runner = Runner(RESET, path=RESET_THERE, nearer=False)
    record, _, _ = rounds(runner, targets=[SIBLING])
    assert record.latest.observation.origin is Origin.NOBODY
    assert record.path == RESET_THERE


def test_a_failure_is_told_before_it_is_looked_into():
    async def main(loop):
        store = Store()
        targets = [make.target(id=f"r{n}") for n in range(60)]
        store.replace([SIBLING, *targets])
        runner = Runner(GOOD, RESET, path=RESET_THERE)
        under_test = Rounds(runner, store)
        await under_test.run(SIBLING)
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
    assert runner.measured == []
    assert record.latest.observation.origin is Origin.NOBODY


@pytest.mark.parametrize("expect", Expect)
def test_a_reset_is_placed_in_the_round_after_its_neighbour_answered(expect):
    target = make.target(expect=expect)

    async def main(loop):
        store = Store()
        store.replace([target, SIBLING])
        runner = Runner(RESET, RESET, GOOD, RESET, path=RESET_THERE)
        under_test = Rounds(runner, store, clock=loop.time)
        for one in (target, SIBLING, target):
            await under_test.run(one)
            await asyncio.sleep(5)
        await under_test.close()
        return store.record(target).latest.observation.origin

    assert virtual.run(main) is Origin.PATH


@pytest.mark.parametrize("sibling_first", [True, False])
def test_one_round_of_all_ends_alike_whoever_was_probed_first(sibling_first):
    target = make.target(expect=Expect.DENY)
    order = [(SIBLING, GOOD), (target, UNDECIDED)]

    async def main(loop):
        store = Store()
        store.replace([target, SIBLING])
        turns = order if sibling_first else order[::-1]
        runner = Runner(*(result for _, result in turns), path=RESET_THERE)
        under_test = Rounds(runner, store, clock=loop.time)
        for one, _ in turns:
            await under_test.run(one)
            await asyncio.sleep(10)
        await under_test.wait_for_traces()
        return store.record(target)

    record = virtual.run(main)
    assert record.verdict is Verdict.HOLDS
    assert record.latest.observation.origin is Origin.PATH


def test_a_firewall_that_was_opened_is_noticed_by_what_comes_back():
    target = make.target(expect=Expect.DENY, interval=5.0)

    async def main(loop):
        store = Store()
        store.replace([target, SIBLING])
        runner = Runner(GOOD, UNDECIDED, path=RESET_THERE)
        under_test = Rounds(runner, store, clock=loop.time)
        await under_test.run(SIBLING)
        verdicts = []
        for turn in range(8):
            runner.is_nearer = turn < 4 or turn == 7
            await under_test.run(target)
            await asyncio.sleep(10)
            verdicts.append(store.record(target).verdict)
        await under_test.close()
        return verdicts

    holds, unknown = Verdict.HOLDS, Verdict.UNKNOWN
    assert virtual.run(main) == [holds] * 4 + [unknown] * 3 + [holds]


def test_a_distance_is_measured_anew_when_it_is_old_or_explains_nothing():
    target = make.target(expect=Expect.DENY)

    async def main(loop):
        store = Store()
        store.replace([target, SIBLING])
        runner = Runner(GOOD, UNDECIDED, path=RESET_THERE)
        under_test = Rounds(runner, store, clock=loop.time)
        await under_test.run(SIBLING)
        counts = []
        for nearer, wait in ((True, 10), (None, 10), (True, 10), (True, 60)):
            runner.is_nearer = nearer
            await under_test.run(target)
            await asyncio.sleep(wait)
            counts.append(len(runner.measured))
        await under_test.run(target)
        await asyncio.sleep(5)
        await under_test.close()
        return [*counts, len(runner.measured)]

    assert virtual.run(main) == [1, 1, 2, 2, 3]


def test_who_counts_connections_is_measured_as_seldom_as_traced():
    target = make.target(expect=Expect.DENY)
    runner = Runner(UNDECIDED, path=RESET_THERE, floor=30.0)
    rounds(runner, 9, targets=[SIBLING], target=target, gap=60.0)
    assert len(runner.measured) == 2
    runner = Runner(shaken(), floor=30.0)
    rounds(runner, 2, targets=[SIBLING])
    assert runner.compared == []


def test_a_rule_that_holds_by_another_address_is_not_looked_into():
    seen = dataclasses.replace(RESET.observation, origin=Origin.PATH)
    holds = dataclasses.replace(
        RESET,
        verdict=Verdict.HOLDS,
        observation=seen,
        addresses=(Judged(seen, Verdict.VIOLATED),),
    )
    runner = Runner(holds)
    target = make.target("https")
    rounds(runner, 11, targets=[SIBLING], target=target)
    assert (runner.traces, runner.compared) == ([], [])


def test_every_address_that_resets_is_placed_by_itself():
    seen = [
        Observation(address, Stage.CONNECT, Reason.REFUSED)
        for address in (HERE, "192.0.2.2")
    ]
    judged = tuple(Judged(one, Verdict.VIOLATED) for one in seen)
    both = dataclasses.replace(RESET, addresses=judged, observation=seen[0])
    runner = Runner(both, path=RESET_THERE)
    rounds(runner, targets=[SIBLING])
    assert {address for _, address in runner.resets} == {HERE}


def test_a_trace_that_this_host_was_too_busy_for_is_made_in_a_later_round():
    runner = Runner(DOWN, busy=1)
    record, _, _ = rounds(runner, 3)
    assert len(runner.traces) == 2
    assert record.path == SILENT


def test_another_failure_has_another_path():
    prohibited = make.result(Verdict.VIOLATED, reason=Reason.PROHIBITED)
    record, _, _ = rounds(Runner(*[DOWN] * 4, prohibited), 2)
    assert record.path is None


def test_an_undecided_deny_rule_is_traced_too():
    runner = Runner(UNDECIDED, path=RESET_THERE)
    rounds(runner, target=make.target(expect=Expect.DENY))
    assert len(runner.traces) == 1


def shaken(rule=None):
    """A handshake that was answered, with the case that it is judged by."""
    target = rule or make.rule()
    case = make.case(target, make.seen())
    return dataclasses.replace(GOOD, case=case)


def test_a_bare_handshake_is_compared_with_what_answers_in_a_protocol():
    runner = Runner(shaken())
    rounds(runner, 3, targets=[SIBLING])
    assert runner.compared == [("web-api", HERE, Reason.ANSWERED)]
    (placed,) = runner.handshakes.values()
    assert "a device completes the handshake" in placed.detail


def test_it_is_compared_again_when_the_cooldown_is_over():
    runner = Runner(shaken(), nearer=False)
    rounds(runner, 7, targets=[SIBLING])
    assert len(runner.compared) == 2
    assert set(runner.handshakes.values()) == {None}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(make.target(id="bare", port=80), id="another bare handshake"),
        pytest.param(
            make.target("ntp", id="ntp", transport="udp"), id="something else's hop"
        ),
    ],
)
def test_a_bare_handshake_is_compared_with_nothing_else(other):
    runner = Runner(shaken())
    rounds(runner, 2, targets=[other])
    assert runner.compared == []


def test_a_protocol_that_answers_is_compared_with_nothing():
    runner = Runner(shaken(make.rule("https")))
    rounds(runner, 2, targets=[SIBLING], target=make.target("https"))
    assert runner.compared == []


@pytest.mark.parametrize(
    ("expect", "reason", "heard", "compared"),
    [
        (Expect.DENY, Reason.TIMEOUT, 0, True),
        (Expect.DENY, Reason.RESET, 0, True),
        (Expect.DENY, Reason.TIMEOUT, 9, False),
        (Expect.ALLOW, Reason.TIMEOUT, 0, False),
    ],
)
def test_a_connection_that_only_stood_is_compared_where_that_would_be_an_alarm(
    expect, reason, heard, compared
):
    target = make.target("https", expect=expect)
    seen = make.seen(reason, Stage.TLS, heard=heard)
    told = make.result(Verdict.VIOLATED, reason=reason, stage=Stage.TLS, heard=heard)
    told = dataclasses.replace(told, case=make.case(target.rule, seen))
    runner = Runner(told)
    rounds(runner, 1, targets=[SIBLING], target=target)
    assert bool(runner.compared) is compared


def test_what_is_under_way_ends_with_the_service():
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
