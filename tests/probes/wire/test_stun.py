from __future__ import annotations

import struct

import pytest

from exporter.probes.wire import stun
from exporter.probes.wire.stun import Response
from tests.probes.wire.codec import every_cut_is_malformed, malformed, never_surprised

TRANSACTION = bytes(range(12))
COOKIE = bytes.fromhex("2112a442")
# 192.0.2.1:32853 and [2001:db8::1]:32853, masked with the cookie and the transaction.
V4 = bytes.fromhex("0001 a147 e112a643")
V6 = bytes.fromhex("0002 a147 0113a9fa 00010203 04050607 08090a0a")


def message(*attributes, kind=0x0101, cookie=COOKIE, transaction=TRANSACTION):
    body = b"".join(
        struct.pack(">HH", code, len(value)) + value + bytes(-len(value) % 4)
        for code, value in attributes
    )
    return struct.pack(">HH", kind, len(body)) + cookie + transaction + body


def parse(data):
    return stun.parse(data, TRANSACTION)


ANSWER = message((0x8022, b"Coturn"), (0x0020, V4))


def test_the_request_is_a_head_alone():
    request = stun.request(TRANSACTION)
    assert request == bytes.fromhex("0001 0000 2112a442") + TRANSACTION


@pytest.mark.parametrize(
    ("data", "due"),
    [
        (ANSWER, Response("192.0.2.1:32853", software="Coturn")),
        (message((0x0020, V6)), Response("[2001:db8::1]:32853")),
        (message((1, bytes.fromhex("00018055c0000201"))), Response("192.0.2.1:32853")),
        (message((0x0020, V4), (0x0020, V6)), Response("192.0.2.1:32853")),
        (message((0x7FFF, b"?"), (0x0020, V4)), Response("192.0.2.1:32853")),
        (
            message((9, b"\0\0\4\1Unauthorized"), kind=0x0111),
            Response(error="401 Unauthorized"),
        ),
        (message((9, b"\0\0\5\0"), kind=0x0111), Response(error="500")),
        (
            message((0x8022, b"\x1b[2J" * 99), (0x0020, V4)),
            Response("192.0.2.1:32853", software=(r"\x1b[2J" * 99)[:60] + "…"),
        ),
    ],
)
def test_a_response_tells_where_we_come_from_or_an_error(data, due):
    assert parse(data) == due


def test_the_response_to_another_request_is_none_to_ours():
    assert parse(message((0x0020, V4), transaction=bytes(12))) is None


def test_a_message_cut_anywhere_is_malformed():
    every_cut_is_malformed(parse, ANSWER)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(stun.request(TRANSACTION), id="a request"),
        pytest.param(message((0x0020, V4), cookie=bytes(4)), id="no cookie"),
        pytest.param(ANSWER + bytes(4), id="too long"),
        pytest.param(message(), id="no address"),
        pytest.param(message((0x0020, b"")), id="an empty address"),
        pytest.param(message((0x0020, b"\0\1\0\0")), id="half an address"),
        pytest.param(message((0x0020, b"\0\3" + V4[2:])), id="family 3"),
        pytest.param(message((0x0020, b"\0\1" + V6[2:])), id="too long an address"),
        pytest.param(message(kind=0x0111), id="an error without a code"),
        pytest.param(message((9, b"\0\0\4"), kind=0x0111), id="half a code"),
        pytest.param(message((0x0020, V4))[:-12] + b"\0\x20\xff\xff", id="beyond"),
        pytest.param(
            b"\1\1\0\3" + COOKIE + TRANSACTION + b"abc", id="no multiple of 4"
        ),
        pytest.param(b"\1\1\xff\xfc" + COOKIE + TRANSACTION, id="64 KiB"),
    ],
)
def test_any_other_message_is_malformed(data):
    malformed(parse, data)


def test_an_attribute_beyond_the_end_is_malformed():
    cut = b"\1\1\0\4" + COOKIE + TRANSACTION + b"\0\x20\0\x08"
    assert "beyond the end" in malformed(parse, cut)


def test_no_bytes_surprise_the_reader():
    never_surprised(parse, ANSWER)
    never_surprised(stun.message_length, ANSWER[: stun.HEAD])
