"""When it is looked into who sent an ICMP message, and what that takes."""

from __future__ import annotations

import dataclasses

import pytest

from exporter.model.network_path import Hop, Path
from exporter.model.outcome import Icmp, Origin, Reason, Verdict
from exporter.model.rule import Expect, Transport
from tests import make
from tests.monitor import looking
from tests.monitor.looking import rounds

HOST, DEVICE = "192.0.2.1", "10.0.0.2"
SIBLING = make.target("https", id="sibling")


class Runner(looking.Runner):
    """Keeps what it is told of messages."""

    def __init__(self, *results, **more):
        super().__init__(*results, **more)
        self.claims = []

    def place_claim(self, _target, claim):
        self.claims.append(claim)


def said(sender, left, reason=Reason.PORT_UNREACHABLE, verdict=Verdict.UNKNOWN):
    origin = Origin.DESTINATION if sender == HOST else Origin.NOBODY
    icmp = Icmp(3, 3, sender, left)
    return make.result(verdict, reason=reason, origin=origin, icmp=icmp)


def told(result, count=1, targets=(SIBLING,), path=looking.SILENT, **rule):
    runner = Runner(result, path=path)
    rounds(runner, count, targets, make.target("udp", **rule))
    return runner


@pytest.mark.parametrize(
    ("sender", "left", "origin"),
    [
        (HOST, 63, Origin.PATH),
        (HOST, 61, Origin.DESTINATION),
        (DEVICE, 63, Origin.PATH),
        (DEVICE, 61, Origin.NOBODY),
    ],
)
def test_the_distance_of_another_rule_tells(sender, left, origin):
    runner = told(said(sender, left), expect=Expect.DENY)
    assert {claim.origin for claim in runner.claims} == {origin}
    assert runner.measured


def test_a_datagram_that_holds_by_the_hosts_own_word_is_looked_into():
    runner = told(said(HOST, 63, verdict=Verdict.HOLDS))
    assert [claim.origin for claim in runner.claims] == [Origin.PATH]
    assert "claims to be the destination" in runner.claims[0].detail


@pytest.mark.parametrize(("speaks", "claims"), [(DEVICE, 1), ("10.0.0.3", 0)])
def test_without_another_rule_a_trace_tells_who_passes_packets_on(speaks, claims):
    hops = (Hop(1, "10.0.0.1"), Hop(2, speaks), Hop(3, DEVICE))
    path = Path(hops, 3, Reason.PORT_UNREACHABLE, DEVICE, 2)
    runner = told(said(DEVICE, 63), targets=(), path=path, expect=Expect.DENY)
    assert {claim.origin for claim in runner.claims} == {Origin.PATH} - (
        set() if claims else {Origin.PATH}
    )
    assert runner.traces
    assert not runner.measured


@pytest.mark.parametrize("left", [62, 61])
def test_an_address_that_forwards_is_no_device_on_its_own_path(left):
    hops = (Hop(1, "10.0.0.1"), Hop(2, DEVICE), Hop(3, HOST), Hop(4, HOST))
    path = Path(hops, 4, Reason.PROHIBITED, HOST, 3)
    seen = said(HOST, left, Reason.PROHIBITED, Verdict.VIOLATED)
    runner = told(seen, count=3, targets=(), path=path)
    assert Origin.PATH not in {claim.origin for claim in runner.claims}


DATAGRAMS = make.target("ntp", id="clock", transport=Transport.UDP)


@pytest.mark.parametrize(
    ("left", "origin"), [(63, Origin.PATH), (62, Origin.DESTINATION)]
)
def test_a_rule_over_udp_that_is_answered_there_tells_the_distance_too(left, origin):
    answer = make.result(answer_hops=3)
    runner = Runner(said(HOST, left, verdict=Verdict.HOLDS))
    under_test = make.target("udp", transport=Transport.UDP)
    rounds(runner, 1, [DATAGRAMS], under_test, good=answer)
    assert [claim.origin for claim in runner.claims] == [origin]
    assert not runner.measured


@pytest.mark.parametrize(
    ("left", "origin"), [(63, Origin.NOBODY), (62, Origin.DESTINATION)]
)
def test_without_any_it_is_compared_how_far_packets_go(left, origin):
    hops = (Hop(1, "10.0.0.1"), Hop(2, DEVICE), Hop(3, HOST))
    path = Path(hops, 3, Reason.PORT_UNREACHABLE, DEVICE, 2)
    result = said(HOST, left, verdict=Verdict.HOLDS)
    runner = told(result, count=3, targets=(), path=path)
    assert {claim.origin for claim in runner.claims} == {origin}
    assert len(runner.claims) >= 3
    assert len(runner.traces) == 1


@pytest.mark.parametrize(
    ("reach", "origin"), [(3, Origin.DESTINATION), (5, Origin.NOBODY)]
)
def test_a_bare_handshake_is_no_measure_of_the_host_for_good_news(reach, origin):
    hops = tuple(Hop(ttl, f"10.0.0.{ttl}") for ttl in range(1, reach))
    path = Path((*hops, Hop(reach, HOST)), reach, Reason.PORT_UNREACHABLE, DEVICE, 2)
    result = said(HOST, 61, verdict=Verdict.HOLDS)
    bare = make.target("tcp", id="bare")
    runner = told(result, count=2, targets=(bare,), path=path)
    assert {claim.origin for claim in runner.claims[1:]} == {origin}
    assert [rule for rule, _ in runner.traces] == ["web-api"]


def test_a_host_that_prohibits_is_asked_for_its_distance_now_and_then():
    result = said(HOST, 61, Reason.PROHIBITED, Verdict.VIOLATED)
    runner = told(result, count=5)
    assert len(runner.measured) == 1
    assert len({claim.at for claim in runner.claims}) <= 2


def test_a_host_that_prohibits_in_another_name_is_no_device_on_the_path():
    seen = said(DEVICE, 61, Reason.PROHIBITED, Verdict.VIOLATED)
    runner = told(seen, count=1)
    assert {claim.origin for claim in runner.claims} == {Origin.NOBODY}
    nearer = said(DEVICE, 63, Reason.PROHIBITED, Verdict.VIOLATED)
    assert {claim.origin for claim in told(nearer).claims} == {Origin.PATH}


def test_one_that_is_shown_to_be_another_is_so_each_round():
    seen = said(HOST, 63, Reason.PROHIBITED, Verdict.VIOLATED)
    shown = dataclasses.replace(seen.observation, origin=Origin.PATH)
    judged = dataclasses.replace(seen.addresses[0], observation=shown)
    result = dataclasses.replace(seen, observation=shown, addresses=(judged,))
    assert len(told(result, count=5).claims) >= 5


def test_a_message_that_says_nothing_of_its_distance_tells_nothing():
    assert not told(said(HOST, None, verdict=Verdict.HOLDS)).claims


def test_whoever_waits_for_a_round_waits_for_all_who_spoke():
    targets = [make.target("udp", id=f"rule-{i}") for i in range(100)]
    runner = Runner(said(DEVICE, 63, verdict=Verdict.VIOLATED))
    looking.one_round(runner, targets, second_looks=0)
    assert len({rule for rule, _ in runner.traces}) == 100
