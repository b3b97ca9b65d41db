"""Waiting for sockets: each wakes who waits for it, and nobody else."""

from __future__ import annotations

import asyncio
import socket

import pytest

from exporter.probes.readiness import readable, writable


@pytest.fixture
def pairs():
    """Three pairs of connected sockets that never block."""
    made = [socket.socketpair() for _ in range(3)]
    for pair in made:
        for sock in pair:
            sock.setblocking(False)
    yield made
    for pair in made:
        for sock in pair:
            sock.close()


async def begun(*waits):
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.sleep(0)
    return tasks


async def test_only_who_waits_for_that_socket_is_woken(pairs):
    first, second, third = await begun(*(readable(ours) for ours, _ in pairs))
    pairs[1][1].send(b"x")
    await second
    assert not first.done()
    assert not third.done()
    pairs[0][1].send(b"x")
    pairs[2][1].send(b"x")
    await asyncio.gather(first, third)


async def test_a_socket_is_waited_for_as_often_as_need_be(pairs):
    ours, theirs = pairs[0]
    for _ in range(3):
        await writable(ours)
        (waiting,) = await begun(readable(ours))
        theirs.send(b"x")
        await waiting
        assert ours.recv(10) == b"x"


async def test_who_gives_up_leaves_nothing_behind(pairs):
    ours, theirs = pairs[0]
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(readable(ours), 0.01)
    theirs.send(b"x")
    await readable(ours)


async def test_who_gives_up_as_it_comes_harms_nobody(pairs):
    given_up, waiting = await begun(*(readable(ours) for ours, _ in pairs[:2]))
    for _, theirs in pairs[:2]:
        theirs.send(b"x")
    given_up.cancel()
    await waiting
    assert given_up.cancelled()
    await readable(pairs[0][0])


async def test_the_end_of_a_connection_is_something_to_be_told(pairs):
    ours, theirs = pairs[0]
    (waiting,) = await begun(readable(ours))
    theirs.close()
    await waiting
    assert ours.recv(10) == b""


def test_each_event_loop_waits_for_its_own(pairs):
    async def both():
        pairs[0][1].send(b"x")
        await readable(pairs[0][0])
        return pairs[0][0].recv(10)

    assert asyncio.run(both()) == b"x"
    assert asyncio.run(both()) == b"x"
