"""Pings, by a socket that stands in for the kernel's; tests/lab has real ones."""

from __future__ import annotations

import errno
import os

import pytest

from exporter.model.outcome import Reason, Stage, Verdict
from exporter.model.rule import Expect, Transport
from exporter.probes import kernel
from exporter.probes.runner import Runner
from tests import make
from tests.lab.misbehave import udp_peer
from tests.probing import Here

TRIES = 20


async def ping(port, **changes):
    target = make.target(
        "icmp", "server.uni.example", port, transport=Transport.ICMP, **changes
    )
    for _ in range(TRIES):
        result = await Runner(Here(), None).run(target)
        # A round in which this host was too busy says nothing.
        if "busy" not in result.observation.detail:
            break
    return result.observation, result.verdict


@pytest.fixture
def allowed(monkeypatch):
    """Datagrams over UDP in the place of pings: what is sent and read stays the same."""
    monkeypatch.setattr(kernel, "ping_socket", kernel.udp_socket)


def echoed(request):
    return b"\0" + request[1:]


@pytest.mark.usefixtures("allowed")
async def test_a_reply_is_the_answer():
    async with udp_peer(lambda data: [echoed(data)]) as (_, port):
        seen, verdict = await ping(port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert (seen.latency is not None, verdict) == (True, Verdict.HOLDS)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (lambda data: [echoed(data)[:-1] + b"x"], Reason.TIMEOUT),
        (lambda data: [data], Reason.MALFORMED),
        (lambda _: [b"HTTP/1.1 400"], Reason.MALFORMED),
    ],
)
async def test_anything_else_is_none(said, reason):
    async with udp_peer(said) as (_, port):
        seen, verdict = await ping(port, timeout=0.8)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)
    assert verdict is Verdict.VIOLATED


@pytest.mark.usefixtures("allowed")
async def test_silence_is_a_timeout_after_three_requests():
    asked = []
    async with udp_peer(lambda data: asked.append(data) or []) as (_, port):
        seen, _ = await ping(port, timeout=0.8)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.CONNECT)
    assert seen.detail == "no answer to 3 echo requests"
    assert len(set(asked)) >= 3


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("expect", Expect)
async def test_where_the_kernel_lets_nobody_ping_nothing_is_known(
    monkeypatch, code, expect
):
    def forbidden(_address):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(kernel, "ping_socket", forbidden)
    seen, verdict = await ping(0, expect=expect)
    assert (seen.reason, verdict) == (Reason.LOCAL_FAULT, Verdict.UNKNOWN)
    assert "net.ipv4.ping_group_range" in seen.detail
