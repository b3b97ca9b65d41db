"""Evidence has a scope: less of it makes a verdict weaker, and never turns it.

Any one fact is dropped, made too old, or moved to an address it was not learnt of. A
verdict that rested on it becomes unknown; one that did not stays what it is. Facts that
only take belief away (a control that answers, a handshake from nearer than its host)
support no verdict, so here it is their absence that must be earned.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from exporter.model.outcome import Icmp, Observation, Origin, Reason, Stage, Verdict
from exporter.model.rule import AddressPolicy, Denial, Expect, Proof
from exporter.model.verdict_case import Answer, Case, Claim, Placed
from exporter.probes.verdict import judge
from tests import make

# Alike in every run, and no matter how busy the machine is.
steady = settings(
    derandomize=True,
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
NOW, INTERVAL = 10_000.0, 60.0
ELSEWHERE = "203.0.113.9"
ADDRESSES = [f"192.0.2.{number}" for number in range(1, 5)]
AGES = st.one_of(st.floats(0.0, 10.0), st.floats(0.0, 200.0))
ENDS = st.one_of(
    st.just((Stage.CONNECT, Reason.TIMEOUT)),
    st.just((Stage.CONNECT, Reason.REFUSED)),
    st.just((Stage.CONNECT, Reason.PROHIBITED)),
    st.just((Stage.CONNECT, Reason.ANSWERED)),
    st.tuples(st.sampled_from(Stage), st.sampled_from(Reason)),
)
LISTS = ("sightings", "refusals", "resets", "answers")
SENDER = "198.51.100.1"
LEFT = st.sampled_from([60, 60, 61, None])


@st.composite
def rules(draw):
    return make.rule(
        draw(st.sampled_from(["tcp", "https", "udp"])),
        interval=INTERVAL,
        expect=draw(st.sampled_from([Expect.DENY, Expect.DENY, Expect.ALLOW])),
        addresses=draw(st.sampled_from(AddressPolicy)),
        denial=draw(st.sampled_from([frozenset(), frozenset({Denial.RESET})])),
        proof=draw(st.sampled_from(Proof)),
    )


@st.composite
def sightings(draw, address):
    ended = NOW - draw(AGES)
    stage, reason = draw(ENDS)
    by_icmp = reason in {Reason.PROHIBITED, Reason.PORT_UNREACHABLE}
    return Observation(
        address,
        stage,
        reason,
        origin=draw(st.sampled_from(Origin)),
        icmp=Icmp(3, 3, SENDER, draw(LEFT)) if by_icmp else None,
        began=ended - draw(st.floats(0.0, 5.0)),
        ended=ended,
    )


@st.composite
def refusals(draw, address):
    return Observation(
        address,
        Stage.CONNECT,
        draw(st.sampled_from([Reason.PROHIBITED, Reason.PORT_UNREACHABLE])),
        origin=draw(st.sampled_from(Origin)),
        icmp=Icmp(3, 13, SENDER, draw(LEFT)),
        ended=NOW - draw(AGES),
    )


@st.composite
def cases(draw):
    members = ADDRESSES[: draw(st.sampled_from([1, 1, 1, 2, 3]))]

    def some(fact, often=1):
        # Else hardly a case would rest on one kind of fact alone.
        if not draw(st.integers(0, often)):
            return ()
        chosen = [one for one in members if draw(st.integers(0, 3))]
        return tuple(draw(fact(address)) for address in chosen)

    def placed(address):
        whose = st.sampled_from([Origin.PATH, Origin.DESTINATION])
        ages = AGES.map(NOW.__sub__)
        return st.builds(Placed, st.just(address), ages, st.just(""), whose)

    def claim(address):
        whose = st.sampled_from([Origin.PATH, Origin.DESTINATION, Origin.NOBODY])
        ages = AGES.map(NOW.__sub__)
        by = st.just(SENDER)
        return st.builds(Claim, st.just(address), ages, by, LEFT, whose, st.just(""))

    def answer(address):
        ages = AGES.map(NOW.__sub__)
        holds = st.sampled_from([True, True, False])
        return st.builds(Answer, st.just(address), ages, holds)

    def silence(address):
        return st.tuples(st.just(address), AGES.map(NOW.__sub__))

    return Case(
        rule=draw(rules()),
        now=NOW,
        members=tuple(members),
        unlearned=draw(st.sampled_from([(), (), (), ("IPv6",)])),
        sightings=some(sightings, often=9),
        refusals=some(refusals),
        resets=some(placed),
        claims=some(claim),
        silences=some(silence),
        answers=some(answer),
        floor=draw(st.sampled_from([0.0, 64.0])),
        doubt=draw(st.sampled_from(["", "", "", "a control answers"])),
    )


def aged(_case, fact):
    """The fact as of long ago."""
    times = {"at": 0.0} if hasattr(fact, "at") else {"began": 0.0, "ended": 0.1}
    return dataclasses.replace(fact, **times)


def moved(_case, fact):
    """The fact as if learnt of an address of another host."""
    return dataclasses.replace(fact, address=ELSEWHERE)


def earlier(case, fact):
    """An answer as if given before its address fell silent."""
    began = [s.began for s in case.sightings if s.address == fact.address]
    since = [at for address, at in case.silences if address == fact.address]
    return dataclasses.replace(fact, at=min([*began, *since, NOW]) - 1)


def by_another(_case, fact):
    """A claim as if it were of another sender's messages."""
    return dataclasses.replace(fact, sender=ELSEWHERE)


def from_elsewhere(_case, fact):
    """A claim as if it were of messages that came another way."""
    return dataclasses.replace(fact, left=17)


MANNERS = dict.fromkeys(LISTS, (aged, moved)) | {
    "answers": (aged, moved, earlier),
    "claims": (aged, moved, by_another, from_elsewhere),
}


def weakenings(case):
    """Each fact's name with the case without it, and with it out of its scope."""
    for name in MANNERS:
        facts = getattr(case, name)
        for index, fact in enumerate(facts):
            others = (*facts[:index], *facts[index + 1 :])
            without = dataclasses.replace(case, **{name: others})
            for how in MANNERS[name]:
                less = {name: (*others, how(case, fact))}
                yield (
                    f"{name} {how.__name__}",
                    without,
                    dataclasses.replace(case, **less),
                )


@steady
@given(cases())
def test_one_fact_less_never_turns_a_verdict(case):
    before, _ = judge(case)
    for done, without, out_of_scope in weakenings(case):
        after, _ = judge(without)
        if before is not after:
            event(f"{done}: {before} became {after}")
        # What the host itself said is a reason not to take its silence for a block.
        host_spoke = before is Verdict.UNKNOWN and done.startswith("refusals")
        # Where nobody looked into whose a message is, its own word counts.
        own_word = done.startswith("claims")
        assert after in {before, Verdict.UNKNOWN} or host_spoke or own_word, done
        assert judge(out_of_scope)[0] is after, done


BY_MESSAGE = [Origin.PATH, Origin.DESTINATION, Origin.NOBODY]
RECENT = st.floats(0.0, 150.0)


@st.composite
def denials(draw, kind):
    """A case in which every address is denied by facts of one kind, and nothing else."""
    members = ADDRESSES[: draw(st.integers(1, len(ADDRESSES)))]
    ends = {
        "sightings": Reason.PROHIBITED,
        "resets": Reason.REFUSED,
        "claims": Reason.PORT_UNREACHABLE,
    }
    seen, facts = [], []
    for address in members:
        ended = NOW - draw(RECENT)
        end = ends.get(kind, Reason.TIMEOUT)
        message = Icmp(3, 3, SENDER, 60) if kind == "claims" else None
        seen.append(
            Observation(
                address,
                Stage.CONNECT,
                end,
                origin=draw(st.sampled_from(BY_MESSAGE)) if message else Origin.NOBODY,
                icmp=message,
                began=ended - 5.0,
                ended=ended,
            )
        )
        at = NOW - draw(RECENT)
        facts += {
            "sightings": (),
            "resets": (Placed(address, at, ""),),
            "claims": (Claim(address, at, SENDER, 60, Origin.PATH, ""),),
            "refusals": (dataclasses.replace(SAID, address=address, ended=at),),
            "answers": (Answer(address, ended - draw(st.floats(0.0, 4.9)), True),),
        }[kind]
    rule = make.rule(interval=INTERVAL, expect=Expect.DENY)
    less = {} if kind == "sightings" else {kind: tuple(facts)}
    return Case(rule, NOW, tuple(members), sightings=tuple(seen), **less)


SAID = Observation(ELSEWHERE, Stage.CONNECT, Reason.PROHIBITED, icmp=Icmp(3, 13, "a"))


@pytest.mark.parametrize("kind", MANNERS)
@steady
@given(st.data())
def test_a_denial_rests_on_each_fact_that_it_is_made_of(kind, data):
    case = data.draw(denials(kind))
    assert judge(case)[0] is Verdict.HOLDS
    for done, without, out_of_scope in weakenings(case):
        assert judge(without)[0] is Verdict.UNKNOWN, done
        assert judge(out_of_scope)[0] is Verdict.UNKNOWN, done
    more = {"unlearned": ("IPv6",)}, {"members": (*case.members, ELSEWHERE)}
    for one in more:
        assert judge(dataclasses.replace(case, **one))[0] is Verdict.UNKNOWN


@steady
@given(cases())
def test_a_look_up_that_failed_never_turns_a_verdict(case):
    before, _ = judge(dataclasses.replace(case, unlearned=()))
    after, _ = judge(dataclasses.replace(case, unlearned=("IPv6",)))
    assert after in {before, Verdict.UNKNOWN}


@steady
@given(cases())
def test_an_address_more_that_nobody_looked_at_never_turns_a_verdict(case):
    before, _ = judge(case)
    more = dataclasses.replace(case, members=(*case.members, ELSEWHERE))
    after, judged = judge(more)
    assert after in {before, Verdict.UNKNOWN}
    assert [one.observation.address for one in judged if one.observation.address] == [
        *more.members
    ]


@steady
@given(cases(), st.sampled_from(ADDRESSES))
def test_a_doubt_never_turns_a_verdict(case, address):
    before, _ = judge(dataclasses.replace(case, doubt=""))
    control = dataclasses.replace(case, doubt="a control answers")
    device = dataclasses.replace(case, doubt="", nearer=(Placed(address, NOW, "a"),))
    for doubted in (control, device):
        assert judge(doubted)[0] in {before, Verdict.UNKNOWN}


@steady
@given(cases())
def test_time_alone_takes_every_verdict_away(case):
    late = dataclasses.replace(case, now=NOW + 10_000.0)
    assert judge(late)[0] is Verdict.UNKNOWN


@steady
@given(cases())
def test_only_what_was_seen_of_all_denies(case):
    rule = dataclasses.replace(case.rule, expect=Expect.DENY)
    verdict, _ = judge(dataclasses.replace(case, rule=rule))
    if verdict is Verdict.HOLDS:
        assert {seen.address for seen in case.sightings} == set(case.members)
        assert not case.unlearned
