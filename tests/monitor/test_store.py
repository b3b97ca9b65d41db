from __future__ import annotations

import dataclasses

from exporter.model.maintenance import Maintenance
from exporter.model.network_path import Path
from exporter.model.outcome import Conversation, Reason, Verdict
from exporter.monitor.store import EPISODES, Record, Store
from tests import make

TARGET = make.target()


def test_a_record_counts_what_has_a_verdict():
    record = Record(TARGET)
    for verdict in (Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.HOLDS):
        record.add(make.result(verdict))
    assert (record.probes, record.failures) == (3, 1)


def test_the_state_changes_when_the_verdict_does():
    record = Record(TARGET)
    assert record.verdict is Verdict.UNKNOWN
    assert record.state_change_timestamp is None
    record.add(make.result(Verdict.VIOLATED, at=10))
    record.add(make.result(Verdict.VIOLATED, at=20, reason=Reason.REFUSED))
    assert record.state_change_timestamp == 10
    record.add(make.result(Verdict.HOLDS, at=30))
    assert (record.state_change_timestamp, record.last_success_timestamp) == (30, 30)
    record.add(make.result(Verdict.UNKNOWN, at=40, reason=Reason.BUG))
    assert (record.state_change_timestamp, record.last_success_timestamp) == (40, 30)


def test_a_fault_of_our_own_interrupts_a_state_and_does_not_begin_it_anew():
    store = Store()
    store.replace([TARGET])
    path = Path((), None, None, "10.9.2.2", 2)
    store.add(TARGET, make.result(Verdict.VIOLATED, at=10))
    store.add_path(TARGET, path)
    store.add(TARGET, make.result(Verdict.UNKNOWN, at=20, reason=Reason.LOCAL_FAULT))
    record = store.record(TARGET)
    assert (record.verdict, record.state_change_timestamp) == (Verdict.UNKNOWN, 20)
    store.add(TARGET, make.result(Verdict.VIOLATED, at=30))
    assert (record.state_change_timestamp, record.path) == (10, path)
    store.add(TARGET, make.result(Verdict.UNKNOWN, at=40, reason=Reason.UNTESTED))
    assert (record.state_change_timestamp, record.path) == (40, None)


def test_like_rounds_are_one_episode():
    record = Record(TARGET)
    for at in range(100):
        record.add(make.result(at=at))
    record.add(make.result(Verdict.VIOLATED, at=100))
    record.add(make.result(Verdict.VIOLATED, at=101, reason=Reason.REFUSED))
    told = [(e.count, e.first_timestamp, e.last_timestamp) for e in record.episodes]
    assert told == [(100, 0, 99), (1, 100, 100), (1, 101, 101)]


def test_a_full_history_forgets_healthy_episodes_first():
    record = Record(TARGET)
    record.add(make.result(Verdict.VIOLATED, at=0))
    for at in range(1, 10 * EPISODES):
        healthy = at % 2 == 0
        record.add(make.result(Verdict.HOLDS if healthy else Verdict.VIOLATED, at=at))
    assert len(record.episodes) == EPISODES
    violated = [e for e in record.episodes if e.verdict is Verdict.VIOLATED]
    assert len(violated) >= EPISODES - 1


def test_a_reload_keeps_what_is_known_of_unchanged_targets():
    changed = dataclasses.replace(
        TARGET, rule=dataclasses.replace(TARGET.rule, timeout=9.0)
    )
    other = make.target(id="other")
    store = Store()
    store.replace([TARGET, other])
    store.add(TARGET, make.result())
    store.add(other, make.result())
    store.replace([TARGET])
    assert [r.probes for r in store.records()] == [1]
    store.replace([changed])
    assert [r.probes for r in store.records()] == [0]


def test_a_round_that_ends_after_its_target_left_is_dropped():
    store = Store()
    store.replace([TARGET])
    store.replace([])
    heard = []
    store.listeners.append(heard.append)
    store.add(TARGET, make.result())
    assert (store.records(), heard) == ([], [])


def test_listeners_hear_of_every_round():
    store = Store()
    store.replace([TARGET])
    heard = []
    store.listeners.append(heard.append)
    store.add(TARGET, make.result())
    assert [record.target for record in heard] == [TARGET]


def test_a_witness_is_asked_about_the_same_host_only():
    store = Store()
    store.replace([TARGET])
    assert store.witness("web-api", "192.0.2.1") == (TARGET, None)
    result = make.result()
    store.add(TARGET, result)
    assert store.witness("web-api", "192.0.2.1") == (TARGET, result)
    assert store.witness("web-api", "192.0.2.2") is None
    assert store.witness("nobody", "192.0.2.1") is None


def test_a_round_that_a_trace_shows_otherwise_is_counted_once():
    store = Store()
    store.replace([TARGET])
    seen = make.result(Verdict.UNKNOWN, reason=Reason.REFUSED, at=10)
    heard = []
    store.trace_listeners.append(heard.append)
    store.add(TARGET, seen)
    store.revise(TARGET, seen, make.result(Verdict.HOLDS, reason=Reason.REFUSED, at=12))
    record = store.record(TARGET)
    assert (record.verdict, record.probes, record.attempts) == (Verdict.HOLDS, 1, 1)
    assert (record.state_change_timestamp, record.last_success_timestamp) == (12, 12)
    assert heard == [record]


def test_what_a_trace_shows_of_an_earlier_round_is_dropped():
    store = Store()
    store.replace([TARGET])
    earlier, latest = (
        make.result(Verdict.UNKNOWN, reason=Reason.REFUSED, at=at) for at in (10, 20)
    )
    store.add(TARGET, earlier)
    store.add(TARGET, latest)
    store.revise(TARGET, earlier, make.result(Verdict.HOLDS, reason=Reason.REFUSED))
    assert store.record(TARGET).latest is latest


def test_only_the_present_failure_keeps_its_conversation():
    record = Record(TARGET)
    talk = Conversation("hello", "220 busy")
    record.add(make.result(Verdict.VIOLATED, at=10, conversation=talk))
    assert record.latest.observation.conversation == talk
    record.add(make.result(Verdict.HOLDS, at=20))
    assert [one.sample.conversation for one in record.episodes] == [None, None]


def test_announced_work_leaves_a_target_its_past():
    store = Store()
    store.replace([TARGET])
    store.add(TARGET, make.result(Verdict.VIOLATED, at=10))
    work = (Maintenance(0, 100, "Move"),)
    store.replace([dataclasses.replace(TARGET, maintenance=work)])
    [record] = store.records()
    assert (record.failures, record.target.maintenance) == (1, work)
