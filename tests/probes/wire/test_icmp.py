from __future__ import annotations

import pytest

from exporter.probes.wire import icmp
from tests.probes.wire.codec import malformed, never_surprised

COOKIE = bytes(range(icmp.COOKIE))
REPLY = {4: b"\0\0\x12\x34\0\7\0\2" + COOKIE, 6: b"\x81\0\x12\x34\0\7\0\2" + COOKIE}
both = pytest.mark.parametrize("version", [4, 6])


def reply(data, version=4):
    return icmp.reply(data, version, 2, COOKIE)


@both
def test_the_kernel_fills_in_what_is_its_own(version):
    kind = {4: 8, 6: 128}[version]
    assert icmp.request(version, 2, COOKIE) == bytes([kind, *bytes(6), 2]) + COOKIE


@both
def test_a_reply_brings_back_number_and_bytes(version):
    assert reply(REPLY[version], version) == COOKIE


@both
def test_the_reply_to_another_request_is_none(version):
    data = REPLY[version]
    assert reply(data[:7] + b"\1" + COOKIE, version) is None
    assert reply(data[:-1] + b"x", version) is None
    assert reply(data + b"x", version) is None


@pytest.mark.parametrize(
    "data", [b"", REPLY[4][:7], REPLY[6], b"HTTP/1.1 400", b"\0\1" * 12]
)
def test_anything_else_is_malformed(data):
    malformed(reply, data)


def test_no_bytes_are_a_surprise():
    never_surprised(reply, REPLY[4])
