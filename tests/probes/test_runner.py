"""Rounds over targets: deadlines, addresses, and faults that are our own."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from exporter.model.outcome import (
    NO_EVIDENCE,
    Evidence,
    Judged,
    Origin,
    ProbeError,
    Reason,
    Stage,
    Verdict,
)
from exporter.model.rule import AddressPolicy, Denial, Expect
from exporter.probes import address_selection, deadline
from exporter.probes.lookup import Resolved, Unlearned
from exporter.probes.protocols import PROBERS
from exporter.probes.resolver import Resolver
from exporter.probes.runner import Runner
from tests import make
from tests.servers.threaded import (
    closes_at_once,
    mute,
    reset_unseen,
    resets_at_once,
    says,
    scripted,
)


class Names:
    """A resolver that knows what the test says; a ProbeError is raised."""

    def __init__(self, answer):
        self._answer = answer

    def known(self, _host):
        return None

    async def resolve(self, _host):
        if isinstance(self._answer, BaseException):
            raise self._answer
        answer = await self._answer() if callable(self._answer) else self._answer
        return answer if isinstance(answer, Resolved) else Resolved(answer)


def run_with(answer, **options):
    return Runner(Names(answer), None, **options)


async def test_each_port_of_one_rule_is_probed_in_its_own_protocol():
    runner = run_with(("127.0.0.1",))
    with (
        scripted(says(b"SSH-2.0-there\r\n"), "127.0.0.1") as ssh_port,
        scripted(says(b"220 there\r\n"), "127.0.0.1") as mail_port,
    ):
        ports = {"ssh": ssh_port, "tcp": mail_port}
        for probe, port in ports.items():
            target = make.target(probe, "host.example", port, id="several-ports")
            seen = (await runner.run(target)).observation
            assert seen.reason is Reason.ANSWERED, (probe, seen.detail)


async def test_one_fact_goes_from_rule_to_verdict():
    with scripted(closes_at_once, "127.0.0.1") as port:
        runner = run_with(("127.0.0.1",), wall=lambda: 1234.5)
        result = await runner.run(make.target(port=port))
    assert result.verdict is Verdict.HOLDS
    assert result.finished_timestamp == 1234.5
    assert result.observation.reason is Reason.ANSWERED
    assert result.observation.address == "127.0.0.1"
    assert result.observation.source_address == "127.0.0.1"
    assert set(result.observation.phases) >= {Stage.RESOLVE, Stage.CONNECT}
    assert 0 < sum(result.observation.phases.values()) <= result.duration


@pytest.mark.parametrize(
    ("expect", "verdict"),
    [(Expect.ALLOW, Verdict.HOLDS), (Expect.DENY, Verdict.VIOLATED)],
)
async def test_a_handshake_was_let_through_whatever_came_right_behind_it(
    expect, verdict
):
    with reset_unseen() as port:
        result = await run_with(("127.0.0.1",)).run(
            make.target(port=port, expect=expect)
        )
    assert (result.verdict, result.observation.reason) == (verdict, Reason.ANSWERED)


@pytest.mark.parametrize(
    "reason", [Reason.NXDOMAIN, Reason.NO_ADDRESS, Reason.DNS_FAILURE]
)
async def test_a_name_that_fails_ends_the_round_at_resolve(reason):
    result = await run_with(ProbeError(reason, "no")).run(make.target())
    assert result.verdict is Verdict.VIOLATED
    assert (result.observation.stage, result.observation.reason) == (
        Stage.RESOLVE,
        reason,
    )
    assert result.observation.address == ""


async def test_a_look_up_without_end_is_a_dns_failure(monkeypatch):
    monkeypatch.setattr(deadline, "_LOOK_UP", 0.05)
    result = await run_with(asyncio.Event().wait).run(make.target(timeout=0.05))
    assert result.observation.reason is Reason.DNS_FAILURE
    assert result.observation.stage is Stage.RESOLVE


async def test_a_look_up_may_take_longer_than_a_peer_nearby_may():
    async def slowly():
        await asyncio.sleep(0.3)
        return ("127.0.0.1",)

    with scripted(closes_at_once, "127.0.0.1") as port:
        target = make.target(port=port, timeout=0.2)
        result = await run_with(slowly).run(target)
    assert result.observation.reason is not Reason.DNS_FAILURE
    assert result.observation.stage is not Stage.RESOLVE


async def test_a_look_up_that_breaks_is_our_bug(caplog):
    result = await run_with(RuntimeError("broken")).run(make.target())
    assert (result.verdict, result.observation.reason) == (Verdict.UNKNOWN, Reason.BUG)
    assert "broken" in caplog.text


async def test_silence_after_the_connection_is_a_timeout_in_exchange():
    with scripted(mute, "127.0.0.1") as port:
        target = make.target("ssh", port=port, timeout=1.0)
        result = await run_with(("127.0.0.1",)).run(target)
    assert result.observation.reason is Reason.TIMEOUT
    assert result.observation.stage is Stage.EXCHANGE
    assert result.observation.source_address == "127.0.0.1"
    assert result.observation.latency is not None


async def test_a_prober_that_breaks_is_our_bug_not_the_targets_fault(
    monkeypatch, caplog
):
    class Broken:
        one_at_a_time = False

        async def probe(self, link, target):
            raise ZeroDivisionError

    monkeypatch.setitem(PROBERS, "tcp", Broken)
    result = await run_with(("127.0.0.1",)).run(make.target())
    assert (result.verdict, result.observation.reason) == (Verdict.UNKNOWN, Reason.BUG)
    assert "ZeroDivisionError" in caplog.text


async def test_cancelling_a_round_passes_through():
    with scripted(mute, "127.0.0.1") as port:
        runner = run_with(("127.0.0.1",))
        round_ = asyncio.create_task(runner.run(make.target("ssh", port=port)))
        await asyncio.sleep(0.05)
        round_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await round_


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [(AddressPolicy.ANY, Verdict.HOLDS), (AddressPolicy.ALL, Verdict.VIOLATED)],
)
async def test_every_address_is_probed_and_the_policy_decides(policy, verdict):
    with scripted(closes_at_once, "127.0.0.1", "127.0.0.2") as port:
        addresses = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
        target = make.target(port=port, addresses=policy)
        result = await run_with(addresses).run(target)
    told = {one.observation.address: one.verdict for one in result.addresses}
    assert told == {
        "127.0.0.1": Verdict.HOLDS,
        "127.0.0.2": Verdict.HOLDS,
        "127.0.0.3": Verdict.VIOLATED,
    }
    assert result.verdict is verdict
    expected = Reason.ANSWERED if verdict is Verdict.HOLDS else Reason.REFUSED
    assert result.observation.reason is expected


MANY = tuple(f"127.0.1.{n}" for n in range(1, 25))


def answered(result):
    seen = (one.observation for one in result.addresses)
    return {one.address for one in seen if one.reason is Reason.ANSWERED}


async def test_one_answer_of_many_addresses_is_enough_where_any_is():
    with scripted(closes_at_once, *MANY) as port:
        result = await run_with(MANY).run(make.target(port=port))
    assert result.verdict is Verdict.HOLDS
    assert len(answered(result)) == 16
    assert [one.observation.address for one in result.addresses] == [*MANY]
    assert "8 of 24 addresses untested" in result.observation.detail


@pytest.mark.parametrize("open_one", ["127.0.1.3", "127.0.1.24"])
async def test_where_any_is_enough_the_rest_is_probed_before_all_have_failed(open_one):
    with scripted(closes_at_once, open_one) as port:
        result = await run_with(MANY).run(make.target(port=port))
    assert (result.verdict, answered(result)) == (Verdict.HOLDS, {open_one})


async def test_an_answer_of_an_earlier_round_is_none_when_this_one_has_none():
    runner = run_with(MANY)
    with scripted(closes_at_once, *MANY) as port:
        target = make.target(port=port)
        await runner.run(target)
    assert (await runner.run(target)).verdict is Verdict.VIOLATED


@pytest.mark.parametrize("count", [9, 12, 24, 64])
async def test_every_address_has_its_turn_within_three_rounds(count):
    addresses = tuple(f"127.0.1.{n}" for n in range(count))
    with scripted(closes_at_once, *addresses) as port:
        runner = run_with(addresses)
        target = make.target(port=port, addresses=AddressPolicy.ALL)
        verdicts = [(await runner.run(target)).verdict for _ in range(4)]
    assert verdicts[0] is Verdict.UNKNOWN
    assert verdicts[2:] == [Verdict.HOLDS] * 2


async def test_what_was_seen_of_others_in_earlier_rounds_grows_old():
    now = [1000.0]
    runner = run_with(MANY, clock=lambda: now[0])
    with scripted(closes_at_once, *MANY) as port:
        target = make.target(port=port, addresses=AddressPolicy.ALL, interval=60.0)
        verdicts = []
        for now[0] in (1000.0, 1060.0, 1400.0):
            result = await runner.run(target)
            verdicts.append((result.verdict, len(answered(result))))
    assert verdicts == [
        (Verdict.UNKNOWN, 16),
        (Verdict.HOLDS, 24),
        (Verdict.UNKNOWN, 16),
    ]


async def test_one_open_address_of_many_violates_a_denial_as_soon_as_it_is_seen():
    runner = run_with(MANY)
    with scripted(closes_at_once, "127.0.1.20") as port:
        target = make.target(port=port, expect=Expect.DENY, denial={Denial.RESET})
        verdicts = [(await runner.run(target)).verdict for _ in range(3)]
    assert verdicts == [Verdict.UNKNOWN, Verdict.VIOLATED, Verdict.VIOLATED]


async def test_a_round_that_no_other_follows_probes_every_address():
    runner = run_with(MANY)
    runner.only_round = True
    with scripted(closes_at_once, *MANY) as port:
        target = make.target(port=port, addresses=AddressPolicy.ALL)
        result = await runner.run(target)
    assert (result.verdict, answered(result)) == (Verdict.HOLDS, {*MANY})


async def test_more_addresses_than_can_be_told_are_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(address_selection, "_LISTED", 2)
    with scripted(closes_at_once, *MANY) as port:
        target = make.target(port=port, addresses=AddressPolicy.ALL)
        result = await run_with(MANY).run(target)
    assert (result.verdict, len(result.addresses)) == (Verdict.UNKNOWN, 3)
    assert "22 more addresses are left out" in result.addresses[2].observation.detail


@pytest.mark.parametrize(
    ("v4", "v6", "kept"),
    [(20, 20, (7, 7)), (20, 1, (13, 1)), (2, 20, (2, 12)), (8, 0, (8, 0))],
)
def test_many_addresses_of_one_family_leave_room_for_the_other(v4, v6, kept):
    addresses = [f"127.0.1.{n}" for n in range(v4)] + [f"::{n:x}" for n in range(v6)]
    chosen = address_selection.next_ones(addresses, {})
    assert chosen == addresses[: kept[0]] + addresses[v4 : v4 + kept[1]]


NO_IPV6 = (Unlearned("IPv6", "SERVFAIL"),)


@pytest.mark.parametrize(
    ("policy", "own_ipv6", "verdict"),
    [
        (AddressPolicy.ANY, True, Verdict.HOLDS),
        (AddressPolicy.ALL, True, Verdict.UNKNOWN),
        (AddressPolicy.ALL, False, Verdict.HOLDS),
    ],
)
async def test_a_family_that_could_not_be_learned_belongs_to_the_set(
    monkeypatch, policy, own_ipv6, verdict
):
    monkeypatch.setattr(
        address_selection.host_network, "has_global_ipv6", lambda: own_ipv6
    )
    with scripted(closes_at_once, "127.0.0.1") as port:
        target = make.target(port=port, addresses=policy)
        result = await run_with(Resolved(("127.0.0.1",), NO_IPV6)).run(target)
    assert result.verdict is verdict
    assert own_ipv6 is any("SERVFAIL" in x.observation.detail for x in result.addresses)


async def test_addresses_of_one_sshd_are_never_probed_in_parallel():
    busy = most = 0

    def slow(sock):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.02)
        busy -= 1  # before the answer, after which the next probe may begin
        sock.sendall(b"SSH-2.0-test\r\n")
        mute(sock)

    with scripted(slow, "127.0.0.1", "127.0.0.2") as port:
        runner = run_with(("127.0.0.1", "127.0.0.2"))
        result = await runner.run(make.target("ssh", port=port))
    assert len(result.addresses) == 2
    assert (result.verdict, most) == (Verdict.HOLDS, 1)


async def test_time_we_did_not_run_is_never_the_rules_fault():
    stalled = iter([0.0, 0.0, 0.15])
    with scripted(mute, "127.0.0.1") as port:
        runner = run_with(("127.0.0.1",), stalled=lambda: next(stalled))
        result = await runner.run(make.target("ssh", port=port, timeout=0.2))
    assert result.observation.reason is Reason.LOCAL_FAULT
    assert result.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("treatment", "stalled", "reason"),
    [
        (closes_at_once, [0.0, 0.0, 5.0], Reason.LOCAL_FAULT),
        (resets_at_once, [0.0, 0.0, 5.0], Reason.LOCAL_FAULT),
        (closes_at_once, [0.0, 5.0, 5.0], Reason.CLOSED),
        (says(b"no mail\r\n"), [0.0, 0.0, 5.0], Reason.MALFORMED),
    ],
)
async def test_a_peer_that_gave_up_on_us_while_we_did_not_run_is_not_to_blame(
    treatment, stalled, reason
):
    told = iter(stalled)
    with scripted(treatment, "127.0.0.1") as port:
        runner = run_with(("127.0.0.1",), stalled=lambda: next(told))
        result = await runner.run(make.target("smtp", port=port))
    assert result.observation.reason is reason


async def test_a_look_up_that_we_slept_through_is_our_own_fault(monkeypatch):
    monkeypatch.setattr(deadline, "_LOOK_UP", 0.05)
    stalled = iter([0.0, 5.0])
    runner = run_with(asyncio.Event().wait, stalled=lambda: next(stalled))
    result = await runner.run(make.target(timeout=0.05))
    assert result.observation.reason is Reason.LOCAL_FAULT
    assert result.observation.stage is Stage.RESOLVE
    assert result.verdict is Verdict.UNKNOWN


async def test_a_deadline_that_fires_late_is_our_own_lateness():
    with scripted(mute) as port:
        target = make.target("ssh", port=port, timeout=0.1)
        round_ = asyncio.create_task(run_with(("127.0.0.1",)).run(target))
        asyncio.get_running_loop().call_later(0.05, time.sleep, 0.3)
        result = await round_
    assert result.observation.reason is Reason.LOCAL_FAULT


async def test_evidence_survives_a_failure(monkeypatch):
    class Refusing:
        one_at_a_time = False

        async def probe(self, link, target):
            raise ProbeError(Reason.REJECTED, "503", evidence=Evidence(http_status=503))

    monkeypatch.setitem(PROBERS, "http", Refusing)
    result = await run_with(("127.0.0.1",)).run(make.target("http"))
    assert result.observation.evidence.http_status == 503


async def test_options_of_a_rule_reach_its_prober(monkeypatch):
    seen = []

    class Optional:
        one_at_a_time = False

        def __init__(self, path):
            seen.append(path)

        async def probe(self, link, target):
            return NO_EVIDENCE

    monkeypatch.setitem(PROBERS, "http", Optional)
    runner = run_with(("127.0.0.1",))
    for _ in range(2):
        await runner.run(make.target("http", options={"path": "/alive"}))
    assert seen == ["/alive"]


async def test_a_real_resolver_fits():
    with scripted(closes_at_once, "127.0.0.1") as port:
        resolver = Resolver()
        target = make.target(destination="127.0.0.1", port=port)
        result = await Runner(resolver, None).run(target)
        await resolver.close()
    assert result.verdict is Verdict.HOLDS


async def test_what_refused_stands_for_the_round_over_plain_silence():
    with scripted(closes_at_once, "127.0.0.1") as port, socket.socket() as full:
        full.bind(("127.0.0.5", port))
        addresses = ("127.0.0.4", "127.0.0.5")
        result = await run_with(addresses).run(make.target(port=port))
    assert result.observation.reason is Reason.REFUSED
    decided = address_selection.deciding(result.addresses, Verdict.VIOLATED)
    assert decided in [one.observation for one in result.addresses]


def test_an_answer_stands_for_the_round_over_a_port_where_nothing_listens():
    refused = make.seen(Reason.PORT_UNREACHABLE, origin=Origin.DESTINATION)
    answered = make.seen(Reason.ANSWERED, Stage.EXCHANGE)
    judged = [Judged(seen, Verdict.HOLDS) for seen in (refused, answered)]
    assert address_selection.deciding(judged, Verdict.HOLDS) is answered
