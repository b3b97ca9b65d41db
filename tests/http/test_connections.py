"""Who is let in, and how long silence is put up with."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import select
import socket
import ssl

import pytest
import trustme

from exporter.http import (
    admission,
    connections,
    deadlines,
    handshake,
    server_connection,
)
from exporter.http.admission import Class
from exporter.http.server import serve
from exporter.http.web_config import read_web_config
from tests import exposing

REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEALTHY = b"healthy\n"
PATIENT = 30.0  # seconds, far more than anything here takes


@pytest.fixture
async def port():
    async with serve(exposing.populated().parts(), "127.0.0.1", 0) as port:
        yield port


@contextlib.asynccontextmanager
async def connection(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENT):
            yield reader, writer
    finally:
        writer.close()


async def asked(reader, writer):
    """What comes back, b"" where the connection is closed unheard."""
    try:
        writer.write(REQUEST)
        return await reader.readuntil(HEALTHY)
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""


async def let_in(port, stack):
    """A connection that was let in and asked in time, whatever number it took."""
    while True:
        ends = await stack.enter_async_context(connection(port))
        if await asked(*ends):
            return ends


def narrow(monkeypatch, places):
    """So few places, nobody's limited to a share, and nobody new is old enough to go."""
    monkeypatch.setattr(admission, "PLACES", dict.fromkeys(Class, places))
    monkeypatch.setattr(admission, "SHARE", 1.0)
    monkeypatch.setattr(admission, "RECENT", PATIENT)


async def test_connections_at_once_are_bounded(port, monkeypatch):
    narrow(monkeypatch, 2)
    async with connection(port) as silent, connection(port) as other:
        assert await asked(*other) != b""
        async with connection(port) as mute, connection(port) as late:
            assert await asked(*late) == b""
            mute[1].close()
        assert await asked(*other) != b""
        silent[1].close()
        async with contextlib.AsyncExitStack() as stack:
            assert await let_in(port, stack)


async def test_a_crowd_that_comes_while_the_loop_is_busy_loses_no_scrape(port):
    """What the kernel has no room to keep tries again after a second, then three."""
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            crowd = stack.enter_context(socket.socket())
            crowd.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                crowd.connect(("127.0.0.1", port))
        scrape = stack.enter_context(socket.socket())
        scrape.setblocking(False)
        # On loopback a connection is there at once if there is room for it.
        state = scrape.connect_ex(("127.0.0.1", port))
        assert state in (0, errno.EINPROGRESS)
        _, there, _ = select.select([], [scrape], [], 0.5)
        assert there == [scrape]


async def test_who_has_to_go_before_being_greeted_is_closed(monkeypatch):
    monkeypatch.setattr(admission, "PLACES", dict.fromkeys(Class, 1))
    monkeypatch.setattr(admission, "RECENT", 0.0)
    parts = exposing.populated().parts()
    async with serve(parts, "127.0.0.1", 0) as port:
        with contextlib.ExitStack() as stack:
            # Without a turn of the loop between them: both are accepted in one.
            first, second = (
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                for _ in range(2)
            )
            first.setblocking(False)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.get_running_loop().sock_recv(first, 1) == b""
            assert parts.admission.connections["unknown"] == 1
            second.close()


async def test_a_burst_from_one_address_is_answered_to_the_last(port):
    """Sixty at once, before any of them could be heard."""
    async with contextlib.AsyncExitStack() as stack:
        crowd = []
        for _ in range(60):
            ends = await stack.enter_async_context(connection(port))
            ends[1].write(REQUEST)
            crowd.append(ends)
        statuses = [(await reader.readline()).split()[1] for reader, _ in crowd]
    assert set(statuses) <= {b"200", b"503"}
    assert b"200" in statuses


async def test_who_asks_when_its_class_is_full_is_told_so(port, monkeypatch):
    narrow(monkeypatch, 1)
    admission.PLACES[Class.UNKNOWN] = 4
    async with contextlib.AsyncExitStack() as stack:
        await let_in(port, stack)
        reader, writer = await stack.enter_async_context(connection(port))
        writer.write(REQUEST)
        assert (await reader.readline()).split()[1] == b"503"
        assert b"Retry-After: 5" in await reader.readuntil(b"\r\n\r\n")
    async with connection(port) as (reader, writer):
        writer.write(REQUEST.replace(b"/-/healthy", b"/"))
        assert (await reader.readline()).split()[1] == b"200"


async def test_who_says_nothing_is_cut_off_and_who_asked_is_not(port, monkeypatch):
    monkeypatch.setattr(deadlines, "PATIENCE", 0.2)
    async with contextlib.AsyncExitStack() as stack:
        early = await let_in(port, stack)
        async with connection(port) as silent, connection(port) as halting:
            halting[1].write(b"GET /-/healthy HT")
            for reader, _ in (silent, halting):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
        assert await asked(*early) != b""


async def test_a_tls_handshake_under_way_is_counted(tmp_path, monkeypatch):
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    file = tmp_path / "web.yaml"
    file.write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
    protection = read_web_config(file)
    parts = exposing.populated().parts(protection=lambda: protection)
    narrow(monkeypatch, 1)
    monkeypatch.setattr(deadlines, "PATIENCE", 60.0)
    async with (
        serve(parts, "127.0.0.1", 0) as port,
        connection(port),
        connection(port) as (late, _),
    ):
        assert await late.read() == b""


@contextlib.asynccontextmanager
async def from_address(source, port):
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, local_addr=(source, 0)
    )
    try:
        async with asyncio.timeout(PATIENT):
            yield reader, writer
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("asks", [True, False], ids=["idle", "silent"])
async def test_who_holds_all_places_gives_one_to_somebody_else(port, monkeypatch, asks):
    narrow(monkeypatch, 6)
    async with contextlib.AsyncExitStack() as stack:
        crowd = []
        for _ in range(6):
            ends = await stack.enter_async_context(from_address("127.0.0.66", port))
            crowd.append(ends)
            if asks:
                assert await asked(*ends)
        for _ in range(3):
            other = await stack.enter_async_context(from_address("127.0.0.77", port))
            assert await asked(*other)
        assert await asked(*other)


async def test_who_pipelines_and_never_reads_is_cut_off(port, monkeypatch, caplog):
    monkeypatch.setattr(deadlines, "STALLED", 0.2)
    async with from_address("127.0.0.66", port) as (_, writer):
        writer.transport.set_write_buffer_limits(0)

        async def ask_on():
            while True:
                writer.write(REQUEST * 1000)
                await writer.drain()

        with pytest.raises(ConnectionError):
            await ask_on()
    assert "Traceback" not in caplog.text
    async with from_address("127.0.0.77", port) as ends:
        assert await asked(*ends)


async def test_without_file_descriptors_a_client_waits_for_its_turn(
    port, monkeypatch, caplog
):
    monkeypatch.setattr(connections, "_BREATH", 0.01)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setblocking(False)
        lowest_free = os.dup(client.fileno())
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
        try:
            async with asyncio.timeout(PATIENT):
                while "a client has to wait" not in caplog.text:  # noqa: ASYNC110 - a log line is no event
                    await asyncio.sleep(0.001)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENT):
            await loop.sock_sendall(client, REQUEST)
            answer = await loop.sock_recv(client, 4096)
        assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000,
        b"GET /rules/\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_a_request_that_is_none_fills_no_log(port, nonsense, caplog):
    caplog.set_level(logging.INFO)
    async with connection(port) as (reader, writer):
        writer.write(nonsense)
        assert (await reader.read()).split()[1] == b"400"
    (record,) = [r for r in caplog.records if r.name == server_connection.clients.name]
    assert record.levelno == logging.INFO
    assert record.exc_info is None
    assert "from 127.0.0.1: " in record.getMessage()


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz",
        b"Content-Encoding: deflate\r\nContent-Length: 3\r\n\r\nxyz",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    ],
)
async def test_nor_does_a_body_that_is_none(port, body, caplog):
    caplog.set_level(logging.INFO)
    async with connection(port) as (reader, writer):
        writer.write(b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\n" + body)
        assert (await reader.readline()).startswith(b"HTTP/1.")
        writer.write_eof()
        await reader.read()
    for record in caplog.records:
        assert record.levelno == logging.INFO
        assert record.exc_info is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionAbortedError("SSL handshake is taking longer"), "timeout"),
        (ConnectionResetError(), "closed"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca"), None),
        (ssl.SSLError(1, "[SSL: HTTP_REQUEST] http request"), "not_tls"),
        (
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
            "not_tls",
        ),
        (ssl.SSLError(1, "[SSL: SOMETHING] never heard of"), "other"),
        (OSError(24, "Too many open files"), "other"),
    ],
)
def test_a_failed_handshake_has_a_reason_of_the_closed_set(error, reason):
    found = handshake.failure(error)
    assert found == (reason or "refused_by_client")
    assert found in admission.HANDSHAKE_FAILURES
