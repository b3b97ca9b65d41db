import asyncio
import contextlib
import socket
import ssl
import struct
import subprocess
from pathlib import Path

import pytest

from exporter.probes.link import Link
from exporter.probes.outcome import ProbeError, Reason, Stage, TlsError, Trust
from exporter.probes.stream import READ_LIMIT, Stream
from exporter.probes.tls import TlsEngine
from exporter.rules.rule import TlsPolicy
from tests import make
from tests.certificates import DAY, NOW, authority, common_name, server

NAME = "web.uni.example"
ROOT = authority("Root")
INTERMEDIATE = authority("Intermediate", ROOT)
GOOD = server(INTERMEDIATE, NAME)


@pytest.fixture
def engine(tmp_path):
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    clock = NOW.timestamp
    return TlsEngine(public_roots=tmp_path / "public.pem", clock=clock)


@pytest.fixture
def context(tmp_path):
    """An ssl server context that presents a chain, leaf first."""

    def make_context(*chain):
        file = tmp_path / "chain.pem"
        file.write_bytes(chain[0].key_pem + b"".join(one.pem for one in chain))
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.set_ciphers("ALL:@SECLEVEL=0")
        server_side.load_cert_chain(file)
        return server_side

    return make_context


@contextlib.asynccontextmanager
async def serving(talk, tls=None):
    """A server on loopback whose side of a connection is `talk`; gives its port."""
    tasks = []

    async def accepted(reader, writer):
        tasks.append(asyncio.current_task())
        with contextlib.suppress(OSError, ssl.SSLError):
            try:
                await talk(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    listening = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listening.wait_closed()


async def echo(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()


def link_to(port, engine, name=NAME, **policy):
    return Link(make.target("tls", name, port, **policy), "127.0.0.1", engine)


async def open_tls(link, alpn=(), **variation):
    return await link.start_tls(await link.connect(), alpn, **variation)


async def failure(link, **variation):
    with pytest.raises(ProbeError) as caught:
        await open_tls(link, **variation)
    return caught.value


async def test_bytes_pass_both_ways_and_the_chain_is_verified(engine, context):
    async with serving(echo, context(GOOD, INTERMEDIATE)) as port:
        with link_to(port, engine) as link:
            stream = await open_tls(link)
            await stream.send(b"question")
            assert await stream.receive_exactly(8) == b"question"
            await stream.send(b"x" * 40_000)
            assert await stream.receive_exactly(40_000) == b"x" * 40_000
    assert link.stage is Stage.EXCHANGE
    assert (link.tls.version, link.tls.trust) == ("TLSv1.3", Trust.PUBLIC)
    assert link.tls.verified


async def test_a_bad_certificate_does_not_stop_the_conversation(engine, context):
    expired = server(INTERMEDIATE, NAME, start=-9 * DAY, end=-DAY)
    async with serving(echo, context(expired, INTERMEDIATE)) as port:
        with link_to(port, engine) as link:
            stream = await open_tls(link)
            await stream.send(b"question")
            assert await stream.receive_exactly(8) == b"question"
    assert (link.tls.error, link.tls.trust) == (TlsError.EXPIRED, Trust.PUBLIC)
    assert link.tls.expiry_timestamp == (NOW - DAY).timestamp()


async def test_the_site_authority_comes_from_its_file(context, tmp_path):
    (tmp_path / "site.pem").write_bytes(ROOT.pem)
    engine = TlsEngine(tmp_path / "site.pem", clock=NOW.timestamp)
    async with serving(echo, context(GOOD, INTERMEDIATE)) as port:
        with link_to(port, engine, public=True) as link:
            await open_tls(link)
    assert (link.tls.trust, link.tls.verified) == (Trust.SITE, True)
    assert link.tls.intercepted is True


def test_a_missing_authority_file_is_an_error_of_the_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        TlsEngine(tmp_path / "absent.pem")


def test_the_public_authorities_are_there_without_being_named():
    assert TlsEngine() is not None


@pytest.mark.parametrize(
    ("name", "policy", "sent"),
    [
        (NAME, None, NAME),
        (NAME, "other.example", "other.example"),
        ("trailing.example.", None, "trailing.example"),
        ("bücher.example", None, "xn--bcher-kva.example"),
        ("127.0.0.1", None, None),
        ("::1", None, None),
    ],
)
async def test_the_name_is_sent_but_never_an_address(
    engine, context, name, policy, sent
):
    server_side, names = context(GOOD, INTERMEDIATE), []
    server_side.sni_callback = lambda _, asked, __: names.append(asked)
    async with serving(echo, server_side) as port:
        with link_to(port, engine, name, tls=TlsPolicy(server_name=policy)) as link:
            await open_tls(link)
    assert names == [sent]


@pytest.mark.parametrize(
    ("offered", "agreed"), [([b"tds/8.0", b"http/1.1"], "http/1.1"), ([], "")]
)
async def test_the_protocol_is_negotiated(engine, context, offered, agreed):
    server_side = context(GOOD, INTERMEDIATE)
    server_side.set_alpn_protocols(["h2", "http/1.1"])
    async with serving(echo, server_side) as port:
        with link_to(port, engine) as link:
            assert (await open_tls(link, offered)).alpn == agreed


async def test_carriers_before_tls_1_3_get_tls_1_2(engine, context):
    async with serving(echo, context(GOOD, INTERMEDIATE)) as port:
        with link_to(port, engine) as link:
            await open_tls(link, at_most_tls12=True)
    assert link.tls.version == "TLSv1.2"
    assert link.tls.verified


async def test_no_session_is_resumed_so_the_chain_is_always_whole(engine, context):
    server_side, answers = context(GOOD, INTERMEDIATE), []

    async def note(reader, writer):
        answers.append(writer.get_extra_info("ssl_object").session_reused)
        await echo(reader, writer)

    async with serving(note, server_side) as port:
        for variation in (False, False, True, True):
            with link_to(port, engine) as link:
                stream = await open_tls(link, at_most_tls12=variation)
                await stream.send(b"x")
                await stream.receive()
            assert link.tls.error == ""
    assert answers == [False] * 4


class Trickle(Stream):
    """Another stream, one byte at a time; counts what is sent."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.sent = 0

    async def send(self, data):
        self.sent += 1
        await self.inner.send(data)

    async def _read(self):
        return await self.inner.receive_exactly(1)


@pytest.mark.parametrize("at_most_tls12", [False, True])
async def test_any_stream_will_do_even_one_byte_at_a_time(
    engine, context, at_most_tls12
):
    async with serving(echo, context(GOOD, INTERMEDIATE)) as port:
        with link_to(port, engine) as link:
            carrier = Trickle(await link.connect())
            stream = await link.start_tls(carrier, at_most_tls12=at_most_tls12)
            assert carrier.sent == 2
            await stream.send(b"question")
            assert await stream.receive_exactly(8) == b"question"
    assert link.tls.verified


async def test_the_first_flight_fits_one_packet(engine):
    flights = []

    async def listen(reader, writer):
        flights.append(await reader.read(65536))

    async with serving(listen) as port:
        with link_to(port, engine, "a-rather-long-name." * 5 + "example") as link:
            await failure(link)
    assert len(flights[0]) < 1200 - 40


async def test_the_peer_sees_an_orderly_end(engine, context):
    ends = []

    def accept_one(listening, server_side):
        accepted, _ = listening.accept()
        with server_side.wrap_socket(
            accepted, server_side=True, suppress_ragged_eofs=False
        ) as secured:
            ends.append(secured.recv(100))
            # SSLEOFError here if the connection just stopped.
            ends.append(secured.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server_side = context(GOOD, INTERMEDIATE)
        served = asyncio.create_task(
            asyncio.to_thread(accept_one, listening, server_side)
        )
        with link_to(listening.getsockname()[1], engine) as link:
            await (await open_tls(link)).send(b"question")
        await served
    assert ends == [b"question", b""]


async def test_the_peers_orderly_end_is_where_an_answer_was_due(engine, context):
    async def leave(reader, writer):
        await reader.read(10)

    async with serving(leave, context(GOOD, INTERMEDIATE)) as port:
        with link_to(port, engine) as link:
            stream = await open_tls(link)
            await stream.send(b"question")
            with pytest.raises(ProbeError) as caught:
                await stream.receive()
    assert caught.value.reason is Reason.CLOSED
    assert caught.value.detail == "closed by the peer where an answer was due"


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


# What a peer can do instead of a handshake.


def saying(data):
    async def talk(reader, writer):
        await reader.read(65536)
        writer.write(data)
        await writer.drain()
        await reader.read(10)

    return talk


async def close_at_once(reader, writer):
    await reader.read(65536)


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
            r"no TLS: the peer sent b'HTTP/1.1 400 Bad Request\r\n\r\n'",
        ),
        (
            saying(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
            Reason.MALFORMED,
            r"no TLS: the peer sent b'SSH-2.0-OpenSSH_9.2p1\r\n'",
        ),
        (
            saying(b"220 mail.uni.example ESMTP\x1b[2J\r\n"),
            Reason.MALFORMED,
            r"no TLS: the peer sent b'220 mail.uni.example ESMTP\x1b[2J\r\n'",
        ),
        (
            saying(b"\x16\x03\x03\x00\x05hello"),
            Reason.MALFORMED,
            "TLS broke down: unexpected message",
        ),
        (
            saying(b"\x16HTTP/1.1 400 Bad Request"),
            Reason.MALFORMED,
            "TLS broke down: wrong version number",
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


# OpenSSL's own server, for what Python's cannot be made to do.


@contextlib.contextmanager
def s_server(tmp_path, *arguments):
    (tmp_path / "key.pem").write_bytes(GOOD.key_pem)
    (tmp_path / "leaf.pem").write_bytes(GOOD.pem)
    (tmp_path / "others.pem").write_bytes(INTERMEDIATE.pem)
    command = [
        *("/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:0"),
        *("-key", tmp_path / "key.pem", "-cert", tmp_path / "leaf.pem"),
        *("-cert_chain", tmp_path / "others.pem", *arguments),
    ]
    # Packets, because s_server takes what one read gives it for one command.
    keyboard, stdin = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with keyboard, stdin, subprocess.Popen(command, text=True, **pipes) as process:
        try:
            line = next(line for line in process.stdout if line.startswith("ACCEPT"))
            yield int(line.rpartition(":")[2]), keyboard
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("options", "version"),
    [
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), "TLSv1"),
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "TLSv1.1"),
        (("-tls1_2",), "TLSv1.2"),
        (("-tls1_3",), "TLSv1.3"),
        (("-tls1_3", "-groups", "P-384"), "TLSv1.3"),
        (("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "TLSv1.3"),
    ],
)
async def test_peers_of_any_age_are_readable(engine, tmp_path, options, version):
    with s_server(tmp_path, *options) as (port, _), link_to(port, engine) as link:
        await open_tls(link)
    assert (link.tls.version, link.tls.verified) == (version, True)


async def test_a_client_certificate_demanded_in_tls_1_2_is_an_alert_with_facts(
    engine, tmp_path
):
    demand = ("-tls1_2", "-Verify", "1")
    with s_server(tmp_path, *demand) as (port, _), link_to(port, engine) as link:
        error = await failure(link)
    assert error.reason is Reason.TLS_ALERT
    assert error.detail == "the peer sent a TLS alert: handshake failure"
    assert (link.stage, link.tls.verified) == (Stage.TLS, True)


async def test_a_client_certificate_demanded_in_tls_1_3_shows_at_the_first_answer(
    engine, tmp_path
):
    demand = ("-tls1_3", "-Verify", "1")
    with s_server(tmp_path, *demand) as (port, _), link_to(port, engine) as link:
        stream = await open_tls(link)
        with pytest.raises(ProbeError) as caught:
            await stream.receive()
    assert caught.value.reason is Reason.TLS_ALERT
    assert caught.value.detail == "the peer sent a TLS alert: certificate required"
    assert (link.stage, link.tls.verified) == (Stage.EXCHANGE, True)


async def test_a_peer_without_our_versions_is_described(engine, tmp_path):
    with s_server(tmp_path, "-tls1_3") as (port, _), link_to(port, engine) as link:
        error = await failure(link, at_most_tls12=True)
    assert error.reason is Reason.TLS_ALERT
    assert error.detail == "the peer sent a TLS alert: protocol version"


@pytest.mark.parametrize(
    ("version", "command"),
    [("-tls1_2", b"r\n"), ("-tls1_3", b"k\n"), ("-tls1_3", b"K\n")],
    ids=["renegotiation", "new key", "new keys both ways"],
)
async def test_what_a_peer_wants_between_answers_does_not_disturb_them(
    engine, tmp_path, version, command
):
    with s_server(tmp_path, version) as (port, keyboard), link_to(port, engine) as link:
        stream = await open_tls(link)
        keyboard.send(command)
        keyboard.send(b"answer\n")
        assert await stream.receive_line(100) == b"answer"
        await stream.send(b"thanks\n")


def test_the_certificate_files_of_the_system_can_be_loaded():
    system = ssl.get_default_verify_paths().cafile
    assert TlsEngine(Path(system)) is not None
