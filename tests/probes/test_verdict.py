from __future__ import annotations

import dataclasses
import itertools

import pytest

from exporter.model.outcome import Origin, Reason, Stage, Verdict
from exporter.model.rule import AddressPolicy, Denial, Expect, Proof
from exporter.model.verdict_case import Answer, Placed
from exporter.probes import verdict as under_test
from tests import make

HOLDS, VIOLATED, UNKNOWN = Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN

# reason -> (verdict if allowed, verdict if denied without witness or denial)
AT_CONNECT = {
    Reason.ANSWERED: (HOLDS, VIOLATED),
    Reason.MALFORMED: (VIOLATED, VIOLATED),
    Reason.REJECTED: (VIOLATED, VIOLATED),
    Reason.TLS_ALERT: (VIOLATED, VIOLATED),
    Reason.PROHIBITED: (VIOLATED, HOLDS),
    Reason.TIMEOUT: (VIOLATED, UNKNOWN),
    Reason.REFUSED: (VIOLATED, UNKNOWN),
    Reason.PORT_UNREACHABLE: (VIOLATED, UNKNOWN),
    Reason.HOST_UNREACHABLE: (VIOLATED, UNKNOWN),
    Reason.NETWORK_UNREACHABLE: (VIOLATED, UNKNOWN),
    Reason.NO_ROUTE: (VIOLATED, UNKNOWN),
    Reason.NXDOMAIN: (VIOLATED, UNKNOWN),
    Reason.NO_ADDRESS: (VIOLATED, UNKNOWN),
    Reason.DNS_FAILURE: (VIOLATED, UNKNOWN),
    Reason.RESET: (VIOLATED, UNKNOWN),
    Reason.CLOSED: (VIOLATED, UNKNOWN),
    Reason.UNTESTED: (UNKNOWN, UNKNOWN),
    Reason.LOCAL_FAULT: (UNKNOWN, UNKNOWN),
    Reason.BUG: (UNKNOWN, UNKNOWN),
}
HERE, THERE = "192.0.2.1", "192.0.2.2"
INCONCLUSIVE = {Reason.UNTESTED, Reason.LOCAL_FAULT, Reason.BUG}


def judge(rule, *sightings, **facts):
    return under_test.judge(make.case(rule, *sightings, **facts))[0]


def test_the_table_covers_every_reason():
    assert set(AT_CONNECT) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("expect", Expect)
def test_every_reason_before_the_connection_stands(reason, expect):
    verdict = judge(make.rule(expect=expect), make.seen(reason))
    assert verdict is AT_CONNECT[reason][expect is Expect.DENY]


@pytest.mark.parametrize("stage", [Stage.TLS, Stage.EXCHANGE])
@pytest.mark.parametrize("reason", Reason)
def test_a_denied_connection_that_stood_is_violated_however_it_ended(reason, stage):
    rule = make.rule(expect=Expect.DENY)
    expected = UNKNOWN if reason in INCONCLUSIVE else VIOLATED
    witness = (Answer(HERE, 1.0, True),)
    verdict = judge(rule, make.seen(reason, stage), answers=witness)
    assert verdict is expected


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("reason", Reason)
def test_the_stage_never_changes_the_verdict_of_an_allowed_rule(reason, stage):
    verdict = judge(make.rule(), make.seen(reason, stage))
    assert verdict is AT_CONNECT[reason][0]


DENY = make.rule(expect=Expect.DENY, witness="other", interval=60.0)
SILENCE = make.seen(Reason.TIMEOUT, began=100.0, ended=105.0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Answer(HERE, 106.0, True), HOLDS, id="alive after it began"),
        pytest.param(Answer(HERE, 101.0, True), HOLDS, id="alive meanwhile"),
        pytest.param(Answer(HERE, 99.0, True), UNKNOWN, id="alive before it began"),
        pytest.param(Answer(HERE, 106.0, False), UNKNOWN, id="dead"),
        pytest.param(Answer(THERE, 106.0, True), UNKNOWN, id="alive elsewhere"),
    ],
)
def test_silence_is_denial_if_the_witness_answered_there_after_it_began(
    answer, expected
):
    assert judge(DENY, SILENCE, answers=(answer,)) is expected


@pytest.mark.parametrize(
    ("at", "floor", "expected"),
    [(50.0, 64.0, HOLDS), (50.0, 30.0, UNKNOWN), (50.0, 0.0, UNKNOWN)],
)
def test_a_witness_with_a_floor_counts_for_the_silences_since_it_answered(
    at, floor, expected
):
    facts = {"answers": (Answer(HERE, at, True),), "floor": floor}
    assert judge(DENY, SILENCE, silences=((HERE, 40.0),), **facts) is expected
    assert judge(DENY, SILENCE, silences=((HERE, 60.0),), **facts) is UNKNOWN


def _look(reason, address=HERE, **more):
    return dataclasses.replace(make.seen(reason, **more), address=address)


def test_an_address_that_nobody_looked_at_is_a_member_all_the_same():
    both = {"members": (HERE, THERE)}
    prohibited, answered = _look(Reason.PROHIBITED), _look(Reason.ANSWERED)
    everything = make.rule(addresses=AddressPolicy.ALL)
    assert judge(DENY, prohibited, **both) is UNKNOWN
    assert judge(everything, answered, **both) is UNKNOWN
    assert judge(make.rule(), answered, **both) is HOLDS
    assert judge(make.rule(), prohibited, **both) is UNKNOWN
    assert judge(everything, prohibited, **both) is VIOLATED
    assert judge(DENY, answered, **both) is VIOLATED


def test_so_are_addresses_that_could_not_be_learned():
    some = {"unlearned": ("the IPv6 addresses could not be learned",)}
    assert judge(DENY, _look(Reason.PROHIBITED), **some) is UNKNOWN
    assert judge(make.rule(), _look(Reason.ANSWERED), **some) is HOLDS
    _, judged = under_test.judge(make.case(DENY, _look(Reason.PROHIBITED), **some))
    assert (judged[1].observation.address, judged[1].verdict) == ("", UNKNOWN)
    assert judged[1].observation.reason is Reason.UNTESTED


def test_a_sighting_older_than_three_rounds_is_none():
    prohibited = _look(Reason.PROHIBITED, ended=100.0)
    assert judge(DENY, prohibited, now=280.0) is HOLDS
    assert judge(DENY, prohibited, now=281.0) is UNKNOWN


def test_silence_after_a_refusal_is_still_that_refusal_for_three_rounds():
    said = _look(Reason.PROHIBITED, origin=Origin.PATH, detail="no", ended=100.0)
    for now, expected in ((280.0, HOLDS), (281.0, UNKNOWN)):
        silence = dataclasses.replace(SILENCE, began=now - 5, ended=now)
        case = make.case(DENY, silence, refusals=(said,))
        verdict, judged = under_test.judge(case)
        assert verdict is expected
        spoken = expected is HOLDS
        assert (judged[0].observation.origin is Origin.PATH) is spoken
        assert ("s ago" in judged[0].observation.detail) is spoken
    elsewhere = dataclasses.replace(said, address=THERE)
    assert judge(DENY, SILENCE, refusals=(elsewhere,)) is UNKNOWN


def test_a_datagram_that_arrived_once_says_nothing_of_the_next():
    rule = make.rule("udp")
    arrived = _look(Reason.PORT_UNREACHABLE, origin=Origin.DESTINATION, ended=100.0)
    assert judge(rule, arrived) is HOLDS
    assert judge(rule, SILENCE, refusals=(arrived,)) is VIOLATED


def test_a_reset_is_the_paths_where_and_while_distances_say_so():
    reset = _look(Reason.REFUSED, began=99.0, ended=100.0)
    placed = Placed(HERE, 100.0, "nearer")
    assert judge(DENY, reset, resets=(placed,), now=280.0) is HOLDS
    old = dataclasses.replace(reset, ended=200.0)
    assert judge(DENY, old, resets=(placed,), now=281.0) is UNKNOWN
    elsewhere = dataclasses.replace(placed, address=THERE)
    assert judge(DENY, reset, resets=(elsewhere,)) is UNKNOWN


@pytest.mark.parametrize("expect", Expect)
def test_a_bare_handshake_from_nearer_than_the_host_proves_nothing(expect):
    rule = make.rule(expect=expect)
    answered = _look(Reason.ANSWERED)
    nearer = (Placed(HERE, 0.0, "a device"),)
    assert judge(rule, answered, nearer=nearer) is UNKNOWN
    elsewhere = (Placed(THERE, 0.0, "a device"),)
    assert judge(rule, answered, nearer=elsewhere) is not UNKNOWN


@pytest.mark.parametrize("reason", [Reason.REFUSED, Reason.PORT_UNREACHABLE])
@pytest.mark.parametrize(
    ("denial", "origin", "expected"),
    [
        (frozenset(), Origin.NOBODY, UNKNOWN),
        (frozenset(), Origin.DESTINATION, UNKNOWN),
        (frozenset(), Origin.PATH, HOLDS),
        (frozenset({Denial.RESET}), Origin.NOBODY, HOLDS),
        (frozenset({Denial.RESET}), Origin.DESTINATION, HOLDS),
    ],
)
def test_a_refusal_is_denial_if_the_path_or_the_rule_says_so(
    reason, denial, origin, expected
):
    rule = make.rule(expect=Expect.DENY, denial=denial)
    assert judge(rule, make.seen(reason, origin=origin)) is expected


@pytest.mark.parametrize(
    ("probe", "origin", "expected"),
    [
        ("udp", Origin.DESTINATION, HOLDS),
        ("udp", Origin.PATH, VIOLATED),
        ("udp", Origin.NOBODY, VIOLATED),
        ("ntp", Origin.DESTINATION, VIOLATED),
    ],
)
def test_only_a_generic_datagram_may_find_a_closed_port(probe, origin, expected):
    observation = make.seen(Reason.PORT_UNREACHABLE, origin=origin)
    assert judge(make.rule(probe), observation) is expected


REFUSALS = [Reason.REFUSED, Reason.PORT_UNREACHABLE]
PROVEN = {
    Origin.DESTINATION: HOLDS,
    Origin.PATH: VIOLATED,
    Origin.SELF: VIOLATED,
    Origin.NOBODY: UNKNOWN,
}


@pytest.mark.parametrize("probe", ["tcp", "udp", "https"])
@pytest.mark.parametrize("reason", REFUSALS)
@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("proof", [Proof.PATH, Proof.SAMPLE])
def test_where_nothing_need_listen_a_refusal_is_as_good_as_its_sender(
    probe, reason, origin, proof
):
    # By ICMP from a host that nobody placed: `_weighed` leaves that to be shown.
    seen = make.seen(reason, origin=origin)
    assert judge(make.rule(probe, proof=proof), seen) is PROVEN[origin]


@pytest.mark.parametrize("reason", Reason)
def test_a_port_of_a_range_is_judged_like_any_other_but_for_refusals(reason):
    if reason not in REFUSALS:
        seen = make.seen(reason)
        plain, ranged = make.rule(), make.rule(proof=Proof.PATH)
        assert judge(plain, seen) is judge(ranged, seen)


SAMPLED = {
    **dict.fromkeys(Reason, UNKNOWN),
    Reason.ANSWERED: HOLDS,
    Reason.MALFORMED: HOLDS,
    Reason.REJECTED: HOLDS,
    Reason.TLS_ALERT: HOLDS,
    Reason.PROHIBITED: VIOLATED,
}


@pytest.mark.parametrize("reason", [one for one in Reason if one not in REFUSALS])
def test_an_address_that_need_not_exist_shows_little(reason):
    rule = make.rule(proof=Proof.SAMPLE)
    assert judge(rule, make.seen(reason)) is SAMPLED[reason]


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.CLOSED, Reason.RESET])
def test_but_whatever_ends_behind_its_handshake_was_reached(reason):
    rule = make.rule("https", proof=Proof.SAMPLE)
    seen = make.seen(reason, Stage.TLS)
    assert judge(rule, seen) is HOLDS


def test_a_reset_from_as_far_away_as_the_host_is_the_hosts():
    rule = make.rule(proof=Proof.PATH)
    seen = make.seen(Reason.REFUSED, ended=1000.0)
    own = Placed(seen.address, 1000.0, "nothing listens", Origin.DESTINATION)
    assert judge(rule, seen) is UNKNOWN
    told = under_test.judge(make.case(rule, seen, resets=(own,)))
    assert told[0] is HOLDS
    assert told[1][0].observation.detail == "nothing listens"
    later = 1000.0 + 3 * rule.interval + 1
    again = make.seen(Reason.REFUSED, ended=later)
    assert judge(rule, again, resets=(own,)) is UNKNOWN


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_once_does_not_speak_for_a_silence_where_it_was_good_news(reason):
    rule = make.rule(proof=Proof.PATH)
    silence = make.seen(Reason.TIMEOUT, ended=1000.0)
    before = make.seen(reason, origin=Origin.DESTINATION, ended=990.0)
    assert judge(rule, silence, refusals=(before,)) is VIOLATED


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("expect", Expect)
def test_an_unverifiable_rule_never_has_a_verdict(reason, expect):
    rule = make.rule(expect=expect, unverifiable="nothing listens there")
    assert judge(rule, make.seen(reason)) is UNKNOWN


def _combined(expect, policy, verdicts):
    """Of addresses, each of which ends so that it has a verdict of its own."""
    allowed = expect is Expect.ALLOW
    reasons = {
        HOLDS: Reason.ANSWERED if allowed else Reason.PROHIBITED,
        VIOLATED: Reason.PROHIBITED if allowed else Reason.ANSWERED,
        UNKNOWN: Reason.LOCAL_FAULT,
    }
    seen = [_look(reasons[v], f"192.0.2.{n}") for n, v in enumerate(verdicts)]
    return judge(make.rule(expect=expect, addresses=policy), *seen)


@pytest.mark.parametrize(
    "verdicts", list(itertools.combinations_with_replacement(Verdict, 3)), ids=str
)
def test_addresses_combine_by_the_rules_policy(verdicts):
    any_allowed = _combined(Expect.ALLOW, AddressPolicy.ANY, verdicts)
    all_allowed = _combined(Expect.ALLOW, AddressPolicy.ALL, verdicts)
    best = next(v for v in (HOLDS, UNKNOWN, VIOLATED) if v in verdicts)
    worst = next(v for v in (VIOLATED, UNKNOWN, HOLDS) if v in verdicts)
    assert any_allowed is best
    assert all_allowed is worst
    for policy in AddressPolicy:
        assert _combined(Expect.DENY, policy, verdicts) is worst
