"""One name server, asked over UDP and TCP."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import struct

import pytest

from exporter.model.outcome import Icmp, Origin, ProbeError, Reason
from exporter.probes import kernel, nameserver
from exporter.probes.nameserver import NameServer, ServerError
from exporter.probes.wire.dns import Kind, question
from tests.servers.nameserver import TRUNCATED, address_record, scripted_names
from tests.servers.process import free_port
from tests.servers.threaded import (
    closes_at_once,
    mute,
    resets_at_once,
    says,
    scripted,
)

NAME = "www.uni.example"
HERE = "192.0.2.1"


def here(query):
    return query.addresses(HERE)


async def ask(script, patience=5.0, name=NAME, *, tcp_only=False, **options):
    with scripted_names(script, **options) as server:
        asker = NameServer(server.address, tcp_only=tcp_only)
        answer = await asker.ask(question(name, Kind.A), patience)
        return answer, server


async def failure(script, patience=5.0, **options):
    with pytest.raises(ServerError) as caught:
        await ask(script, patience, **options)
    return caught.value


@pytest.fixture
def opened(monkeypatch):
    """The sockets that questions over UDP were sent through."""
    sockets = []
    opens = kernel.connected_udp_socket

    def noting(address, port):
        sockets.append(opens(address, port))
        return sockets[-1]

    monkeypatch.setattr(kernel, "connected_udp_socket", noting)
    return sockets


def is_closed(sock):
    return sock.fileno() == -1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_question_is_answered_over_udp(host):
    answer, server = await ask(here, host=host)
    assert answer.addresses == (HERE,)
    assert [one.transport for one in server.asked] == ["udp"]
    assert server.asked[0].additional == 0


@pytest.mark.parametrize(
    "server", ["192.0.2.53", "192.0.2.53:53", "2001:db8::53", "[2001:db8::53]:53"]
)
async def test_servers_are_written_in_several_ways(server):
    under_test = NameServer(server)
    assert under_test._port == 53
    assert under_test._address in {"192.0.2.53", "2001:db8::53"}


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_lost_datagram_is_sent_again(lost, monkeypatch):
    monkeypatch.setattr(nameserver, "_AGAIN", 0.05)
    monkeypatch.setattr(nameserver, "_AND_AGAIN", 0.05)
    seen = []

    def loses(query):
        seen.append(query.data)
        return here(query) if len(seen) > lost else None

    answer, _ = await ask(loses, 20.0)
    assert answer.addresses == (HERE,)
    assert len(set(seen)) == 1


async def test_a_late_answer_to_the_first_copy_is_taken(monkeypatch):
    monkeypatch.setattr(nameserver, "_AGAIN", 0.05)
    monkeypatch.setattr(nameserver, "_AND_AGAIN", 30.0)
    seen = []

    def slow(query):
        seen.append(query)
        return (0.5, here(query)) if len(seen) == 1 else None

    answer, _ = await ask(slow, 20.0)
    assert answer.addresses == (HERE,)
    assert len(seen) == 2


async def test_silence_is_told_after_the_patience():
    error = await failure(lambda _query: None, 0.2)
    assert error.unheard
    assert "UDP" in str(error)
    assert str(error).endswith("to 127.0.0.1: no answer within 0.2 s")


async def test_a_closed_port_is_told_at_once():
    with pytest.raises(ServerError, match=r"UDP .* port unreachable") as caught:
        await NameServer(f"127.0.0.1:{free_port()}").ask(question(NAME, Kind.A), 60.0)
    assert caught.value.unheard


@pytest.mark.parametrize(
    ("code", "name"), [(1, "FORMERR"), (2, "SERVFAIL"), (5, "REFUSED"), (6, "YXDOMAIN")]
)
async def test_a_refusal_is_told_by_its_name(code, name):
    error = await failure(lambda query: query.answer(rcode=code))
    assert str(error) == f"127.0.0.1 says {name}"
    assert not error.unheard


async def test_no_such_name_is_an_answer():
    answer, _ = await ask(lambda query: query.answer(rcode=3))
    assert answer.rcode == "NXDOMAIN"


async def test_addresses_of_another_name_are_a_failure():
    error = await failure(lambda q: q.answer(address_record("other.example", HERE)))
    assert "addresses of another name, other.example" in str(error)


def only_tcp(*addresses):
    def script(query):
        if query.transport == "udp":
            return query.answer(flags=TRUNCATED)
        return query.addresses(*addresses)

    return script


async def test_what_is_too_long_comes_over_tcp():
    many = [f"192.0.2.{number}" for number in range(64)]
    answer, server = await ask(only_tcp(*many))
    assert answer.addresses == tuple(many)
    assert [one.transport for one in server.asked] == ["udp", "tcp"]


async def test_with_use_vc_nothing_goes_over_udp():
    answer, server = await ask(here, tcp_only=True)
    assert answer.addresses == (HERE,)
    assert [one.transport for one in server.asked] == ["tcp"]


async def test_what_is_truncated_over_tcp_too_is_no_answer():
    error = await failure(lambda query: query.answer(flags=TRUNCATED))
    assert "TCP" in str(error)
    assert "truncated here as well" in str(error)


async def test_tcp_that_is_refused_is_what_is_told():
    error = await failure(only_tcp(), tcp=False)
    assert "TCP" in str(error)
    assert "refused" in str(error)
    assert str(error).endswith("over UDP the answer is truncated")
    assert error.unheard


@pytest.mark.parametrize(
    ("treatment", "told"),
    [
        (mute, "no answer within"),
        (closes_at_once, "closed without an answer|reset"),
        (resets_at_once, "reset"),
        (says(b"\x00\x04abcd"), "ends too soon"),
        (says(b"\x00\x0c" + bytes(12)), "something else"),
        (says(b"\x00\x00"), "ends too soon"),
        (says(b"\xff\xff"), "no answer within"),
    ],
)
async def test_tcp_that_fails_is_told(treatment, told):
    with scripted(treatment) as port:
        asker = NameServer(f"127.0.0.1:{port}", tcp_only=True)
        with pytest.raises(ServerError) as caught:
            await asker.ask(question(NAME, Kind.A), 1.0)
    assert re.search(told, str(caught.value))
    assert str(caught.value).startswith(f"TCP {port} to 127.0.0.1")


async def test_a_bad_answer_harms_no_other_question():
    def script(query):
        if query.name.startswith("bad"):
            return query.answer(address_record(NAME, HERE), count=65535)
        return (0.3, here(query))

    with scripted_names(script) as server:
        asker = NameServer(server.address)
        ends = await asyncio.gather(
            *(
                asker.ask(question(name, Kind.A), 20.0)
                for name in ("good.example", "bad1.example", "bad2.example")
            ),
            return_exceptions=True,
        )
    assert ends[0].addresses == (HERE,)
    for end in ends[1:]:
        assert isinstance(end, ServerError)
        assert "ends too soon" in str(end)


async def test_answers_to_other_questions_are_not_taken():
    def script(query):
        other = struct.pack("!H", (struct.unpack("!H", query.data[:2])[0] + 1) & 0xFFFF)
        for wrong in (
            b"",
            b"\0",
            other + here(query)[2:],
            query.data[:2]
            + here(query)[2:12]
            + here(query)[12:].replace(b"www", b"ftp"),
        ):
            server._udp.sendto(wrong, peer[0])
        return here(query)

    peer = []
    with scripted_names(script) as server:
        reply = server._reply

        def noting(query, address):
            peer.append(address)
            reply(query, address)

        server._reply = noting
        answer = await NameServer(server.address).ask(question(NAME, Kind.A), 20.0)
    assert answer.addresses == (HERE,)


async def test_answers_to_another_question_are_told():
    def script(query):
        return here(query).replace(b"\x03www", b"\x03ftp")

    error = await failure(script, 0.5)
    assert str(error).endswith(
        "no answer within 0.5 s, only answers to other questions"
    )


async def test_open_questions_share_a_socket_that_ends_with_them(opened):
    with scripted_names(here) as server:
        asker = NameServer(server.address)
        names = [f"n{number}.example" for number in range(100)]
        answers = await asyncio.gather(
            *(asker.ask(question(name, Kind.A), 20.0) for name in names)
        )
        assert {one.addresses for one in answers} == {(HERE,)}
        (one,) = opened
        assert is_closed(one)


async def test_a_question_given_up_leaves_nothing_behind(opened):
    with scripted_names(lambda _query: None) as server:
        asker = NameServer(server.address)
        asking = asyncio.create_task(asker.ask(question(NAME, Kind.A), 60.0))
        await asyncio.sleep(0)
        (one,) = opened
        assert not is_closed(one)
        asking.cancel()
        await asyncio.wait([asking])
        assert is_closed(one)


@pytest.mark.parametrize(
    ("code", "sender", "origin"),
    [
        (13, "192.0.2.1", Origin.PATH),
        (3, "192.0.2.1", Origin.PATH),
        (0, "192.0.2.1", Origin.NOBODY),
        (1, "192.0.2.1", Origin.NOBODY),
        (3, "127.0.0.1", Origin.NOBODY),
    ],
)
async def test_who_keeps_questions_back_is_told(monkeypatch, code, sender, origin):
    monkeypatch.setattr(kernel, "drain_errors", lambda _sock: Icmp(3, code, sender))
    asker = NameServer(f"127.0.0.1:{free_port()}")
    with pytest.raises(ServerError) as caught:
        await asker.ask(question(NAME, Kind.A), 1.0)
    assert caught.value.origin is origin


@pytest.mark.parametrize("tcp_only", [False, True])
async def test_without_a_descriptor_it_is_our_own_fault(monkeypatch, tcp_only):
    def none_left(*_args, **_options):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(kernel, "connected_udp_socket", none_left)
    monkeypatch.setattr(asyncio, "open_connection", none_left)
    asker = NameServer("127.0.0.1", tcp_only=tcp_only)
    with pytest.raises(ProbeError) as caught:
        await asker.ask(question(NAME, Kind.A), 1.0)
    assert caught.value.reason is Reason.LOCAL_FAULT


async def test_a_full_send_buffer_is_not_the_servers_fault(monkeypatch):
    monkeypatch.setattr(nameserver, "_AGAIN", 0.05)
    opened = kernel.connected_udp_socket

    class Full(socket.socket):
        full = True

        def send(self, data):
            if self.full:
                self.full = False
                raise BlockingIOError
            return super().send(data)

    def full(address, port):
        plain = opened(address, port)
        return Full(fileno=plain.detach())

    monkeypatch.setattr(kernel, "connected_udp_socket", full)
    answer, _ = await ask(here, 20.0)
    assert answer.addresses == (HERE,)
