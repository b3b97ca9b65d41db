"""Fetching a list from servers of this host that behave, and from some that do not."""

from __future__ import annotations

import contextlib
import gzip
import ssl

import pytest

from exporter.config.feed_formats import MAX_BYTES
from exporter.model.endpoint import Endpoint
from exporter.model.outcome import ProbeError, Reason
from exporter.monitor.fetch import Fetcher, FetchError, why
from exporter.probes.lookup import Resolved
from tests.probing import EXPIRED, ISSUED, NAME, ROOT, server_tls
from tests.servers.process import free_port
from tests.servers.threaded import (
    answers,
    closes_at_once,
    drips,
    endless,
    mute,
    resets,
    scripted,
)

LIST = b"https://mirror.example.org/\n"


class Here:
    """A resolver for which every name is this host, and knows what it was asked."""

    def __init__(self):
        self.asked = []

    async def resolve(self, host):
        self.asked.append(host)
        return Resolved(("127.0.0.1",))


def http(body=LIST, status="200 OK", length=None, more=""):
    length = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{more}\r\n"
    return head.encode() + body


async def fetch(treatment, patience=5.0, **options):
    with scripted(treatment) as port:
        fetcher = Fetcher(Here(), patience=patience, **options)
        return await fetcher.fetch(f"http://lists.example.org:{port}/list?repo=os")


async def failure(treatment, **options):
    with pytest.raises(FetchError) as caught:
        await fetch(treatment, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "Connection refused"),
        (OSError(113, "Connect call failed"), "No route to host"),
        (OSError("a.example.com: no usable answer"), "a.example.com: no usable answer"),
        (ValueError("no"), "ValueError: no"),
    ],
)
def test_what_the_system_says_is_told_in_its_words(error, said):
    assert why(error) == said


async def test_the_body_of_a_200_is_the_list_and_the_request_is_plain():
    heard = []

    def treat(sock):
        heard.append(sock.recv(65536))
        sock.sendall(http())

    assert await fetch(treat) == LIST
    head = heard[0].decode().split("\r\n")
    assert head[0] == "GET /list?repo=os HTTP/1.1"
    assert "Accept-Encoding: identity" in head
    assert any(line.startswith("User-Agent: connectivity-exporter/") for line in head)
    assert not any(line.lower().startswith("cookie") for line in head)


@pytest.mark.parametrize("status", ["404 Not Found", "206 Partial", "503 Busy"])
async def test_any_other_status_is_no_list(status):
    assert await failure(answers(http(status=status))) == f"HTTP {status[:3]}"


async def test_a_redirect_is_told_and_not_followed():
    with scripted(answers(http())) as elsewhere:
        more = f"Location: http://127.0.0.1:{elsewhere}/login\r\n"
        told = await failure(answers(http(status="302 Found", more=more)))
    assert told == f"HTTP 302, which leads to http://127.0.0.1:{elsewhere}/login"


async def test_a_list_of_exactly_the_limit_is_read():
    assert len(await fetch(answers(http(b"#" * MAX_BYTES)))) == MAX_BYTES


async def test_more_than_the_limit_is_cut_off():
    def floods(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        endless(b"#" * 65536)(sock)

    assert await failure(floods) == f"longer than {MAX_BYTES} bytes"


async def test_what_is_packed_is_not_unpacked():
    body = gzip.compress(b"#" * 50 * MAX_BYTES)
    more = "Content-Encoding: gzip\r\n"
    assert await fetch(answers(http(body, more=more))) == body


async def test_a_list_cut_short_is_an_error():
    def cuts(sock):
        sock.recv(65536)
        sock.sendall(http(length=1000))

    assert "ClientPayloadError" in await failure(cuts)


@pytest.mark.parametrize(
    "treatment", [closes_at_once, resets, answers(b"SSH-2.0-OpenSSH\r\n\r\n")]
)
async def test_what_is_not_http_is_an_error_and_not_a_crash(treatment):
    assert await failure(treatment)


@pytest.mark.parametrize("treatment", [mute, answers(http(length=1000))])
async def test_a_server_does_not_choose_how_long_it_takes(treatment):
    told = await failure(treatment, patience=0.2)
    assert told == "no whole answer within 0.2 s"


async def test_an_answer_in_small_pieces_is_one_list():
    assert await fetch(drips(http())) == LIST


async def test_names_are_resolved_as_for_probes():
    class Nowhere:
        async def resolve(self, host):
            raise ProbeError(Reason.NXDOMAIN, f"{host}: the name does not exist")

    with pytest.raises(FetchError, match="the name does not exist"):
        await Fetcher(Nowhere()).fetch("http://gone.example.org/list")


async def test_a_closed_port_is_an_error():
    url = f"http://lists.example.org:{free_port()}/"
    with pytest.raises(FetchError, match="Connection refused"):
        await Fetcher(Here()).fetch(url)


@pytest.fixture
def ca_file(tmp_path):
    file = tmp_path / "site.pem"
    file.write_bytes(ROOT.pem)
    return file


def inside_tls(folder, issued, heard):
    context = server_tls(folder, issued)

    def treat(sock):
        with (
            contextlib.suppress(ssl.SSLError),
            context.wrap_socket(sock, server_side=True) as secured,
        ):
            heard.append(secured.recv(65536))
            secured.sendall(http())

    return treat


@pytest.mark.parametrize(
    ("issued", "name", "known", "complaint"),
    [
        (ISSUED, NAME, True, None),
        (ISSUED, NAME, False, "unable to get local issuer"),
        (ISSUED, "lists.example.org", True, "Hostname mismatch"),
        (EXPIRED, NAME, True, "expired"),
    ],
)
async def test_the_servers_certificate_must_verify(
    tmp_path, ca_file, issued, name, known, complaint
):
    heard = []
    with scripted(inside_tls(tmp_path, issued, heard)) as port:
        fetcher = Fetcher(Here(), ca_file if known else None)
        url = f"https://{name}:{port}/"
        if complaint is None:
            assert await fetcher.fetch(url) == LIST
        else:
            with pytest.raises(FetchError, match=complaint):
                await fetcher.fetch(url)
            assert heard == []


async def test_a_proxy_is_asked_for_the_list_and_nobody_else_is_resolved():
    heard = []

    def proxy(sock):
        heard.append(sock.recv(65536).split(b"\r\n")[0])
        sock.sendall(http())

    resolver = Here()
    with scripted(proxy) as port:
        place = Endpoint("proxy.example.org", port, tls=False)
        fetcher = Fetcher(resolver, proxy=place)
        assert await fetcher.fetch("http://lists.example.org/list") == LIST
    assert heard == [b"GET http://lists.example.org/list HTTP/1.1"]
    assert resolver.asked == ["proxy.example.org"]


async def test_an_https_list_goes_through_the_proxy_by_connect(tmp_path, ca_file):
    heard = []
    secured = inside_tls(tmp_path, ISSUED, heard)

    def proxy(sock):
        heard.append(sock.recv(65536).split(b"\r\n")[0])
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        secured(sock)

    with scripted(proxy) as port:
        place = Endpoint("proxy.example.org", port, tls=False)
        fetcher = Fetcher(Here(), ca_file, place)
        assert await fetcher.fetch(f"https://{NAME}/list") == LIST
    assert heard[0] == f"CONNECT {NAME}:443 HTTP/1.1".encode()
    assert heard[1].startswith(b"GET /list HTTP/1.1")


async def test_a_proxy_that_refuses_is_told():
    with scripted(answers(http(status="407 Proxy Authentication Required"))) as port:
        place = Endpoint("proxy.example.org", port, tls=False)
        with pytest.raises(FetchError, match="407"):
            await Fetcher(Here(), proxy=place).fetch("https://lists.example.org/")
