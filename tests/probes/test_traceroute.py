"""Traces over paths that no lab has: long ones, silent ones, and a host without time.

The network is a table from the time to live to what comes back; the lab's tests have
real ones.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from exporter.model.outcome import Icmp, ProbeError, Reason
from exporter.probes.traceroute import MAX_HOPS, trace
from tests import make

HOST, NEAR, FIREWALL = "192.0.2.1", "10.0.0.1", "10.0.0.2"


def exceeded(sender):
    return ProbeError(Reason.HOST_UNREACHABLE, "", icmp=Icmp(11, 0, sender))


@dataclass
class Network:
    """What each time to live meets, silence if nothing; `skips` are silent at first."""

    meets: dict[int, object]
    skips: dict[int, int] = field(default_factory=dict)
    sent: list[int] = field(default_factory=list)
    target = make.target()
    address = HOST
    prober = None

    def link(self, ttl=None):
        return Link(self, ttl)


class Link:
    latency = 0.001

    def __init__(self, network, ttl):
        self._network = network
        self._ttl = ttl

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    async def connect(self):
        self._network.sent.append(self._ttl)
        met = self._network.meets.get(self._ttl)
        if self._network.skips.get(self._ttl, 0) > 0:
            self._network.skips[self._ttl] -= 1
            met = None
        if met is None:
            await asyncio.Event().wait()
        if isinstance(met, ProbeError):
            raise met


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("exporter.probes.traceroute.PATIENCE", 0.05)


def still():
    return 0.0


def answers_from(hops, how=True):
    return dict.fromkeys(range(hops, MAX_HOPS + 1), how)


async def test_a_host_behind_many_silent_routers_is_found():
    network = Network({1: exceeded(NEAR)} | answers_from(17))
    path = await trace(network, still)
    assert (path.answered_ttl, path.ended) == (17, Reason.ANSWERED)
    assert [hop.address for hop in path.hops] == [NEAR, *[None] * 15, HOST]


async def test_a_reset_from_behind_many_silent_routers_is_no_silence():
    refused = ProbeError(Reason.REFUSED, "reset")
    path = await trace(Network(answers_from(20, refused)), still)
    assert (path.answered_ttl, path.ended) == (20, Reason.REFUSED)


def prohibited(sender):
    return ProbeError(Reason.PROHIBITED, "", icmp=Icmp(3, 13, sender))


@pytest.mark.parametrize(
    ("meets", "answered"),
    [
        ({2: exceeded(FIREWALL)} | answers_from(3, prohibited(FIREWALL)), 3),
        (answers_from(2, prohibited(FIREWALL)), 2),
    ],
    ids=["what it would forward", "all that arrives"],
)
async def test_a_router_that_refuses_is_told_with_its_own_hop(meets, answered):
    path = await trace(Network({1: exceeded(NEAR)} | meets), still)
    assert (path.last_hop, path.last_ttl) == (FIREWALL, 2)
    assert (path.answered_ttl, path.ended) == (answered, Reason.PROHIBITED)


async def test_a_host_that_refuses_is_no_router():
    refusal = prohibited(HOST)
    path = await trace(Network({1: exceeded(NEAR)} | answers_from(2, refusal)), still)
    assert (path.last_hop, path.last_ttl, path.answered_ttl) == (NEAR, 1, 2)


async def test_the_farthest_host_that_is_looked_for_is_found():
    path = await trace(Network(answers_from(MAX_HOPS)), still)
    assert path.answered_ttl == MAX_HOPS
    assert len(path.hops) == MAX_HOPS


async def test_packets_into_silence_are_few():
    network = Network({1: exceeded(NEAR)})
    path = await trace(network, still)
    assert (path.last_hop, path.last_ttl, path.answered_ttl) == (NEAR, 1, None)
    assert len(network.sent) <= 20


async def test_a_loop_is_followed_to_its_end_and_no_further():
    network = Network({ttl: exceeded(NEAR) for ttl in range(1, 256)})
    path = await trace(network, still)
    assert path.last_ttl == len(path.hops) == MAX_HOPS
    assert max(network.sent) == MAX_HOPS


async def test_a_router_that_had_said_enough_for_the_moment_is_asked_again():
    routers = {ttl: exceeded(f"10.0.0.{ttl}") for ttl in (1, 2, 3)}
    path = await trace(Network(routers, skips={2: 1, 3: 1}), still)
    assert (path.last_hop, path.last_ttl) == ("10.0.0.3", 3)


async def test_a_router_before_a_reset_is_asked_again_too():
    refused = answers_from(4, ProbeError(Reason.REFUSED, "reset"))
    routers = {ttl: exceeded(f"10.0.0.{ttl}") for ttl in (1, 2, 3)}
    path = await trace(Network(routers | refused, skips={3: 1}), still)
    assert (path.last_hop, path.last_ttl, path.answered_ttl) == ("10.0.0.3", 3, 4)


async def test_what_this_host_cannot_send_is_no_evidence():
    lacking = ProbeError(Reason.LOCAL_FAULT, "no descriptor")
    with pytest.raises(ProbeError, match="too busy to trace"):
        await trace(Network({1: exceeded(NEAR), 2: lacking}), still)


async def test_a_trace_that_was_disturbed_once_is_made_again():
    stalled = iter([0.0] * 5 + [5.0] * 500)
    path = await trace(Network({1: exceeded(NEAR)}), lambda: next(stalled))
    assert (path.last_hop, path.last_ttl) == (NEAR, 1)


async def test_silence_that_this_host_slept_through_is_no_evidence():
    slept = iter(range(1000))
    with pytest.raises(ProbeError, match="too busy to trace"):
        await trace(Network({1: exceeded(NEAR)}), lambda: float(next(slept)))


@pytest.mark.parametrize("reason", [Reason.NO_ROUTE, Reason.PROHIBITED])
async def test_what_this_host_itself_refuses_is_not_said_of_the_destination(reason):
    path = await trace(Network(answers_from(1, ProbeError(reason, "here"))), still)
    assert path.ended is reason
    assert [hop.address for hop in path.hops] == [None]
