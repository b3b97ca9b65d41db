"""Each peer does its one thing wrong, and nothing is left when its block ends."""

from __future__ import annotations

import asyncio
import itertools
import socket

import pytest

from tests.lab import misbehave, plan
from tests.lab.lab import PYTHON
from tests.lab.misbehave import peer, udp_peer

PATIENCE = 10
A_WHILE = 0.1


async def talk(behaviour, said, expected, end):
    """Says something; what is heard, and how the connection ends after it."""
    async with peer(behaviour) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(said)
        try:
            async with asyncio.timeout(PATIENCE):
                heard = await reader.readexactly(expected)
            async with asyncio.timeout(A_WHILE if end == "silent" else PATIENCE):
                more = await reader.read(1)
        except TimeoutError:
            return heard, "silent"
        except ConnectionResetError:
            return b"", "reset"
        finally:
            writer.transport.abort()
        return heard, "talks on" if more else "closed"


@pytest.mark.parametrize(
    ("behaviour", "said", "heard", "end"),
    [
        (misbehave.mute, b"hello", b"", "silent"),
        (misbehave.closing_on_data, b"hello", b"", "closed"),
        (misbehave.closing, b"", b"", "closed"),
        (misbehave.resetting, b"", b"", "reset"),
        (misbehave.resetting_on_data, b"hello", b"", "reset"),
        (misbehave.garbage, b"hello", bytes(range(255, -1, -1)), "closed"),
        (misbehave.speaking_ssh, b"", b"SSH-2.0-OpenSSH_9.2p1\r\n", "silent"),
        (misbehave.banner(b"220 hi\r\n"), b"", b"220 hi\r\n", "silent"),
        (misbehave.dripping(b"220", 0.01), b"", b"220", "silent"),
        (misbehave.script(b"one", b"two"), b"hello", b"onetwo", "silent"),
    ],
)
async def test_a_peer_does_what_its_name_says(behaviour, said, heard, end):
    assert await talk(behaviour, said, len(heard), end) == (heard, end)


async def test_an_endless_line_never_ends():
    heard, end = await talk(misbehave.endless, b"", 1_000_000, "talks on")
    assert end == "talks on"
    assert set(heard) == {ord("x")}


async def test_endless_lines_are_lines():
    heard, end = await talk(misbehave.endless_lines, b"", 1_500_000, "talks on")
    assert end == "talks on"
    assert set(heard.split(b"\r\n")) == {b"250-and so on", b""}


async def test_a_dripping_peer_lets_one_byte_go_at_a_time():
    assert await talk(misbehave.dripping(b"220", 1000), b"", 1, "silent") == (
        b"2",
        "silent",
    )


async def test_a_peer_takes_many_and_lets_go_of_all():
    async with peer(misbehave.banner(b"!")) as address:
        clients = [await asyncio.open_connection(*address) for _ in range(20)]
        greetings = [await reader.readexactly(1) for reader, _ in clients]
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert greetings == [b"!"] * 20
    assert [await reader.read() for reader, _ in clients] == [b""] * 20
    for _, writer in clients:
        writer.close()


async def ask(answer, count, patience=PATIENCE):
    """Sends one datagram to a peer and collects so many answers."""
    loop = asyncio.get_running_loop()
    async with udp_peer(answer) as address:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(address)
            sock.send(b"hello")
            async with asyncio.timeout(patience):
                return [await loop.sock_recv(sock, 100) for _ in range(count)]


async def test_udp_peers_answer_as_told():
    assert await ask(misbehave.echoing, 1) == [b"hello"]
    assert await ask(misbehave.answering(b"a", b"b"), 2) == [b"a", b"b"]
    assert len(set(await ask(misbehave.babbling, 64))) == 64


async def test_a_silent_udp_peer_takes_datagrams_without_a_refusal():
    with pytest.raises(TimeoutError):
        await ask(misbehave.silent, 1, A_WHILE)


ports = itertools.count(7001)


@pytest.mark.lab
@pytest.mark.parametrize("family", [0, 1], ids=["v4", "v6"])
@pytest.mark.parametrize(("name", "kind"), [("mute", "tcp"), ("echoing", "udp")])
def test_a_peer_runs_on_a_host_of_the_lab(lab, knock, family, name, kind):
    own, port = plan.NAMES["api.appsanywhere.com"].addresses[family], next(ports)
    host = lab.hosts["web"]
    module = ["-m", "tests.lab.misbehave", name, own, str(port)]
    server = host.start(f"{name}-{port}", PYTHON, *module, unprivileged=True)
    server.wait_until(lambda: host.listens(kind, port), "listens")
    assert knock((kind, own, port)) == [
        {"end": "open" if kind == "tcp" else "reply", "queue": []}
    ]
    server.stop()
    assert knock((kind, own, port))[0]["end"] == "ECONNREFUSED"
