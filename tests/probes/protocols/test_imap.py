"""IMAP against Dovecot and against servers that do not do their part."""

from __future__ import annotations

import asyncio

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.tls_facts import TlsError
from exporter.probes.protocols import imap as under_test
from exporter.probes.protocols.imap import Imap
from exporter.probes.protocols.starttls import Wanted, wanted
from tests.lab.misbehave import dripping
from tests.probing import EXPIRED, server_tls
from tests.servers.scripted import dialogue, peer

GREETING = b"* OK [CAPABILITY IMAP4rev1] imap.uni.example ready\r\n"
OFFER = b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n"
PLAIN = b"* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"
GO_AHEAD = b"a2 OK begin\r\n"
AGAIN = b"* CAPABILITY IMAP4rev1\r\na3 OK done\r\n"


async def test_dovecot_answers_inside_tls(probe, dovecot_ports):
    seen = await probe("imap", dovecot_ports[0])
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "Dovecot (Debian) ready."
    assert seen.tls.verified
    assert {Stage.CONNECT, Stage.TLS, Stage.EXCHANGE} <= set(seen.phases)


async def test_dovecot_answers_where_tls_comes_first(probe, dovecot_ports):
    seen = await probe("imap", dovecot_ports[1], implicit_tls=True)
    assert (seen.reason, seen.tls.verified) == (Reason.ANSWERED, True)
    plain = await probe("imap", dovecot_ports[0], implicit_tls=True)
    assert (plain.reason, plain.stage) == (Reason.MALFORMED, Stage.TLS)
    assert "no TLS: the peer sent '* OK" in plain.detail


async def test_without_starttls_the_plain_session_is_enough(probe, dovecot_ports):
    seen = await probe("imap", dovecot_ports[0], starttls=False)
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)


async def test_a_server_without_tls_has_answered_and_it_is_told(probe):
    async with peer(dialogue(GREETING, PLAIN)) as port:
        seen = await probe("imap", port)
        must = await probe("imap", port, starttls=True)
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)
    assert seen.detail == "imap.uni.example ready; no STARTTLS offered"
    assert (must.reason, must.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert must.detail == "no STARTTLS offered"


async def test_what_is_said_is_nothing_but_capabilities_and_a_goodbye(probe, tmp_path):
    heard, over = [], asyncio.Event()

    async def treat(reader, writer):
        for step in (GREETING, OFFER):
            writer.write(step)
            heard.append(await reader.readline())
        writer.write(GO_AHEAD)
        await writer.start_tls(server_tls(tmp_path, EXPIRED))
        heard.append(await reader.readline())
        writer.write(AGAIN)
        heard.append(await reader.readline())
        over.set()

    async with peer(treat) as port:
        seen = await probe("imap", port)
        await asyncio.wait_for(over.wait(), 5)
    assert seen.reason is Reason.ANSWERED
    assert (seen.tls.error, seen.tls.verified) == (TlsError.EXPIRED, False)
    said = [b"a1 CAPABILITY", b"a2 STARTTLS", b"a3 CAPABILITY", b"a4 LOGOUT"]
    assert [line.rstrip() for line in heard] == said


@pytest.mark.parametrize(
    ("steps", "options", "detail"),
    [
        ([b"* BYE busy\r\n"], {}, "the server says: BYE busy"),
        ([GREETING, b"a1 BAD no\r\n"], {}, "CAPABILITY: BAD no"),
        ([GREETING, b"* BYE idle\r\n"], {}, "the server says: BYE idle"),
        ([GREETING, OFFER, b"a2 NO\r\n"], {"starttls": True}, "STARTTLS: NO"),
    ],
)
async def test_a_no_is_a_rejection(probe, steps, options, detail):
    async with peer(dialogue(*steps)) as port:
        seen = await probe("imap", port, **options)
    assert (seen.reason, seen.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert seen.detail == detail


async def test_a_refused_offer_is_told_and_no_failure(probe):
    async with peer(dialogue(GREETING, OFFER, b"a2 BAD not now\r\n")) as port:
        seen = await probe("imap", port)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail == "imap.uni.example ready; STARTTLS: BAD not now"


async def test_data_injected_before_tls_is_malformed(probe):
    injected = GO_AHEAD + b"* OK injected\r\n"
    async with peer(dialogue(GREETING, OFFER, injected)) as port:
        seen = await probe("imap", port)
    assert seen.reason is Reason.MALFORMED
    assert seen.detail.startswith("data sent before the TLS handshake; ")


async def test_response_lines_that_trickle_without_an_end_are_no_response(probe):
    async def treat(reader, writer):
        writer.write(GREETING + b"* 1 EXISTS\r\n" * 40)
        await dripping(b"* 1 EXISTS\r\n" * 100, 0.01)(reader, writer)

    async with peer(treat) as port:
        seen = await probe("imap", port, timeout=2.0)
    assert seen.reason is Reason.MALFORMED
    assert "lines, and no end of them" in seen.detail


MAY = Wanted(first=False, starttls="offered")
FIRST = Wanted(first=True, starttls=False)


@pytest.mark.parametrize(
    ("port", "options", "due"),
    [
        (143, {}, MAY),
        (993, {}, FIRST),
        (10143, {}, MAY),
        (143, {"starttls": True}, Wanted(first=False, starttls=True)),
        (993, {"starttls": True}, Wanted(first=False, starttls=True)),
        (993, {"implicit_tls": False}, MAY),
    ],
)
def test_where_tls_begins_is_the_ports_unless_it_is_said(port, options, due):
    one = Imap(**options)
    assert wanted(one.starttls, one.implicit_tls, under_test.usual(port)) == due


def test_tls_inside_tls_is_refused():
    with pytest.raises(ValueError, match="set one of them"):
        Imap(starttls="offered", implicit_tls=True)
