from __future__ import annotations

import pytest

from exporter.probes.wire import postgres
from exporter.probes.wire.postgres import Answer
from tests.probes.wire.codec import malformed, never_surprised

FIELDS = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"
ERROR = (4 + len(FIELDS)).to_bytes(4) + FIELDS
OLD = b"could not fork new process for connection\n\0"
TOLD = "sorry, too many clients already (53300)"


def feed(*pieces):
    reader = postgres.ErrorReader()
    *first, last = [reader.feed(one) for one in pieces]
    assert first == [None] * len(first)
    return last


def test_the_request_is_a_length_and_a_code():
    assert bytes.fromhex("00000008 04d2162f") == postgres.SSL_REQUEST


@pytest.mark.parametrize("answer", Answer)
def test_one_octet_answers(answer):
    assert postgres.parse_answer(answer.value) is answer


@pytest.mark.parametrize("octet", [b"", b"s", b"G", b"\0", b"5", b"\x15", b"SS"])
def test_any_other_octet_is_malformed(octet):
    malformed(postgres.parse_answer, octet)


def test_an_error_tells_its_message_and_code():
    assert feed(ERROR) == TOLD
    assert feed(*[bytes([octet]) for octet in ERROR]) == TOLD
    assert feed(ERROR + b"more") == TOLD


def test_an_error_of_old_servers_is_text():
    assert feed(OLD) == "could not fork new process for connection"
    assert feed(OLD[:5], OLD[5:]) == "could not fork new process for connection"


def test_a_code_is_not_needed_and_text_is_printable():
    body = b"M\x1b[2J\xff\0\0"
    assert feed((4 + len(body)).to_bytes(4) + body) == r"\x1b[2J\xff"


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\4",
        b"\0\0\0\0",
        b"\0\0\xff\xff",
        b"\0\0\0\7Sx\0",
        b"RROR\r\n\x01",
        b"x" * 8193,
    ],
)
def test_any_other_error_is_malformed(data):
    malformed(feed, data)


@pytest.mark.parametrize("whole", [ERROR, OLD])
def test_no_bytes_surprise_the_reader(whole):
    never_surprised(feed, whole)
    never_surprised(postgres.parse_answer, b"S")
