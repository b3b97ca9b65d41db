from __future__ import annotations

import http.server
import ssl
import threading

import pytest
import trustme

from exporter.model.outcome import Reason, Stage
from exporter.probes.protocols.http import Http, Https
from exporter.probes.wire.http import USER_AGENT
from tests import make
from tests.servers.threaded import answers, drips, scripted


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests: list[tuple[str, dict[str, str]]]

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        status = int(self.path.strip("/") or 200)
        self.send_response(status)
        self.send_header("Location", "https://elsewhere.test/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.requests = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def secure(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


async def test_any_status_is_an_answer_by_default(probe, server):
    for status in (200, 302, 404, 503):
        seen = await probe("http", server.server_port, path=f"/{status}")
        assert (seen.reason, seen.evidence.http_status) == (Reason.ANSWERED, status)
        assert f"HTTP {status}" in seen.detail


async def test_a_server_may_be_spared_the_body(probe):
    heard = []

    def treat(sock):
        heard.append(sock.recv(65536).split(b" ")[0])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")

    for options in ({}, {"method": "HEAD"}):
        with scripted(treat) as port:
            seen = await probe("http", port, **options)
        assert seen.reason is Reason.ANSWERED
    assert heard == [b"GET", b"HEAD"]


async def test_redirects_are_told_and_not_followed(probe, server):
    seen = await probe("http", server.server_port, path="/302")
    assert "https://elsewhere.test/" in seen.detail
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("expected", "status", "reason"),
    [
        (["2xx"], 204, Reason.ANSWERED),
        ([200, "3xx"], 301, Reason.ANSWERED),
        ([200], 204, Reason.REJECTED),
        (["2xx", "3xx"], 503, Reason.REJECTED),
    ],
)
async def test_the_rule_says_which_statuses_count(
    probe, server, expected, status, reason
):
    options = {"path": f"/{status}", "expect_status": tuple(expected)}
    seen = await probe("http", server.server_port, **options)
    assert (seen.reason, seen.evidence.http_status) == (reason, status)


@pytest.mark.parametrize(
    ("allowed", "status", "reason"),
    [
        ([], 302, Reason.ANSWERED),
        (["elsewhere.test"], 302, Reason.ANSWERED),
        (["test"], 307, Reason.ANSWERED),
        (["uni.example"], 302, Reason.REJECTED),
        (["here.test", "where.test"], 301, Reason.REJECTED),
        (["uni.example"], 201, Reason.ANSWERED),
    ],
)
async def test_the_rule_says_where_a_redirect_may_lead(
    probe, server, allowed, status, reason
):
    options = {"path": f"/{status}", "location": tuple(allowed)}
    seen = await probe("http", server.server_port, **options)
    assert (seen.reason, seen.evidence.http_status) == (reason, status)
    if reason is Reason.REJECTED:
        assert "https://elsewhere.test/, which leads away" in seen.detail


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (b"/login", Reason.ANSWERED),
        (b"https://SERVER.uni.example:8443/", Reason.ANSWERED),
        (b"https://server.uni.example./", Reason.ANSWERED),
        (b"//cdn.vendor.test.:443/", Reason.ANSWERED),
        (b"//portal.test/", Reason.REJECTED),
        (b"http://[", Reason.REJECTED),
        (b"http://user@portal.test/?server.uni.example", Reason.REJECTED),
    ],
)
async def test_a_redirect_to_the_host_itself_is_no_portal(probe, location, reason):
    head = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n"
    with scripted(answers(head)) as port:
        seen = await probe("http", port, location=("vendor.test",))
    assert seen.reason is reason


@pytest.mark.parametrize(
    ("refresh", "reason"),
    [
        (b"30", Reason.ANSWERED),
        (b"0; url=/status", Reason.ANSWERED),
        (b"5;URL='https://server.uni.example./a'", Reason.ANSWERED),
        (b"0; url=http://portal.test/login", Reason.REJECTED),
        (b'1,"//portal.test"', Reason.REJECTED),
    ],
)
async def test_what_browsers_are_sent_to_without_a_status_is_a_redirect(
    probe, refresh, reason
):
    head = b"HTTP/1.1 200 OK\r\nRefresh: " + refresh + b"\r\n\r\n"
    with scripted(answers(head)) as port:
        seen = await probe("http", port, location=("vendor.test",))
    assert seen.reason is reason
    assert f"refresh: {refresh.decode()}" in seen.detail


async def test_the_request_says_who_asks_and_for_which_host(probe, server):
    port = server.server_port
    await probe("http", port, path="/200")
    await probe("http", port, host_header="other.test")
    (path, first), (root, second) = server.requests
    assert (path, root) == ("/200", "/")
    assert first["Host"] == f"server.uni.example:{port}"
    assert first["User-Agent"] == USER_AGENT
    assert first["Connection"] == "close"
    assert second["Host"] == "other.test"


@pytest.mark.parametrize(
    ("prober", "destination", "port", "host"),
    [
        (Http(), "web.test", 80, "web.test"),
        (Http(), "web.test", 443, "web.test:443"),
        (Https(), "web.test", 443, "web.test"),
        (Https(), "192.0.2.1", 9999, "192.0.2.1:9999"),
        (Http(), "2001:db8::1", 80, "[2001:db8::1]"),
        (Https(), "2001:db8::1", 80, "[2001:db8::1]:80"),
        (Http(host_header="other.test"), "web.test", 8080, "other.test"),
    ],
)
def test_the_host_has_a_port_where_it_is_not_the_usual_one(
    prober, destination, port, host
):
    assert prober._host(make.target("http", destination, port)) == host


async def test_https_has_certificate_and_status(probe, secure):
    seen = await probe("https", secure.server_port, path="/404")
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.evidence.http_status == 404
    assert not seen.tls.verified
    assert set(seen.phases) == set(Stage)


async def test_plain_http_to_a_tls_port_is_malformed_or_ends(probe, secure):
    seen = await probe("http", secure.server_port)
    assert seen.reason in {Reason.MALFORMED, Reason.CLOSED, Reason.RESET}


async def test_tls_to_a_plain_http_port_is_malformed(probe, server):
    seen = await probe("https", server.server_port)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.TLS)


async def test_a_head_that_comes_byte_by_byte_is_an_answer(probe):
    with scripted(drips(b"HTTP/1.1 200 OK\r\nServer: slow\r\n\r\n")) as port:
        seen = await probe("http", port)
    assert seen.reason is Reason.ANSWERED


async def test_a_head_cut_off_is_closed(probe):
    def cut(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nServer: half")

    with scripted(cut) as port:
        seen = await probe("http", port)
    assert seen.reason is Reason.CLOSED


async def test_hostile_headers_stay_data_of_bounded_length(probe):
    head = b"HTTP/1.1 200 OK\r\nServer: <script>" + b"A" * 5000 + b"\r\n\r\n"
    with scripted(answers(head)) as port:
        seen = await probe("http", port)
    assert seen.reason is Reason.ANSWERED
    assert len(seen.detail) < 400


@pytest.mark.parametrize(
    "options",
    [
        {"path": "no-slash"},
        {"host_header": "two words"},
        {"expect_status": (600,)},
        {"location": ("https://vendor.test/",)},
    ],
)
def test_an_option_that_means_nothing_is_refused(options):
    with pytest.raises(ValueError, match="must"):
        Http(**options)


def answering(head):
    return answers(b"HTTP/1.1 " + head + b"\r\n\r\n")


async def anybodys(probe, head, name="http", **options):
    """What a public rule makes of a head."""
    with scripted(answering(head)) as port:
        return await probe(name, port, public=True, **options)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"200 OK", Reason.ANSWERED),
        (b"404 Not Found", Reason.ANSWERED),
        (b"400 Bad Request", Reason.ANSWERED),
        (b"403 Forbidden\r\nServer: filter", Reason.REJECTED),
        (b"407 Proxy Authentication Required", Reason.REJECTED),
        (b"451 Unavailable For Legal Reasons", Reason.REJECTED),
        (b"503 Service Unavailable", Reason.REJECTED),
        (b"511 Network Authentication Required", Reason.REJECTED),
        (b"302 Found\r\nLocation: http://portal.test/login", Reason.REJECTED),
        (b"307 Moved\r\nLocation: https://login.uni.example/", Reason.REJECTED),
        (b"301 Moved\r\nLocation: https://server.uni.example/", Reason.ANSWERED),
        (b"301 Moved\r\nLocation: https://www.server.uni.example/", Reason.ANSWERED),
        (b"302 Found\r\nLocation: /login", Reason.ANSWERED),
    ],
)
async def test_in_public_and_in_the_clear_anybody_may_have_answered(
    probe, head, reason
):
    assert (await anybodys(probe, head)).reason is reason
    with scripted(answering(head)) as port:
        assert (await probe("http", port)).reason is Reason.ANSWERED


@pytest.mark.parametrize(
    ("head", "options"),
    [
        (b"403 Forbidden", {"expect_status": (403,)}),
        (b"503 Busy", {"expect_status": ("5xx",)}),
        (b"302 Found\r\nLocation: https://cdn.test/", {"location": ("cdn.test",)}),
        (b"302 Found\r\nLocation: http://a.test/", {"host_header": "a.test"}),
    ],
)
async def test_a_public_rule_may_say_what_its_service_answers(probe, head, options):
    assert (await anybodys(probe, head, **options)).reason is Reason.ANSWERED


async def test_a_public_rule_says_how_to_take_what_it_refused(probe):
    seen = await anybodys(probe, b"403 Forbidden")
    assert "expect_status" in seen.detail
    assert seen.evidence.http_status == 403


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"200 OK\r\nContent-Type: text/html; charset=utf-8", Reason.REJECTED),
        (b"200 OK\r\nContent-Type: TEXT/HTML", Reason.REJECTED),
        (b"203 OK\r\nContent-Type: application/xhtml+xml", Reason.REJECTED),
        (b"200 OK\r\nContent-Type: text/xml", Reason.ANSWERED),
        (b"200 OK", Reason.ANSWERED),
        (b"404 No\r\nContent-Type: text/html", Reason.ANSWERED),
    ],
)
async def test_a_service_of_files_does_not_answer_with_a_page(probe, head, reason):
    with scripted(answering(head)) as port:
        seen = await probe("http", port, html=False)
    assert seen.reason is reason


@pytest.mark.parametrize(
    ("head", "wanted", "reason"),
    [
        (b"200 OK\r\nX-Ms-Request-Id: 5f", "x-ms-request-id", Reason.ANSWERED),
        (b"400 No\r\nx-ms-request-id:", "X-Ms-Request-Id", Reason.ANSWERED),
        (b"200 OK\r\nServer: AmazonS3", "server: amazons3", Reason.ANSWERED),
        (b"200 OK\r\nServer: filter", "server: AmazonS3", Reason.REJECTED),
        (b"302 Found\r\nContent-Type: text/plain", "x-ms-request-id", Reason.REJECTED),
        (b"200 OK", "server", Reason.REJECTED),
    ],
)
async def test_a_service_is_known_by_a_header_of_its_own(probe, head, wanted, reason):
    with scripted(answering(head)) as port:
        seen = await probe("http", port, header=wanted)
    assert seen.reason is reason
    assert (wanted in seen.detail) is (reason is Reason.REJECTED)


@pytest.mark.parametrize("odd", ["two words", "name:", ":value", "name: \n"])
def test_a_header_that_is_none_is_refused(odd):
    with pytest.raises(ValueError, match="header must be"):
        Http(header=odd)
