"""LDAP against slapd, inside TLS, with StartTLS and plain, and against what breaks off."""

from __future__ import annotations

import socket

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.tls_facts import TlsError, Trust
from exporter.probes.wire import ber, ldap
from tests.lab.misbehave import closing_on_data, mute, script, udp_peer
from tests.lab.misbehave import peer as lab_peer
from tests.probes.wire.test_ldap import done, granted
from tests.probing import EXPIRED, ISSUED, server_tls
from tests.servers.scripted import peer, replies
from tests.servers.slapd import slapd
from tests.servers.threaded import resets_at_once, scripted


def outcome(operation):
    return ber.encode(ber.SEQUENCE, ber.integer(1), operation)


def text(said):
    return ber.encode(ber.OCTET_STRING, said)


def root(**attributes):
    pairs = (
        ber.encode(
            ber.SEQUENCE,
            text(name.encode()),
            ber.encode(ber.SET, *map(text, values)),
        )
        for name, values in attributes.items()
    )
    return outcome(ber.encode(0x64, text(b""), ber.encode(ber.SEQUENCE, *pairs)))


DONE = outcome(ber.encode(0x65, ber.integer(0, ber.ENUMERATED), text(b""), text(b"")))


async def test_slapd_tells_its_root(probe, slapd_port):
    seen = await probe("ldaps", slapd_port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "supportedLDAPVersion 3"
    assert (seen.tls.verified, seen.tls.trust) == (True, Trust.SITE)


async def test_a_server_that_wants_a_bind_first_answers_too(probe, folder):
    with slapd(folder / "authc", ISSUED, "require authc") as port:
        seen = await probe("ldaps", port)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail == "result 53 authentication required"


async def test_the_domain_controller_that_answers_is_named(probe, tmp_path):
    answer = root(dnsHostName=[b"dc2.uni.example"]) + DONE
    async with peer(replies(answer), server_tls(tmp_path)) as port:
        seen = await probe("ldaps", port)
    assert seen.detail == "dnsHostName dc2.uni.example"


async def test_a_root_that_tells_too_much_is_cut_short(probe, tmp_path):
    much = [b"\x1b" * 60] * 250
    answer = root(dnsHostName=much, supportedLDAPVersion=much, other=much) + DONE
    async with peer(replies(answer), server_tls(tmp_path)) as port:
        seen = await probe("ldaps", port)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail.startswith(r"dnsHostName \x1b\x1b")
    assert len(seen.detail) < 500


async def test_an_empty_root_is_an_answer(probe, tmp_path):
    async with peer(replies(DONE), server_tls(tmp_path)) as port:
        seen = await probe("ldaps", port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, "an empty rootDSE")


async def test_a_server_that_leaves_after_its_answer_has_answered(probe, tmp_path):
    context = server_tls(tmp_path)

    def treat(sock):
        # A reset throws away what waits for an acknowledgement to be sent.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(sock, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(DONE)
            resets_at_once(secured)

    with scripted(treat) as port:
        seen = await probe("ldaps", port)
    assert seen.reason is Reason.ANSWERED


async def test_an_expired_certificate_is_told_and_no_failure(probe, tmp_path):
    async with peer(replies(DONE), server_tls(tmp_path, EXPIRED)) as port:
        seen = await probe("ldaps", port)
    assert (seen.reason, seen.tls.error) == (Reason.ANSWERED, TlsError.EXPIRED)


@pytest.mark.parametrize(
    ("treat", "reason"),
    [
        (mute, Reason.TIMEOUT),
        (closing_on_data, Reason.CLOSED),
        (replies(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Reason.MALFORMED),
        (replies(b"\x30\x84\xff\xff\xff\xff"), Reason.MALFORMED),
        (replies(DONE[:-1]), Reason.TIMEOUT),
    ],
)
async def test_tls_alone_is_no_answer(probe, tmp_path, treat, reason):
    async with peer(treat, server_tls(tmp_path)) as port:
        seen = await probe("ldaps", port, timeout=0.5)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)
    # Whatever went wrong after it, the certificate was seen.
    assert seen.tls.verified


async def test_tls_is_asked_for_and_the_search_goes_inside_it(probe, slapd_plain_port):
    for starttls in ("offered", True):
        seen = await probe("ldap", slapd_plain_port, starttls=starttls)
        assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
        assert seen.detail == "supportedLDAPVersion 3"
        assert (seen.tls.verified, seen.tls.trust) == (True, Trust.SITE)


async def test_without_tls_the_search_goes_in_the_clear(probe, slapd_plain_port):
    seen = await probe("ldap", slapd_plain_port, starttls=False)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail == "supportedLDAPVersion 3"
    assert seen.tls is None


async def test_a_server_without_certificate_answers_unless_there_must_be_tls(
    probe, folder
):
    with slapd(folder / "bare", None, scheme="ldap") as port:
        seen = await probe("ldap", port)
        assert seen.reason is Reason.ANSWERED
        assert seen.detail.startswith("supportedLDAPVersion 3; StartTLS refused: res")
        seen = await probe("ldap", port, starttls=True)
    assert (seen.reason, seen.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert seen.detail.startswith("StartTLS refused: result ")
    assert seen.tls is None


async def test_a_grant_after_which_no_handshake_comes_is_a_failure_in_tls(probe):
    for said, reason in (
        (b"", Reason.TIMEOUT),
        (b"\x15\3\3\0\2\2\x28", Reason.TLS_ALERT),
    ):
        async with lab_peer(script(b"", granted(), said, b"")) as (_, port):
            seen = await probe("ldap", port, timeout=0.6)
        assert (seen.reason, seen.stage) == (reason, Stage.TLS)


async def test_a_search_that_is_refused_in_the_clear_has_been_answered(probe):
    answer = granted(2), done(8, b"stronger authentication required", identifier=1)
    async with lab_peer(script(b"", *answer, b"")) as (_, port):
        seen = await probe("ldap", port)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail.startswith("result 8 stronger")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (done(52, b"going down", tag=0x78, identifier=0), Reason.REJECTED),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.MALFORMED),
        (granted(identifier=9), Reason.MALFORMED),
        (granted() + b"more", Reason.MALFORMED),
        (granted()[:-1], Reason.TIMEOUT),
    ],
)
async def test_what_else_may_follow_the_request_for_tls(probe, said, reason):
    async with peer(replies(said)) as port:
        seen = await probe("ldap", port, timeout=0.5)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)


async def test_over_udp_a_search_is_answered_in_one_datagram(probe):
    answer = root(dnsHostName=[b"dc1.uni.example"]) + DONE
    async with udp_peer(lambda data: [answer] if data == ldap.search() else []) as (
        _,
        port,
    ):
        seen = await probe("ldap", port, udp=True)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "dnsHostName dc1.uni.example"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], Reason.TIMEOUT),
        ([b"HTTP/1.1 400"], Reason.MALFORMED),
        ([DONE[:-1]], Reason.MALFORMED),
    ],
)
async def test_over_udp_anything_else_is_none(probe, said, reason):
    async with udp_peer(lambda _: said) as (_, port):
        seen = await probe("ldap", port, udp=True, timeout=0.6)
    assert seen.reason is reason
