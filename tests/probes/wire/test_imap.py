from __future__ import annotations

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import imap
from tests.probes.wire.codec import malformed, never_surprised

CAPABILITY = [
    b"* CAPABILITY IMAP4rev1 starttls LOGINDISABLED",
    b"a1 OK Pre-login, done.",
]


def read(*lines, tag="a1"):
    reader = imap.ResponseReader(tag)
    *first, last = [reader.feed(line) for line in lines]
    assert first == [None] * len(first)
    return last


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        (b"* OK ready", "OK", "ready"),
        (b"* ok", "OK", ""),
        (b"* OK ", "OK", ""),
        (b"* OK [CAPABILITY IMAP4rev1 ID] Dovecot ready.", "OK", "Dovecot ready."),
        (b"* OK [ALERT]", "OK", ""),
        (b"* PREAUTH hello \x1b[2J\xff", "PREAUTH", r"hello \x1b[2J\xff"),
    ],
)
def test_a_greeting_is_a_status_and_text_for_people(line, status, text):
    greeting = read(line, tag="")
    assert (greeting.status, greeting.text) == (status, text)
    assert str(greeting) == f"{status} {text}".rstrip()


def test_capabilities_are_told_with_the_end_of_their_command():
    response = read(*CAPABILITY)
    assert response == imap.Response(
        "OK", "Pre-login, done.", ("IMAP4REV1", "STARTTLS", "LOGINDISABLED")
    )


def test_lines_that_nobody_asked_for_are_read_over():
    assert read(b"* 23 EXISTS", b"* OK still here", *CAPABILITY).capabilities


@pytest.mark.parametrize("status", ["NO", "BAD"])
def test_a_command_may_fail(status):
    assert str(read(f"a1 {status} not now".encode())) == f"{status} not now"


@pytest.mark.parametrize("tag", ["", "a1"])
def test_a_goodbye_is_a_refusal(tag):
    with pytest.raises(ProbeError) as caught:
        read(b"* BYE [UNAVAILABLE] Too many connections", tag=tag)
    assert caught.value.reason is Reason.REJECTED
    assert caught.value.detail == "the server says: BYE Too many connections"


@pytest.mark.parametrize(
    "lines",
    [
        [b"220 mail.uni.example ESMTP"],
        [b"+OK POP3"],
        [b""],
        [b"*"],
        [b"a1"],
        [b"a1 FINE"],
        [b"a1 OKAY"],
        [b"a2 OK of another command"],
        [b"* CAPABILITY IMAP4rev1"] * 129,
    ],
)
def test_anything_else_is_malformed(lines):
    malformed(lambda _: read(*lines), None)


@pytest.mark.parametrize(
    "line", [b"* NO", b"* OKAY", b"* CAPABILITY IMAP4rev1", b"a1 OK"]
)
def test_anything_else_is_no_greeting(line):
    malformed(lambda _: read(line, tag=""), None)


def test_no_line_surprises_the_reader():
    def decode(data):
        reader = imap.ResponseReader("a1")
        for line in data.split(b"\n"):
            reader.feed(line)

    never_surprised(decode, b"\n".join(CAPABILITY))
