"""The socket module against real sockets on loopback; firewalls are the lab's."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import queue
import resource
import socket
import sys
import time
import weakref
from pathlib import Path

import pytest

from exporter.model.outcome import Origin, ProbeError, Reason, Stage
from exporter.probes.link import Link
from tests import make
from tests.servers.process import free_port
from tests.servers.threaded import (
    closes_and_resets,
    closes_at_once,
    mute,
    reset_unseen,
    resets,
    resets_at_once,
    says,
    scripted,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux sockets")
ADDRESSES = ["127.0.0.1", "::1"]


@pytest.fixture(params=ADDRESSES)
def address(request):
    return request.param


def link_to(address, port, probe="tcp"):
    return Link(make.target(probe, destination=address, port=port), address, None)


@pytest.fixture
def peer(address):
    """Starts a peer that treats each connection as told; yields the starter."""
    with contextlib.ExitStack() as stack:
        yield lambda treatment: link_to(
            address, stack.enter_context(scripted(treatment, address))
        )


async def test_a_connection_has_the_kernels_round_trip(peer):
    with peer(mute) as link:
        assert link.stage is Stage.CONNECT
        await link.connect()
        assert link.stage is Stage.EXCHANGE
        assert 0 < link.latency < 1
        assert link.syn_retransmits == 0


async def test_what_is_sent_arrives_and_comes_back(peer):
    with peer(lambda sock: sock.sendall(sock.recv(100).upper())) as link:
        stream = await link.connect()
        await stream.send(b"hello\n")
        assert await stream.receive_line(100) == b"HELLO"


async def test_closing_sends_fin_even_with_a_greeting_left_unread(peer):
    ends = queue.SimpleQueue()

    def treat(sock):
        sock.sendall(b"220 welcome\r\n")
        try:
            ends.put(sock.recv(100))
        except ConnectionError as error:
            ends.put(error)

    with peer(treat) as link:
        stream = await link.connect()
        await stream.receive_exactly(1)
    assert ends.get(timeout=5) == b""


async def test_a_refusal_leaves_nothing_for_the_garbage_collector(address):
    gc.collect()
    gc.disable()
    try:
        with (
            link_to(address, free_port(address)) as link,
            contextlib.suppress(ProbeError),
        ):
            await link.connect()
        gone = weakref.ref(link)
        del link
        assert gone() is None
    finally:
        gc.enable()


async def test_a_closed_port_is_refused(address):
    with link_to(address, free_port(address)) as link:
        with pytest.raises(ProbeError) as caught:
            await link.connect()
        assert caught.value.reason is Reason.REFUSED
        assert (caught.value.origin, caught.value.icmp) == (Origin.NOBODY, None)
        assert link.stage is Stage.CONNECT


async def test_the_source_is_known_whether_anything_answers_or_not(peer, address):
    with peer(mute) as link:
        assert link.source_address() == ""
        await link.connect()
        assert link.source_address() == address
    with link_to(address, free_port(address)) as link:
        with pytest.raises(ProbeError):
            await link.connect()
        assert link.source_address() == address


class Reporting:
    """A socket that reports an ICMP error some times before it does as told."""

    def __init__(self, sock, times):
        self._sock, self._times = sock, times

    def __getattr__(self, name):
        if name in {"send", "recv"} and self._times:
            self._times -= 1
            raise OSError(errno.EHOSTUNREACH, "no route to host")
        return getattr(self._sock, name)


@pytest.mark.parametrize("times", [1, 2])
async def test_one_icmp_error_of_a_standing_connection_is_lived_with(peer, times):
    with peer(lambda sock: sock.sendall(sock.recv(100).upper())) as link:
        stream = await link.connect()
        stream._sock = Reporting(stream._sock, times)
        with contextlib.ExitStack() as stack:
            if times > 1:
                caught = stack.enter_context(pytest.raises(ProbeError))
            await stream.send(b"hello\n")
            assert await stream.receive_line(100) == b"HELLO"
        if times > 1:
            assert caught.value.reason is Reason.HOST_UNREACHABLE
            assert caught.value.origin is Origin.NOBODY
        silence = await link.explained(ProbeError(Reason.TIMEOUT, "no answer"))
        assert "ICMP message said: host unreachable" in silence.detail


async def test_icmp_errors_are_reported_until_the_handshake_only(peer, address):
    option = (41, 25) if ":" in address else (0, 11)
    with peer(mute) as link:
        await link.connect()
        (sock,) = link._sockets
        assert not sock.getsockopt(*option)
    with link_to(address, 9, "udp") as link:
        link.datagrams()
        (sock,) = link._sockets
        assert sock.getsockopt(*option)


async def test_small_segments_are_asked_for_on_request(peer):
    with peer(mute) as link:
        link.small_segments = True
        await link.connect()
        (sock,) = link._sockets
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 536


async def test_of_an_address_of_this_hosts_own_nothing_is_explained(address):
    with link_to(address, free_port(address)) as link:
        for reason in (Reason.REFUSED, Reason.TIMEOUT, Reason.RESET):
            error = ProbeError(reason, "as seen")
            assert await link.explained(error) is error


async def test_small_writes_do_not_wait_for_each_other(peer):
    with peer(mute) as link:
        await link.connect()
        (sock,) = link._sockets
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_another_port_can_be_tried_without_a_trace(peer, address):
    with peer(mute) as link:
        await link.connect()
        stage, latency = link.stage, link.latency
        failure = await link.try_port(free_port(address), 5)
        assert failure.reason is Reason.REFUSED
        assert await link.try_port(link.target.port, 5) is None
        assert (link.stage, link.latency) == (stage, latency)


async def test_another_port_that_cannot_even_be_tried_is_no_failure(peer, monkeypatch):
    with peer(mute) as link:

        def none_left(*_):
            raise OSError(errno.EMFILE, "too many open files")

        monkeypatch.setattr(socket, "socket", none_left)
        failure = await link.try_port(1, 5)
        assert failure.reason is Reason.LOCAL_FAULT


async def test_a_reset_after_the_handshake_is_not_a_refusal(peer):
    with peer(resets) as link:
        stream = await link.connect()
        await stream.send(b"hello\n")
        with pytest.raises(ProbeError) as caught:
            await stream.receive()
        assert caught.value.reason is Reason.RESET
        assert link.stage is Stage.EXCHANGE


@pytest.mark.parametrize("ending", [resets_at_once, closes_and_resets])
async def test_a_handshake_counts_though_its_reset_was_there_first(ending):
    with reset_unseen(ending) as port, link_to("127.0.0.1", port) as link:
        stream = await link.connect()
        assert link.stage is Stage.EXCHANGE
        assert link.latency is not None
        for _ in range(2):
            with pytest.raises(ProbeError) as caught:
                await stream.receive()
            assert caught.value.reason is Reason.RESET
        with pytest.raises(ProbeError) as caught:
            await stream.send(b"hello\n")
        assert caught.value.reason is Reason.RESET
        stream.send_last(b"nobody listens\n")


async def test_what_was_said_before_a_reset_is_read_first():
    def says_and_resets(sock):
        sock.sendall(b"220 welcome\r\n")
        resets_at_once(sock)

    with reset_unseen(says_and_resets) as port, link_to("127.0.0.1", port) as link:
        stream = await link.connect()
        assert await stream.receive_line(100) == b"220 welcome"
        with pytest.raises(ProbeError) as caught:
            await stream.receive()
        assert caught.value.reason is Reason.RESET


async def test_another_port_is_open_though_it_resets_at_once():
    with reset_unseen() as port, link_to("127.0.0.1", 9) as link:
        assert await link.try_port(port, 5) is None


async def test_an_early_end_is_closed(peer):
    with peer(closes_at_once) as link:
        stream = await link.connect()
        with pytest.raises(ProbeError) as caught:
            await stream.receive()
        assert caught.value.reason is Reason.CLOSED


async def test_a_datagram_to_a_closed_port_names_the_destination(address):
    port = free_port(address)
    with link_to(address, port, "udp") as link:
        datagrams = link.datagrams()
        with pytest.raises(ProbeError) as caught:
            await datagrams.ask(b"?", bytes, 5)
        error = caught.value
        assert error.reason is Reason.PORT_UNREACHABLE
        assert error.origin is Origin.DESTINATION
        assert error.icmp.sender == address
        assert link.stage is Stage.CONNECT


class Answering(asyncio.DatagramProtocol):
    def __init__(self, *answers):
        self._answers = answers

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, sender):
        for answer in self._answers:
            self._transport.sendto(answer, sender)


@pytest.fixture
async def datagram_peer(address):
    transports = []

    async def start(*answers):
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Answering(*answers), local_addr=(address, 0)
        )
        transports.append(transport)
        return link_to(address, transport.get_extra_info("sockname")[1], "udp")

    yield start
    for transport in transports:
        transport.close()


async def test_a_reply_is_timed_by_the_kernel(datagram_peer):
    with await datagram_peer(b"pong") as link:
        reply = await link.datagrams().ask(b"ping", bytes, 5)
        assert reply.answer == b"pong"
        assert 0 <= reply.received - reply.sent < 5
        assert link.latency == pytest.approx(reply.received - reply.sent)
        assert link.answer_hops == 1
        assert link.stage is Stage.EXCHANGE


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
async def test_a_clock_that_is_set_meanwhile_is_not_the_networks_doing(
    datagram_peer, monkeypatch, step
):
    before = time.time() - step
    with await datagram_peer(b"pong") as link:
        monkeypatch.setattr("exporter.probes.datagrams.time.time", lambda: before)
        reply = await link.datagrams().ask(b"ping", bytes, 5)
    assert 0 <= link.latency < 60
    assert reply.received - reply.sent == pytest.approx(link.latency, abs=1e-5)


async def test_strays_are_read_over_until_the_answer(datagram_peer):
    with await datagram_peer(b"stray", b"stray", b"answer") as link:
        reply = await link.datagrams().ask(
            b"?", lambda data: data if data == b"answer" else None, 5
        )
        assert reply.answer == b"answer"


async def test_too_many_strays_are_malformed(datagram_peer):
    with await datagram_peer(*[b"stray"] * 50) as link:
        with pytest.raises(ProbeError) as caught:
            await link.datagrams().ask(b"?", lambda _data: None, 5)
        assert caught.value.reason is Reason.MALFORMED


async def test_silence_is_none_and_proves_no_arrival(datagram_peer):
    with await datagram_peer() as link:
        assert await link.datagrams().ask(b"?", bytes, 0.05) is None
        assert link.stage is Stage.CONNECT


@contextlib.contextmanager
def no_descriptor_left():
    """Lowers the limit to what is open, and fills any gaps below it."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd.name) for fd in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, limits[1]))
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            while True:
                held.enter_context(socket.socket())
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_without_a_free_descriptor_the_fault_is_ours(address):
    with no_descriptor_left(), link_to(address, 9) as link:
        with pytest.raises(ProbeError) as caught:
            await link.connect()
        assert caught.value.reason is Reason.LOCAL_FAULT


async def test_data_before_a_tls_handshake_is_malformed(peer):
    with peer(says(b"220 go ahead\r\ninjected\r\n")) as link:
        stream = await link.connect()
        await stream.receive_line(100)
        with pytest.raises(ProbeError) as caught:
            await link.start_tls(stream)
        assert caught.value.reason is Reason.MALFORMED


async def test_phases_are_booked_to_the_stage_that_ends(peer):
    with peer(mute) as link:
        await link.connect()
        link.enter(Stage.TLS)
        link.enter(Stage.EXCHANGE)
        link.enter(Stage.TLS)
        phases = link.phases()
        assert set(phases) == {Stage.CONNECT, Stage.TLS, Stage.EXCHANGE}
        assert all(seconds >= 0 for seconds in phases.values())


async def test_a_reset_that_a_goodbye_met_is_still_a_reset(peer):
    with peer(resets_at_once) as link:
        stream = await link.connect()
        await asyncio.sleep(0.1)
        stream.send_last(b"anybody?")
        with pytest.raises(ProbeError) as caught:
            await stream.receive()
        assert caught.value.reason is Reason.RESET
