"""SMTP against Postfix and against servers that do not do their part."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.tls_facts import TlsError, Trust
from exporter.probes.protocols import smtp as under_test
from exporter.probes.protocols.smtp import Smtp
from exporter.probes.protocols.starttls import Wanted, wanted
from tests.lab.misbehave import closing_on_data, mute, resetting_on_data
from tests.probing import EXPIRED, ISSUED, server_tls
from tests.servers.postfix import postfix
from tests.servers.scripted import dialogue, peer, replies

GREETING = b"220 mail.uni.example ESMTP\r\n"
EHLO = b"250-mail.uni.example\r\n250-SIZE\r\n250 STARTTLS\r\n"
PLAIN = b"250-mail.uni.example\r\n250 SIZE\r\n"
BYE = b"221 Bye\r\n"


async def test_postfix_answers_inside_tls(probe, postfix_port):
    seen = await probe("smtp", postfix_port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "220 mail.uni.example ESMTP Postfix"
    assert (seen.tls.verified, seen.tls.trust) == (True, Trust.SITE)
    assert (
        seen.tls.expiry_timestamp == ISSUED.certificate.not_valid_after_utc.timestamp()
    )
    assert {Stage.CONNECT, Stage.TLS, Stage.EXCHANGE} <= set(seen.phases)


async def test_without_starttls_the_plain_session_is_enough(probe, postfix_port):
    seen = await probe("smtp", postfix_port, starttls=False)
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)


async def test_an_expired_certificate_is_told_and_no_failure(probe, tmp_path):
    context = server_tls(tmp_path, EXPIRED)

    async def treat(reader, writer):
        steps = iter([GREETING, EHLO, b"220 go ahead\r\n"])
        writer.write(next(steps))
        for step in steps:
            await reader.readline()
            writer.write(step)
        await writer.start_tls(context)
        for step in (EHLO, BYE):
            await reader.readline()
            writer.write(step)

    async with peer(treat) as port:
        seen = await probe("smtp", port)
    assert seen.reason is Reason.ANSWERED
    assert (seen.tls.error, seen.tls.verified) == (TlsError.EXPIRED, False)


@pytest.mark.parametrize(
    "greeting", [b"421 mail too busy\r\n", b"554-no\r\n554 service here\r\n"]
)
async def test_an_error_for_a_greeting_is_a_rejection(probe, greeting):
    async with peer(dialogue(greeting)) as port:
        seen = await probe("smtp", port)
    assert (seen.reason, seen.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert seen.detail.startswith(f"the greeting: {greeting[:3].decode()} ")


async def test_a_refused_ehlo_is_a_rejection(probe):
    async with peer(dialogue(GREETING, b"502 not here\r\n")) as port:
        seen = await probe("smtp", port)
    assert (seen.reason, seen.detail) == (Reason.REJECTED, "EHLO: 502 not here")


@contextlib.asynccontextmanager
async def to_its_end(treat):
    """A peer that is waited for until its only client has left."""
    over = asyncio.Event()

    async def treat_and_tell(reader, writer):
        await treat(reader, writer)
        over.set()

    async with peer(treat_and_tell) as port:
        yield port
        async with asyncio.timeout(5):
            await over.wait()


async def test_missing_starttls_is_a_rejection_and_still_ends_with_quit(probe):
    script = dialogue(GREETING, PLAIN, BYE, heard=(heard := []))
    async with to_its_end(script) as port:
        seen = await probe("smtp", port)
    assert (seen.reason, seen.detail) == (Reason.REJECTED, "no STARTTLS offered")
    assert heard[-1] == b"QUIT\r\n"


@pytest.mark.parametrize("end", [mute, closing_on_data, resetting_on_data])
async def test_missing_starttls_is_told_whatever_becomes_of_the_goodbye(probe, end):
    async def treat(reader, writer):
        writer.write(GREETING)
        await reader.readline()
        writer.write(PLAIN)
        await end(reader, writer)

    async with peer(treat) as port:
        seen = await probe("smtp", port, timeout=2.0)
    assert (seen.reason, seen.detail) == (Reason.REJECTED, "no STARTTLS offered")


async def test_a_masked_keyword_is_pointed_out(probe):
    stripped = b"250-mail.uni.example\r\n250 XXXXXXXA\r\n"
    async with peer(dialogue(GREETING, stripped, BYE)) as port:
        seen = await probe("smtp", port)
    assert seen.reason is Reason.REJECTED
    assert "XXXXXXXA looks like a device on the path" in seen.detail


async def test_refused_starttls_is_a_rejection(probe):
    refused = b"454 TLS not available\r\n"
    script = dialogue(GREETING, EHLO, refused, BYE, heard=(heard := []))
    async with to_its_end(script) as port:
        seen = await probe("smtp", port)
    assert heard[-1] == b"QUIT\r\n"
    assert (seen.reason, seen.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert seen.detail == "STARTTLS: 454 TLS not available"


async def test_data_injected_before_tls_is_malformed(probe):
    injected = b"220 go ahead\r\n250 injected\r\n"
    async with peer(dialogue(GREETING, EHLO, injected)) as port:
        seen = await probe("smtp", port)
    assert seen.reason is Reason.MALFORMED
    assert seen.detail.startswith("data sent before the TLS handshake; ")
    assert "came: '220 mail.uni.example ESMTP" in seen.detail


async def test_data_injected_into_the_handshake_is_malformed_in_tls(probe):
    async def treat(reader, writer):
        for step in (GREETING, EHLO, b"220 go ahead\r\n", b"250 injected\r\n"):
            writer.write(step)
            await reader.read(4096)

    async with peer(treat) as port:
        seen = await probe("smtp", port)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.TLS)


async def test_silence_after_starttls_is_a_timeout_in_tls(probe):
    async with peer(dialogue(GREETING, EHLO, b"220 go ahead\r\n")) as port:
        seen = await probe("smtp", port, timeout=0.4)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.TLS)


async def test_a_reply_with_another_code_is_malformed(probe):
    async with peer(dialogue(GREETING, b"354 go on\r\n")) as port:
        seen = await probe("smtp", port)
    assert seen.reason is Reason.MALFORMED
    assert seen.detail.startswith("EHLO: 354 go on, not 250; ")


async def test_nothing_is_said_before_the_greeting(probe):
    heard = []

    async def treat(reader, writer):
        async with asyncio.timeout(0.2):
            heard.append(await reader.read(100))

    async with peer(treat) as port:
        await probe("smtp", port, timeout=0.4)
    assert heard in ([], [b""])


async def test_what_is_said_is_two_commands_and_no_mail(probe):
    script = dialogue(GREETING, PLAIN, BYE, heard=(heard := []))
    async with to_its_end(script) as port:
        await probe("smtp", port, starttls=False, helo="app.uni.example")
    assert heard == [b"EHLO app.uni.example\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("app01", "app01"),
        ("app01.uni.example", "app01.uni.example"),
        ("", "connectivity-exporter.invalid"),
        ("odd_name", "connectivity-exporter.invalid"),
        ("two words", "connectivity-exporter.invalid"),
    ],
)
async def test_the_name_given_is_this_hosts_if_it_is_one(
    probe, monkeypatch, host, name
):
    monkeypatch.setattr(under_test.platform, "node", lambda: host)
    script = dialogue(GREETING, PLAIN, BYE, heard=(heard := []))
    async with to_its_end(script) as port:
        await probe("smtp", port, starttls=False)
    assert heard[0] == f"EHLO {name}\r\n".encode()


@pytest.mark.parametrize(
    "name", ["", "a b", "a\r\nMAIL FROM:<x>", "app\n", "-app", "[1.2.3.4", "bücher"]
)
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="helo must be"):
        Smtp(helo=name)


@pytest.mark.parametrize("name", ["app", "a.uni.example", "[192.0.2.1]", "[IPv6:::1]"])
def test_names_and_address_literals_are_taken(name):
    assert Smtp(helo=name).helo == name


async def test_a_slow_greeting_is_waited_for(probe):
    async def treat(reader, writer):
        await asyncio.sleep(0.3)
        await dialogue(GREETING, PLAIN, BYE)(reader, writer)

    async with peer(treat) as port:
        seen = await probe("smtp", port, starttls=False)
    assert seen.reason is Reason.ANSWERED


async def closing_tls(reader, writer):
    await reader.read(65536)


GOODBYES = {
    "nothing": mute,
    "the end": closing_tls,
    "a reset": resetting_on_data,
    "221": replies(BYE),
    "250": replies(b"250 bye\r\n"),
    "421": replies(b"421 closing\r\n"),
    "no SMTP": replies(b"\0"),
}


@pytest.mark.parametrize("goodbye", GOODBYES)
@pytest.mark.parametrize("starttls", [True, False])
async def test_how_the_server_says_goodbye_decides_nothing(
    probe, tmp_path, starttls, goodbye
):
    async def treat(reader, writer):
        steps = [GREETING, EHLO] + [b"220 go ahead\r\n"] * starttls
        writer.write(steps[0])
        for step in steps[1:]:
            await reader.readline()
            writer.write(step)
        if starttls:
            await writer.start_tls(server_tls(tmp_path))
            await reader.readline()
            writer.write(PLAIN)
        await GOODBYES[goodbye](reader, writer)

    async with peer(treat) as port:
        seen = await probe("smtp", port, timeout=60.0, starttls=starttls)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert sum(seen.phases.values()) < 30


async def test_a_postfix_that_takes_nothing_without_tls_answers_too(probe, folder):
    with postfix(folder / "strict", ISSUED, tls="encrypt") as port:
        seen = await probe("smtp", port)
    assert seen.reason is Reason.ANSWERED


# ---- where TLS begins


WRAPPED = "smtpd_tls_wrappermode = yes"


async def test_a_postfix_that_begins_with_tls_answers(probe, folder):
    with postfix(folder / "wrapped", ISSUED, settings=WRAPPED) as port:
        seen = await probe("smtp", port, implicit_tls=True)
        plain = await probe("smtp", port, timeout=1.0)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "220 mail.uni.example ESMTP Postfix"
    assert seen.tls.verified
    assert (plain.reason, plain.stage) == (Reason.TIMEOUT, Stage.EXCHANGE)


async def test_a_greeting_where_tls_is_to_begin_is_no_tls(probe, postfix_port):
    seen = await probe("smtp", postfix_port, implicit_tls=True)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.TLS)
    assert "no TLS: the peer sent '220 mail" in seen.detail


async def test_inside_tls_nobody_is_asked_for_more_of_it(probe, tmp_path):
    script = dialogue(GREETING, EHLO, BYE, heard=(heard := []))
    async with peer(script, server_tls(tmp_path)) as port:
        seen = await probe("smtp", port, implicit_tls=True, helo="app")
    assert seen.reason is Reason.ANSWERED
    assert b"STARTTLS\r\n" not in heard


async def test_an_offer_is_taken_where_it_is_made(probe, postfix_port):
    seen = await probe("smtp", postfix_port, starttls="offered")
    assert (seen.reason, seen.tls.verified) == (Reason.ANSWERED, True)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([PLAIN], "no STARTTLS offered"),
        (
            [b"250-x\r\n250 XXXXXXXA\r\n"],
            "no STARTTLS offered; XXXXXXXA looks like a device on the path hiding it",
        ),
        ([EHLO, b"454 TLS not available\r\n"], "STARTTLS: 454 TLS not available"),
    ],
)
async def test_without_tls_an_exchanger_has_answered_and_it_is_told(probe, steps, told):
    script = dialogue(GREETING, *steps, BYE, heard=(heard := []))
    async with to_its_end(script) as port:
        seen = await probe("smtp", port, starttls="offered")
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)
    assert seen.detail == f"220 mail.uni.example ESMTP; {told}"
    assert heard[-1] == b"QUIT\r\n"


async def test_an_offer_that_does_not_work_fails_in_tls(probe):
    script = dialogue(GREETING, EHLO, b"220 go ahead\r\n")
    async with peer(script) as port:
        seen = await probe("smtp", port, timeout=0.4, starttls="offered")
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.TLS)


PLAINLY = Wanted(first=False, starttls=False)
MUST = Wanted(first=False, starttls=True)
MAY = Wanted(first=False, starttls="offered")
FIRST = Wanted(first=True, starttls=False)


@pytest.mark.parametrize(
    ("port", "options", "due"),
    [
        (25, {}, MAY),
        (465, {}, FIRST),
        (587, {}, MUST),
        (2525, {}, MUST),
        (25, {"starttls": True}, MUST),
        (25, {"starttls": False}, PLAINLY),
        (25, {"implicit_tls": True}, FIRST),
        (465, {"starttls": True}, MUST),
        (465, {"starttls": False}, FIRST),
        (465, {"implicit_tls": False}, MUST),
        (465, {"implicit_tls": False, "starttls": False}, PLAINLY),
        (587, {"starttls": "offered"}, MAY),
    ],
)
def test_where_tls_begins_is_the_ports_unless_it_is_said(port, options, due):
    one = Smtp(**options)
    usual = under_test.usual(port)
    assert wanted(one.starttls, one.implicit_tls, usual) == due


def test_tls_inside_tls_is_refused():
    with pytest.raises(ValueError, match="set one of them"):
        Smtp(starttls=True, implicit_tls=True)
