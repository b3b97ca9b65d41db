"""What every TCP prober must make of a peer that misbehaves, whatever it speaks."""

from __future__ import annotations

import time

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.probes.protocols import PROBERS
from tests.servers.threaded import (
    closes_and_resets,
    closes_at_once,
    endless,
    mute,
    reset_unseen,
    resets_at_once,
    says,
    says_and_closes,
    scripted,
)

# What has a conversation over TCP; bare tcp is content with the handshake.
TALKING = sorted(
    name
    for name, prober in PROBERS.items()
    if "tcp" in prober.transports and name != "tcp"
)
GARBAGE = bytes(range(256)) * 40


@pytest.fixture(params=TALKING)
def name(request):
    return request.param


async def test_a_mute_peer_is_a_timeout_after_the_handshake(probe, name):
    with scripted(mute) as port:
        seen = await probe(name, port, timeout=0.3)
    assert seen.reason is Reason.TIMEOUT
    assert seen.stage in {Stage.TLS, Stage.EXCHANGE}
    assert seen.latency is not None


async def test_an_end_at_once_is_closed_or_reset(probe, name):
    with scripted(closes_at_once) as port:
        seen = await probe(name, port)
    assert seen.reason in {Reason.CLOSED, Reason.RESET}
    assert seen.stage in {Stage.TLS, Stage.EXCHANGE}


async def test_a_reset_is_a_reset(probe, name):
    with scripted(resets_at_once) as port:
        seen = await probe(name, port)
    assert seen.reason is Reason.RESET
    assert seen.stage in {Stage.TLS, Stage.EXCHANGE}


async def test_a_reset_right_behind_the_handshake_is_one_too(probe, name):
    with reset_unseen() as port:
        seen = await probe(name, port)
    assert seen.reason is Reason.RESET
    assert seen.stage in {Stage.TLS, Stage.EXCHANGE}
    assert seen.latency is not None


@pytest.mark.parametrize("data", [b"x" * 4096, b"x\r\n" * 1000, bytes(4096)])
async def test_endless_data_is_malformed_and_ends_soon(probe, name, data):
    started = time.perf_counter()
    with scripted(endless(data)) as port:
        seen = await probe(name, port, timeout=20.0)
    assert seen.reason is Reason.MALFORMED
    assert time.perf_counter() - started < 15


@pytest.mark.parametrize(
    "treatment", [says(GARBAGE), says_and_closes(GARBAGE)], ids=["open", "closed"]
)
async def test_garbage_is_malformed(probe, name, treatment):
    with scripted(treatment) as port:
        seen = await probe(name, port, timeout=2.0)
    assert seen.reason is Reason.MALFORMED


async def test_a_closed_port_is_refused(probe, name):
    with scripted(mute) as port:
        pass
    seen = await probe(name, port)
    assert (seen.reason, seen.stage) == (Reason.REFUSED, Stage.CONNECT)


@pytest.mark.parametrize(
    ("peer", "treatment"),
    [
        (scripted, mute),
        (scripted, closes_at_once),
        (scripted, resets_at_once),
        (scripted, endless(b"x")),
        (reset_unseen, resets_at_once),
        (reset_unseen, closes_and_resets),
    ],
)
async def test_bare_tcp_is_content_with_the_handshake(probe, peer, treatment):
    with peer(treatment) as port:
        seen = await probe("tcp", port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.latency is not None
