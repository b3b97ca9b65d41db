"""A server that wants to know who we are has answered, however it says so."""

from __future__ import annotations

import contextlib
import ssl

import pytest

from exporter.model.outcome import Reason
from tests.probing import ROOT, Prober, server_tls
from tests.servers.threaded import resets_at_once, scripted

INSISTS = "the server insists on a client certificate, and none was sent"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def probed(tmp_path):
    return Prober(tmp_path)


def tls(folder, version, wants):
    context = server_tls(folder)
    context.minimum_version = context.maximum_version = version
    context.verify_mode = wants
    (folder / "clients.pem").write_bytes(ROOT.pem)
    context.load_verify_locations(folder / "clients.pem")
    return context


def behind(context, treat):
    """TLS first; who insists by itself refuses in its handshake, or right after."""

    def treatment(sock):
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(sock, server_side=True) as secure,
        ):
            treat(secure)

    return treatment


def leaves(_secure):
    """Ends without a word."""


def is_refused(secure):
    secure.recv(1)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("probe", ["https", "ldaps"])
async def test_who_insists_with_an_alert_has_answered(probed, tmp_path, probe, version):
    context = tls(tmp_path, version, ssl.CERT_REQUIRED)
    with scripted(behind(context, is_refused)) as port:
        seen = await probed(probe, port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, INSISTS)
    assert seen.tls.verified


# How TLS begins inside other protocols: the options, what is read, what is answered.
CHOSEN = bytes.fromhex("03000013 0ed00000123400 02000800 01000000")
BEFORE_TLS = {
    "smtp": ({"implicit_tls": True}, 0, b""),
    "imap": ({"implicit_tls": True}, 0, b""),
    "postgres": ({}, 8, b"S"),
    "rdp": ({}, 19, CHOSEN),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("probe", BEFORE_TLS)
async def test_who_insists_behind_another_protocols_words_has_answered(
    probed, tmp_path, probe, version
):
    options, asked, answer = BEFORE_TLS[probe]
    inside = behind(tls(tmp_path, version, ssl.CERT_REQUIRED), is_refused)

    def treat(sock):
        sock.recv(asked)
        sock.sendall(answer)
        inside(sock)

    with scripted(treat) as port:
        seen = await probed(probe, port, **options)
    assert seen.reason is Reason.ANSWERED
    assert "client certificate" in seen.detail
    assert seen.tls.verified


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ends", [leaves, resets_at_once])
async def test_who_asks_and_leaves_without_a_word_has_answered(
    probed, tmp_path, version, ends
):
    context = tls(tmp_path, version, ssl.CERT_OPTIONAL)
    with scripted(behind(context, ends)) as port:
        seen = await probed("https", port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, INSISTS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ends", [leaves, resets_at_once])
async def test_who_leaves_without_having_asked_has_not(probed, tmp_path, version, ends):
    context = tls(tmp_path, version, ssl.CERT_NONE)
    with scripted(behind(context, ends)) as port:
        seen = await probed("https", port)
    assert seen.reason in {Reason.CLOSED, Reason.RESET}


async def test_who_breaks_off_in_the_middle_of_an_answer_has_not(probed, tmp_path):
    def begins(secure):
        secure.recv(4096)
        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-")

    context = tls(tmp_path, ssl.TLSVersion.TLSv1_3, ssl.CERT_OPTIONAL)
    with scripted(behind(context, begins)) as port:
        seen = await probed("https", port)
    assert seen.reason is Reason.CLOSED


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_bare_handshake_tells_that_it_was_asked(probed, tmp_path, version):
    context = tls(tmp_path, version, ssl.CERT_OPTIONAL)
    with scripted(behind(context, is_refused)) as port:
        seen = await probed("tls", port)
    assert seen.detail == "the server asks for a client certificate"
    assert seen.reason is Reason.ANSWERED


PAGES = {
    "nginx": (400, "<center>No required SSL certificate was sent</center>"),
    "a wrong one": (400, "The SSL certificate error"),
    "iis": (403, "This page requires a client certificate"),
    "a status of its own": (496, "SSL Certificate Required"),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("version", VERSIONS)
async def test_who_insists_by_a_page_has_answered_whatever_was_expected(
    probed, tmp_path, page, version
):
    status, body = PAGES[page]
    context = tls(tmp_path, version, ssl.CERT_OPTIONAL)
    with scripted(behind(context, says(status, body))) as port:
        seen = await probed("https", port, expect_status=(200,))
    assert (seen.reason, seen.evidence.http_status) == (Reason.ANSWERED, status)
    assert seen.detail == f"HTTP {status}, {INSISTS}"


@pytest.mark.parametrize(
    ("wants", "status", "body"),
    [
        (ssl.CERT_NONE, 400, "No required SSL certificate was sent"),
        (ssl.CERT_OPTIONAL, 403, "The site is down for maintenance"),
        (ssl.CERT_OPTIONAL, 500, "No required SSL certificate was sent"),
    ],
)
async def test_a_refusal_for_other_reasons_stays_one(
    probed, tmp_path, wants, status, body
):
    context = tls(tmp_path, ssl.TLSVersion.TLSv1_3, wants)
    with scripted(behind(context, says(status, body))) as port:
        seen = await probed("https", port, expect_status=(200,))
    assert (seen.reason, INSISTS in seen.detail) == (Reason.REJECTED, False)


def says(status, body):
    def treat(secure):
        secure.recv(4096)
        secure.sendall(f"HTTP/1.1 {status} No\r\n\r\n{body}".encode())

    return treat
