"""Whose reset it is, for hosts and devices of all kinds; the lab has real ones."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from exporter.model.outcome import Icmp, Origin, ProbeError, Reason
from exporter.probes.distance import Distance, measure, nearer, whose
from tests import make

HOST = "192.0.2.1"
REFUSED = ProbeError(Reason.REFUSED, "reset")


class Place:
    """Answers what lives long enough, with so much left to live when it arrives."""

    target = make.target()
    address = HOST
    prober = None

    def __init__(self, hops, left, how=None):
        self.hops, self.left, self.how = hops, left, how

    def link(self, ttl=None):
        return Link(self, ttl or 64)


class Link:
    latency = 0.001
    least_ttl = 0
    router = None

    def __init__(self, place, ttl):
        self._place, self._ttl = place, ttl

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    async def connect(self):
        if self._ttl < self._place.hops:
            router = Icmp(11, 0, self.router or f"10.0.0.{self._ttl}")
            raise ProbeError(Reason.HOST_UNREACHABLE, "", icmp=router)
        assert self.least_ttl is None or self.least_ttl <= 255
        if (self.least_ttl or 0) > self._place.left:
            await asyncio.Event().wait()
        if self._place.how is not None:
            raise self._place.how


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for module in ("traceroute", "distance"):
        monkeypatch.setattr(f"exporter.probes.{module}.PATIENCE", 0.05)


def still():
    return 0.0


@pytest.mark.parametrize(
    ("hops", "left"),
    [(1, 64), (4, 61), (4, 62), (4, 58), (9, 120), (9, 122), (12, 244), (20, 109)],
)
async def test_what_is_left_is_found_whatever_a_host_begins_with(hops, left):
    assert await measure(Place(hops, left), still) == Distance(hops, left)


@pytest.mark.parametrize("left", [40, 90, 200])
async def test_what_no_path_explains_is_not_believed(left):
    assert await measure(Place(4, left), still) == Distance(4, None)


class Lossy(Place):
    """Loses the first packet to each time to live, with which nothing is learnt."""

    def __init__(self, *facts, lost):
        super().__init__(*facts)
        self.lost = set(lost)

    def link(self, ttl=None):
        return LossyLink(self, ttl or 64)


class LossyLink(Link):
    async def connect(self):
        if self.least_ttl in self._place.lost:
            self._place.lost.discard(self.least_ttl)
            await asyncio.Event().wait()
        await super().connect()


@pytest.mark.parametrize("lost", [{61}, {60, 61}, {59}, {62}, {59, 60, 61}])
async def test_a_lost_packet_does_not_make_a_host_look_farther_away(lost):
    assert await measure(Lossy(4, 61, lost=lost), still) == Distance(4, 61)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        pytest.param(Lossy(3, 62, REFUSED, lost={62}), True, id="a device, once lost"),
        pytest.param(Lossy(4, 61, REFUSED, lost={61}), False, id="the host, once lost"),
    ],
)
async def test_a_lost_packet_does_not_tell_whose_a_reset_is(place, told):
    assert await nearer(place, Distance(4, 61), Reason.REFUSED) is told


class Sharing(Place):
    """A host behind ways of different length; each connection takes the next of them."""

    def __init__(self, hops, left, how=None, *, ways):
        super().__init__(hops, left, how)
        self.ways = itertools.cycle(ways)

    def link(self, ttl=None):
        self.hops = next(self.ways)
        return super().link(ttl)


@pytest.mark.parametrize("ways", [(5, 4), (4, 5), (5, 5, 4, 4)])
async def test_ways_of_different_length_are_no_device(ways):
    at_the_host = Sharing(5, 40, REFUSED, ways=ways)
    for known in (Distance(5, None), Distance(5, 61)):
        assert await nearer(at_the_host, known, Reason.REFUSED) is None


async def test_the_shortest_of_several_ways_is_the_distance():
    assert await measure(Sharing(5, 40, ways=(5, 5, 5, 4)), still) == Distance(4, None)


async def test_a_host_that_refuses_is_no_measure():
    assert await measure(Place(4, 61, REFUSED), still) is None


@pytest.mark.parametrize(
    ("hops", "left", "on_path"),
    [
        pytest.param(4, 61, False, id="the host's own"),
        pytest.param(4, 62, True, id="the host's own router"),
        pytest.param(3, 63, True, id="a router before it"),
        pytest.param(2, 64, True, id="the first router"),
        pytest.param(3, 61, False, id="the host, by a shorter way there"),
        pytest.param(3, 255, True, id="a device that begins with another number"),
        pytest.param(4, 252, False, id="another number, as far as the host"),
        pytest.param(3, 30, True, id="a device that begins with less"),
        pytest.param(4, 30, False, id="less, as far as the host"),
    ],
)
@pytest.mark.parametrize("how", [None, REFUSED], ids=["handshake", "reset"])
async def test_what_answers_is_a_device_only_if_it_is_nearer(hops, left, on_path, how):
    end = how.reason if how else Reason.ANSWERED
    assert await nearer(Place(hops, left, how), Distance(4, 61), end) is on_path


@pytest.mark.parametrize(("hops", "on_path"), [(3, True), (4, False)])
async def test_without_what_is_left_the_hop_decides(hops, on_path):
    place = Place(hops, 61, REFUSED)
    assert await nearer(place, Distance(4, None), Reason.REFUSED) is on_path


@pytest.mark.parametrize("left", [None, 64])
async def test_nothing_is_nearer_than_a_neighbour_on_the_link_for_all_we_know(left):
    place = Place(1, 30, REFUSED)
    assert await nearer(place, Distance(1, left), Reason.REFUSED) is None


async def test_what_ends_otherwise_by_now_tells_nothing():
    assert await nearer(Place(4, 61), Distance(4, 61), Reason.REFUSED) is None


async def test_no_number_of_hops_is_asked_for_that_none_can_have():
    place = Place(12, 244, REFUSED)
    assert await nearer(place, Distance(12, 244), Reason.REFUSED) is False


class Forwarding(Place):
    """An address that is a router at one hop, its port a host's at the next."""

    def link(self, ttl=None):
        link = super().link(ttl)
        link.router = HOST if ttl == self.hops - 1 else None
        return link


async def test_an_address_that_forwards_its_port_is_no_measure():
    assert await measure(Forwarding(4, 61), still) is None


OWN, OTHER = HOST, "198.51.100.7"


@pytest.mark.parametrize(
    ("sender", "left", "distance", "origin"),
    [
        (OWN, 61, Distance(4, 61), Origin.DESTINATION),
        (OWN, 252, Distance(4, 61), Origin.DESTINATION),
        (OWN, 60, Distance(4, 61), Origin.DESTINATION),
        (OWN, 63, Distance(4, 61), Origin.PATH),
        (OWN, 62, Distance(4, None), Origin.PATH),
        (OWN, 125, Distance(9, 120), Origin.PATH),
        (OTHER, 63, Distance(4, 61), Origin.PATH),
        (OTHER, 254, Distance(4, 61), Origin.PATH),
        (OTHER, 61, Distance(4, 61), Origin.NOBODY),
        (OTHER, 125, Distance(4, 61), Origin.NOBODY),
    ],
)
def test_an_icmp_message_is_its_senders_as_far_as_it_came(
    sender, left, distance, origin
):
    told = whose(Icmp(3, 13, sender, left), HOST, distance)
    assert told is not None
    assert told[0] is origin
    claims = origin is Origin.PATH and sender == OWN
    assert ("claims to be the destination" in told[1]) is claims


def test_a_message_that_does_not_tell_how_far_it_came_tells_nothing():
    assert whose(Icmp(3, 13, OWN), HOST, Distance(4, 61)) is None
