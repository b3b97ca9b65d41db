from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.probes.wire import ber
from tests.probes.wire.codec import (
    every_cut_is_malformed,
    malformed,
    never_surprised,
    steady,
)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (-1, "0201ff"),
        (-128, "020180"),
        (-129, "0202ff7f"),
        (2**31, "02050080000000"),
    ],
)
def test_integers_take_the_fewest_octets(value, encoded):
    assert ber.integer(value).hex() == encoded
    assert ber.number(ber.whole(bytes.fromhex(encoded))) == value


@steady
@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_come_back(value):
    assert ber.number(ber.whole(ber.integer(value))) == value


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65000])
def test_elements_of_any_size_come_back(size):
    encoded = ber.encode(ber.OCTET_STRING, b"x" * size)
    assert ber.whole(encoded) == ber.Element(ber.OCTET_STRING, b"x" * size)
    assert ber.measure(encoded) == len(encoded)


def test_lengths_in_more_octets_than_needed_are_read():
    encoded = bytes.fromhex("3084000000030201ff")
    assert ber.children(ber.whole(encoded)) == [ber.Element(ber.INTEGER, b"\xff")]


def test_an_element_cut_anywhere_is_malformed():
    every_cut_is_malformed(ber.whole, ber.encode(ber.OCTET_STRING, b"x" * 130))


def test_a_size_is_known_from_the_head_alone():
    encoded = ber.encode(ber.OCTET_STRING, b"x" * 300)
    assert [ber.measure(encoded[:n]) for n in range(4)] == [None] * 4
    assert ber.measure(encoded[:4]) == ber.measure(encoded + b"more") == 304


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("0201ff00", "1 octets after the end"),
        ("020200", "1 octets short"),
        ("1f2001ff", "a tag of several octets"),
        ("3080020100", "length octet 0x80"),
        ("3085000000000100", "length octet 0x85"),
        ("308400010001", "a value of 65537 octets"),
        ("3084ffffffff", "a value of 4294967295 octets"),
    ],
)
def test_what_is_wrong_with_an_element_is_told(encoded, why):
    assert why in malformed(ber.whole, bytes.fromhex(encoded))


def test_nothing_is_read_behind_a_hostile_length():
    assert "a value of" in malformed(ber.measure, b"\x30\x84\xff\xff\xff\xff")


def test_the_number_of_children_is_bounded():
    many = ber.Element(ber.SEQUENCE, ber.integer(1) * 257)
    assert "more than 256 values" in malformed(ber.children, many)


def test_deep_nesting_costs_one_level_a_call():
    nested = b""
    for _ in range(2000):
        nested = ber.encode(ber.SEQUENCE, nested)
    assert len(ber.children(ber.whole(nested))) == 1


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([ber.context(1, ber.integer(1))] * 2, id="given twice"),
        pytest.param([ber.integer(1)], id="without a context tag"),
        pytest.param([ber.encode(0x81, b"\x01")], id="implicit"),
        pytest.param([ber.context(1, b"")], id="empty"),
        pytest.param([ber.context(1, ber.integer(1) * 2)], id="two values"),
    ],
)
def test_fields_must_be_explicit_and_unique(parts):
    malformed(ber.fields, ber.whole(ber.encode(ber.SEQUENCE, *parts)))


@pytest.mark.parametrize("content", [b"", b"\x01" * 9])
def test_integers_have_one_to_eight_octets(content):
    assert "an integer of" in malformed(ber.number, ber.Element(ber.INTEGER, content))


def test_an_unexpected_tag_is_malformed():
    detail = malformed(ber.number, ber.Element(ber.SEQUENCE, b"\x01"))
    assert "tag 0x30 where 0x2 is due" in detail


def test_no_bytes_surprise_the_reader():
    message = ber.encode(ber.SEQUENCE, ber.context(0, ber.integer(300)), b"\x30\x00")

    def decode(data):
        for child in ber.children(ber.whole(data)):
            ber.children(child)

    never_surprised(decode, message)
    never_surprised(lambda data: ber.fields(ber.whole(data)), message)
    never_surprised(ber.measure, message)
