from __future__ import annotations

import itertools

import pytest

from exporter.model.outcome import Origin, Reason, Stage, Verdict
from exporter.model.rule import AddressPolicy, Denial, Expect
from exporter.probes.verdict import combine, judge
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
INCONCLUSIVE = {Reason.UNTESTED, Reason.LOCAL_FAULT, Reason.BUG}


def test_the_table_covers_every_reason():
    assert set(AT_CONNECT) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("expect", Expect)
def test_every_reason_before_the_connection_stands(reason, expect):
    verdict = judge(make.rule(expect=expect), make.seen(reason), UNKNOWN)
    assert verdict is AT_CONNECT[reason][expect is Expect.DENY]


@pytest.mark.parametrize("stage", [Stage.TLS, Stage.EXCHANGE])
@pytest.mark.parametrize("reason", Reason)
def test_a_denied_connection_that_stood_is_violated_however_it_ended(reason, stage):
    rule = make.rule(expect=Expect.DENY)
    expected = UNKNOWN if reason in INCONCLUSIVE else VIOLATED
    assert judge(rule, make.seen(reason, stage), HOLDS) is expected


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("reason", Reason)
def test_the_stage_never_changes_the_verdict_of_an_allowed_rule(reason, stage):
    verdict = judge(make.rule(), make.seen(reason, stage), UNKNOWN)
    assert verdict is AT_CONNECT[reason][0]


@pytest.mark.parametrize("witness", Verdict)
def test_silence_is_denial_only_while_the_witness_holds(witness):
    rule = make.rule(expect=Expect.DENY, witness="other")
    verdict = judge(rule, make.seen(Reason.TIMEOUT), witness)
    assert verdict is (HOLDS if witness is HOLDS else UNKNOWN)


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
    assert judge(rule, make.seen(reason, origin=origin), UNKNOWN) is expected


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
    assert judge(make.rule(probe), observation, UNKNOWN) is expected


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("expect", Expect)
def test_an_unverifiable_rule_never_has_a_verdict(reason, expect):
    rule = make.rule(expect=expect, unverifiable="nothing listens there")
    assert judge(rule, make.seen(reason), HOLDS) is UNKNOWN


def _combined(expect, policy, verdicts):
    return combine(make.rule(expect=expect, addresses=policy), verdicts)


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
