"""The kernel's routing tables, by messages as the kernel sends them."""

from __future__ import annotations

import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.probes.wire import rtnetlink
from exporter.probes.wire.rtnetlink import Device, Route

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="literal numbers")


def message(kind, body):
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 7) + body


def attribute(kind, value):
    padding = bytes(-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def route(kind=1, *attributes):
    header = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 0, 0, kind, 0)
    return message(24, header + b"".join(attributes))


DEVICE = attribute(4, b"\x03\0\0\0")
GATEWAY = attribute(5, bytes([10, 5, 0, 254]))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (route(1, DEVICE, GATEWAY), Route(3, "10.5.0.254", local=False)),
        (route(1, attribute(1, bytes(4)), DEVICE), Route(3, None, local=False)),
        (route(2, DEVICE), Route(3, None, local=True)),
        (
            route(1, DEVICE, attribute(18, b"\x0a\0" + bytes(15) + b"\x01")),
            Route(3, "::1", local=False),
        ),
        (route(1), None),
        (message(2, struct.pack("=i", -101) + bytes(16)), None),
        (b"", None),
    ],
)
def test_a_route_is_read(data, told):
    assert rtnetlink.read_route(data) == told


@pytest.mark.parametrize(
    ("state", "answers"),
    [(0x01, False), (0x02, True), (0x04, True), (0x20, False), (0x40, True)],
)
def test_a_neighbour_that_failed_does_not_answer(state, answers):
    data = message(28, struct.pack("=BBHiHBB", 2, 0, 0, 3, state, 0, 1))
    assert rtnetlink.read_neighbour(data) is answers


def test_a_neighbour_that_nobody_asked_for_is_unknown():
    error = message(2, struct.pack("=i", -2) + bytes(16))
    assert rtnetlink.read_neighbour(error) is None


@pytest.mark.parametrize("carrier", [True, False])
def test_a_device_has_a_name_and_a_carrier(carrier):
    body = struct.pack("=BBHiII", 0, 0, 1, 3, 0, 0)
    body += attribute(3, b"eth0\0") + attribute(33, bytes([carrier]))
    assert rtnetlink.read_device(message(16, body)) == Device("eth0", carrier)


def test_a_device_that_tells_of_no_carrier_is_taken_to_have_one():
    body = struct.pack("=BBHiII", 0, 0, 1, 3, 0, 0) + attribute(3, b"tun0\0")
    assert rtnetlink.read_device(message(16, body)) == Device("tun0", carrier=True)


def test_a_question_names_the_address_and_its_length():
    asked = rtnetlink.ask_route("192.0.2.9")
    assert struct.unpack_from("=IHH", asked) == (len(asked), 26, 1)
    assert asked[16:18] == bytes([2, 32])
    assert asked.endswith(bytes([192, 0, 2, 9]))
    assert rtnetlink.ask_neighbour("2001:db8::9", 3)[16] == 10
    assert rtnetlink.ask_device(3)[20:24] == b"\x03\0\0\0"


@given(st.binary(max_size=120), st.sampled_from([16, 24, 28]))
def test_any_bytes_are_an_answer_or_none(data, kind):
    for whole in (data, message(kind, data)):
        rtnetlink.read_route(whole)
        rtnetlink.read_neighbour(whole)
        rtnetlink.read_device(whole)
