"""The peer did say something before time was up, or before it closed.

What came is quoted and decides whom to ask. Where it can become no answer any more it is
another protocol; where the right service says no, that is a refusal; nobody is told of
silence, of inspection or of large packets.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

from tests.field.situation import Case, every, holds, tcp, udp, violated
from tests.servers.threaded import (
    answers,
    drips,
    endless,
    mute,
    resets,
    says,
    says_and_closes,
)

_SILENCE = r"then silence|inspect|smaller MTU|too large|no answer came"


def waits(*parts, pause=2.5):
    """Says the parts with so many seconds between them."""

    def treat(sock):
        for part in parts:
            sock.sendall(part)
            time.sleep(pause)

    return treat


def late(said):
    """Says it after a second."""

    def treat(sock):
        time.sleep(1)
        says(said)(sock)

    return treat


def line_by_line(*replies):
    """The first at once, then one for whatever is said."""

    def treat(sock):
        for reply in replies:
            sock.sendall(reply)
            if not sock.recv(4096):
                return
        mute(sock)

    return treat


def sends_in_pieces(*parts):
    def treat(sock):
        sock.recv(4096)
        for part in parts:
            sock.sendall(part)
            time.sleep(0.05)
        mute(sock)

    return treat


ALERT = b"\x15\x03\x01\x00\x02\x02\x28"
MYSQL = b"\x4a\0\0\0\x0a8.0.36\0" + bytes(30)


def foreign(says_=""):
    return violated("malformed", says_, never=_SILENCE, stage="exchange")


def rejected(says_):
    return violated("rejected", says_, never=_SILENCE)


# --- NTP ---------------------------------------------------------------------------

_ERA = 2_208_988_800


def packet(asked, *, first=0x24, stratum=2, refid=b"\x0a\0\0\1", origin=None, tail=b""):
    now = struct.pack("!II", int(time.time()) + _ERA, 0)
    head = struct.pack("!BBbb", first, stratum, 6, -20) + bytes(8) + refid + bytes(8)
    return head + (asked[40:48] if origin is None else origin) + now + now + tail


@contextlib.contextmanager
def from_another_address(_field, own):
    """Answers, but not from where it was asked."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        asked.bind((own, 0))
        asked.settimeout(0.05)
        other.bind(("127.0.11.1", 0))
        ended = threading.Event()

        def serve():
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    data, peer = asked.recvfrom(4096)
                    other.sendto(packet(data), peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked.getsockname()[1]
        ended.set()
        thread.join(10)


def kiss(code):
    return lambda asked: [packet(asked, first=0xE4, stratum=0, refid=code)]


def by_ntp(answer, right, **rule):
    return Case(udp(answer), "ntp", right, rule=rule)


NTP = {
    "ntp-another-requests-packet": by_ntp(
        lambda asked: [packet(asked, origin=bytes(8))],
        violated("timeout", "another request", never=_SILENCE),
    ),
    "ntp-another-requests-packet-first": by_ntp(
        lambda asked: [packet(asked, origin=b"otherone"), packet(asked)], holds()
    ),
    "ntp-from-another-address": Case(
        from_another_address,
        "ntp",
        violated("timeout", stage="connect"),
    ),
    "ntp-a-short-packet-first": by_ntp(
        lambda asked: [b"\x24\2", packet(asked)], holds()
    ),
    "ntp-signed": by_ntp(lambda asked: [packet(asked, tail=bytes(20))], holds()),
    "ntp-version-3": by_ntp(lambda asked: [packet(asked, first=0x1C)], holds()),
    "ntp-symmetric": by_ntp(
        lambda asked: [packet(asked, first=0x22)], violated("malformed", "mode 2")
    ),
    "ntp-our-own-request-comes-back": by_ntp(
        lambda asked: [asked], violated("malformed", "mode 3")
    ),
    "ntp-an-answer-of-dns": by_ntp(
        lambda _: [b"\x12\x34\x81\x80"], violated("malformed")
    ),
    "ntp-rate": by_ntp(kiss(b"RATE"), violated("rejected", "RATE")),
    "ntp-deny": by_ntp(kiss(b"DENY"), violated("rejected", "DENY")),
    "ntp-rstr": by_ntp(kiss(b"RSTR"), violated("rejected", "RSTR")),
    "ntp-init": by_ntp(kiss(b"INIT"), holds("not synchronised INIT")),
    "ntp-step": by_ntp(kiss(b"STEP"), holds("not synchronised STEP")),
    "ntp-unsynchronised": by_ntp(kiss(bytes(4)), holds("not synchronised")),
    "ntp-alarm": by_ntp(lambda asked: [packet(asked, first=0xE4)], holds("not synchr")),
    "ntp-stratum-16": by_ntp(
        lambda asked: [packet(asked, stratum=16)], holds("not syn")
    ),
    "ntp-deny-is-let-through": by_ntp(
        kiss(b"DENY"), violated("rejected"), expect="deny"
    ),
}

# --- SSH ---------------------------------------------------------------------------


def by_ssh(treatment, right, **rule):
    return Case(tcp(treatment), "ssh", right, rule=rule)


_IDENT = b"SSH-2.0-Box_1\r\n"
SSH = {
    "ssh-too-many": by_ssh(
        says_and_closes(b"Exceeded MaxStartups\r\n"), rejected("Exceeded MaxStartups")
    ),
    "ssh-penalty": by_ssh(
        says_and_closes(b"Not allowed at this time\r\n"), rejected("Not allowed")
    ),
    "ssh-busy-appliance": by_ssh(
        says_and_closes(b"All sessions are in use, try again later.\r\n"),
        rejected("in use"),
    ),
    "ssh-lines-first": by_ssh(says(b"Welcome\r\nto this box\r\n" + _IDENT), holds()),
    "ssh-lf-alone": by_ssh(says(b"SSH-2.0-Box\n"), holds("SSH-2.0-Box")),
    "ssh-both-versions": by_ssh(says(b"SSH-1.99-Cisco-1.25\n"), holds("1.99")),
    "ssh-drips": by_ssh(drips(_IDENT), holds()),
    "ssh-late": by_ssh(late(_IDENT), holds()),
    "ssh-first-version": by_ssh(says(b"SSH-1.5-Old\n"), foreign("1.5")),
    "ssh-ftp": by_ssh(says(b"220 ftp ready\r\n"), foreign("220 ftp")),
    "ssh-mysql": by_ssh(says(MYSQL), foreign("8.0.36")),
    "ssh-http": by_ssh(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), foreign("400")),
    "ssh-alert": by_ssh(says(ALERT), foreign()),
    "ssh-one-zero": by_ssh(says(b"\0"), foreign()),
    "ssh-telnet": by_ssh(says(b"\xff\xfd\x18\xff\xfd\x20login: "), foreign("login")),
    "ssh-vnc": by_ssh(says(b"RFB 003.008\n"), foreign("RFB")),
    "ssh-postgres": by_ssh(says(b"E\0\0\0\x8bSFATAL\0"), foreign("FATAL")),
    "ssh-without-end": by_ssh(endless(b"\x07" * 4096), foreign()),
    "ssh-too-many-was-let-through": by_ssh(
        says_and_closes(b"Exceeded MaxStartups\r\n"),
        violated("rejected"),
        expect="deny",
    ),
}

# --- Mail --------------------------------------------------------------------------


def by_smtp(treatment, right, **options):
    return Case(tcp(treatment), {"smtp": options} if options else "smtp", right)


_PLAIN = {"starttls": False}
_HELLO = b"220 mx ESMTP\r\n"
_OFFER = b"250-mx\r\n250 STARTTLS\r\n"
MAIL = {
    "smtp-in-two-parts": by_smtp(
        waits(b"220-mx\r\n", b"220 mx ESMTP\r\n"),
        violated((), "220-mx", never=_SILENCE),
    ),
    "smtp-greeting-of-many-lines": by_smtp(
        line_by_line(b"220-mx\r\n220-no spam here\r\n220 mx\r\n", b"250 mx\r\n"),
        holds(),
        **_PLAIN,
    ),
    "smtp-greeting-of-a-lawyer": by_smtp(
        line_by_line(b"220-%b\r\n220 mx\r\n" % (b"x" * 4000), b"250 mx\r\n"),
        holds(),
        **_PLAIN,
    ),
    "smtp-code-alone": by_smtp(line_by_line(b"220\r\n", b"250\r\n"), holds(), **_PLAIN),
    "smtp-lf-alone": by_smtp(line_by_line(b"220 mx\n", b"250 mx\n"), holds(), **_PLAIN),
    "smtp-521": by_smtp(says_and_closes(b"521 takes no mail\r\n"), rejected("521")),
    "smtp-554": by_smtp(says(b"554 listed\r\n"), rejected("554 listed")),
    "smtp-421": by_smtp(says_and_closes(b"421 too busy\r\n"), rejected("421")),
    "smtp-greylisted": by_smtp(
        line_by_line(_HELLO, b"451-4.7.1 come back\r\n451 4.7.1 later\r\n"),
        rejected("451"),
    ),
    "smtp-ehlo-unknown": by_smtp(
        line_by_line(_HELLO, b"502 what?\r\n"), rejected("502")
    ),
    "smtp-knows-helo-only": by_smtp(
        line_by_line(_HELLO, b"502 what?\r\n", b"250 mx\r\n"), holds(), **_PLAIN
    ),
    "smtp-knows-neither": by_smtp(
        line_by_line(_HELLO, b"500 what?\r\n", b"500 what?\r\n"),
        rejected("HELO: 500"),
        **_PLAIN,
    ),
    "smtp-no-tls": by_smtp(
        line_by_line(_HELLO, b"250-mx\r\n250 SIZE\r\n"), rejected("STARTTLS")
    ),
    "smtp-tls-not-now": by_smtp(
        line_by_line(_HELLO, _OFFER, b"454 not now\r\n"), rejected("454")
    ),
    "smtp-two-codes": by_smtp(says(b"220-mx\r\n250 mx\r\n"), foreign()),
    "smtp-alert": by_smtp(says(ALERT), foreign()),
    "smtp-hello": by_smtp(says(b"hello"), foreign("hello")),
    "smtp-ssh": by_smtp(says(_IDENT), foreign("SSH-2.0")),
    "smtp-imap": by_smtp(says(b"* OK IMAP4rev1\r\n"), foreign("IMAP")),
    "smtp-pop": by_smtp(says(b"+OK POP3\r\n"), foreign("POP3")),
    "smtp-alert-in-tls": by_smtp(
        line_by_line(_HELLO, _OFFER, b"220 go\r\n", ALERT),
        violated("tls_alert", "handshake.failure", stage="tls"),
    ),
    "smtp-words-in-tls": by_smtp(
        line_by_line(_HELLO, _OFFER, b"220 go\r\n", b"500 what?\r\n"),
        violated("malformed", "500 what", stage="tls"),
    ),
}

# --- Anything else -----------------------------------------------------------------

_PRELOGIN_ERROR = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"
OTHERS = {
    "mssql-alert": Case(tcp(answers(ALERT)), "mssql", foreign()),
    "mssql-http": Case(tcp(answers(_PRELOGIN_ERROR)), "mssql", foreign("400")),
    "mssql-mysql": Case(tcp(says(MYSQL)), "mssql", foreign("8.0.36")),
    "smb-http": Case(tcp(answers(_PRELOGIN_ERROR)), "smb", foreign("400")),
    "kerberos-http": Case(tcp(answers(_PRELOGIN_ERROR)), "kerberos", foreign("400")),
    "http-ssh-drips": Case(tcp(drips(_IDENT)), "http", foreign("S")),
    "http-head-without-end": Case(
        tcp(endless(b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 500)),
        "http",
        foreign(),
    ),
    "http-in-pieces": Case(
        tcp(sends_in_pieces(b"HT", b"TP/1.1 2", b"00 OK\r", b"\n\r", b"\n")),
        "http",
        holds("200"),
    ),
    "http-closes": Case(
        tcp(lambda sock: sock.recv(4096)),
        "http",
        violated("closed", stage="exchange"),
    ),
    "http-resets": Case(tcp(resets), "http", violated("reset", stage="exchange")),
    "http-half-a-head": Case(
        tcp(lambda sock: (sock.recv(99), sock.sendall(b"HTTP/1.1 200 OK\r\nSer"))),
        "http",
        violated(("closed", "reset"), "HTTP/1.1 200"),
    ),
    "http-half-a-head-was-let-through": Case(
        tcp(lambda sock: (sock.recv(99), sock.sendall(b"HTTP/1.1 200 OK\r\nSer"))),
        "http",
        violated(("closed", "reset")),
        rule={"expect": "deny"},
    ),
    "https-plain-http": Case(
        tcp(answers(_PRELOGIN_ERROR)),
        "https",
        violated("malformed", "400", stage="tls"),
    ),
    "https-resets": Case(tcp(resets), "https", violated("reset", stage="tls")),
    "https-alert": Case(
        tcp(answers(ALERT)), "https", violated("tls_alert", "handshake.failure")
    ),
    "https-unrecognised-name": Case(
        tcp(answers(b"\x15\x03\x03\0\2\2\x70")),
        "https",
        violated("tls_alert", "unrecognized.name"),
    ),
    "https-version": Case(
        tcp(answers(b"\x15\x03\x01\0\2\2\x46")),
        "https",
        violated("tls_alert", "protocol.version"),
    ),
    "https-an-alert-of-no-meaning": Case(
        tcp(answers(b"\x15\x03\x03\0\2\2\xc8")), "https", violated("tls_alert")
    ),
    "https-goodbye-for-an-answer": Case(
        tcp(answers(b"\x15\x03\x03\0\2\1\0")),
        "https",
        violated(("closed", "tls_alert", "reset"), stage="tls"),
    ),
    "https-alert-was-let-through": Case(
        tcp(answers(ALERT)), "https", violated("tls_alert"), rule={"expect": "deny"}
    ),
    "ldaps-resets": Case(tcp(resets), "ldaps", violated("reset", stage="tls")),
    "udp-anything": Case(udp(lambda _: [b"\0"]), "udp", holds()),
    "udp-empty": Case(udp(lambda _: [b""]), "udp", holds()),
    "udp-was-let-through": Case(
        udp(lambda _: [b"!"]), "udp", violated("answered"), rule={"expect": "deny"}
    ),
    "sqlbrowser-of-another": Case(
        udp(lambda _: [b"\x06\0\0"]), "sqlbrowser", violated("malformed")
    ),
}
CASES = NTP | SSH | MAIL | OTHERS
test_situation = every(CASES)
