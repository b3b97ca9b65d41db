"""Kerberos over UDP and TCP against an MIT KDC, and the names it takes."""

from __future__ import annotations

import time

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.probes.protocols.kerberos import Kerberos
from exporter.probes.wire import ber, kerberos
from tests import make
from tests.lab.misbehave import udp_peer
from tests.servers.krb5kdc import KNOWN, OPEN, REALM
from tests.servers.process import free_port
from tests.servers.scripted import peer, replies


@pytest.mark.parametrize("udp", [True, False])
@pytest.mark.parametrize(
    ("principal", "detail"),
    [
        ("fwprobe-reachability", "KRB-ERROR 6 (client unknown)"),
        (KNOWN, "KRB-ERROR 25 (pre-authentication required)"),
    ],
)
async def test_a_refusal_is_the_answer_and_tells_the_clock(
    probe, kdc_port, udp, principal, detail
):
    seen = await probe("kerberos", kdc_port, udp=udp, principal=principal)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == f"{detail}, realm {REALM}"
    assert abs(seen.evidence.clock_skew) < 1
    assert seen.latency is not None


async def test_a_ticket_is_an_answer_too_and_tells_no_clock(probe, kdc_port):
    seen = await probe("kerberos", kdc_port, principal=OPEN)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail.startswith("AS-REP")
    assert seen.evidence.clock_skew is None


async def test_a_realm_of_somebody_elses_is_answered_as_well(probe, kdc_port):
    seen = await probe("kerberos", kdc_port, realm="OTHER.EXAMPLE")
    assert seen.reason is Reason.ANSWERED


def late_error(seconds):
    stamp = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))
    fields = {
        0: ber.integer(5),
        1: ber.integer(30),
        4: ber.encode(ber.GENERALIZED_TIME, stamp.encode()),
        5: ber.integer(0),
        6: ber.integer(37),
        9: ber.encode(ber.GENERAL_STRING, b"UNI.EXAMPLE"),
    }
    parts = (ber.context(number, value) for number, value in fields.items())
    return ber.encode(0x7E, ber.encode(ber.SEQUENCE, *parts))


@pytest.mark.parametrize("skew", [-600, 600])
async def test_the_skew_is_how_far_the_server_is_ahead(probe, skew):
    async with udp_peer(lambda _: [late_error(skew)]) as (_, port):
        seen = await probe("kerberos", port, udp=True)
    assert seen.evidence.clock_skew == pytest.approx(skew, abs=2)


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("step", [-3600.0, 3600.0])
async def test_a_clock_that_is_set_meanwhile_makes_no_skew(
    probe, monkeypatch, step, udp
):
    read, asked, answer = time.time, [], late_error(0)

    async def talk(reader, writer):
        asked.append(await reader.read(4096))
        writer.write(kerberos.frame(answer))

    monkeypatch.setattr(time, "time", lambda: read() - (0 if asked else step))
    datagrams = udp_peer(lambda data: asked.append(data) or [answer])
    async with datagrams as (_, one), peer(talk) as other:
        seen = await probe("kerberos", one if udp else other, udp=udp)
    assert seen.evidence.clock_skew == pytest.approx(0, abs=60)


async def test_silence_is_a_timeout_after_two_requests(probe):
    asked = []
    async with udp_peer(lambda data: asked.append(data) or []) as (_, port):
        seen = await probe("kerberos", port, udp=True, timeout=0.6)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.CONNECT)
    assert seen.detail == "no answer to 2 requests"
    assert len(asked) == 2


async def test_no_two_requests_are_alike(probe):
    asked = []
    async with udp_peer(lambda data: asked.append(data) or [late_error(0)]) as (
        _,
        port,
    ):
        await probe("kerberos", port, udp=True)
        await probe("kerberos", port, udp=True)
    assert len(set(asked)) == 2


async def test_one_lost_datagram_does_no_harm(probe):
    asked = []

    def second_time(data):
        asked.append(data)
        return [late_error(0)] if len(asked) == 2 else []

    async with udp_peer(second_time) as (_, port):
        seen = await probe("kerberos", port, udp=True, timeout=0.9)
    assert seen.reason is Reason.ANSWERED


async def test_nobody_there_is_told_by_icmp(probe):
    port = free_port()
    seen = await probe("kerberos", port, udp=True)
    assert seen.reason is Reason.PORT_UNREACHABLE


@pytest.mark.parametrize("reply", [b"\x7e", b"hello", b"\x7e\x84\xff\xff\xff\xff"])
async def test_any_other_datagram_is_malformed(probe, reply):
    async with udp_peer(lambda _: [reply]) as (_, port):
        seen = await probe("kerberos", port, udp=True)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)


@pytest.mark.parametrize("reply", [b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1x"])
async def test_any_other_message_over_tcp_is_malformed(probe, reply):
    async with peer(replies(reply)) as port:
        seen = await probe("kerberos", port)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("dc1.uni.example", "UNI.EXAMPLE"),
        ("dc1", "KERBEROS.INVALID"),
        ("192.0.2.1", "KERBEROS.INVALID"),
        ("2001:db8::1", "KERBEROS.INVALID"),
        ("::ffff:192.0.2.1", "KERBEROS.INVALID"),
    ],
)
def test_the_realm_is_the_destinations_domain(host, realm):
    assert Kerberos()._realm(make.target("kerberos", host, 88)) == realm
    assert Kerberos(realm="MINE")._realm(make.target("kerberos", host, 88)) == "MINE"


@pytest.mark.parametrize(
    "options",
    [
        {"realm": ""},
        {"realm": "UNI EXAMPLE"},
        {"realm": "UNI\nEXAMPLE"},
        {"principal": ""},
        {"principal": "user@UNI.EXAMPLE"},
        {"principal": "host/app"},
        {"principal": "müller"},
        {"principal": "krbtgt"},
        {"principal": "Administrator"},
    ],
)
def test_names_that_are_none_or_raise_alarms_are_refused(options):
    with pytest.raises(ValueError, match="must"):
        Kerberos(**options)
