"""Web servers, appliances and scripts whose answer's head is irregular in a detail.

Each carries a status that curl and browsers take, so each is an answer, and the status
counts as ever. What is no HTTP at all stays malformed: leniency has an end.
"""

from __future__ import annotations

from tests.field.situation import Case, every, holds, tcp, violated
from tests.servers.threaded import answers

_REST = b"Server: box\r\nConnection: close\r\n\r\nhi"
_TAKEN = {
    "lines-end-in-lf": (b"HTTP/1.1 200 OK\nServer: box\n\nhi", 200),
    "lines-end-in-both-ways": (b"HTTP/1.0 200 OK\nServer: box\r\n\nhi", 200),
    "control-character-in-a-value": (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: k=\x02v\r\n",
        200,
    ),
    "high-bytes-in-a-value": (b"HTTP/1.1 200 OK\r\nX-Place: M\xfcnchen\r\n", 200),
    "space-in-a-name": (b"HTTP/1.1 200 OK\r\nX Content Type: a\r\n", 200),
    "space-before-the-colon": (b"HTTP/1.1 200 OK\r\nX-Cache : MISS\r\n", 200),
    "no-colon": (b"HTTP/1.1 200 OK\r\nPowered by nothing\r\n", 200),
    "folded": (b"HTTP/1.1 200 OK\r\nX-Policy: one;\r\n\ttwo\r\n", 200),
    "folded-at-once": (b"HTTP/1.1 200 OK\r\n folded\r\n", 200),
    "two-lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n",
        200,
    ),
    "two-lengths-that-differ": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n",
        200,
    ),
    "a-list-of-lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n", 200),
    "no-number-for-a-length": (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n", 200),
    "identity": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n", 200),
    "length-beside-chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        200,
    ),
    "second-version": (b"HTTP/2 204\r\n", 204),
    "no-reason-phrase": (b"HTTP/1.1 204\r\n", 204),
    "ten": (b"HTTP/1.0 401 Unauthorized\r\n", 401),
    "seventy-thousand-bytes": (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: " + b"k" * 70_000 + b"\r\n",
        200,
    ),
    "interim-first": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n",
        200,
    ),
    "many-interim": (b"HTTP/1.1 102 Wait\r\n\r\n" * 20 + b"HTTP/1.1 200 OK\r\n", 200),
}
_NONE = {
    "a-banner-of-ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "a-greeting-of-ftp": b"220 ready\r\n",
    "status-000": b"HTTP/1.1 000 None\r\n" + _REST,
    "status-of-four-digits": b"HTTP/1.1 2000 Much\r\n" + _REST,
    "the-page-alone": b"<!DOCTYPE html><title>hi</title>",
    "a-record-of-tls": b"\x15\x03\x01\0\2\2\x46",
    "another-protocol-of-its-kin": b"RTSP/1.0 200 OK\r\n\r\n",
}
CASES = {
    **{
        name: Case(
            tcp(
                answers(head if b"\n\n" in head or b"\r\n\n" in head else head + _REST)
            ),
            "http",
            holds(f"HTTP {status}"),
        )
        for name, (head, status) in _TAKEN.items()
    },
    **{
        name: Case(tcp(answers(said)), "http", violated("malformed", stage="exchange"))
        for name, said in _NONE.items()
    },
    "a-status-that-is-not-expected": Case(
        tcp(answers(b"HTTP/1.1 503 Busy\nServer: box\n\n")),
        {"http": {"expect_status": [200]}},
        violated("rejected", "503"),
    ),
    "a-substatus": Case(
        tcp(answers(b"HTTP/1.1 403.6 Forbidden\r\n" + _REST)),
        {"http": {"expect_status": [403]}},
        holds("403"),
    ),
}
test_situation = every(CASES)
