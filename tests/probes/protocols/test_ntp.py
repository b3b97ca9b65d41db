from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from exporter.model.outcome import Origin, Reason, Stage
from tests.probes.wire.test_ntp import UNIX, packet
from tests.servers.chrony import chrony


@contextlib.contextmanager
def answering(*replies):
    """A UDP peer that answers each request with all of `replies(cookie)`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        requests = []

        def serve():
            while (data := sock.recvfrom(100))[0] != b"end":
                requests.append(data[0])
                for reply in replies:
                    sock.sendto(reply(data[0][40:48]), data[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1], requests
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            stop.sendto(b"end", sock.getsockname())
        thread.join()


async def ask(probe, port, **changes):
    return await probe("ntp", port, udp=True, **changes)


async def test_a_synchronised_server_tells_stratum_and_offset(probe, tmp_path):
    with chrony(tmp_path, "local stratum 10") as port:
        seen = await ask(probe, port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.evidence.ntp_stratum == 10
    assert abs(seen.evidence.ntp_offset) < 1
    assert 0 < seen.latency < 1


async def test_the_offset_is_how_far_the_server_is_ahead(probe):
    with answering(lambda cookie: packet(origin=cookie)) as (port, _):
        seen = await ask(probe, port)
    due = UNIX + 0.125 - time.time()
    assert seen.evidence.ntp_offset == pytest.approx(due, abs=10)


async def test_a_server_without_a_clock_still_answers(probe, tmp_path):
    with chrony(tmp_path) as port:
        seen = await ask(probe, port)
    assert seen.reason is Reason.ANSWERED
    assert (seen.evidence.ntp_stratum, seen.evidence.ntp_offset) == (0, None)
    assert "not synchronised" in seen.detail


@pytest.mark.parametrize(
    ("code", "pause"), [(b"RATE", 1024), (b"DENY", 86400), (b"RSTR", 86400)]
)
async def test_a_kiss_of_death_is_a_rejection_that_asks_for_a_pause(probe, code, pause):
    kiss = lambda cookie: packet(0xE4, 0, code, cookie)  # noqa: E731 - short
    with answering(kiss) as (port, requests):
        seen = await ask(probe, port)
    assert seen.reason is Reason.REJECTED
    assert seen.evidence.hold_off == pause
    assert code.decode() in seen.detail
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("first", "stratum", "refid", "detail"),
    [
        (0xE4, 0, b"INIT", "the server's clock is not synchronised INIT"),
        (0xE4, 0, b"STEP", "the server's clock is not synchronised STEP"),
        (0x24, 0, bytes(4), "the server's clock is not synchronised"),
        (0x24, 16, b"RATE", "the server's clock is not synchronised"),
    ],
)
async def test_a_server_that_has_only_just_started_refuses_nothing(
    probe, first, stratum, refid, detail
):
    starting = lambda cookie: packet(first, stratum, refid, cookie)  # noqa: E731 - short
    with answering(starting) as (port, _):
        seen = await ask(probe, port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, detail)
    assert (seen.evidence.ntp_stratum, seen.evidence.ntp_offset) == (0, None)
    assert seen.evidence.hold_off is None


async def test_a_kiss_that_a_stranger_sent_is_read_over(probe):
    kiss = lambda _cookie: packet(0xE4, 0, b"DENY", bytes(8))  # noqa: E731 - short
    honest = lambda cookie: packet(origin=cookie)  # noqa: E731 - short
    with answering(kiss, honest) as (port, _):
        seen = await ask(probe, port)
    assert (seen.reason, seen.evidence.hold_off) == (Reason.ANSWERED, None)


async def test_a_spoofed_reply_is_read_over(probe):
    spoofed = lambda _cookie: packet(origin=bytes(8))  # noqa: E731 - short
    honest = lambda cookie: packet(origin=cookie)  # noqa: E731 - short
    with answering(spoofed, honest) as (port, _):
        seen = await ask(probe, port)
    assert seen.reason is Reason.ANSWERED


async def test_only_spoofed_replies_are_no_answer(probe):
    spoofed = lambda _cookie: packet(origin=bytes(8))  # noqa: E731 - short
    with answering(spoofed) as (port, requests):
        seen = await ask(probe, port, timeout=0.3)
    assert seen.reason is Reason.TIMEOUT
    assert len(requests) == 2


async def test_silence_asks_twice_and_proves_no_arrival(probe):
    with answering() as (port, requests):
        seen = await ask(probe, port, timeout=0.3)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.CONNECT)
    assert len(requests) == 2
    assert requests[0] != requests[1]


async def test_garbage_is_malformed(probe):
    with answering(lambda _cookie: b"HTTP/1.1 400\r\n\r\n") as (port, _):
        seen = await ask(probe, port)
    assert seen.reason is Reason.MALFORMED


async def test_nothing_listening_is_told_by_the_destination(probe):
    with answering() as (port, _):
        pass
    seen = await ask(probe, port)
    assert (seen.reason, seen.origin) == (
        Reason.PORT_UNREACHABLE,
        Origin.DESTINATION,
    )


async def test_generic_udp_takes_any_reply(probe):
    with answering(lambda _cookie: b"") as (port, requests):
        seen = await probe("udp", port, udp=True, payload="c0ffee")
    assert seen.reason is Reason.ANSWERED
    assert requests == [b"\xc0\xff\xee"]


async def test_generic_udp_concludes_nothing_from_silence(probe):
    with answering() as (port, requests):
        seen = await probe("udp", port, udp=True)
    assert (seen.reason, seen.stage) == (Reason.UNTESTED, Stage.CONNECT)
    assert len(requests) == 3
