"""Whose reset it is, for hosts and devices of all kinds; the lab has real ones."""

from __future__ import annotations

import asyncio

import pytest

from exporter.model.outcome import Icmp, Path, ProbeError, Reason
from exporter.probes.distance import Distance, measure, placed
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

    def __init__(self, place, ttl):
        self._place, self._ttl = place, ttl

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    async def connect(self):
        if self._ttl < self._place.hops:
            router = Icmp(11, 0, f"10.0.0.{self._ttl}")
            raise ProbeError(Reason.HOST_UNREACHABLE, "", icmp=router)
        if self.least_ttl > self._place.left:
            await asyncio.Event().wait()
        if self._place.how is not None:
            raise self._place.how


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for module in ("path", "distance"):
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


async def test_a_host_that_refuses_is_no_measure():
    assert await measure(Place(4, 61, REFUSED), still) is None


def reset_at(hops):
    return Path((), hops, Reason.REFUSED, f"10.0.0.{hops - 1}", hops - 1)


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
async def test_a_reset_is_the_paths_only_if_it_came_from_nearer(hops, left, on_path):
    place = Place(hops, left, REFUSED)
    path = await placed(place, reset_at(hops), Distance(4, 61))
    assert path.refused_on_path is on_path


@pytest.mark.parametrize(("hops", "on_path"), [(3, True), (4, False)])
async def test_without_what_is_left_the_hop_decides(hops, on_path):
    path = await placed(None, reset_at(hops), Distance(4, None))
    assert path.refused_on_path is on_path


async def test_only_resets_are_placed():
    answered = Path((), 2, Reason.ANSWERED, "10.0.0.1", 1)
    assert await placed(None, answered, Distance(4, 61)) == answered
