"""Whether a host is alive, asked at the address that is silent, after it fell silent."""

from __future__ import annotations

import asyncio
import dataclasses
from types import SimpleNamespace

import pytest

from exporter.model.outcome import Evidence, Judged, Reason, Stage, Verdict
from exporter.model.rule import Expect
from exporter.model.tls_facts import TlsError, TlsFacts, Trust
from exporter.model.verdict_case import Placed
from exporter.probes.verdict import judge
from exporter.probes.witness import Witnesses
from tests import make

HERE, THERE = "192.0.2.1", "192.0.2.2"
WITNESS = make.target("https", id="web", interval=60.0)
DENIED = make.target(id="shut", expect=Expect.DENY, witness="web", interval=60.0)
SILENCE = make.seen(Reason.TIMEOUT, began=100.0, ended=105.0)
CASE = make.case(DENIED.rule, SILENCE)


class World:
    """A witness whose host answers as it is told to, and the time."""

    def __init__(self, floor=5.0, result=None, target=WITNESS, nearer=(), **seen):
        self.now = 105.0
        self.floor = floor
        self.result = result
        self.seen = seen
        self.asked = []
        self.witnesses = Witnesses(
            lambda rule, host: (target, self.result) if rule == "web" else None,
            lambda _rule: SimpleNamespace(floor=self.floor),
            lambda: self.now,
            lambda _witness, case: dataclasses.replace(case, nearer=nearer),
        )

    async def probe(self, target, address):
        assert target.rule.id == "web"
        self.asked.append(address)
        await asyncio.sleep(0)
        return look(address, self.now, **self.seen)

    async def verdict(self, case=CASE, *, ask=True, may_wait=False, doubt=""):
        if ask:
            silent = [one.address for one in case.sightings]
            await self.witnesses.ask(
                DENIED, case, silent, self.probe, may_wait=may_wait
            )
        return judge(self.witnesses.remind(DENIED, case, doubt))[0]


def look(address, ended, reason=Reason.ANSWERED, stage=Stage.EXCHANGE, **more):
    seen = make.seen(reason, stage, began=ended - 1, ended=ended, **more)
    return dataclasses.replace(seen, address=address)


def shown(named):
    """A certificate's facts, for the name that was asked for or not."""
    return TlsFacts(
        version="TLSv1.3",
        cipher="",
        subject="CN=portal",
        issuer="CN=portal",
        fingerprint_sha256="",
        expiry_timestamp=0.0,
        chain_expiry_timestamp=0.0,
        verified=False,
        error=TlsError.SELF_SIGNED,
        trust=Trust.NONE,
        named=named,
    )


def seen_earlier(*sightings):
    judged = tuple(Judged(one, Verdict.HOLDS) for one in sightings)
    return dataclasses.replace(make.result(), addresses=judged)


async def test_the_witness_is_asked_at_the_address_that_is_silent():
    world = World()
    assert await world.verdict() is Verdict.HOLDS
    assert world.asked == [HERE]


async def test_a_witness_that_is_silent_too_is_none():
    world = World(reason=Reason.TIMEOUT, stage=Stage.CONNECT)
    assert await world.verdict() is Verdict.UNKNOWN


@pytest.mark.parametrize("status", [407, 502, 503, 504, 511])
async def test_what_only_a_device_between_says_is_no_witness(status):
    evidence = Evidence(http_status=status)
    world = World(evidence=evidence)
    assert await world.verdict() is Verdict.UNKNOWN
    world = World(evidence=evidence, tls=shown(named=True))
    assert await world.verdict() is Verdict.HOLDS


async def test_nor_is_a_bare_handshake_from_nearer_than_the_host():
    bare = make.target(id="web", interval=60.0)
    placed = (Placed(HERE, 105.0, "nearer"),)
    world = World(target=bare)
    assert await world.verdict() is Verdict.HOLDS
    assert await World(target=bare, nearer=placed).verdict() is Verdict.UNKNOWN


async def test_what_it_said_before_the_silence_began_tells_nothing():
    world = World(result=seen_earlier(look(HERE, 99.0)))
    assert await world.verdict(ask=False) is Verdict.UNKNOWN
    assert await world.verdict() is Verdict.HOLDS


async def test_what_it_said_meanwhile_is_not_asked_again():
    world = World(result=seen_earlier(look(HERE, 103.0)))
    assert await world.verdict() is Verdict.HOLDS
    assert world.asked == []


async def test_what_it_said_elsewhere_tells_nothing():
    world = World(result=seen_earlier(look(THERE, 103.0)))
    assert await world.verdict(ask=False) is Verdict.UNKNOWN


async def test_what_it_said_through_a_proxy_is_not_of_that_address():
    world = World(result=seen_earlier(look(HERE, 103.0, via="proxy.test:3128")))
    assert await world.verdict(ask=False) is Verdict.UNKNOWN


async def test_rules_that_are_silent_together_share_an_answer():
    world = World()
    await asyncio.gather(*(world.verdict() for _ in range(20)))
    assert world.asked == [HERE]


async def test_two_addresses_are_two_questions():
    world = World()
    there = dataclasses.replace(SILENCE, address=THERE)
    assert await world.verdict(make.case(DENIED.rule, SILENCE, there)) is Verdict.HOLDS
    assert sorted(world.asked) == [HERE, THERE]


@pytest.mark.parametrize(
    ("named", "verdict"), [(True, Verdict.HOLDS), (False, Verdict.UNKNOWN)]
)
async def test_a_witness_with_anothers_certificate_is_none(named, verdict):
    facts = shown(named)
    assert await World(tls=facts).verdict() is verdict


async def test_a_witness_that_rests_on_a_doubted_handshake_is_none():
    bare = dataclasses.replace(WITNESS, rule=make.rule("tcp", id="web"))
    world = World(stage=Stage.CONNECT, target=bare)
    assert await world.verdict() is Verdict.HOLDS
    assert await world.verdict(doubt="a control answers") is Verdict.UNKNOWN


async def test_a_witness_with_a_floor_is_not_asked_before_that_has_passed():
    world = World(floor=30.0, result=seen_earlier(look(HERE, 99.0)))
    assert await world.verdict() is Verdict.UNKNOWN
    assert world.asked == []
    world.now = 129.0
    assert await world.verdict() is Verdict.HOLDS
    assert world.asked == [HERE]


async def test_until_then_its_answer_since_the_host_fell_silent_counts():
    world = World(floor=30.0, result=seen_earlier(look(HERE, 99.0)))
    silent = dataclasses.replace(CASE, silences=((HERE, 60.0),))
    assert await world.verdict(silent) is Verdict.HOLDS
    assert world.asked == []


async def test_asked_out_of_its_turn_it_is_not_probed_again_within_its_floor():
    world = World(floor=30.0)
    assert world.witnesses.just_asked(WITNESS, HERE) is None
    await world.verdict()
    world.now += 29
    assert world.witnesses.just_asked(WITNESS, HERE).ended == 105.0
    assert world.witnesses.just_asked(WITNESS, THERE) is None
    world.now += 1
    assert world.witnesses.just_asked(WITNESS, HERE) is None


async def test_without_a_floor_it_is_probed_in_its_turn_all_the_same():
    world = World()
    await world.verdict()
    assert world.witnesses.just_asked(WITNESS, HERE) is None


async def test_one_with_a_floor_is_heard_in_its_own_round_where_that_is_to_come():
    world = World(floor=30.0)
    assert await world.verdict(may_wait=True) is Verdict.UNKNOWN
    assert world.asked == []
    world.result = seen_earlier(look(HERE, 110.0))
    assert await world.verdict(ask=False) is Verdict.HOLDS


async def test_without_a_witness_silence_stays_silence():
    world = World()
    alone = make.target(expect=Expect.DENY, witness="nobody")
    await world.witnesses.ask(alone, CASE, [HERE], world.probe, may_wait=False)
    assert world.asked == []
    assert world.witnesses.remind(alone, CASE, "") is CASE
