"""What the server answers in its own name, and what it takes no notice of."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import threading

import bcrypt
import pytest

from exporter.http.server import serve
from exporter.http.server_connection import HEADERS
from exporter.http.web_config import WebConfig
from tests import exposing

PATIENT = 30.0
HEAD = b"Host: localhost\r\n"
EVIL = b"<b>evil</b>"


@pytest.fixture
async def port():
    async with serve(exposing.populated().parts(), "127.0.0.1", 0) as port:
        yield port


async def answers(port, *requests):
    """What comes back over one connection until it is closed, for all requests at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENT):
            writer.write(b"".join(requests))
            return await reader.read()
    finally:
        writer.close()


def asked(line, *fields, body=b""):
    fields = b"".join(field + b"\r\n" for field in (*fields, b"Connection: close"))
    return line + b" HTTP/1.1\r\n" + HEAD + fields + b"\r\n" + body


@pytest.mark.parametrize("expected", [EVIL, b"100-continue", b"100-continue, " + EVIL])
@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /-/healthy", b"200"),
        (b"POST /-/reload", b"200"),
        (b"GET /nowhere", b"404"),
        (b"POST /metrics", b"405"),
    ],
)
async def test_what_a_client_expects_changes_nothing(port, line, status, expected):
    plain = await answers(port, asked(line))
    answer = await answers(port, asked(line, b"Expect: " + expected))
    assert answer.split(b" ")[1] == status
    assert answer.partition(b"\r\n\r\n")[2] == plain.partition(b"\r\n\r\n")[2]
    assert b"evil" not in answer


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
async def test_no_body_is_unpacked(port, coding):
    """A small one could be gigabytes, and whoever unpacks them answers nobody else."""
    bomb = gzip.compress(bytes(1 << 20)) + EVIL
    length = b"Content-Length: %d" % len(bomb)
    packed = b"POST /-/reload HTTP/1.1\r\n" + HEAD + length + b"\r\n"
    packed += b"Content-Encoding: " + coding + b"\r\n\r\n" + bomb
    answer = await answers(port, packed, asked(b"GET /-/healthy"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.endswith(b"healthy\n")


async def test_a_body_that_still_comes_is_answered_and_heard_no_more(port):
    """Chunks of one byte each would take a second of work for each megabyte of them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(PATIENT):
        begun = b"POST /-/reload HTTP/1.1\r\n" + HEAD
        writer.write(begun + b"Transfer-Encoding: chunked\r\n\r\n1\r\nA\r\n")
        answer = await reader.readuntil(b"reloaded\n")
        assert b"Connection: close" in answer
        writer.write(b"1\r\nA\r\n" * 50_000 + b"0\r\n\r\n" + asked(b"GET /-/healthy"))
        await writer.drain()
        assert await reader.read() == b""
    writer.close()


async def test_only_so_much_of_requests_is_taken_in_at_once(port):
    """All that the kernel keeps is parsed in one turn of the loop."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 12)
        client.connect(("127.0.0.1", port))
        client.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += client.send(bytes(1 << 12))
    assert 1 << 12 < sent < 100_000


@pytest.mark.parametrize(
    "broken",
    [
        b"evil\r\n\r\n",
        b"EVIL / HTTP/1.1\r\n" + HEAD + b"\r\n",
        b"GET / HTTP/9.9evil\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http://[evil/ HTTP/1.1\r\n" + HEAD + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"evil\x01: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"A: evil\0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"Host: evil\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"evil: a\r\n" * 2000 + b"\r\n",
        b"GET /" + b"evil" * 5000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
        b"POST /-/reload HTTP/1.1\r\n" + HEAD + b"Content-Length: evil\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: evil\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01evil" + b"\r\n" * 2,
    ],
)
async def test_what_is_no_request_is_told_so_in_words_of_ours(port, broken):
    head, _, body = (await answers(port, broken)).partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == b"400"
    assert body == b"not a request"
    for name, value in HEADERS.items():
        assert f"{name}: {value}".encode() in head
    assert b"Content-Type: text/plain" in head
    assert b"evil" not in head.lower()
    assert b"ython" not in head


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"PATCH"])
@pytest.mark.parametrize("path", [b"/", b"/metrics", b"/nowhere", b"/evil<b>"])
async def test_other_methods_are_refused_without_an_echo(port, method, path):
    line = method + b" " + path
    answer = await answers(port, asked(line, b"X: " + EVIL))
    head = answer.partition(b"\r\n\r\n")[0]
    assert head.split(b" ")[1] in {b"404", b"405"}
    assert b"evil" not in answer
    assert b"\r\nServer:" not in head
    assert b"Content-Type: text/plain" in head


@pytest.mark.parametrize("word", [b"websocket", b"h2c", EVIL])
async def test_no_other_protocol_is_switched_to(port, word):
    upgrade = (b"Upgrade: " + word, b"Sec-WebSocket-Key: dGhlIHNhbXBsZQ==")
    answer = await answers(port, asked(b"GET /-/healthy", *upgrade))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"pgrade" not in answer


async def test_who_leaves_gives_up_its_turn(monkeypatch):
    """Its place among the connections is free then, so it could wait without bound."""
    release, compared = threading.Event(), []

    def checkpw(given, _hashed):
        compared.append(given)
        release.wait(PATIENT)
        return False

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    protection = WebConfig(users={"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4))})
    parts = exposing.populated().parts(protection=lambda: protection)
    async with serve(parts, "127.0.0.1", 0) as port:
        guess = b"Authorization: Basic YWxpY2U6"  # alice:
        first = asyncio.create_task(answers(port, asked(b"GET /", guess + b"MA==")))
        while not compared:  # noqa: ASYNC110 - a thread's progress is no event
            await asyncio.sleep(0.001)
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asked(b"GET /", guess + b"MQ=="))
            await writer.drain()
            # Answered behind it on the loop: the guess has been read and waits.
            assert b"healthy" in await answers(port, asked(b"GET /-/healthy"))
            writer.transport.abort()
        assert b"healthy" in await answers(port, asked(b"GET /-/healthy"))
        release.set()
        assert (await first).split(b" ")[1] == b"401"
        last = await answers(port, asked(b"GET /", guess + b"Mg=="))
        assert last.split(b" ")[1] == b"401"
    assert compared == [b"0", b"2"]
