"""Findings over time: names and beginnings stay, whoever comes and goes."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.diagnose.diagnosis import Diagnosis
from exporter.model.finding import Cause
from exporter.model.outcome import Reason, Verdict
from exporter.model.rule import Expect, Transport
from exporter.monitor.store import Record
from tests.diagnose.scenes import (
    NOW,
    explain,
    holds,
    known,
    prohibited,
    record,
    refused,
    seen,
    silent,
    target,
    unresolved,
)

TARGETS = [target(f"h{n}.vendor{n % 3}.com", 443, public=True) for n in range(9)]
FIREWALL = "10.0.0.2"


def test_a_finding_keeps_its_name_while_targets_come_and_go():
    diagnosis = Diagnosis()
    (first,) = diagnosis.update(known(*(prohibited(t, FIREWALL) for t in TARGETS[:4])))
    for some in (TARGETS[:9], TARGETS[1:9], TARGETS[3:5]):
        others = [one for one in TARGETS if one not in some]
        now = [prohibited(t, FIREWALL) for t in some] + [holds(t) for t in others]
        (one,) = diagnosis.update(known(*now))
        assert (one.finding, one.since) == (first.finding, first.since)
        assert len(one.targets) == len(some)


def test_one_that_comes_and_goes_does_not_rename_the_others():
    diagnosis = Diagnosis()
    records = [prohibited(t, f"10.0.0.{n}") for n, t in enumerate(TARGETS)]
    names = {one.subject: one.finding for one in diagnosis.update(known(*records))}
    for gone in range(len(records)):
        now = [*records]
        now[gone] = holds(TARGETS[gone])
        diagnosis.update(known(*now))
        again = diagnosis.update(known(*records))
        assert {one.subject: one.finding for one in again} == names


def test_a_finding_goes_on_when_its_cause_turns_out_to_be_another():
    diagnosis = Diagnosis()
    (before,) = diagnosis.update(known(silent(TARGETS[0], at=NOW - 900)))
    assert before.cause is Cause.DESTINATION
    (after,) = diagnosis.update(known(prohibited(TARGETS[0], FIREWALL)))
    assert after.cause is Cause.PATH
    assert (after.finding, after.since) == (before.finding, NOW - 900)


def test_it_begins_with_the_first_that_fell():
    times = (NOW - 50, NOW - 300, NOW - 100)
    records = [unresolved(t, at=at) for t, at in zip(TARGETS, times, strict=False)]
    (one,) = explain(*records)
    assert one.since == NOW - 300


def test_the_name_is_the_same_after_a_restart():
    records = [prohibited(t, FIREWALL) for t in TARGETS]
    assert explain(*records)[0].finding == explain(*records)[0].finding


def test_two_findings_never_share_a_name():
    diagnosis = Diagnosis()
    diagnosis.update(known(prohibited(TARGETS[0], FIREWALL)))
    # The first goes on by its name with other targets, then what it began with fails.
    diagnosis.update(known(*(prohibited(t, FIREWALL) for t in TARGETS[:2])))
    moved = [holds(TARGETS[0]), prohibited(TARGETS[1], FIREWALL)]
    diagnosis.update(known(*moved))
    found = diagnosis.update(
        known(prohibited(TARGETS[0], "10.0.0.9"), prohibited(TARGETS[1], FIREWALL))
    )
    assert len({one.finding for one in found}) == 2


def test_the_first_of_two_that_were_one_keeps_the_name():
    diagnosis = Diagnosis()
    (whole,) = diagnosis.update(known(*(prohibited(t, FIREWALL) for t in TARGETS)))
    split = [
        prohibited(t, "10.0.0.7" if n < 3 else FIREWALL) for n, t in enumerate(TARGETS)
    ]
    found = {one.subject: one for one in diagnosis.update(known(*split))}
    assert found[FIREWALL].finding == whole.finding
    assert found["10.0.0.7"].finding != whole.finding


def test_what_is_gone_is_forgotten():
    diagnosis = Diagnosis()
    records = [holds(t) for t in TARGETS]
    diagnosis.update(known(*records))
    diagnosis.update(known(*records[:1]))
    assert len(diagnosis._read) == 1


def times(*hops):
    """Time servers of two networks that answer from so far away."""
    names = ("ntp.one.org", "ntp.second.org")
    targets = [target(one, 123, "ntp", transport=Transport.UDP) for one in names]
    return [holds(t, answer_hops=n) for t, n in zip(targets, hops, strict=True)]


def test_unrelated_answers_that_all_come_from_nearer_now_are_a_device():
    diagnosis = Diagnosis()
    assert diagnosis.update(known(*times(8, 5))) == ()
    for _ in range(2):
        (one,) = diagnosis.update(known(*times(2, 2)))
        assert (one.cause, one.subject, len(one.targets)) == (
            Cause.MIDDLEBOX,
            "hop 2",
            2,
        )
    assert diagnosis.update(known(*times(8, 5))) == ()


def test_a_route_that_changes_is_no_device():
    diagnosis = Diagnosis()
    for hops in ((8, 5), (7, 5), (7, 4), (6, 6), (6, 3)):
        assert diagnosis.update(known(*times(*hops))) == ()


def test_ten_thousand_targets_are_explained_in_small_steps():
    many = [target(f"h{n}.vendor{n % 300}.com", 443, public=True) for n in range(3000)]
    records = [silent(t, ["10.0.0.1", FIREWALL]) for t in many]
    diagnosis = Diagnosis()
    steps = sum(1 for _ in diagnosis.steps(known(*records)))
    assert steps > len(many) / 128 * 3
    assert [one.subject for one in diagnosis.findings] == [FIREWALL]


# ---- whatever is wrong

STATES = [
    holds,
    refused,
    unresolved,
    silent,
    lambda t: silent(t, [FIREWALL]),
    lambda t: silent(t, ["10.0.0.1", "10.0.0.3"]),
    lambda t: prohibited(t, FIREWALL),
    lambda t: prohibited(t, "10.0.0.3", Reason.HOST_UNREACHABLE),
    lambda t: unresolved(t, Reason.NXDOMAIN),
    lambda t: record(t, seen("10.1.1.1", Reason.UNTESTED)),
    lambda t: record(t, seen("10.1.1.1", Reason.NO_ROUTE)),
    lambda t: record(t, seen("10.1.1.1"), seen("fd00::1", Reason.TIMEOUT)),
    Record,
]
EVERY = [
    *TARGETS,
    *(target(t.destination, 80) for t in TARGETS[:3]),
    target("h1.vendor1.com", 9999, expect=Expect.DENY),
    target("h2.vendor2.com", 514, "udp", transport=Transport.UDP),
]
ROUND = st.lists(
    st.integers(0, len(STATES) - 1), min_size=len(EVERY), max_size=len(EVERY)
)


def records_of(round_):
    """The targets in the states of a round, by number."""
    return [STATES[n](t) for n, t in zip(round_, EVERY, strict=True)]


def shape(found):
    return {(one.cause, one.subject, frozenset(one.targets)) for one in found}


@settings(deadline=None)
@given(ROUND)
def test_each_target_that_is_not_in_order_is_in_exactly_one_finding(round_):
    records = records_of(round_)
    found = explain(*records)
    explained = [key for one in found for key in one.targets]
    assert len(explained) == len(set(explained))
    wrong = {
        one.target.key
        for one in records
        if one.latest is not None and one.verdict is not Verdict.HOLDS
    }
    assert wrong <= set(explained)
    assert len({one.finding for one in found}) == len(found)


@settings(deadline=None)
@given(ROUND, st.permutations(range(len(EVERY))))
def test_the_order_of_targets_does_not_matter(round_, order):
    records = records_of(round_)
    found = explain(*records)
    mixed = [records[n] for n in order]
    assert shape(explain(*mixed)) == shape(found)


@settings(deadline=None)
@given(ROUND)
def test_without_traces_and_comparisons_no_refuser_is_made_up(round_):
    """Less is known then, and no device is blamed that was not blamed before."""
    records = records_of(round_)
    before = {one.subject for one in explain(*records) if one.cause is Cause.PATH}
    for one in records:
        one.path = None
    after = {one.subject for one in explain(*records) if one.cause is Cause.PATH}
    named = {FIREWALL, "10.0.0.1", "10.0.0.3"}
    assert after & named <= before


@settings(deadline=None, max_examples=30)
@given(st.lists(ROUND, min_size=2, max_size=4))
def test_over_rounds_nothing_is_told_twice(rounds):
    diagnosis = Diagnosis()
    for records in map(records_of, rounds):
        found = diagnosis.update(known(*records))
        assert len({one.finding for one in found}) == len(found)
        assert shape(found) == shape(explain(*records))


def test_ten_thousand_failing_targets_take_little_of_the_processor():
    many = [
        target(f"h{n}.vendor{n % 300}.com", 443, public=n % 2 == 0)
        for n in range(10_000)
    ]
    records = [silent(t, ["10.0.0.1", FIREWALL]) for t in many]
    diagnosis = Diagnosis()
    everything = known(*records)
    spent = []
    for _ in range(3):
        before = time.process_time()
        diagnosis.update(everything)
        spent.append(time.process_time() - before)
    assert min(spent) < 1.0
