"""SQL Server Browser: the list, the port it names, and what silence means."""

from __future__ import annotations

import asyncio

import pytest

from exporter.model.outcome import Instance, Reason, Stage
from tests.lab.misbehave import mute, udp_peer
from tests.servers.process import free_port
from tests.servers.scripted import peer
from tests.servers.sqlserver import SqlServer


async def test_the_instances_are_told_and_the_port_they_name_is_tried(probe):
    async with peer(mute) as open_port:
        fake = SqlServer(instances={"MSSQLSERVER": open_port, "ANALYTICS": 51234})
        async with udp_peer(fake.browse) as (_, port):
            seen = await probe("sqlbrowser", port, udp=True)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.evidence.instances == (
        Instance("MSSQLSERVER", open_port),
        Instance("ANALYTICS", 51234),
    )
    assert seen.detail == (
        f"MSSQLSERVER (tcp {open_port}), ANALYTICS (tcp 51234); tcp {open_port} is open"
    )
    assert seen.latency is not None
    assert seen.syn_retransmits is None


async def test_a_closed_port_is_told_and_changes_no_verdict(probe):
    closed = free_port()
    fake = SqlServer(instances={"ONE": closed})
    async with udp_peer(fake.browse) as (_, port):
        seen = await probe("sqlbrowser", port, udp=True)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    refused = "refused: connection refused by a TCP reset"
    assert seen.detail == f"ONE (tcp {closed}); tcp {closed} is not: {refused}"


async def test_a_silent_port_is_told_within_the_rules_time(probe, monkeypatch):
    async def never(*_):
        await asyncio.Event().wait()

    # No port of loopback drops a SYN.
    monkeypatch.setattr("exporter.probes.link.handshake", never)
    fake = SqlServer(instances={"ONE": 1433})
    async with udp_peer(fake.browse) as (_, port):
        seen = await probe("sqlbrowser", port, udp=True, timeout=0.8)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail.endswith("tcp 1433 is not: timeout: no answer within 0.2 s")


async def test_without_a_port_nothing_further_is_tried(probe):
    text = b"ServerName;S;InstanceName;ONE;np;pipe;;"
    reply = b"\x05" + len(text).to_bytes(2, "little") + text
    async with udp_peer(lambda _: [reply]) as (_, port):
        seen = await probe("sqlbrowser", port, udp=True)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, "ONE (no tcp)")


async def test_long_lists_are_shortened(probe):
    fake = SqlServer(instances={f"I{n}": 1 for n in range(20)})
    async with udp_peer(fake.browse) as (_, port):
        seen = await probe("sqlbrowser", port, udp=True)
    assert "I7 (tcp 1), and 12 more;" in seen.detail
    assert len(seen.evidence.instances) == 20


async def test_silence_is_a_timeout_after_one_request(probe):
    asked = []
    async with udp_peer(lambda data: asked.append(data) or []) as (_, port):
        seen = await probe("sqlbrowser", port, udp=True, timeout=0.4)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.CONNECT)
    assert "Browser not running" in seen.detail
    assert asked == [b"\x03"]


@pytest.mark.parametrize(
    "reply", [b"\x05", b"\x05\xff\xffx", b"hello", b"\x05\x00\x00"]
)
async def test_any_other_datagram_is_malformed(probe, reply):
    async with udp_peer(lambda _: [reply]) as (_, port):
        seen = await probe("sqlbrowser", port, udp=True)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)
