"""SQL Server: PRELOGIN, TLS inside TDS and TDS 8, against the fake that clients accept."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.tls_facts import TlsError, Trust
from exporter.probes.wire import tds
from tests.lab.misbehave import closing_on_data, mute, resetting_on_data
from tests.probing import EXPIRED, ISSUED, server_tls
from tests.servers.scripted import peer, replies
from tests.servers.sqlserver import (
    NOT_SUPPORTED,
    OFF,
    ON,
    RESPONSE,
    SqlServer,
    _options,
    _packet,
    tls_context,
)
from tests.servers.threaded import scripted


@pytest.fixture
def fake(tmp_path):
    """Makes fake servers with a certificate."""

    def make_fake(encryption=ON, issued=ISSUED, *, strict=False):
        server_tls(tmp_path, issued)
        files = tmp_path / "cert.pem", tmp_path / "key.pem"
        return SqlServer(tls_context(*files, strict=strict), encryption)

    return make_fake


@pytest.mark.parametrize("encryption", [OFF, ON])
async def test_the_certificate_is_seen_inside_tds(probe, fake, encryption):
    server = fake(encryption)
    async with peer(server.serve) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "SQL Server 16.0.4200, encryption on"
    assert (seen.tls.version, seen.tls.trust) == ("TLSv1.2", Trust.SITE)
    assert seen.tls.verified


async def test_tls_inside_tds_is_never_newer_than_1_2(probe, fake):
    server = fake()
    server.context.maximum_version = ssl.TLSVersion.TLSv1_3
    async with peer(server.serve) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.tls.version) == (Reason.ANSWERED, "TLSv1.2")


async def test_nobody_logs_in(probe, fake):
    server, over = fake(), asyncio.Event()

    async def treat(reader, writer):
        await server.serve(reader, writer)
        over.set()

    async with peer(treat) as port:
        await probe("mssql", port)
        async with asyncio.timeout(5):
            await over.wait()
    assert server.events == ["prelogin", "tls", "closed"]


async def test_an_expired_certificate_is_told_and_no_failure(probe, fake):
    async with peer(fake(issued=EXPIRED).serve) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.tls.error) == (Reason.ANSWERED, TlsError.EXPIRED)


async def test_a_server_without_encryption_answers_without_tls(probe, fake):
    async with peer(fake(NOT_SUPPORTED).serve) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)
    assert seen.detail == "SQL Server 16.0.4200, encryption not supported"


async def test_tls_can_be_left_out(probe, fake):
    async with peer(fake().serve) as port:
        seen = await probe("mssql", port, tls=False)
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)


async def test_a_strict_server_is_asked_again_inside_tls(probe, fake):
    server = fake(strict=True)
    async with peer(server.serve_strict, server.context) as port:
        seen = await probe("mssql", port)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail == "SQL Server 16.0.4200, strict encryption (TDS 8)"
    assert seen.tls.version == "TLSv1.3"
    assert server.events[:2] == ["tds/8.0", "prelogin"]


async def test_a_strict_server_that_says_no_in_tls_is_asked_again_too(probe, fake):
    context = fake(strict=True).context

    def treat(sock):
        if sock.recv(1, socket.MSG_PEEK) == b"\x12":
            sock.recv(4096)
            sock.sendall(b"\x15\x03\x01\0\2\2\x46")  # protocol_version
            return
        with context.wrap_socket(sock, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(_packet(RESPONSE, _options(ON)))
            secured.recv(1)

    with scripted(treat) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "SQL Server 16.0.4200, strict encryption (TDS 8)"


async def test_a_strict_server_is_not_asked_again_without_tls(probe, fake):
    server = fake(strict=True)
    async with peer(server.serve_strict, server.context) as port:
        seen = await probe("mssql", port, tls=False)
    assert seen.reason in {Reason.CLOSED, Reason.RESET, Reason.MALFORMED}
    assert server.events == []


@pytest.mark.parametrize(
    ("treat", "reason"),
    [(closing_on_data, Reason.CLOSED), (resetting_on_data, Reason.RESET)],
)
async def test_a_server_that_cuts_both_ways_is_told_by_the_second(probe, treat, reason):
    async with peer(treat) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.stage) == (reason, Stage.TLS)


HEAD = bytes.fromhex("0401002b00000100")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(HEAD, Reason.TIMEOUT, id="truncated"),
        pytest.param(b"\x04\x01\xff\xff\0\0\1\0", Reason.MALFORMED, id="oversized"),
        pytest.param(b"\x04\x01\0\x09\0\0\1\0\xff", Reason.MALFORMED, id="empty"),
        pytest.param(b"\x04\0\0\x09\0\0\1\0\x00" * 9, Reason.MALFORMED, id="no end"),
        pytest.param(b"HTTP/1.1 400 Bad\r\n", Reason.MALFORMED, id="text"),
        pytest.param(tds.prelogin(), Reason.MALFORMED, id="an echo"),
    ],
)
async def test_any_other_answer_is_no_prelogin(probe, reply, reason):
    async with peer(replies(reply)) as port:
        seen = await probe("mssql", port, timeout=0.5)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)


def prelogin_then(fake, more):
    async def treat(reader, writer):
        await fake._prelogin(reader, writer)
        writer.write(more)
        await mute(reader, writer)

    return treat


async def test_data_injected_before_tls_is_malformed(probe, fake):
    async with peer(prelogin_then(fake(), b"\x04\x01\0\x09\0\0\1\0x")) as port:
        seen = await probe("mssql", port)
    assert seen.reason is Reason.MALFORMED
    assert seen.detail.startswith("data sent before the TLS handshake; 52 bytes came")


async def test_silence_in_the_handshake_is_a_timeout_in_tls(probe, fake):
    async with peer(prelogin_then(fake(), b"")) as port:
        seen = await probe("mssql", port, timeout=0.5)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.TLS)


async def test_tls_outside_of_packets_is_malformed(probe, fake):
    async def treat(reader, writer):
        await fake()._prelogin(reader, writer)
        await reader.read(4096)
        writer.write(b"\x16\x03\x03\x00\x31\x02\x00\x00\x2d\x03\x03" + bytes(40))
        await mute(reader, writer)

    async with peer(treat) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.TLS)
