"""Each peer does its one thing wrong, and nothing is left when its block ends."""

from __future__ import annotations

import asyncio
import itertools
import socket

import pytest

from tests.lab import misbehave, plan
from tests.lab.lab import PYTHON
from tests.lab.misbehave import peer, udp_peer


async def talk(behaviour, said=b"hello\n", patience=1.0):
    """Says something and collects 200 000 bytes, or what comes, and how it ends."""
    async with peer(behaviour) as address:
        reader, writer = await asyncio.open_connection(*address)
        heard, end = b"", "closed"
        try:
            async with asyncio.timeout(patience):
                writer.write(said)
                while chunk := await reader.read(65536):
                    heard += chunk
                    if len(heard) > 200_000:
                        end = "endless"
                        break
        except TimeoutError:
            end = "silent"
        except ConnectionResetError:
            end = "reset"
        writer.transport.abort()
        return heard, end


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
    assert await talk(behaviour, said, patience=0.3) == (heard, end)


async def test_an_endless_line_never_ends():
    heard, end = await talk(misbehave.endless)
    assert end == "endless"
    assert set(heard) == {ord("x")}


async def test_endless_lines_are_lines():
    heard, end = await talk(misbehave.endless_lines)
    assert end == "endless"
    assert heard.startswith(b"250-and so on\r\n250-")


async def test_a_peer_drips_byte_by_byte():
    async with peer(misbehave.dripping(b"220", 0.05)) as address:
        reader, writer = await asyncio.open_connection(*address)
        chunks = [await reader.read(100) for _ in range(3)]
        writer.transport.abort()
    assert chunks == [b"2", b"2", b"0"]


async def test_a_peer_takes_many_and_lets_go_of_all():
    async with peer(misbehave.mute) as address:
        clients = [await asyncio.open_connection(*address) for _ in range(20)]
        before = asyncio.all_tasks()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert len(before) > 20
    assert [await reader.read() for reader, _ in clients] == [b""] * 20
    for _, writer in clients:
        writer.close()


async def ask(answer, count):
    """Sends one datagram to a peer and collects so many answers."""
    loop = asyncio.get_running_loop()
    async with udp_peer(answer) as address:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(address)
            sock.send(b"hello")
            async with asyncio.timeout(0.3):
                return [await loop.sock_recv(sock, 100) for _ in range(count)]


async def test_udp_peers_answer_as_told():
    assert await ask(misbehave.echoing, 1) == [b"hello"]
    assert await ask(misbehave.answering(b"a", b"b"), 2) == [b"a", b"b"]
    assert len(set(await ask(misbehave.babbling, 64))) == 64


async def test_a_silent_udp_peer_takes_datagrams_without_a_refusal():
    with pytest.raises(TimeoutError):
        await ask(misbehave.silent, 1)


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
