"""Through a proxy by CONNECT: a proxy's no, its report of a destination, its nonsense."""

from __future__ import annotations

import contextlib
import ssl

import pytest

from exporter.model.endpoint import Endpoint
from exporter.model.outcome import Origin, ProbeError, Reason, Stage, Verdict
from exporter.model.rule import Expect, Transport
from exporter.probes.link import Link
from exporter.probes.lookup import Resolved
from exporter.probes.proxy import blamed
from exporter.probes.runner import Runner
from exporter.probes.tls import TlsEngine
from tests import make
from tests.certificates import NOW
from tests.probing import ISSUED, NAME, ROOT, server_tls
from tests.servers.process import free_port
from tests.servers.threaded import (
    drips,
    endless,
    mute,
    resets,
    resets_at_once,
    scripted,
)

GRANTED = b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n"
HTTP = b"HTTP/1.1 204 No Content\r\nServer: inside\r\n\r\n"


class Here:
    """A resolver for which every name is this host, and knows what it was asked."""

    def __init__(self, answer=("127.0.0.1",)):
        self.asked = []
        self._answer = answer

    def known(self, _host):
        return None

    async def resolve(self, host):
        self.asked.append(host)
        if isinstance(self._answer, ProbeError):
            raise self._answer
        return Resolved(self._answer)


def request(sock):
    """The head of a request, and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    return head


def grants(then, heard=None):
    """Lets every CONNECT through, to a destination that does `then`."""

    def treat(sock):
        head = request(sock)
        if heard is not None:
            heard.append(head.decode())
        sock.sendall(GRANTED)
        then(sock)

    return treat


def says(answer, *, then=mute):
    """Answers a CONNECT with `answer`."""

    def treat(sock):
        request(sock)
        sock.sendall(answer)
        then(sock)

    return treat


def status(line, *headers):
    return says("\r\n".join([f"HTTP/1.1 {line}", *headers, "", ""]).encode())


def inside(sock):
    """An HTTP server."""
    sock.recv(65536)
    sock.sendall(HTTP)
    mute(sock)


async def run(treatment, probe="http", resolver=None, engine=None, **rule):
    """One round of a rule to a host that only the proxy could find."""
    with scripted(treatment) as port:
        runner = Runner(resolver or Here(), engine)
        runner.proxy = Endpoint("proxy.test", port, tls=False)
        facts = {"public": True, "timeout": 5.0} | rule
        result = await runner.run(make.target(probe, NAME, 8443, **facts))
        return result, f"proxy.test:{port}"


async def observe(treatment, **options):
    result, proxy = await run(treatment, **options)
    seen = result.observation
    assert seen.via == proxy
    return seen, proxy


async def test_a_rule_holds_through_the_proxy_and_the_proxy_finds_the_host():
    heard, resolver = [], Here()
    result, proxy = await run(grants(inside, heard), resolver=resolver)
    seen = result.observation
    assert result.verdict is Verdict.HOLDS
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert (seen.address, seen.via) == ("127.0.0.1", proxy)
    assert 0 < seen.latency < 1
    assert seen.evidence.http_status == 204
    assert resolver.asked == ["proxy.test"]
    lines = heard[0].split("\r\n")
    assert lines[0] == f"CONNECT {NAME}:8443 HTTP/1.1"
    assert lines[1] == f"Host: {NAME}:8443"
    assert lines[2].startswith("User-Agent: connectivity-exporter/")


async def test_an_ipv6_destination_stands_in_brackets():
    heard = []
    with scripted(grants(inside, heard)) as port:
        runner = Runner(Here(), None)
        runner.proxy = Endpoint("proxy.test", port, tls=False)
        await runner.run(make.target("http", "2001:db8::7", 80, public=True))
    assert heard[0].startswith("CONNECT [2001:db8::7]:80 HTTP/1.1\r\nHost: [2001:")


@pytest.mark.parametrize(
    "answer",
    [
        GRANTED,
        b"HTTP/1.0 200 \n\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + GRANTED,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
    ],
)
async def test_every_way_to_say_yes_is_understood_in_the_smallest_pieces(answer):
    def treat(sock):
        request(sock)
        for byte in answer:
            sock.sendall(bytes([byte]))
        inside(sock)

    seen, _ = await observe(treat)
    assert seen.reason is Reason.ANSWERED


async def test_the_greeting_of_a_server_that_speaks_first_is_not_lost():
    seen, _ = await observe(says(GRANTED + b"SSH-2.0-inside\r\n"), probe="ssh")
    assert seen.reason is Reason.ANSWERED
    assert "SSH-2.0-inside" in seen.detail


NOES = {
    "407 Proxy Authentication Required": "wants a password, and the exporter has none",
    "403 Forbidden": "does not allow this connection (HTTP 403, ERR_ACCESS_DENIED 0)",
    "400 Bad Request": "does not allow this connection",
    "500 Oops": "does not allow this connection",
    "302 Found": "does not allow this connection",
    "101 Switching Protocols": "does not allow this connection",
}


@pytest.mark.parametrize("line", NOES)
async def test_a_no_of_the_proxy_is_the_proxys_and_not_the_destinations(line):
    seen, proxy = await observe(status(line, "X-Squid-Error: ERR_ACCESS_DENIED 0"))
    assert (seen.reason, seen.stage, seen.origin) == (
        *(Reason.REJECTED, Stage.CONNECT, Origin.PATH),
    )
    assert f"the proxy {proxy} {NOES[line]}" in seen.detail


@pytest.mark.parametrize("line", ["400 Bad Request", "404 Not Found", "500 Oops"])
async def test_a_no_that_states_no_policy_is_not_told_as_one(line):
    seen, proxy = await observe(status(line))
    assert (seen.reason, seen.origin) == (Reason.REJECTED, Origin.PATH)
    assert f"the proxy {proxy} does not make this connection" in seen.detail


async def test_a_long_no_is_read_to_its_end():
    seen, _ = await observe(
        status("407 Auth", f"Proxy-Authenticate: Negotiate {'a' * 9000}")
    )
    assert (seen.reason, seen.stage) == (Reason.REJECTED, Stage.CONNECT)
    assert "wants a password" in seen.detail


REPORTS = {
    ("503 Busy", "ERR_CONNECT_FAIL 111"): (Reason.REFUSED, Origin.DESTINATION),
    ("503 Busy", "ERR_CONNECT_FAIL 110"): (Reason.TIMEOUT, Origin.NOBODY),
    ("503 Busy", "ERR_CONNECT_FAIL 113"): (Reason.HOST_UNREACHABLE, Origin.NOBODY),
    ("503 Busy", "ERR_CONNECT_FAIL 101"): (Reason.NETWORK_UNREACHABLE, Origin.NOBODY),
    ("503 Busy", "ERR_CONNECT_FAIL 9999"): (Reason.HOST_UNREACHABLE, Origin.NOBODY),
    ("503 Busy", "ERR_DNS_FAIL 0"): (Reason.DNS_FAILURE, Origin.NOBODY),
    ("500 Oops", "ERR_CANNOT_FORWARD 0"): (Reason.HOST_UNREACHABLE, Origin.NOBODY),
    ("503 Busy", "ERR_CANNOT_FORWARD 0"): (Reason.HOST_UNREACHABLE, Origin.NOBODY),
    ("503 Busy", "\u202e" + "x" * 900): (Reason.HOST_UNREACHABLE, Origin.NOBODY),
    ("502 Bad Gateway", ""): (Reason.HOST_UNREACHABLE, Origin.NOBODY),
    ("504 Gateway Timeout", ""): (Reason.TIMEOUT, Origin.NOBODY),
}


@pytest.mark.parametrize(("line", "squid"), REPORTS)
async def test_what_the_proxy_reports_of_the_destination_is_the_destinations(
    line, squid
):
    treatment = status(line, *([f"X-Squid-Error: {squid}"] if squid else []))
    seen, proxy = await observe(treatment)
    assert (seen.reason, seen.origin) == REPORTS[line, squid]
    assert seen.stage is Stage.CONNECT
    assert f"the proxy {proxy} cannot reach the destination" in seen.detail
    assert len(seen.detail) < 250
    assert seen.detail.isprintable()


BROKEN = {
    "silent": (mute, Reason.TIMEOUT, Origin.NOBODY, "no answer within"),
    "closes": (request, Reason.CLOSED, Origin.PATH, "closed by the peer"),
    "resets": (resets, Reason.RESET, Origin.PATH, "reset"),
    "garbage": (says(b"SSH-2.0-x\r\n"), Reason.MALFORMED, Origin.PATH, "not an HTTP"),
    "half a head": (
        *(says(GRANTED[:-2]), Reason.TIMEOUT, Origin.NOBODY, "', then nothing"),
    ),
    "cut head": (
        says(GRANTED[:-2], then=lambda _sock: None),
        *(Reason.CLOSED, Origin.PATH, "closed by the peer"),
    ),
    "endless head": (
        says(b"HTTP/1.1 200 OK\r\n", then=endless(b"X: y\r\n")),
        *(Reason.MALFORMED, Origin.PATH, "more than 1000 lines"),
    ),
    "endless line": (
        says(b"HTTP/1.1 200 ", then=endless(b"x" * 100)),
        *(Reason.MALFORMED, Origin.PATH, "it begins with"),
    ),
    "endless no": (
        says(b"", then=endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)),
        *(Reason.MALFORMED, Origin.PATH, "a head of more than"),
    ),
    "speaks unasked": (
        drips(b"\x00\xff" * 5000),
        *(Reason.MALFORMED, Origin.PATH, "it begins with"),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_proxy_is_blamed_itself(name):
    treatment, reason, origin, told = BROKEN[name]
    wait = 0.3 if reason is Reason.TIMEOUT else 5.0
    seen, proxy = await observe(treatment, timeout=wait)
    assert (seen.reason, seen.stage, seen.origin) == (reason, Stage.CONNECT, origin)
    assert seen.detail.startswith(f"the proxy {proxy} took the connection, and then: ")
    assert told in seen.detail


async def test_a_proxy_that_resets_at_once_is_not_a_destination_that_does():
    seen, _ = await observe(resets_at_once)
    assert seen.reason in {Reason.RESET, Reason.CLOSED}
    assert (seen.stage, seen.origin) == (Stage.CONNECT, Origin.PATH)


async def test_a_proxy_that_is_down_is_not_a_destination_that_refuses():
    runner = Runner(Here(), None)
    runner.proxy = Endpoint("proxy.test", free_port(), tls=False)
    result = await runner.run(make.target("http", NAME, public=True))
    seen = result.observation
    assert (seen.reason, seen.origin) == (Reason.REFUSED, Origin.PATH)
    assert seen.detail == (
        f"the proxy {runner.proxy} is not reached: connection refused by a TCP reset"
    )
    assert result.verdict is Verdict.VIOLATED


async def test_a_proxy_that_has_no_address_is_named():
    missing = ProbeError(Reason.NXDOMAIN, "proxy.test: the name does not exist")
    seen, proxy = await observe(mute, resolver=Here(missing))
    assert (seen.reason, seen.stage) == (Reason.NXDOMAIN, Stage.RESOLVE)
    assert seen.detail == (
        f"the proxy {proxy} is not found: proxy.test: the name does not exist"
    )


@pytest.mark.parametrize(
    ("treatment", "reason"),
    [(mute, Reason.TIMEOUT), (request, Reason.CLOSED), (resets, Reason.RESET)],
)
async def test_what_happens_behind_the_proxy_is_told_as_without_one(treatment, reason):
    seen, _ = await observe(grants(treatment), timeout=0.5)
    assert (seen.reason, seen.stage, seen.origin) == (
        *(reason, Stage.EXCHANGE, Origin.NOBODY),
    )
    assert "proxy" not in seen.detail


@pytest.fixture
def engine(tmp_path):
    file = tmp_path / "site.pem"
    file.write_bytes(ROOT.pem)
    return TlsEngine(file, clock=NOW.timestamp)


async def test_tls_inside_the_tunnel_is_the_destinations(tmp_path, engine):
    context = server_tls(tmp_path, ISSUED, ["http/1.1"])

    def treat(sock):
        request(sock)
        sock.sendall(GRANTED)
        with (
            contextlib.suppress(ssl.SSLError),
            context.wrap_socket(sock, server_side=True) as secured,
        ):
            inside(secured)

    seen, _ = await observe(treat, probe="https", engine=engine)
    assert seen.reason is Reason.ANSWERED
    assert seen.tls.verified
    assert seen.tls.subject == "CN=server"


async def test_bytes_slipped_in_behind_the_proxys_yes_do_not_become_tls(engine):
    injected = says(GRANTED + b"\x16\x03\x01 not from the destination")
    seen, _ = await observe(injected, probe="https", engine=engine)
    assert seen.reason is Reason.MALFORMED
    assert seen.detail == "data sent before the TLS handshake"


@pytest.mark.parametrize(
    "rule",
    [
        {"public": False},
        {"expect": Expect.DENY},
        {"probe": "udp", "transport": Transport.UDP},
    ],
)
async def test_only_public_tcp_rules_that_allow_go_through_the_proxy(rule):
    resolver = Here()
    result, _ = await run(mute, resolver=resolver, **{"timeout": 2.0} | rule)
    assert resolver.asked == [NAME]
    assert {one.observation.via for one in result.addresses} == {""}


async def test_every_address_of_the_proxy_is_tried_and_one_suffices():
    resolver = Here(("127.0.0.2", "127.0.0.1"))
    result, _ = await run(grants(inside), resolver=resolver)
    ends = {j.observation.address: j.observation.reason for j in result.addresses}
    assert ends == {"127.0.0.2": Reason.REFUSED, "127.0.0.1": Reason.ANSWERED}
    assert result.verdict is Verdict.HOLDS


async def test_a_second_connection_asks_the_proxy_again():
    heard = []
    with scripted(grants(mute, heard)) as port:
        target = make.target("tcp", NAME, 1433, public=True)
        via = Endpoint("proxy.test", port, tls=False)
        with Link(target, "127.0.0.1", None, via=via) as link:
            await link.connect()
            await link.connect()
    assert len(heard) == 2


async def test_what_ends_a_second_connection_before_it_stands_is_the_proxys():
    answered = []

    def treat(sock):
        request(sock)
        if not answered:
            answered.append(sock)
            sock.sendall(GRANTED)
            mute(sock)

    with scripted(treat) as port:
        target = make.target("tcp", NAME, 1433, public=True)
        via = Endpoint("proxy.test", port, tls=False)
        with Link(target, "127.0.0.1", None, via=via) as link:
            await link.connect()
            with pytest.raises(ProbeError) as caught:
                await link.connect()
            told = link.blamed(caught.value)
    assert told.detail.startswith(f"the proxy {via} took the connection, and then: ")
    assert told.origin is Origin.PATH


def test_our_own_fault_is_not_said_of_the_proxy():
    ours = ProbeError(Reason.LOCAL_FAULT, "this host was too busy")
    proxy = Endpoint("proxy.test", 3128, tls=False)
    assert blamed(ours, proxy, accepted=True) is ours


PUBLIC, PRIVATE = "127.0.0.1", ("127.0.0.2", "10.9.20.1")


@pytest.fixture
def loopback_is_public(monkeypatch):
    public = "exporter.probes.address_selection.is_public"
    monkeypatch.setattr(public, lambda address: address == PUBLIC)


def from_a_list(port, **changes):
    target = make.target("http", "mirror.example.org", port, **changes)
    return type(target)(target.rule, target.destination, target.port, untrusted=True)


async def test_a_mirror_that_leads_inside_is_not_touched():
    heard = []
    with scripted(heard.append) as port:
        runner = Runner(Here(("127.0.0.1", "::1", "10.9.20.1")), None)
        result = await runner.run(from_a_list(port))
    assert heard == []
    assert result.verdict is Verdict.UNKNOWN
    assert {one.observation.reason for one in result.addresses} == {Reason.UNTESTED}
    seen = result.observation
    assert (seen.stage, seen.address) == (Stage.RESOLVE, "127.0.0.1")
    assert seen.detail == (
        "refused to probe 127.0.0.1: not public, and a feed leads to it"
    )


async def test_the_public_addresses_of_a_mirror_are_probed_all_the_same(
    loopback_is_public,
):
    with scripted(inside) as port:
        runner = Runner(Here((*PRIVATE, PUBLIC)), None)
        result = await runner.run(from_a_list(port))
    ends = {j.observation.address: j.observation.reason for j in result.addresses}
    assert ends == dict.fromkeys(PRIVATE, Reason.UNTESTED) | {PUBLIC: Reason.ANSWERED}
    assert result.verdict is Verdict.HOLDS


async def test_a_name_with_many_private_addresses_is_told_in_bounded_words():
    many = tuple(f"10.9.{n // 200}.{n % 200}" for n in range(1000))
    result = await Runner(Here(many), None).run(from_a_list(80))
    assert len(result.addresses) == 257
    assert "744 more addresses" in result.addresses[-1].observation.detail
