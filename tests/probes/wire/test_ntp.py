from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import ntp
from tests.probes.wire.codec import steady

COOKIE = bytes(range(1, 9))
# 2026-01-01 00:00:00 UTC and a quarter of a second, in seconds since 1900.
SECONDS, QUARTER = 3976214400, 1 << 30
UNIX = 1767225600


def packet(first=0x24, stratum=2, refid=b"\x7f\x00\x00\x01", origin=COOKIE):
    times = struct.pack(">II", SECONDS, 0) + struct.pack(">II", SECONDS, QUARTER)
    return (
        struct.pack(">BBbbII", first, stratum, 6, -20, 0, 0)
        + refid
        + bytes(8)
        + origin
        + times
    )


def test_a_request_is_48_bytes_of_version_4_client_mode():
    data = ntp.request(COOKIE)
    assert data == b"\x23" + bytes(39) + COOKIE
    assert len(data) == 48


def test_a_reply_is_read_whole():
    reply = ntp.parse(packet(), COOKIE)
    assert reply == ntp.Reply(
        stratum=2, synchronised=True, kiss="", received=UNIX, transmitted=UNIX + 0.25
    )


def test_trailing_bytes_such_as_a_mac_change_nothing():
    assert ntp.parse(packet() + bytes(20), COOKIE) == ntp.parse(packet(), COOKIE)


@pytest.mark.parametrize("length", range(48))
def test_every_shorter_packet_is_malformed(length):
    with pytest.raises(ProbeError) as caught:
        ntp.parse(packet()[:length], COOKIE)
    assert caught.value.reason is Reason.MALFORMED


def test_a_reply_to_somebody_else_is_not_ours():
    assert ntp.parse(packet(origin=bytes(8)), COOKIE) is None


@pytest.mark.parametrize("mode", [0, 1, 2, 3, 5, 6, 7])
def test_only_a_server_answers(mode):
    with pytest.raises(ProbeError) as caught:
        ntp.parse(packet(first=0x20 | mode), COOKIE)
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("code", ["RATE", "DENY", "RSTR"])
def test_a_kiss_is_told_by_its_code(code):
    assert ntp.parse(packet(0xE4, 0, code.encode()), COOKIE).kiss == code


def test_an_unsynchronised_server_gives_no_kiss():
    reply = ntp.parse(packet(0xE4, 0, bytes(4)), COOKIE)
    assert (reply.kiss, reply.synchronised) == ("", False)


@pytest.mark.parametrize(
    ("first", "stratum", "synchronised"),
    [
        (0x24, 0, False),
        (0x24, 1, True),
        (0x64, 15, True),
        (0xE4, 15, False),
        (0x24, 16, False),
        (0x24, 255, False),
    ],
)
def test_a_leap_of_3_or_a_stratum_out_of_range_is_no_time(first, stratum, synchronised):
    assert ntp.parse(packet(first, stratum), COOKIE).synchronised is synchronised


def test_offset_is_the_mean_of_both_ways():
    reply = ntp.Reply(2, True, "", received=110.0, transmitted=110.5)
    assert ntp.offset(100.0, reply, 101.5) == pytest.approx(9.5)


def test_the_second_era_begins_in_2036():
    data = bytearray(packet())
    data[40:48] = struct.pack(">II", 10, 0)
    assert ntp.parse(bytes(data), COOKIE).transmitted == 2085978496 + 10


@steady
@given(st.binary(max_size=200))
def test_any_bytes_are_a_reply_nothing_or_malformed(data):
    try:
        reply = ntp.parse(data, COOKIE)
    except ProbeError as error:
        assert error.reason is Reason.MALFORMED  # noqa: PT017 - one of two right ends
    else:
        assert reply is None or reply.kiss.isascii()
