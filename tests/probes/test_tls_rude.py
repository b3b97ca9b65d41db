import asyncio
import contextlib
import socket
import ssl
import struct

import pytest

from exporter.model.outcome import ProbeError, Reason, Stage
from exporter.probes.stream import READ_LIMIT
from tests.certificates import common_name, server
from tests.tlspeers import (
    GOOD,
    INTERMEDIATE,
    NAME,
    echo,
    failure,
    link_to,
    open_tls,
    serving,
)


async def close_at_once(reader, writer):
    await reader.read(65536)


def first_flight(context):
    """Says the server's first flight of TLS 1.2, the chain in it, and no more."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def talk(reader, writer):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secured = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(await reader.read(65536))
        with contextlib.suppress(ssl.SSLWantReadError):
            secured.do_handshake()
        writer.write(outgoing.read())
        await writer.drain()
        await reader.read(65536)

    return talk


def saying(data):
    async def talk(reader, writer):
        await reader.read(65536)
        writer.write(data)
        await writer.drain()
        await reader.read(10)

    return talk


async def reset(reader, writer):
    await reader.read(65536)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, linger
    )


async def endless(reader, writer):
    # HelloRequest (RFC 5246, 7.4.1.1), which a client in a handshake ignores.
    while True:
        writer.write(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 1000)
        await writer.drain()


@pytest.mark.parametrize(
    ("talk", "reason", "detail"),
    [
        (close_at_once, Reason.CLOSED, "closed by the peer where an answer was due"),
        (reset, Reason.RESET, "connection reset"),
        (
            saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Reason.MALFORMED,
            r"no TLS: the peer sent 'HTTP/1.1 400 Bad Request\r\n\r\n'",
        ),
        (
            saying(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
            Reason.MALFORMED,
            r"no TLS: the peer sent 'SSH-2.0-OpenSSH_9.2p1\r\n'",
        ),
        (
            saying(b"220 mail.uni.example ESMTP\x1b[2J\r\n"),
            Reason.MALFORMED,
            r"no TLS: the peer sent '220 mail.uni.example ESMTP\x1b[2J\r\n'",
        ),
        (
            saying(b"\x16\x03\x03\x00\x05hello"),
            Reason.MALFORMED,
            "TLS broke down: unexpected message",
        ),
        (
            saying(b"\x16HTTP/1.1 400 Bad Request"),
            Reason.MALFORMED,
            r"no TLS: the peer sent '\x16HTTP/1.1 400 Bad Request'",
        ),
        (
            saying(b"\x16\x03\xffand so on"),
            Reason.MALFORMED,
            "TLS broke down: record layer failure",
        ),
        (endless, Reason.MALFORMED, "more data than any real answer has"),
        (
            saying(b"\x15\x03\x03\x00\x02\x02\x28"),
            Reason.TLS_ALERT,
            "the peer sent a TLS alert: handshake failure",
        ),
        (
            saying(b"\x15\x03\x03\x00\x02\x02\x46"),
            Reason.TLS_ALERT,
            "the peer sent a TLS alert: protocol version",
        ),
        (
            saying(b"\x15\x03\x03\x00\x02\x02\x70"),
            Reason.TLS_ALERT,
            "the peer sent a TLS alert: unrecognized name",
        ),
        (
            saying(b"\x15\x03\x03\x00\x02\x02\xfa"),
            Reason.TLS_ALERT,
            "the peer sent a TLS alert: of an unknown kind",
        ),
        (
            saying(b"\x15\x03\x03\x00\x02\x01\x00"),
            Reason.CLOSED,
            "TLS closed by the peer in the handshake",
        ),
    ],
)
async def test_a_peer_that_does_not_shake_hands_is_described(
    engine, talk, reason, detail
):
    async with serving(talk) as port:
        with link_to(port, engine) as link:
            error = await failure(link)
    assert (error.reason, error.detail) == (reason, detail)
    assert (link.stage, link.tls) == (Stage.TLS, None)


async def test_the_chain_is_known_when_the_peer_leaves_after_presenting_it(
    engine, context
):
    async with serving(first_flight(context(GOOD, INTERMEDIATE))) as port:
        with link_to(port, engine) as link:
            assert (await failure(link)).reason is Reason.CLOSED
    assert (link.tls.version, link.tls.verified) == ("TLSv1.2", True)


async def test_the_chain_is_known_when_the_peer_falls_silent_after_presenting_it(
    engine, context
):
    flight, silence = first_flight(context(GOOD, INTERMEDIATE)), asyncio.Event()

    async def then_wait(reader, writer):
        await flight(reader, writer)
        presented.set()
        await silence.wait()

    presented = asyncio.Event()
    async with serving(then_wait) as port:
        with link_to(port, engine) as link:
            task = asyncio.create_task(open_tls(link))
            await presented.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert (link.stage, link.tls.verified) == (Stage.TLS, True)


async def test_a_second_attempt_that_fails_keeps_the_chain_of_the_first(
    engine, context
):
    chains = [first_flight(context(GOOD, INTERMEDIATE)), close_at_once]

    async def talk(reader, writer):
        await chains.pop(0)(reader, writer)

    async with serving(talk) as port:
        with link_to(port, engine) as link:
            assert (await failure(link)).reason is Reason.CLOSED
            assert (await failure(link)).reason is Reason.CLOSED
    assert link.tls.verified


async def test_silence_lasts_until_the_deadline_and_proves_no_certificate(engine):
    async def mute(reader, writer):
        await asyncio.Event().wait()

    async with serving(mute) as port:
        with link_to(port, engine) as link, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await open_tls(link)
    assert (link.stage, link.tls) == (Stage.TLS, None)


async def test_a_peer_that_never_stops_talking_is_malformed(engine, context):
    async def talk(reader, writer):
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()

    async with serving(talk, context(GOOD, INTERMEDIATE)) as port:
        with link_to(port, engine) as link:
            stream = await open_tls(link)
            with pytest.raises(ProbeError) as caught:
                await stream.receive_exactly(2 * READ_LIMIT)
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("text", ["new\nline", "nul\0nul", 'a"b\\', "x\u202ey", "long"])
async def test_hostile_names_arrive_as_one_bounded_line(engine, context, text):
    if text == "long":
        with pytest.warns(UserWarning, match="length must be"):
            name = common_name("x" * 10_000)
    else:
        name = common_name(text)
    async with serving(echo, context(server(None, NAME, common=name))) as port:
        with link_to(port, engine) as link:
            await open_tls(link)
    for shown in (link.tls.subject, link.tls.issuer):
        assert shown.startswith("CN=")
        assert shown.isprintable()
        assert len(shown) <= 201


async def test_bytes_sent_before_the_handshake_are_not_taken_for_protected(
    engine, context
):
    async def greet(reader, writer):
        writer.write(b"220 go\r\n250 injected\r\n")
        await writer.drain()
        await reader.read(10)

    async with serving(greet) as port:
        with link_to(port, engine) as link:
            stream = await link.connect()
            await stream.receive_line(100)
            with pytest.raises(ProbeError) as caught:
                await link.start_tls(stream)
    assert caught.value.reason is Reason.MALFORMED
    assert caught.value.detail == "data sent before the TLS handshake"
