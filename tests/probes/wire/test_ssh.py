from __future__ import annotations

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import ssh
from tests.probes.wire.codec import malformed, never_surprised


def read(*lines):
    reader = ssh.GreetingReader()
    return [reader.feed(line) for line in lines]


def test_other_lines_may_come_first():
    assert read(b"Welcome", b"", b"SSH-2.0-x") == [None, None, "SSH-2.0-x"]
    assert read(*[b"line"] * 1000, b"SSH-1.99-x")[-1] == "SSH-1.99-x"


def test_lines_end_somewhere():
    assert "it says 'line'" in malformed(lambda lines: read(*lines), [b"line"] * 1024)


@pytest.mark.parametrize(
    "said",
    [
        b"220 ready",
        b"+OK",
        b"HTTP/1.0 200 OK",
        b"* OK IMAP",
        b"RFB 003.008",
        b"<!doctype html>",
        b"\x16\x03\x01",
        b"\xff\xfb\x01",
        b"text and\0zero",
        b"SSH-1.5-old",
        b"SSH-3.0-new",
        b"SSH-2.0-" + b"x" * 248,
    ],
)
def test_what_is_no_ssh_is_malformed_and_quoted(said):
    detail = malformed(read, said)
    assert detail.startswith("not SSH: it says '")


@pytest.mark.parametrize(
    "said",
    [
        b"S",
        b"SSH-2.0-x",
        b"<Staff only>",
        b"100 years",
        b"***",
        b"\x1b[1mWelcome",
        b"\tby order",
        b"Gr\xfc\xdfe",
        b"22",
        b"+",
    ],
)
def test_what_may_become_a_greeting_is_waited_for(said):
    ssh.GreetingReader().begins(said)


@pytest.mark.parametrize(
    "line", [b"Exceeded MaxStartups", b"Not allowed at this time", b"Not allowed at t"]
)
def test_opensshs_own_refusals_are_known_as_such(line):
    whole = line.endswith((b"MaxStartups", b"time"))
    if not whole:
        assert read(line) == [None]
        return
    with pytest.raises(ProbeError) as caught:
        read(line)
    assert caught.value.reason is Reason.REJECTED
    assert line.decode() in caught.value.detail


def test_a_refusal_is_text_that_refuses():
    assert ssh.refusal(b"Too many logins\r\n").reason is Reason.REJECTED
    assert ssh.refusal(b"Welcome\r\n") is None
    assert ssh.refusal(b"") is None


def test_lines_alone_are_no_greeting_by_the_deadline():
    reader = ssh.GreetingReader()
    assert reader.overdue(False) is None
    reader.feed(b"hello")
    assert reader.overdue(False).reason is Reason.MALFORMED


def test_any_bytes_are_a_greeting_or_an_error_of_the_peers():
    whole = b"Welcome\r\nExceeded MaxStartups\r\nSSH-2.0-x"
    never_surprised(lambda data: read(*data.split(b"\n")), whole)
