"""An explicit proxy, and all that it may say to CONNECT or do behind its yes.

What it says for itself is its own (origin `path`); what it reports of the destination is
the destination's; behind its yes things are told as without one. A rule that denies asks
about the direct path.
"""

from __future__ import annotations

import contextlib
import re

from tests.certificates import DAY, authority
from tests.field.situation import (
    SHIFT,
    Case,
    Right,
    at,
    every,
    holds,
    leaf,
    violated,
)
from tests.servers.threaded import mute, resets_at_once, scripted

_YES = b"HTTP/1.1 200 Connection established\r\n\r\n"
_WEB = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
_FOREIGN = authority("Proxy", start=SHIFT - 9 * DAY, end=SHIFT + 90 * DAY)


def says(head, *then):
    """Says this to CONNECT, and then something for whatever comes."""

    def treat(sock, _context):
        sock.sendall(head)
        for one in then:
            sock.recv(4096)
            sock.sendall(one)
        mute(sock)

    return treat


def answer(line, *headers):
    return says(b"\r\n".join((b"HTTP/1.1 " + line, *headers, b"", b"")))


def squid(status, error):
    return answer(status, b"X-Squid-Error: " + error)


def yes_then_resets(sock, _context):
    sock.sendall(_YES)
    sock.recv(4096)
    resets_at_once(sock)


def yes_then_closes(sock, _context):
    sock.sendall(_YES)
    sock.recv(4096)


def inspects(sock, context):
    sock.sendall(_YES)
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(sock, server_side=True) as own,
    ):
        own.recv(4096)
        own.sendall(_WEB)
        mute(own)


def closes(_sock, _context):
    """Not a word."""


def resets(sock, _context):
    resets_at_once(sock)


def no_of_its_own(says=""):
    return violated("rejected", says, stage="connect", origin="path")


def of_the_destination(reason, says="", **more):
    return violated(reason, says, stage="connect", **more)


def behind(reason, says="", **more):
    return violated(reason, says, origin="", **more)


_BROKEN = violated(
    ("malformed", "closed", "reset"), "proxy", stage="connect", origin="path"
)
_GOOD = holds("HTTP 200")
_HTTP = {
    "says-yes": (says(_YES, _WEB), _GOOD),
    "says-yes-in-1-0": (says(b"HTTP/1.0 200 OK\r\n\r\n", _WEB), _GOOD),
    "says-yes-and-more": (
        says(b"HTTP/1.1 200 OK\nVia: 1.1 x\n folded\n\n", _WEB),
        _GOOD,
    ),
    "says-wait-first": (says(b"HTTP/1.1 100 Continue\r\n\r\n" + _YES, _WEB), _GOOD),
    "says-no": (answer(b"403 Forbidden"), no_of_its_own("does not allow")),
    "says-no-as-squid": (squid(b"403 No", b"ERR_ACCESS_DENIED 0"), no_of_its_own()),
    "wants-a-password": (
        answer(b"407 Auth", b'Proxy-Authenticate: Basic realm="x"'),
        no_of_its_own("password"),
    ),
    "wants-a-password-as-squid": (
        squid(b"407 Auth", b"ERR_CACHE_ACCESS_DENIED 0"),
        no_of_its_own("password"),
    ),
    "sends-to-a-login": (
        answer(b"302 Found", b"Location: http://login.test/"),
        no_of_its_own("302"),
    ),
    "has-enough": (answer(b"429 Too Many"), no_of_its_own("429")),
    "wants-a-login": (answer(b"511 Login"), no_of_its_own("511")),
    "knows-no-connect": (answer(b"405 Not Allowed"), no_of_its_own("405")),
    "knows-no-connect-at-all": (answer(b"501 Not Implemented"), no_of_its_own("501")),
    "is-refused": (
        squid(b"503 Down", b"ERR_CONNECT_FAIL 111"),
        of_the_destination("refused", origin="destination"),
    ),
    "gets-no-answer": (
        squid(b"503 Down", b"ERR_CONNECT_FAIL 110"),
        of_the_destination("timeout", origin=""),
    ),
    "finds-no-host": (
        squid(b"503 Down", b"ERR_CONNECT_FAIL 113"),
        of_the_destination("host_unreachable"),
    ),
    "finds-no-network": (
        squid(b"503 Down", b"ERR_CONNECT_FAIL 101"),
        of_the_destination("network_unreachable"),
    ),
    "finds-no-name": (
        squid(b"503 Down", b"ERR_DNS_FAIL 0"),
        of_the_destination("dns_failure", "resolve"),
    ),
    "waits-in-vain": (answer(b"504 Timeout"), of_the_destination("timeout", origin="")),
    "cannot-say-why": (answer(b"502 Bad Gateway"), of_the_destination((), "say why")),
    "leaves": (closes, _BROKEN),
    "cuts": (resets, _BROKEN),
    "speaks-ssh": (says(b"SSH-2.0-x\r\n"), _BROKEN),
    "speaks-socks": (says(b"\x05\xff"), _BROKEN),
    "says-yes-and-cuts": (yes_then_resets, behind("reset", stage="exchange")),
    "says-yes-and-leaves": (yes_then_closes, behind("closed", stage="exchange")),
    "says-yes-and-no-more": (says(_YES), behind("timeout", stage="exchange")),
    "says-yes-and-blocks": (
        says(_YES, b"HTTP/1.1 403 Blocked\r\nServer: filter\r\n\r\n"),
        violated("rejected", "403"),
    ),
    "says-yes-and-shows-its-login": (
        says(_YES, b"HTTP/1.1 302 Go\r\nLocation: http://login.test/\r\n\r\n"),
        violated("rejected", "login"),
    ),
}
_TLS = {
    "tls-inspects": (inspects, holds(tls={"intercepted": True, "verified": False})),
    "tls-says-yes-and-cuts": (yes_then_resets, behind("reset", stage="tls")),
    "tls-says-yes-and-no-more": (says(_YES), behind("timeout", stage="tls")),
    "tls-shows-a-page": (
        says(_YES, b"HTTP/1.1 403 Blocked\r\n\r\n<html>"),
        behind("malformed", "403", stage="tls"),
    ),
    "tls-says-no": (answer(b"403 Forbidden"), no_of_its_own("does not allow")),
    "tls-wants-a-password": (answer(b"407 Auth"), no_of_its_own("password")),
    "tls-alert": (
        says(_YES, b"\x15\x03\x03\0\2\2\x28"),
        behind("tls_alert", stage="tls"),
    ),
}
_ALL = _HTTP | _TLS
_CONNECT = re.compile(rb"CONNECT ([\w-]+)\.field\.test:(\d+) HTTP/1\.1\r\n")


def SITE(field):  # noqa: N802 - see situation.py
    context = leaf(issuer=_FOREIGN, names=("tls-inspects.field.test",))(field)

    def proxy(sock):
        said = b""
        while b"\r\n\r\n" not in said:
            said += sock.recv(4096)
        name = _CONNECT.match(said)[1].decode()
        _ALL[name][0](sock, context)

    port = field.enter(scripted(proxy))
    return {"proxy": f"http://127.0.0.1:{port}"}


def NAMES(query):  # noqa: N802 - see situation.py
    return query.addresses("127.0.0.1")


def case(name, probe, right, **rule):
    host = f"{name}.field.test"
    return Case(at(9), probe, right, host=host, rule={"public": True, **rule})


CASES = {
    **{name: case(name, "http", right) for name, (_, right) in _HTTP.items()},
    **{name: case(name, "https", right) for name, (_, right) in _TLS.items()},
    "what-is-not-public-goes-by-itself": Case(
        at(9), "http", violated("refused", stage="connect"), host="says-yes.field.test"
    ),
    "a-block-is-looked-for-directly": case(
        "says-yes", "http", Right("unknown", "refused"), expect="deny"
    ),
}
test_situation = every(CASES)
