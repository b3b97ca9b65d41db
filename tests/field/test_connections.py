"""Connections that stand by half, or stop at some stage of the handshake behind them.

The stage is the furthest that was reached, a peer that spoke is no silence, and what is
wrong inside TLS is nobody's bug.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
import warnings

from tests.field.situation import (
    HOST,
    Case,
    Right,
    every,
    holds,
    leaf,
    nobody,
    tcp,
    tls,
    violated,
)
from tests.servers.threaded import answers, mute, resets_at_once, scripted

_OK = answers(b"HTTP/1.1 200 OK\r\n\r\n")
_MAKE = leaf()


@contextlib.contextmanager
def full(_field, own):
    """Listens and takes nobody in: its queue is full, so the kernel drops what comes."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((own, 0))
        listener.listen(0)
        for _ in range(3):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield listener.getsockname()[1]


@contextlib.contextmanager
def takes_nothing(_field, own):
    """The connection stands in the queue of who never comes for it."""
    with socket.create_server((own, 0)) as listener:
        yield listener.getsockname()[1]


def within(treat, make=_MAKE):
    """TLS, whose socket and the one that carries it are both at hand."""

    @contextlib.contextmanager
    def peer(field, own):
        context = make(field)

        def treatment(sock):
            raw = sock.dup()
            with (
                raw,
                contextlib.suppress(OSError),
                context.wrap_socket(sock, server_side=True) as secure,
            ):
                treat(secure, raw)

        with scripted(treatment, own) as port:
            yield port

    return peer


def at_most(version):
    def make(field):
        context = _MAKE(field)
        with warnings.catch_warnings(action="ignore"):  # of versions that are old
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    return make


def in_the_clear(said):
    """Reads the request, then speaks beside TLS."""

    def treat(secure, raw):
        secure.recv(4096)
        os.write(raw.fileno(), said)
        mute(raw)

    return treat


def half(secure, _raw):
    """Half a head, and the end without a goodbye."""
    secure.recv(4096)
    secure.sendall(b"HTTP/1.1 200 O")


def cut_inside(secure, raw):
    secure.recv(4096)
    secure.sendall(b"HTTP/1.1 200 O")
    resets_at_once(raw)


def silent_inside(secure, _raw):
    mute(secure)


def other_protocol(secure, _raw):
    secure.sendall(b"220 ready\r\n")
    mute(secure)


def goodbye(secure, _raw):
    secure.recv(4096)
    with contextlib.suppress(OSError):
        secure.unwrap()


_HELLO = b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"
_NAMED = {"tls": {"server_name": HOST}}
_CLEAR = b"\x15\x03\x03\0\2\2\x31"


def case(peer, probe, right, **rule):
    return Case(peer, probe, right, rule=rule)


CASES = {
    "queue-is-full": case(full, "http", violated("timeout", stage="connect")),
    "queue-is-full-proves-no-block": case(
        full, "http", Right("unknown", "timeout", "connect"), expect="deny"
    ),
    "nobody-comes": case(takes_nothing, "http", violated("timeout", stage="exchange")),
    "nobody-comes-tls": case(takes_nothing, "https", violated("timeout", stage="tls")),
    "nobody-comes-tcp": case(takes_nothing, "tcp", holds()),
    "nobody-comes-was-let-through": case(
        takes_nothing, "https", violated("timeout", stage="tls"), expect="deny"
    ),
    "shut": case(nobody, "http", violated("refused", stage="connect")),
    "shut-proves-no-block": case(
        nobody, "http", Right("unknown", "refused"), expect="deny"
    ),
    "shut-is-a-block-where-that-is-said": case(
        nobody, "http", Right("holds", "refused"), expect="deny", denial=["reset"]
    ),
    "closes-at-once": case(
        tcp(lambda _sock: None), "https", violated(("closed", "reset"), stage="tls")
    ),
    "resets-at-once": case(tcp(resets_at_once), "http", violated("reset")),
    "resets-at-once-was-let-through": case(
        tcp(resets_at_once), "http", violated("reset"), expect="deny"
    ),
    "half-a-hello": case(
        tcp(answers(_HELLO[:6])),
        "https",
        violated(("timeout", "malformed"), stage="tls"),
    ),
    "a-broken-hello": case(
        tcp(answers(_HELLO)), "https", violated("malformed", stage="tls")
    ),
    "a-record-of-nothing": case(
        tcp(answers(b"\x17\x03\x03\0\x05hello")),
        "https",
        violated("malformed", stage="tls"),
    ),
    "a-record-too-long": case(
        tcp(answers(b"\x16\x03\x03\xff\xff" + bytes(70_000))),
        "https",
        violated("malformed", stage="tls"),
    ),
    "an-old-record": case(
        tcp(answers(b"\x80\x2e\1\0\2" + bytes(40))),
        "https",
        violated("malformed", stage="tls"),
    ),
    "tls-1-0": case(
        tls(_OK, at_most(ssl.TLSVersion.TLSv1)), "https", holds("200"), **_NAMED
    ),
    "tls-1-1": case(
        tls(_OK, at_most(ssl.TLSVersion.TLSv1_1)), "https", holds(), **_NAMED
    ),
    "silence-inside": case(
        within(silent_inside), "https", violated("timeout", stage="exchange")
    ),
    "goodbye-inside": case(
        within(goodbye), "https", violated("closed", stage="exchange")
    ),
    "half-inside": case(
        within(half), "https", violated("closed", "HTTP/1.1 200", stage="exchange")
    ),
    "cut-inside": case(
        within(cut_inside), "https", violated(("reset", "closed"), stage="exchange")
    ),
    "another-protocol-inside": case(
        within(other_protocol),
        "https",
        violated("malformed", "220 ready", stage="exchange"),
    ),
    "an-alert-in-the-clear": case(
        within(in_the_clear(_CLEAR)),
        "https",
        violated(("malformed", "tls_alert"), stage="exchange"),
    ),
    "words-in-the-clear": case(
        within(in_the_clear(b"HTTP/1.1 200 OK\r\n\r\n")),
        "https",
        violated("malformed", stage="exchange"),
    ),
    "an-alert-inside-tls-1-2": case(
        within(in_the_clear(_CLEAR), at_most(ssl.TLSVersion.TLSv1_2)),
        "https",
        violated(("malformed", "tls_alert"), stage="exchange"),
    ),
    "words-in-the-clear-were-let-through": case(
        within(in_the_clear(b"no")), "https", violated(()), expect="deny"
    ),
    "moved-to-its-own-https": Case(
        tcp(
            answers(b"HTTP/1.1 301 Go\r\nLocation: https://www.field.test/\r\n\r\n"),
            "127.0.0.1",
        ),
        "http",
        holds("301"),
        host="field.test",
        rule={"public": True},
    ),
}


def NAMES(query):  # noqa: N802 - see situation.py
    return query.addresses("127.0.0.1")


test_situation = every(CASES)
