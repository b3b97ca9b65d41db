"""What an ICMP message is worth beside what is known of its sender."""

from __future__ import annotations

import dataclasses

import pytest

from exporter.model.outcome import Icmp, Origin, Reason, Verdict
from exporter.model.rule import Expect
from exporter.model.verdict_case import Case, Claim
from exporter.probes.earlier_rounds import EarlierRounds
from exporter.probes.verdict import judge
from tests import make

ADDRESS, DEVICE = "192.0.2.1", "198.51.100.7"
NOW, LEFT = 1000.0, 63


def said(sender, reason=Reason.PORT_UNREACHABLE, origin=None):
    by_host = sender == ADDRESS
    origin = origin or (Origin.DESTINATION if by_host else Origin.PATH)
    icmp = Icmp(3, 3, sender, LEFT)
    return make.seen(reason, origin=origin, icmp=icmp, detail="said", ended=NOW)


def claim(sender, origin):
    return Claim(ADDRESS, NOW, sender, LEFT, origin, "looked into")


def judged(seen, *claims, expect=Expect.ALLOW, probe="udp"):
    rule = make.rule(probe, expect=expect, interval=60.0)
    case = Case(rule, NOW, (ADDRESS,), sightings=(seen,), claims=claims)
    verdict, (one,) = judge(case)
    return verdict, one.observation.origin


def test_the_destinations_own_word_is_believed_until_it_is_shown_not_to_be():
    seen = said(ADDRESS)
    assert judged(seen) == (Verdict.HOLDS, Origin.DESTINATION)
    own = claim(ADDRESS, Origin.DESTINATION)
    assert judged(seen, own) == (Verdict.HOLDS, Origin.DESTINATION)
    another = claim(ADDRESS, Origin.PATH)
    assert judged(seen, another) == (Verdict.VIOLATED, Origin.PATH)


@pytest.mark.parametrize("sender", [ADDRESS, DEVICE])
def test_whether_a_datagram_arrived_stays_open_where_looking_into_it_shows_nothing(
    sender,
):
    nothing = claim(sender, Origin.NOBODY)
    assert judged(said(sender), nothing) == (Verdict.UNKNOWN, Origin.NOBODY)
    by_tcp = judged(said(sender), nothing, probe="tcp")
    assert by_tcp == (Verdict.VIOLATED, Origin.NOBODY)


def test_a_port_is_unreachable_by_the_path_only_if_that_is_shown():
    def denied(*claims):
        return judged(said(DEVICE), *claims, expect=Expect.DENY)

    assert denied() == (Verdict.UNKNOWN, Origin.NOBODY)
    assert denied(claim(DEVICE, Origin.PATH)) == (Verdict.HOLDS, Origin.PATH)
    assert denied(claim(DEVICE, Origin.NOBODY)) == (Verdict.UNKNOWN, Origin.NOBODY)


@pytest.mark.parametrize(
    "changes",
    [{"at": 0.0}, {"left": 62}, {"sender": "198.51.100.8"}, {"address": DEVICE}],
)
def test_what_was_shown_of_another_message_or_long_ago_shows_nothing(changes):
    other = dataclasses.replace(claim(DEVICE, Origin.PATH), **changes)
    told = judged(said(DEVICE), other, expect=Expect.DENY)
    assert told == (Verdict.UNKNOWN, Origin.NOBODY)


def test_a_prohibition_is_one_whoever_says_so():
    seen = said(DEVICE, Reason.PROHIBITED)
    assert judged(seen, expect=Expect.DENY)[0] is Verdict.HOLDS
    assert judged(seen)[1] is Origin.PATH


def test_what_was_shown_is_kept_until_something_else_is_seen():
    memory, target = EarlierRounds(), make.target("udp", interval=60.0)

    def kept(seen):
        return memory.case(target, (ADDRESS,), (seen,)).claims

    memory.place_claim(target, claim(DEVICE, Origin.PATH))
    assert kept(said(DEVICE)) == (claim(DEVICE, Origin.PATH),)
    assert len(kept(make.seen(Reason.TIMEOUT, ended=NOW))) == 1
    assert kept(make.seen(Reason.REFUSED, ended=NOW)) == ()
