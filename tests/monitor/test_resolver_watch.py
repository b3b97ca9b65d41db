"""Each resolver watched by itself, by c-ares, over UDP and TCP."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from exporter.model.rule import Transport
from exporter.monitor import resolver_watch
from exporter.monitor.resolver_watch import (
    INTERVAL,
    INTERVAL_DOWN,
    ResolverWatch,
)
from exporter.probes import host_network
from tests.servers.nameserver import TRUNCATED, scripted_names
from tests.servers.process import free_port
from tests.servers.unbound import unbound

NS = 2


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(resolver_watch, "_PATIENCE", 0.5)
    monkeypatch.setattr(resolver_watch, "_SECOND_LOOK", 0.05)


def nothing(query):
    return query.answer()


def silent(_query):
    return None


async def seen(*servers, **options):
    """Whether each is up, over UDP and over TCP, as two letters a server."""
    watch = ResolverWatch(lambda: servers, **options)
    await watch.look()
    states = watch.states()
    signs = {True: "+", False: "-", None: "?"}
    return [
        "".join(signs[states.get((s, t))] for t in (Transport.UDP, Transport.TCP))
        for s in servers
    ]


async def test_a_real_resolver_is_up(tmp_path):
    with unbound(tmp_path, {}) as port:
        assert await seen(f"127.0.0.1:{port}") == ["++"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_question_is_cheap_and_has_no_options(host):
    with scripted_names(nothing, host=host) as server:
        assert await seen(server.address) == ["++"]
    assert [one.transport for one in server.asked] == ["udp", "tcp"]
    for query in server.asked:
        assert (query.name, query.kind, query.additional) == ("", NS, 0)


@pytest.mark.parametrize("rcode", range(7))
async def test_whatever_it_answers_it_is_up(rcode):
    with scripted_names(lambda query: query.answer(rcode=rcode)) as server:
        assert await seen(server.address) == ["++"]


async def test_transports_are_told_apart():
    def over(transport):
        return lambda query: nothing(query) if query.transport == transport else None

    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(scripted_names(script, tcp=tcp)).address
            for script, tcp in (
                (over("udp"), True),
                (over("tcp"), True),
                (nothing, False),
                (silent, True),
            )
        ]
        assert await seen(*servers) == ["+-", "-+", "+-", "--"]


async def test_a_truncated_answer_over_udp_is_one():
    def script(query):
        return query.answer(flags=TRUNCATED if query.transport == "udp" else 0)

    with scripted_names(script) as server:
        assert (await seen(server.address))[0][1] == "+"


async def test_a_resolver_that_is_not_there_is_down():
    assert await seen(f"127.0.0.1:{free_port()}") == ["--"]


async def test_one_failure_is_no_outage():
    asked = []

    def script(query):
        asked.append(query)
        # Two tries of the first look.
        return nothing(query) if len(asked) > 2 else None

    with scripted_names(script) as server:
        assert await seen(server.address) == ["++"]


async def test_silence_proves_nothing_while_this_host_is_busy():
    stalls = iter([0.0, 2.0, 2.0, 2.0])
    with scripted_names(
        lambda q: nothing(q) if q.transport == "tcp" else None
    ) as server:
        told = await seen(server.address, stalled=lambda: next(stalls))
    assert told == ["?+"]


async def test_without_descriptors_nothing_is_told(monkeypatch):
    monkeypatch.setattr(host_network, "can_open_socket", lambda: False)
    assert await seen(f"127.0.0.1:{free_port()}") == ["??"]


async def test_each_is_asked_once_an_interval_and_none_that_is_no_resolver():
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(scripted_names(nothing)) for _ in range(2))
        servers = [first.address]
        watch = ResolverWatch(lambda: servers)
        await watch.look()
        await watch.look()
        assert (len(first.asked), len(second.asked)) == (2, 0)
        servers[:] = [second.address]
        await watch.look()
        assert (len(first.asked), len(second.asked)) == (2, 2)
        assert {server for server, _ in watch.states()} == {second.address}
        watch._due[second.address] -= INTERVAL
        await watch.look()
        assert len(second.asked) == 4


async def test_one_that_is_down_is_looked_at_more_often():
    watch = ResolverWatch(lambda: [f"127.0.0.1:{free_port()}"])
    now = asyncio.get_running_loop().time()
    await watch.look()
    (due,) = watch._due.values()
    assert due - now < INTERVAL_DOWN + 10 < INTERVAL


async def test_it_keeps_looking_until_closed(monkeypatch):
    monkeypatch.setattr(resolver_watch, "_NOTICE", 0.01)
    with scripted_names(nothing) as server:
        servers = []
        watch = ResolverWatch(lambda: servers)
        watch.keep_looking()
        watch.keep_looking()
        await asyncio.sleep(0.05)
        assert not watch.states()
        servers.append(server.address)
        async with asyncio.timeout(20):
            while len(watch.states()) < 2:  # noqa: ASYNC110 - the watch signals nobody
                await asyncio.sleep(0.02)
        await watch.close()
        assert len(server.asked) == 2


async def test_a_change_is_logged_once(caplog):
    caplog.set_level(logging.INFO)
    up = []
    script = lambda query: nothing(query) if up else query.data[:2]  # noqa: E731
    with scripted_names(script) as server:
        watch = ResolverWatch(lambda: [server.address])
        for answers in ([], [], [True], [True]):
            up[:] = answers
            watch._due.clear()
            await watch.look()
    told = [one for one in caplog.messages if "over udp" in one]
    assert told == [
        f"resolver {server.address} does not answer over udp",
        f"resolver {server.address} answers again over udp",
    ]
