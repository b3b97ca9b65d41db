"""STUN against coturn and against servers that answer something else."""

from __future__ import annotations

import re

import pytest

from exporter.model.outcome import Reason, Stage
from tests.lab.misbehave import udp_peer
from tests.probes.wire.test_stun import V4, message
from tests.servers.scripted import peer

HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"
UNAUTHORIZED = ((9, b"\0\0\4\1Unauthorized"),)


def server(*before, attributes=((0x0020, V4),), kind=0x0101):
    def answer(datagram):
        own = message(*attributes, kind=kind, transaction=datagram[8:20])
        return (*before, own)

    return answer


def over_tcp(answer):
    async def treat(reader, writer):
        for one in answer(await reader.readexactly(20)):
            writer.write(one)
        await reader.read(100)

    return treat


@pytest.mark.parametrize("udp", [True, False])
async def test_coturn_tells_where_we_come_from(probe, coturn_port, udp):
    seen = await probe("stun", coturn_port, udp=udp)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert re.match(r"mapped address 127\.0\.0\.1:\d+, Coturn-", seen.detail)


@pytest.mark.parametrize("udp", [True, False])
async def test_an_error_is_an_answer_too(probe, udp):
    answer = server(attributes=UNAUTHORIZED, kind=0x0111)
    if udp:
        async with udp_peer(answer) as (_, port):
            seen = await probe("stun", port, udp=True)
    else:
        async with peer(over_tcp(answer)) as port:
            seen = await probe("stun", port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, "error 401 Unauthorized")


FOREIGN = message((0x0020, V4), transaction=bytes(12))


@pytest.mark.parametrize("first", [FOREIGN, b"short", HTTP, b"\x01\x01" + bytes(18)])
async def test_a_foreign_datagram_ends_nothing(probe, first):
    async with udp_peer(server(first)) as (_, port):
        seen = await probe("stun", port, udp=True)
    assert seen.reason is Reason.ANSWERED


@pytest.mark.parametrize(
    ("said", "reason", "words"),
    [
        (FOREIGN, Reason.TIMEOUT, "another request's transaction id"),
        (b"short", Reason.MALFORMED, "5 octets"),
        (HTTP, Reason.MALFORMED, "a message begins with HTTP"),
    ],
)
async def test_it_is_told_if_nothing_better_comes(probe, said, reason, words):
    async with udp_peer(lambda _: (said,)) as (_, port):
        seen = await probe("stun", port, udp=True, timeout=1.0)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)
    assert words in seen.detail


async def test_silence_is_a_timeout_before_anything_came(probe):
    async with udp_peer(lambda _: ()) as (_, port):
        seen = await probe("stun", port, udp=True, timeout=0.8)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.CONNECT)
    assert seen.detail == "no answer to 3 requests"


async def test_it_asks_again_with_the_same_transaction(probe):
    asked = []

    def answer(datagram):
        asked.append(datagram)
        return server()(datagram) if asked.count(datagram) == 3 else ()

    async with udp_peer(answer) as (_, port):
        seen = await probe("stun", port, udp=True, timeout=2.0)
    assert seen.reason is Reason.ANSWERED
    assert asked.count(asked[-1]) == 3


async def test_over_tcp_another_transaction_is_malformed(probe):
    async with peer(over_tcp(lambda _: (FOREIGN,))) as port:
        seen = await probe("stun", port)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)
    assert "another request's transaction id" in seen.detail
