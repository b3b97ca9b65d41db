from __future__ import annotations

import struct

import pytest

from exporter.probes.wire import tds
from exporter.probes.wire.tds import Encryption, Head, Prelogin
from tests.probes.wire.codec import every_cut_is_malformed, malformed, never_surprised

VERSION = bytes([10, 50, 0x10, 0x68, 0, 1])


def options(*values, end=b"\xff"):
    offset, table = 5 * len(values) + len(end), b""
    for token, value in values:
        table += struct.pack(">BHH", token, offset, len(value))
        offset += len(value)
    return table + end + b"".join(value for _, value in values)


ANSWER = options((0, VERSION), (1, b"\x03"), (2, b"\0"), (4, b"\0"))


def test_the_request_is_one_packet_that_lists_its_options():
    request = tds.prelogin()
    assert request == bytes.fromhex(
        "12 01 002f 0000 00 00"
        "00 001a 0006  01 0020 0001  02 0021 0001  03 0022 0004  04 0026 0001  ff"
        "000000000000  01  00  00000000  00"
    )
    assert tds.parse_prelogin(request[tds.HEAD :]) == Prelogin("0.0.0", Encryption.ON)


def test_an_answer_tells_version_and_encryption():
    assert tds.parse_prelogin(ANSWER) == Prelogin("10.50.4200", Encryption.REQUIRED)


def test_options_nobody_asked_for_are_read_over():
    answer = options((0, VERSION), (1, b"\x00"), (6, b"\x01"), (200, b"x" * 50))
    assert tds.parse_prelogin(answer).encryption is Encryption.OFF


def test_bytes_behind_the_options_do_not_matter():
    assert tds.parse_prelogin(ANSWER + b"x") == tds.parse_prelogin(ANSWER)


def test_without_a_stance_there_is_no_encryption():
    answer = tds.parse_prelogin(options((0, VERSION)))
    assert answer.encryption is Encryption.NOT_SUPPORTED


def test_an_answer_cut_anywhere_is_malformed():
    every_cut_is_malformed(tds.parse_prelogin, ANSWER)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="no options"),
        pytest.param(options((1, b"\x01")), id="no version"),
        pytest.param(options((0, b"\x10")), id="a short version"),
        pytest.param(options((0, VERSION), (1, b"\x09")), id="encryption 9"),
        pytest.param(options((0, VERSION), (1, b"\x01\x01")), id="two stances"),
        pytest.param(options((0, VERSION), (0, VERSION)), id="an option twice"),
        pytest.param(options((0, VERSION), end=b""), id="no end"),
        pytest.param(struct.pack(">BHHB", 0, 6, 65535, 255), id="beyond the end"),
        pytest.param(
            b"".join(struct.pack(">BHH", n, 0, 0) for n in range(200)), id="200 options"
        ),
    ],
)
def test_any_other_prelogin_is_malformed(payload):
    malformed(tds.parse_prelogin, payload)


def test_a_head_tells_whether_more_follows():
    assert tds.parse_head(bytes.fromhex("0401002b00000100")) == Head(True, 35)
    assert tds.parse_head(bytes.fromhex("0400100000000100")) == Head(False, 4088)


def test_packets_of_the_clients_type_carry_nothing_but_tls():
    head = bytes.fromhex("1200100000000100")
    assert tds.parse_head(head, carries_tls=True) == Head(False, 4088)
    malformed(tds.parse_head, head)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1",
        b"SSH-2.0-",
        bytes.fromhex("0401000800000100"),  # nothing in it
        bytes.fromhex("0401000000000100"),
        bytes.fromhex("0401100100000100"),  # 4097 octets
        bytes.fromhex("0401ffff00000100"),
        bytes.fromhex("1701002b00000100"),
        b"\x04\x01\x00",
    ],
)
def test_any_other_head_is_malformed(head):
    malformed(tds.parse_head, head)


@pytest.mark.parametrize("size", [1, 4088, 4089, 10_000])
def test_long_messages_travel_in_several_packets(size):
    data, payload, last = tds.packets(b"x" * size), b"", False
    while data:
        assert not last
        head = tds.parse_head(data[: tds.HEAD], carries_tls=True)
        end = tds.HEAD + head.size
        payload, last, data = payload + data[tds.HEAD : end], head.last, data[end:]
    assert (payload, last) == (b"x" * size, True)


def test_no_bytes_surprise_the_reader():
    never_surprised(tds.parse_prelogin, ANSWER)
    never_surprised(tds.parse_head, bytes.fromhex("0401002b00000100"))
