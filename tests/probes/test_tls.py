import asyncio
import socket

import pytest

from exporter.model.outcome import ProbeError, Reason, Stage
from exporter.model.rule import TlsPolicy
from exporter.model.tls_facts import TlsError, Trust
from exporter.probes.stream import Stream
from exporter.probes.tls import TlsEngine
from tests.certificates import DAY, NOW, server
from tests.tlspeers import (
    GOOD,
    INTERMEDIATE,
    NAME,
    ROOT,
    echo,
    failure,
    link_to,
    open_tls,
    serving,
)


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


async def test_without_files_only_the_public_authorities_count(context):
    async with serving(echo, context(GOOD, INTERMEDIATE, ROOT)) as port:
        with link_to(port, TlsEngine(clock=NOW.timestamp), public=True) as link:
            await open_tls(link)
    assert (link.tls.trust, link.tls.error) == (Trust.NONE, TlsError.UNKNOWN_ISSUER)
    assert link.tls.intercepted is True


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

    async def _write(self, data):
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
            await stream.send(b"question")
            # TLS 1.3 ends with our word, which goes with the question.
            assert carrier.sent == (3 if at_most_tls12 else 2)
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
