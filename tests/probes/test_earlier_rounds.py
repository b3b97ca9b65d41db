from __future__ import annotations

import dataclasses

import pytest

from exporter.model.outcome import Icmp, Origin, Reason, Stage
from exporter.model.rule import Expect
from exporter.model.verdict_case import Placed
from exporter.probes.earlier_rounds import EarlierRounds
from tests import make

TARGET = make.target(interval=60.0)
DENIED = make.target(interval=60.0, expect=Expect.DENY, witness="other")
HERE, THERE = "192.0.2.1", "192.0.2.2"
SAID = make.seen(
    Reason.PROHIBITED,
    origin=Origin.PATH,
    icmp=Icmp(3, 13, "198.51.100.7"),
    ended=1.0,
)
SILENCE = make.seen(Reason.TIMEOUT, began=2.0, ended=3.0)
NEARER = Placed(HERE, 1.0, "nearer")


@pytest.fixture
def memory():
    return EarlierRounds()


def look(memory, seen, target=TARGET, members=(HERE,)):
    return memory.case(target, members, [seen])


def test_what_was_said_by_name_is_kept_beside_the_silence_after_it(memory):
    look(memory, SAID)
    case = look(memory, SILENCE)
    assert (case.sightings, case.refusals, case.now) == ((SILENCE,), (SAID,), 3.0)


@pytest.mark.parametrize(
    "other",
    [
        make.seen(Reason.ANSWERED),
        make.seen(Reason.REFUSED),
        make.seen(Reason.TIMEOUT, Stage.TLS),
        make.seen(Reason.RESET, Stage.EXCHANGE),
    ],
    ids=lambda seen: f"{seen.reason}-{seen.stage}",
)
def test_anything_else_that_happens_ends_it(memory, other):
    look(memory, SAID)
    assert look(memory, other).refusals == ()
    assert look(memory, SILENCE).refusals == ()


def test_a_fault_of_our_own_is_nothing_that_happened(memory):
    look(memory, SAID)
    look(memory, make.seen(Reason.LOCAL_FAULT))
    assert look(memory, SILENCE).refusals == (SAID,)


def test_one_address_does_not_speak_for_another(memory):
    look(memory, SAID)
    elsewhere = dataclasses.replace(SILENCE, address=THERE)
    assert look(memory, elsewhere, members=(THERE,)).refusals == ()
    assert look(memory, SILENCE, make.target(id="other")).refusals == ()


def test_a_reset_known_to_come_from_the_path_stays_the_paths(memory):
    reset = make.seen(Reason.REFUSED)
    memory.place_reset(TARGET, HERE, NEARER)
    for _ in range(2):
        assert look(memory, reset).resets == (NEARER,)
    assert look(memory, SILENCE).resets == (NEARER,)
    look(memory, make.seen(Reason.ANSWERED))
    assert look(memory, reset).resets == ()


def test_a_measure_that_shows_otherwise_ends_it(memory):
    memory.place_reset(TARGET, HERE, NEARER)
    memory.place_reset(TARGET, HERE, None)
    assert look(memory, make.seen(Reason.REFUSED)).resets == ()


def test_it_is_kept_too_where_a_connection_that_only_stood_would_be_an_alarm(memory):
    target = make.target("https", expect=Expect.DENY)
    memory.place_handshake(target, HERE, NEARER)

    def kept(reason, **more):
        seen = make.seen(reason, Stage.TLS, **more)
        return memory.case(target, [HERE], [seen]).nearer

    assert kept(Reason.TIMEOUT) == kept(Reason.RESET) == (NEARER,)
    assert kept(Reason.MALFORMED, heard=3) == ()


def test_a_handshake_from_nearer_is_kept_until_something_else_happens(memory):
    memory.place_handshake(TARGET, HERE, NEARER)
    assert look(memory, make.seen()).nearer == (NEARER,)
    assert look(memory, SILENCE).nearer == (NEARER,)
    look(memory, make.seen(Reason.REFUSED))
    assert look(memory, make.seen()).nearer == ()


def test_a_silence_lasts_until_anything_is_heard(memory):
    for began in (2.0, 62.0):
        silence = dataclasses.replace(SILENCE, began=began)
        assert look(memory, silence, DENIED).silences == ((HERE, 2.0),)
    look(memory, make.seen(Reason.LOCAL_FAULT), DENIED)
    silence = dataclasses.replace(SILENCE, began=122.0)
    assert look(memory, silence, DENIED).silences == ((HERE, 122.0),)


def test_a_host_seen_in_parts_is_known_by_the_latest_of_each(memory):
    members = (HERE, THERE)
    first = make.seen(ended=1.0)
    other = dataclasses.replace(first, address=THERE, ended=2.0)
    assert look(memory, first, members=members).sightings == (first,)
    case = look(memory, other, members=members)
    assert (case.sightings, case.members) == ((first, other), members)
    again = dataclasses.replace(first, ended=3.0)
    assert look(memory, again, members=members).sightings == (again, other)
    assert look(memory, again, members=(HERE, "192.0.2.3")).sightings == (again,)


def test_a_host_seen_as_a_whole_is_not_kept(memory):
    look(memory, make.seen(), members=(HERE, THERE))
    look(memory, make.seen())
    assert memory.seen(TARGET) == {}


def test_memory_is_bounded(memory, monkeypatch):
    monkeypatch.setattr("exporter.probes.earlier_rounds._ENTRIES", 10)
    for number in range(100):
        address = f"192.0.2.{number}"
        look(memory, dataclasses.replace(SAID, address=address))
        look(memory, dataclasses.replace(SILENCE, address=address), DENIED)
        memory.place_reset(TARGET, address, NEARER)
        memory.place_handshake(TARGET, address, NEARER)
        look(memory, SAID, make.target(id=str(number)), members=(HERE, THERE))
    assert all(len(kept) <= 10 for kept in (*memory._kept, memory._seen))
