"""Bytes that came are told: as foreign at once, as unfinished, or as a refusal."""

from __future__ import annotations

import socket
import time

import pytest

from exporter.model.outcome import Reason, Stage
from tests.lab.misbehave import dripping, udp_peer
from tests.probes.protocols.test_slow import ANSWERS, INSIDE_TLS
from tests.probes.wire.test_ntp import packet
from tests.probing import server_tls
from tests.servers.scripted import dialogue, peer, replies
from tests.servers.threaded import (
    answers,
    endless,
    resets_at_once,
    says,
    says_and_closes,
    scripted,
)

FTP = b"220 ftp ready\r\n"
MYSQL = b"J\0\0\0\n8.0.36\0\x0b\0\0\0abcdefgh\0"
HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"
ALERT = b"\x15\x03\x03\0\2\2\x28"
# What a peer says, and which probes know at once that it is not for them.
FOREIGN = {
    "ftp": (FTP, "dns http imap kerberos mssql postgres rdp rpc smb ssh stun tls"),
    "ftp without line end": (
        b"220 ftp",
        "dns http imap kerberos mssql postgres rdp rpc smb ssh stun tls",
    ),
    "pop": (
        b"+OK ready\r\n",
        "dns http imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
    "imap": (
        b"* OK ready\r\n",
        "dns http kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
    "vnc": (
        b"RFB 003.008\n",
        "dns http imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
    "mysql": (
        MYSQL,
        "dns http imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
    "http": (HTTP, "dns imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls"),
    "markup": (
        b"<html>",
        "dns http imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
    "ssh": (
        b"SSH-2.0-x\r\n",
        "dns http imap kerberos mssql postgres rdp rpc smb smtp stun tls",
    ),
    "an old ssh": (
        b"SSH-1.5-x\r\n",
        "dns http imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
    "a TLS alert": (
        ALERT,
        "dns http imap kerberos mssql postgres rdp rpc smb smtp ssh stun",
    ),
    "a zero": (b"\0", "http imap mssql postgres rdp rpc smtp ssh stun tls"),
    "a word": (
        b"hello",
        "dns http imap kerberos mssql postgres rdp rpc smb smtp stun tls",
    ),
    "half a record": (
        b"\x16\x03\x03",
        "http imap kerberos mssql postgres rdp rpc smb smtp ssh stun",
    ),
    "telnet": (
        b"\xff\xfd\x18",
        "http imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
    "a long frame": (
        b"\0\0\0\x50\xffSMB",
        "dns http imap kerberos mssql postgres rdp rpc smb smtp ssh stun tls",
    ),
}
CASES = [(said, name) for said, (_, names) in FOREIGN.items() for name in names.split()]


@pytest.mark.parametrize(("said", "name"), CASES)
async def test_what_cannot_begin_the_protocol_is_malformed_at_once(probe, name, said):
    data = FOREIGN[said][0]
    with scripted(says(data)) as port:
        seen = await probe(name, port, timeout=8.0)
    stage = Stage.TLS if name == "tls" else Stage.EXCHANGE
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, stage)
    if name != "mssql":
        assert seen.heard == len(data)
    assert seen.conversation.received
    assert sum(seen.phases.values()) < 6


@pytest.mark.parametrize("name", sorted(INSIDE_TLS))
async def test_inside_tls_as_well(probe, tmp_path, name):
    async with peer(replies(FTP), server_tls(tmp_path)) as port:
        seen = await probe(name, port, timeout=8.0)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)
    assert seen.conversation.received == r"220 ftp ready\r\n"
    assert seen.heard == len(FTP)


# Right beginnings, after which nothing comes.
TEASERS = {
    "postgres": (b"E\0\0\0\x20SFATAL", {}),
    "rdp": (b"\3\0\0\x13\x0e", {}),
    "stun": (b"\1\1\0\x0c\x21\x12", {}),
    "imap": (b"* OK [CAPABILITY IMAP", {}),
    "http": (b"HTTP/1.1 200 OK\r\nServer: x\r\n", {}),
    "kerberos": (b"\0\0\0\x40\x7e\x3e", {}),
    "mssql": (b"\x04\x01\0", {"tls": False}),
    "rpc": (b"\5\0\x0c\3", {}),
    "smb": (b"\0\0\0\x40\xfeSM", {}),
    "smtp": (b"220-mail.uni.example wait\r\n", {}),
    "ssh": (b"SSH-2.0-half", {}),
    "tls": (b"\x16\x03", {}),
}


@pytest.mark.parametrize("name", TEASERS)
async def test_a_beginning_and_then_nothing_is_told_as_such(probe, name):
    data, options = TEASERS[name]
    with scripted(says(data)) as port:
        seen = await probe(name, port, timeout=2.0, **options)
    assert seen.reason is Reason.TIMEOUT
    assert seen.stage is (Stage.TLS if name == "tls" else Stage.EXCHANGE)
    assert seen.detail.startswith(f"{len(data)} bytes came: '")
    assert seen.detail.endswith("', then nothing")
    assert seen.heard == len(data)


async def test_one_byte_is_one_byte(probe):
    with scripted(says(b"\0")) as port:
        seen = await probe("smb", port, timeout=1.5)
    assert seen.detail == r"1 byte came: '\x00', then nothing"


@pytest.mark.parametrize("name", TEASERS)
@pytest.mark.parametrize("end", [says_and_closes, None])
async def test_an_end_after_a_beginning_quotes_it(probe, name, end):
    data, options = TEASERS[name]

    def cut(sock):
        sock.sendall(data)
        time.sleep(0.2)
        resets_at_once(sock)

    with scripted(end(data) if end else cut) as port:
        seen = await probe(name, port, **options)
    assert seen.reason in ({Reason.CLOSED} if end else {Reason.CLOSED, Reason.RESET})
    assert f"{len(data)} bytes came: '" in seen.detail


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_drips_is_told_to_have_no_end(probe, tmp_path, name):
    data, options = ANSWERS[name]
    tls = server_tls(tmp_path) if name in INSIDE_TLS else None
    async with peer(dripping(data, 0.2), tls) as port:
        seen = await probe(name, port, timeout=1.5, **options)
    assert seen.reason is Reason.TIMEOUT
    assert "came: '" in seen.detail
    assert seen.heard


async def test_silence_is_still_silence(probe, tmp_path):
    async with peer(replies(b""), server_tls(tmp_path)) as port:
        seen = await probe("https", port, timeout=1.5)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.EXCHANGE)
    assert (seen.detail, seen.heard) == ("no answer within 1.5 s", 0)


async def test_what_was_said_before_tls_does_not_break_its_silence(probe):
    steps = (b"220 mail\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"220 go ahead\r\n")
    async with peer(dialogue(*steps)) as port:
        seen = await probe("smtp", port, timeout=1.5)
    assert (seen.stage, seen.heard) == (Stage.TLS, 0)
    assert seen.detail == "no answer within 1.5 s"
    assert seen.conversation.received.startswith(r"220 mail\r\n250-mail\r\n")


# ---- what never ends


async def test_header_lines_without_an_end_are_no_head(probe):
    def treat(sock):
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        endless(b"X: y\r\n")(sock)

    with scripted(treat) as port:
        seen = await probe("http", port, timeout=8.0)
    assert seen.reason is Reason.MALFORMED
    assert "a head of more than" in seen.detail


async def test_header_lines_that_trickle_without_an_end_are_none_either(probe):
    async def treat(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20)
        await dripping(b"X: y\r\n" * 1000, 0.01)(reader, writer)

    async with peer(treat) as port:
        seen = await probe("http", port, timeout=2.0)
    assert seen.reason is Reason.MALFORMED
    assert "header lines, and no end of them" in seen.detail


# ---- stated refusals


@pytest.mark.parametrize(
    "words",
    [
        b"Exceeded MaxStartups\r\n",
        b"Not allowed at this time\r\n",
        b"Too many connections from your address\r\n",
        b"You are not welcome to use sshd from 192.0.2.1.\n",
        b"connection refused: host is banned",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_an_ssh_server_that_states_its_refusal_is_quoted(probe, words, at_once):
    def refuse(sock):
        if not at_once:
            sock.recv(100)
        sock.sendall(words)

    with scripted(refuse) as port:
        seen = await probe("ssh", port)
    assert (seen.reason, seen.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert seen.detail == f"the server says: {words.decode().strip()}"


async def test_a_banner_that_sounds_like_a_refusal_is_none_before_the_end(probe):
    banner = b"Unauthorised access is denied\r\nSSH-2.0-strict\r\n"
    with scripted(says(banner)) as port:
        seen = await probe("ssh", port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, "SSH-2.0-strict")


async def test_lines_without_an_identification_are_no_ssh(probe):
    with scripted(says(b"hello\r\nworld\r\n")) as port:
        seen = await probe("ssh", port, timeout=1.5)
    assert seen.reason is Reason.MALFORMED
    assert "it says 'hello'" in seen.detail
    with scripted(says_and_closes(b"hello\r\n")) as port:
        seen = await probe("ssh", port)
    assert seen.reason is Reason.CLOSED
    assert r"7 bytes came: 'hello\r\n'" in seen.detail


async def test_an_ssh_server_may_wait_for_the_client(probe):
    def treat(sock):
        if sock.recv(200).startswith(b"SSH-2.0-"):
            sock.sendall(b"SSH-2.0-patient\r\n")
            sock.recv(10)

    with scripted(treat) as port:
        seen = await probe("ssh", port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, "SSH-2.0-patient")


async def test_reply_lines_that_trickle_without_an_end_are_no_reply(probe):
    async def treat(reader, writer):
        writer.write(b"220-wait\r\n" * 40)
        await dripping(b"220-wait\r\n" * 100, 0.01)(reader, writer)

    async with peer(treat) as port:
        seen = await probe("smtp", port, timeout=2.0)
    assert seen.reason is Reason.MALFORMED
    assert "lines, and no end of them" in seen.detail


async def test_a_database_port_that_only_warns_is_no_database_either(probe):
    with scripted(says(b"\x15\x03\x01\0\2\1\x70")) as port:
        seen = await probe("mssql", port, timeout=2.0)
    assert seen.reason is Reason.MALFORMED
    assert "an alert alone" in seen.detail


async def test_a_database_port_that_only_sends_alerts_is_no_database(probe):
    with scripted(says(ALERT)) as port:
        seen = await probe("mssql", port)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)
    assert "TLS alert: handshake failure" in seen.detail


# ---- datagrams


STALE = packet(origin=b"someone!")


def time_server(*before):
    def answer(datagram):
        return (*before, packet(origin=datagram[40:48]))

    return answer


@pytest.mark.parametrize("first", [STALE, b"short", b"\x23" + bytes(47), HTTP * 3])
async def test_a_foreign_packet_ends_nothing(probe, first):
    async with udp_peer(time_server(first)) as (_, port):
        seen = await probe("ntp", port, udp=True)
    assert seen.reason is Reason.ANSWERED


@pytest.mark.parametrize(
    ("said", "reason", "words"),
    [
        (STALE, Reason.TIMEOUT, "another request's origin timestamp"),
        (b"short", Reason.MALFORMED, "5 bytes are no NTP packet"),
        (HTTP * 3, Reason.MALFORMED, "NTP mode 0"),
    ],
)
async def test_a_foreign_packet_is_quoted_if_nothing_better_comes(
    probe, said, reason, words
):
    async with udp_peer(lambda _: (said,)) as (_, port):
        seen = await probe("ntp", port, udp=True, timeout=2.0)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)
    assert words in seen.detail
    assert "bytes came: '" in seen.detail
    assert seen.conversation.received


async def test_a_late_answer_to_the_first_request_is_one(probe):
    asked = []

    def answer(datagram):
        asked.append(datagram)
        return (packet(origin=asked[0][40:48]),) if len(asked) == 2 else ()

    async with udp_peer(answer) as (_, port):
        seen = await probe("ntp", port, udp=True, timeout=3.0)
    assert seen.reason is Reason.ANSWERED
    assert seen.latency > 0.4


@pytest.mark.parametrize("name", ["kerberos", "sqlbrowser"])
async def test_other_datagrams_are_malformed_after_a_while(probe, name):
    async with udp_peer(lambda _: (HTTP,)) as (_, port):
        seen = await probe(name, port, udp=True, timeout=2.0)
    assert seen.reason is Reason.MALFORMED
    assert seen.heard == len(HTTP)


@pytest.mark.parametrize("at", [slice(32, 40), slice(40, 48)])
async def test_a_packet_without_a_time_gives_no_offset(probe, at):
    def answer(datagram):
        data = bytearray(packet(origin=datagram[40:48]))
        data[at] = bytes(8)
        return (bytes(data),)

    async with udp_peer(answer) as (_, port):
        seen = await probe("ntp", port, udp=True)
    assert (seen.reason, seen.evidence.ntp_offset) == (Reason.ANSWERED, None)
    assert seen.evidence.ntp_stratum
    assert "no time" in seen.detail


# ---- the conversation


async def test_the_conversation_of_a_failure_is_kept_within_bounds(probe):
    said = b"HTTP/1.1 500 \xff\r\nX: " + b"\0" * 1000 + b"\r\n\r\n"
    with scripted(answers(said)) as port:
        seen = await probe("http", port, expect_status=(200,))
    assert seen.reason is Reason.REJECTED
    assert seen.conversation.sent.startswith(r"GET / HTTP/1.1\r\nHost: ")
    assert seen.conversation.received.startswith(r"HTTP/1.1 500 \xff\r\nX: \x00")
    assert seen.conversation.received.count(r"\x00") == 256 - 19
    assert seen.conversation.received.isprintable()


async def test_the_conversation_of_a_failed_handshake_is_what_came_raw(probe):
    with scripted(says(FTP)) as port:
        seen = await probe("https", port)
    assert seen.stage is Stage.TLS
    assert seen.conversation.sent.startswith(r"\x16\x03")
    assert seen.conversation.received == r"220 ftp ready\r\n"


async def test_an_answer_has_no_conversation(probe):
    with scripted(says(b"SSH-2.0-x\r\n")) as port:
        seen = await probe("ssh", port)
    assert (seen.conversation, seen.heard) == (None, 0)


async def test_a_refused_connection_has_none_either(probe):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        seen = await probe("ssh", unused.getsockname()[1])
    assert (seen.reason, seen.conversation) == (Reason.REFUSED, None)
