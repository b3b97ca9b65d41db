from __future__ import annotations

import pytest

from exporter.probes.wire import smtp
from tests.probes.wire.codec import malformed, never_surprised

EHLO = [b"250-mail.uni.example", b"250-size 10240000", b"250-STARTTLS", b"250 8BITMIME"]


def read(*lines):
    reader = smtp.ReplyReader()
    *first, last = [reader.feed(line) for line in lines]
    assert first == [None] * len(first)
    return last


def test_one_line_is_a_reply():
    reply = read(b"220 mail.uni.example ESMTP")
    assert reply == smtp.Reply(220, ("mail.uni.example ESMTP",))
    assert str(reply) == "220 mail.uni.example ESMTP"


@pytest.mark.parametrize("line", [b"250", b"250 "])
def test_a_reply_may_say_nothing(line):
    assert str(read(line)) == "250"


def test_lines_with_a_dash_go_on():
    assert read(*EHLO).code == 250


def test_a_long_reply_is_read_to_its_end():
    assert len(read(*[b"250-again"] * 1023, b"250 last").lines) == 1024


def test_keywords_are_the_first_words_after_the_first_line():
    assert smtp.extensions(read(*EHLO)) == ("SIZE", "STARTTLS", "8BITMIME")


def test_text_is_printable():
    assert read(b"220 \x1b[2J\xff").lines == (r"\x1b[2J\xff",)


@pytest.mark.parametrize(
    "lines",
    [
        [b"SSH-2.0-OpenSSH_9.2"],
        [b"HTTP/1.1 400 Bad Request"],
        [b""],
        [b"22"],
        [b"2200"],
        [b"199 too low"],
        [b"600 too high"],
        [b"220+odd separator"],
        [b"250-first", b"220 another code"],
        [b"250-again"] * 1025,
    ],
)
def test_anything_else_is_malformed(lines):
    malformed(lambda _: read(*lines), None)


def test_no_line_surprises_the_reader():
    def decode(data):
        reader = smtp.ReplyReader()
        for line in data.split(b"\n"):
            reader.feed(line)

    never_surprised(decode, b"\n".join(EHLO))
