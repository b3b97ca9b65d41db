"""The endpoint mapper: Samba's, its neighbours, and servers that say no."""

from __future__ import annotations

import pytest

from exporter.model.outcome import Reason, Stage
from tests.lab.misbehave import closing_on_data, mute, peer
from tests.probes.wire.test_rpc import ACK, fragment, nak
from tests.servers.rpcd import MANAGEMENT, PORT
from tests.servers.scripted import replies


async def test_sambas_endpoint_mapper_is_one(probe, rpcd_address):
    seen = await probe("rpc", PORT, host=rpcd_address)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "RPC endpoint mapper"
    assert seen.latency is not None


async def test_what_the_mapper_gives_out_answers_as_rpc_too(probe, rpcd_address):
    seen = await probe("rpc", MANAGEMENT, host=rpcd_address)
    assert seen.reason is Reason.ANSWERED
    said = "RPC, without an endpoint mapper: abstract syntax not supported"
    assert seen.detail == said


@pytest.mark.parametrize(
    ("said", "reason", "words"),
    [
        (nak(1), Reason.REJECTED, "bind refused: temporary congestion"),
        (fragment(3, bytes(16)), Reason.REJECTED, "fault: 0x00000000"),
        (fragment(12, ACK[16:], call=2), Reason.MALFORMED, "call 2"),
        (fragment(11, ACK[16:]), Reason.MALFORMED, "not DCE/RPC"),
        (fragment(12, ACK[16:], minor=9), Reason.MALFORMED, "not DCE/RPC"),
        (ACK[:-1], Reason.TIMEOUT, "59 bytes came"),
        (ACK[:5], Reason.TIMEOUT, "5 bytes came"),
    ],
)
async def test_what_a_server_may_say_instead(probe, said, reason, words):
    async with peer(replies(said)) as (_, port):
        seen = await probe("rpc", port, timeout=0.6)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)
    assert words in seen.detail


@pytest.mark.parametrize(
    ("treat", "reason"), [(mute, Reason.TIMEOUT), (closing_on_data, Reason.CLOSED)]
)
async def test_a_handshake_alone_is_no_answer(probe, treat, reason):
    async with peer(treat) as (_, port):
        seen = await probe("rpc", port, timeout=0.6)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)
