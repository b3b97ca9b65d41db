from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from exporter.probes.wire import smb2
from exporter.probes.wire.smb2 import Negotiated
from tests.probes.wire.codec import every_cut_is_malformed, malformed, never_surprised

WHEN = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
FILETIME = int((WHEN + 11_644_473_600) * 10_000_000)


def header(status=0, command=0, flags=1, size=64, protocol=b"\xfeSMB"):
    return protocol + struct.pack(
        "<HHIHHIIQIIQ16x", size, 0, status, command, 1, flags, 0, 0, 0, 0, 0
    )


def body(dialect=0x0311, security=3, now=FILETIME, size=65):
    return struct.pack("<HHHH16xIIIIQQ", size, security, dialect, 0, 7, 1, 1, 1, now, 0)


ANSWER = header() + body()


def test_the_request_offers_every_dialect_and_no_session():
    guid, salt = bytes(range(16)), bytes(range(16, 48))
    assert smb2.negotiate(guid + salt) == (
        bytes.fromhex("000000ae")
        + bytes.fromhex("fe534d42 4000 0000 00000000 0000 0100 00000000 00000000")
        + bytes(40)  # message 0, no tree, no session, no signature
        + bytes.fromhex("2400 0500 0100 0000 44000000")
        + guid
        + bytes.fromhex("70000000 0200 0000  0202 1002 0003 0203 1103  0000")
        + bytes.fromhex("0100 2600 00000000  0100 2000 0100")
        + salt
        + bytes.fromhex("0000  0200 0600 00000000  0200 0200 0100")
    )


def test_an_answer_tells_dialect_signing_and_clock():
    assert smb2.parse(ANSWER) == Negotiated(0, "3.1.1", True, WHEN)


def test_signing_may_be_optional_and_the_clock_untold():
    answer = header() + body(dialect=0x0202, security=1, now=0)
    assert smb2.parse(answer) == Negotiated(0, "2.0.2", False, None)


def test_an_error_status_is_an_answer():
    refused = header(status=0xC00000BB) + bytes(9)
    assert smb2.parse(refused) == Negotiated(0xC00000BB)


def test_what_follows_the_fixed_part_does_not_matter():
    assert smb2.parse(ANSWER + b"x" * 500) == smb2.parse(ANSWER)


def test_an_answer_cut_anywhere_is_malformed():
    every_cut_is_malformed(smb2.parse, ANSWER)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(header(protocol=b"\xffSMB") + body(), id="SMB 1"),
        pytest.param(header(protocol=b"\xfdSMB") + body(), id="encrypted"),
        pytest.param(header(flags=0) + body(), id="a request"),
        pytest.param(header(command=1) + body(), id="another command"),
        pytest.param(header(size=63) + body(), id="another header"),
        pytest.param(header() + body(dialect=0x02FF), id="a dialect not offered"),
        pytest.param(header() + body(size=64), id="another structure"),
    ],
)
def test_anything_else_is_malformed(message):
    malformed(smb2.parse, message)


@pytest.mark.parametrize("size", [64, 65536])
def test_the_length_of_the_smallest_and_the_largest_answer_is_one(size):
    assert smb2.frame_length(size.to_bytes(4)) == size


@pytest.mark.parametrize("head", ["00000000", "0000003f", "00010001", "81000044"])
def test_a_length_that_no_answer_has_is_malformed(head):
    malformed(smb2.frame_length, bytes.fromhex(head))


def test_no_bytes_surprise_the_reader():
    never_surprised(smb2.parse, ANSWER)
