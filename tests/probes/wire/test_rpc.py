from __future__ import annotations

import struct

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import rpc
from tests.probes.wire.codec import every_cut_is_malformed, malformed, never_surprised

NDR = "045d888aeb1cc9119fe808002b10486002000000"
# As Samba's endpoint mapper answers, and as a server of something else does.
ACK = bytes.fromhex(
    "05000c03 10000000 3c00 0000 01000000 d016 d016 1a940000"
    "0400 31333500 0000 01000000 0000 0000" + NDR
)
OTHER = bytes.fromhex(
    "05000c03 10000000 3800 0000 01000000 d016 d016 80b80000"
    "0000 0000 01000000 0200 0100" + "00" * 20
)


def fragment(kind, body, order="<", call=1, minor=0):
    """A fragment in either order of octets."""
    drep = b"\x10\0\0\0" if order == "<" else bytes(4)
    sizes = struct.pack(order + "HHI", 16 + len(body), 0, call)
    return bytes([5, minor, kind, 3]) + drep + sizes + body


def nak(reason, order="<"):
    return fragment(13, struct.pack(order + "HBBB", reason, 1, 5, 0), order)


def test_the_bind_is_to_the_endpoint_mapper_alone():
    assert rpc.bind() == bytes.fromhex(
        "05000b03 10000000 4800 0000 01000000 d016 d016 00000000 01000000"
        "0000 01 00 0883afe11f5dc91191a408002b14a0fa 03000000" + NDR
    )


def test_an_accepted_bind_has_nothing_against_it():
    assert rpc.parse(ACK) == rpc.Bound()


def test_a_server_of_other_interfaces_says_so():
    assert rpc.parse(OTHER).refusal == "abstract syntax not supported"
    told = bytearray(OTHER)
    told[34] = 77
    assert rpc.parse(bytes(told)).refusal == "result 2, reason 77"


def test_the_order_of_octets_is_the_servers_choice():
    body = struct.pack(">HHIH2xBxxxHH", 4280, 4280, 9, 0, 1, 2, 3) + bytes(20)
    told = fragment(12, body, ">")
    assert rpc.fragment_length(told[: rpc.HEAD]) == len(body)
    assert rpc.parse(told).refusal == "local limit exceeded"


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (nak(1), "bind refused: temporary congestion"),
        (nak(8, ">"), "bind refused: authentication type not recognized"),
        (nak(99), "bind refused: reason 99"),
        (fragment(3, struct.pack("<IHBxI", 0, 0, 0, 5)), "fault: 0x00000005"),
    ],
)
def test_a_server_that_says_no_is_quoted(said, detail):
    with pytest.raises(ProbeError) as caught:
        rpc.parse(said)
    assert (caught.value.reason, caught.value.detail) == (Reason.REJECTED, detail)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request", id="text"),
        pytest.param(rpc.bind(), id="the bind itself"),
        pytest.param(b"\4" + ACK[1:], id="version 4"),
        pytest.param(ACK[:12] + b"\2" + ACK[13:], id="another call"),
        pytest.param(ACK[:32] + b"\2" + ACK[33:], id="two results"),
        pytest.param(ACK[:24] + b"\xff\xff" + ACK[26:], id="a long address"),
    ],
)
def test_anything_else_is_malformed(data):
    malformed(rpc.parse, data)


@pytest.mark.parametrize("size", [0, 15, 16, 5841, 65535])
def test_no_answer_has_such_a_length(size):
    malformed(rpc.fragment_length, ACK[:8] + size.to_bytes(2, "little") + ACK[10:16])


def test_an_answer_that_is_cut_is_malformed():
    every_cut_is_malformed(rpc.parse, ACK[:40])


def test_no_answer_is_a_surprise():
    for whole in (ACK, OTHER, nak(1), fragment(3, bytes(16))):
        never_surprised(rpc.parse, whole)
    never_surprised(rpc.fragment_length, ACK[: rpc.HEAD])
