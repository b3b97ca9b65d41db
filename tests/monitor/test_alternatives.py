"""Rules of which one is enough: what fails beside one that holds violates nothing."""

from __future__ import annotations

import itertools

import pytest

from exporter.model.outcome import Reason, Verdict
from exporter.model.rule import Target
from exporter.monitor.alternatives import beside
from exporter.monitor.store import Store
from tests import make

HOLDS, VIOLATED, UNKNOWN = Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN


def choice(name, host, **changes):
    rule = make.rule(id=name, any_of="push", **changes)
    return Target(rule, host, 443)


FIRST, SECOND = choice("first", "192.0.2.1"), choice("second", "192.0.2.2")


@pytest.fixture
def store():
    one = Store()
    one.replace([FIRST, SECOND])
    return one


def verdicts(store):
    return [record.verdict for record in store.records()]


@pytest.mark.parametrize(
    ("own", "other", "told"),
    [
        (HOLDS, HOLDS, HOLDS),
        (HOLDS, VIOLATED, HOLDS),
        (HOLDS, UNKNOWN, HOLDS),
        (VIOLATED, HOLDS, UNKNOWN),
        (UNKNOWN, HOLDS, UNKNOWN),
        (VIOLATED, UNKNOWN, UNKNOWN),
        (UNKNOWN, UNKNOWN, UNKNOWN),
        (UNKNOWN, VIOLATED, UNKNOWN),
        (VIOLATED, VIOLATED, VIOLATED),
    ],
)
def test_what_a_verdict_stands_for_beside_that_of_an_alternative(own, other, told):
    result = beside(make.result(own), {"other": [other]})
    assert result.verdict is told
    spared = own is not HOLDS and other is HOLDS
    assert result.instead == ("other" if spared else "")


def test_a_rule_of_several_targets_holds_only_as_a_whole():
    result = make.result(VIOLATED)
    assert beside(result, {"other": [HOLDS, VIOLATED]}).verdict is VIOLATED
    assert beside(result, {"other": [HOLDS, UNKNOWN]}).verdict is UNKNOWN
    assert beside(result, {"a": [VIOLATED], "b": [HOLDS, HOLDS]}).instead == "b"
    assert beside(result, {}) is result


def test_whoever_is_asked_first_nothing_is_violated_before_all_have_failed(store):
    store.add(FIRST, make.result(VIOLATED, detail="no answer"))
    assert verdicts(store) == [UNKNOWN, UNKNOWN]
    store.add(SECOND, make.result(HOLDS))
    assert verdicts(store) == [UNKNOWN, HOLDS]
    latest = store.record(FIRST).latest
    assert latest.instead == "second"
    assert latest.observation.detail == "not needed, since second holds: no answer"
    assert store.record(FIRST).failures == 0


def test_once_the_last_alternative_fails_each_that_failed_is_violated(store):
    heard = []
    store.trace_listeners.append(lambda record: heard.append(record.target))
    store.add(FIRST, make.result(VIOLATED))
    store.add(SECOND, make.result(HOLDS))
    heard.clear()
    store.add(SECOND, make.result(VIOLATED))
    assert verdicts(store) == [VIOLATED, VIOLATED]
    assert heard == [FIRST]
    assert store.record(FIRST).failures == 1
    store.add(SECOND, make.result(HOLDS))
    assert verdicts(store) == [UNKNOWN, HOLDS]


def test_what_a_trace_shows_of_one_is_taken_in_by_the_others(store):
    judged = make.result(UNKNOWN, reason=Reason.UNTESTED)
    store.add(FIRST, make.result(VIOLATED))
    store.add(SECOND, judged)
    store.revise(SECOND, judged, make.result(HOLDS))
    assert verdicts(store) == [UNKNOWN, HOLDS]
    assert store.record(FIRST).latest.instead == "second"
    spared = store.record(FIRST).judged
    store.revise(FIRST, spared, make.result(HOLDS))
    assert verdicts(store) == [HOLDS, HOLDS]


def test_rules_of_another_source_are_no_alternative():
    other = choice("second", "192.0.2.2", source="elsewhere")
    store = Store()
    store.replace([FIRST, other])
    store.add(other, make.result(HOLDS))
    store.add(FIRST, make.result(VIOLATED))
    assert store.record(FIRST).verdict is VIOLATED


def test_the_order_of_rounds_decides_nothing():
    third = choice("third", "192.0.2.3")
    rounds = [(FIRST, VIOLATED), (SECOND, HOLDS), (third, UNKNOWN)]
    ends = set()
    for order in itertools.permutations(rounds):
        store = Store()
        store.replace([target for target, _ in rounds])
        for target, verdict in order:
            store.add(target, make.result(verdict))
        ends.add(tuple(verdicts(store)))
    assert ends == {(UNKNOWN, HOLDS, UNKNOWN)}
