"""Who gets a place, and who has to go for it."""

from __future__ import annotations

import pytest

from exporter.http import admission
from exporter.http.admission import Admission, Cause, Class, Seat

PEOPLE = Class.PEOPLE


class Place(Seat):
    """A seat that notes its end."""

    def __init__(self, source, at, ended):
        super().__init__(source, at)
        self.ended = ended

    def end(self):
        self.ended.append(self)


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(admission, "PLACES", dict.fromkeys(Class, 4))


@pytest.fixture
def door():
    return Admission()


@pytest.fixture
def ended():
    return []


@pytest.fixture
def take(door, ended):
    """Asks for a place from a source at a moment; gives the seat, None without one."""

    def take(source, at, kind=PEOPLE):
        seat = Place(source, at, ended)
        return seat if door.take(seat, kind) else None

    return take


def test_a_source_has_its_share_and_no_more(door, take, ended):
    assert all(take("a", 0.0) for _ in range(3))
    assert take("a", 0.1) is None
    assert take("b", 0.1)
    assert (door.rejected["people", "share"], ended) == (1, [])


def test_of_its_own_share_a_source_loses_what_is_idle_longest(door, take, ended):
    first, *_ = [take("a", at) for at in (0.0, 1.0, 2.0)]
    assert take("a", 2.0)
    assert ended == [first]
    assert door.rejected["people", "gave_way"] == 1
    assert door.connections["people"] == 3


def test_of_its_own_share_nothing_goes_that_is_being_answered(door, take, ended):
    seats = [take("a", at) for at in (0.0, 1.0, 2.0)]
    seats[0].busy = seats[1].busy = True
    assert take("a", 9.0)
    assert ended == [seats[2]]
    for seat in door.seats():
        seat.busy = True
    assert take("a", 99.0) is None
    assert door.rejected["people", "share"] == 1


def test_whoever_holds_most_gives_way(take, ended):
    busy = [take("a", at) for at in (9.0, 8.0, 9.5)]
    idle = take("b", 0.0)
    assert take("c", 9.6)
    assert ended == [busy[1]]
    assert take("d", 9.6)  # all hold one or two now, of them the older one of a's
    assert ended == [busy[1], busy[0]]
    assert idle not in ended


def test_among_equals_only_who_is_idle_gives_way(door, take, ended):
    seats = [take(name, at) for name, at in (("a", 0), ("b", 9), ("c", 9), ("d", 9))]
    assert take("e", 9.1)
    assert ended == [seats[0]]
    assert take("f", 9.1) is None
    assert door.rejected["people", "full"] == 1
    assert take("f", 9.3)
    assert len(ended) == 2


def test_classes_have_places_of_their_own(door, take, ended):
    assert all(take(name, 0.0, Class.UNKNOWN) for name in "abcd")
    assert all(take(name, 0.0, Class.SCRAPE) for name in "abcd")
    assert all(take(name, 0.0, Class.PEOPLE) for name in "abcd")
    assert door.connections == {"scrape": 4, "people": 4, "unknown": 4}
    assert ended == []


def test_who_changes_class_leaves_the_old_place_and_keeps_it_when_refused(door, take):
    seat = take("a", 0.0, Class.UNKNOWN)
    assert door.take(seat, Class.SCRAPE)
    assert door.take(seat, Class.SCRAPE)
    assert door.connections == {"scrape": 1, "people": 0, "unknown": 0}
    assert all(take(name, 0.0) for name in "bcde")
    assert not door.take(seat, PEOPLE)
    assert seat.kind is Class.SCRAPE
    door.leave(seat)
    door.put_out(seat, Cause.STALLED)  # it has gone already
    assert door.connections["scrape"] == 0
    assert not any(count for (_, why), count in door.rejected.items() if why != "full")


def test_every_count_is_there_from_the_beginning(door, take):
    before = set(door.rejected)
    for kind in Class:
        for name in "aaaabcdefg":
            take(name, 0.0, kind)
    assert set(door.rejected) == before
    assert {why for _, why in before} == set(Cause)
