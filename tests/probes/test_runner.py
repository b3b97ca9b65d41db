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
from exporter.model.rule import AddressPolicy, Expect
from exporter.probes import runner as under_test
from exporter.probes.dns import Resolver
from exporter.probes.lookup import Resolved
from exporter.probes.protocols import PROBERS
from exporter.probes.runner import MAX_ADDRESSES, Runner
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
        if callable(self._answer):
            return Resolved(await self._answer())
        return Resolved(self._answer)


def run_with(answer, **options):
    return Runner(Names(answer), None, **options)


async def test_one_fact_goes_from_rule_to_verdict():
    with scripted(closes_at_once, "127.0.0.1") as port:
        runner = run_with(("127.0.0.1",), wall=lambda: 1234.5)
        result = await runner.run(make.target(port=port))
    assert result.verdict is Verdict.HOLDS
    assert result.finished_timestamp == 1234.5
    assert result.observation.reason is Reason.ANSWERED
    assert result.observation.address == "127.0.0.1"
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
    monkeypatch.setattr(under_test, "_LOOK_UP", 0.05)
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
        target = make.target("ssh", port=port, timeout=0.2)
        result = await run_with(("127.0.0.1",)).run(target)
    assert result.observation.reason is Reason.TIMEOUT
    assert result.observation.stage is Stage.EXCHANGE
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


async def test_the_number_of_addresses_is_bounded():
    addresses = tuple(f"127.0.1.{n}" for n in range(1, 60))
    with scripted(closes_at_once, "127.0.0.1") as port:
        result = await run_with(addresses).run(make.target(port=port))
    assert len(result.addresses) == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("v4", "v6", "kept"), [(20, 20, (4, 4)), (20, 1, (7, 1)), (2, 20, (2, 6))]
)
def test_many_addresses_of_one_family_leave_room_for_the_other(v4, v6, kept):
    addresses = [f"127.0.1.{n}" for n in range(v4)] + [f"::{n:x}" for n in range(v6)]
    chosen = under_test.bounded(addresses)
    assert chosen == addresses[: kept[0]] + addresses[v4 : v4 + kept[1]]


async def test_addresses_of_one_sshd_are_never_probed_in_parallel():
    busy = most = 0

    def slow(sock):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.02)
        sock.sendall(b"SSH-2.0-test\r\n")
        busy -= 1
        mute(sock)

    with scripted(slow, "127.0.0.1", "127.0.0.2") as port:
        runner = run_with(("127.0.0.1", "127.0.0.2"))
        result = await runner.run(make.target("ssh", port=port))
    assert len(result.addresses) == 2
    assert (result.verdict, most) == (Verdict.HOLDS, 1)


async def test_a_denied_rule_asks_its_witness_about_the_same_host():
    asked = []

    def witness(rule_id, host):
        asked.append((rule_id, host))
        return Verdict.HOLDS

    with scripted(mute, "127.0.0.1") as port:
        runner = run_with(("127.0.0.1",), witness=witness)
        target = make.target(
            destination="host.test", port=port, expect=Expect.DENY, witness="other"
        )
        result = await runner.run(target)
    assert asked == [("other", "host.test")]
    assert result.verdict is Verdict.VIOLATED


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
    monkeypatch.setattr(under_test, "_LOOK_UP", 0.05)
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
    assert under_test._deciding(result.addresses, Verdict.VIOLATED) in [
        one.observation for one in result.addresses
    ]


def test_an_answer_stands_for_the_round_over_a_port_where_nothing_listens():
    refused = make.seen(Reason.PORT_UNREACHABLE, origin=Origin.DESTINATION)
    answered = make.seen(Reason.ANSWERED, Stage.EXCHANGE)
    judged = [Judged(seen, Verdict.HOLDS) for seen in (refused, answered)]
    assert under_test._deciding(judged, Verdict.HOLDS) is answered
