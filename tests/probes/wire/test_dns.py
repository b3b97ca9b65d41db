from __future__ import annotations

import struct

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import dns
from exporter.probes.wire.dns import Answer, Kind
from tests.probes.wire.codec import malformed, never_surprised
from tests.servers.nameserver import (
    CNAME,
    TRUNCATED,
    Query,
    address_record,
    record,
    wire_name,
)

NAME = "www.uni.example"
ASKED = dns.question(NAME, Kind.A)
ASKED_V6 = dns.question(NAME, Kind.AAAA)
QUERY = Query(dns.query(0x1234, ASKED))


def alias(owner, target, ttl=60):
    return record(owner, CNAME, wire_name(target), ttl)


def read(data):
    return dns.read(data, ASKED)


def test_a_query_asks_for_recursion_and_has_no_options():
    assert QUERY.data == (
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
        b"\x03www\x03uni\x07example\x00\x00\x01\x00\x01"
    )
    assert dns.query(1, ASKED_V6)[-4:] == b"\x00\x1c\x00\x01"


@pytest.mark.parametrize(
    "name", ["www.uni.example.", "a" * 63, "_sip._tcp.uni.example"]
)
def test_names_that_dns_can_hold(name):
    assert Query(dns.query(1, dns.question(name, Kind.A))).name == name.rstrip(".")


@pytest.mark.parametrize(
    "name", ["", "..", "a..b", ".a", "a" * 64, "a." * 127 + "aa", "bücher.example"]
)
def test_a_name_that_dns_cannot_hold_does_not_exist(name):
    with pytest.raises(ProbeError) as caught:
        dns.question(name, Kind.A)
    assert caught.value.reason is Reason.NXDOMAIN
    assert "not a name that DNS can hold" in caught.value.detail


def test_the_longest_name_is_one():
    name = "a." * 126 + "a"
    assert (
        dns.read(Query(dns.query(1, dns.question(name, Kind.A))).answer(), ASKED)
        is None
    )


def test_addresses_come_in_their_order_once_with_the_least_time_to_live():
    data = QUERY.answer(
        address_record(NAME, "192.0.2.2", ttl=90),
        address_record(NAME, "192.0.2.1", ttl=30),
        address_record(NAME, "192.0.2.2", ttl=60),
    )
    assert read(data) == Answer("NOERROR", addresses=("192.0.2.2", "192.0.2.1"), ttl=30)


def test_ipv6_addresses_are_written_as_usual():
    query = Query(dns.query(7, ASKED_V6))
    answer = dns.read(query.answer(address_record(NAME, "2001:db8:0:0::1")), ASKED_V6)
    assert answer.addresses == ("2001:db8::1",)


def test_records_of_other_types_and_classes_are_passed_over():
    chaos = bytearray(address_record(NAME, "192.0.2.9"))
    chaos[len(wire_name(NAME)) + 3] = 3
    data = QUERY.answer(
        record(NAME, 46, b"signature"),
        bytes(chaos),
        address_record(NAME, "2001:db8::1"),
        address_record(NAME, "192.0.2.1"),
    )
    assert read(data).addresses == ("192.0.2.1",)


@pytest.mark.parametrize("octets", [3, 5])
def test_an_address_of_the_wrong_size_hides_no_other(octets):
    odd, good = record(NAME, Kind.A, bytes(octets)), address_record(NAME, "192.0.2.1")
    assert read(QUERY.answer(odd, good)).addresses == ("192.0.2.1",)
    assert read(QUERY.answer(good, odd)).addresses == ("192.0.2.1",)


def test_aliases_are_followed_in_any_order_and_spelling():
    data = QUERY.answer(
        address_record("C.cdn.example", "192.0.2.1", ttl=300),
        alias("b.cdn.example", "c.CDN.example", ttl=20),
        alias("WWW.uni.example", "B.cdn.example", ttl=300),
    )
    assert read(data) == Answer("NOERROR", addresses=("192.0.2.1",), ttl=20)


def test_an_alias_without_addresses_has_none():
    assert read(QUERY.answer(alias(NAME, "b.example"))) == Answer("NOERROR")


def test_aliases_in_a_circle_lead_nowhere():
    data = QUERY.answer(
        alias(NAME, "b.example"),
        alias("b.example", NAME),
        address_record(NAME, "192.0.2.1"),
        address_record("b.example", "192.0.2.1"),
    )
    answer = read(data)
    assert answer.rcode == "NOERROR"
    assert not answer.foreign


def test_addresses_of_another_name_are_no_answer():
    data = QUERY.answer(address_record("other.example", "192.0.2.66"))
    assert read(data) == Answer("NOERROR", foreign="other.example")


def test_addresses_of_another_name_beside_the_own_are_passed_over():
    data = QUERY.answer(
        address_record("other.example", "192.0.2.66"), address_record(NAME, "192.0.2.1")
    )
    assert read(data) == Answer("NOERROR", addresses=("192.0.2.1",), ttl=60)


def test_compressed_names_are_read():
    suffix = struct.pack("!H", 0xC000 | 12 + 4)  # uni.example of the question
    owner = b"\x03cdn" + suffix
    data = QUERY.answer(
        struct.pack("!HHHIH", 0xC00C, CNAME, 1, 60, len(owner)) + owner,
        owner + struct.pack("!HHIH4s", 1, 1, 60, 4, b"\xc0\x00\x02\x01"),
    )
    assert read(data).addresses == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("ttl", "kept"), [(0, 0), (1, 1), (1 << 31, 0), (0xFFFFFFFF, 0)]
)
def test_a_time_to_live_without_sense_is_none(ttl, kept):
    assert read(QUERY.answer(address_record(NAME, "192.0.2.1", ttl))).ttl == kept


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *((1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (4, "NOTIMP")),
        *((5, "REFUSED"), (6, "YXDOMAIN"), (9, "NOTAUTH"), (15, "RCODE15")),
    ],
)
def test_every_response_code_has_its_name(code, name):
    assert read(QUERY.answer(rcode=code)) == Answer(name)
    # Some leave the question out of a refusal.
    bare = QUERY.data[:2] + struct.pack("!HHHHH", 0x8180 | code, 0, 0, 0, 0)
    assert read(bare) == Answer(name)


def test_of_a_truncated_answer_nothing_is_believed():
    data = QUERY.answer(address_record(NAME, "192.0.2.1"), flags=TRUNCATED)
    assert read(data) == Answer("NOERROR", truncated=True)


@pytest.mark.parametrize(
    "data",
    [
        QUERY.data,
        dns.query(0x1234, ASKED_V6)[:2]
        + Query(dns.query(0x1234, ASKED_V6)).answer()[2:],
        Query(dns.query(1, dns.question("www.uni.exampl", Kind.A))).answer(),
        QUERY.answer(flags=0x2800),
        QUERY.data[:2] + struct.pack("!HHHHH", 0x8180, 0, 0, 0, 0),
        QUERY.data[:2] + struct.pack("!HHHHH", 0x8180, 2, 0, 0, 0) + QUERY.section * 2,
    ],
    ids=["the question", "type", "name", "an update's", "no question", "two questions"],
)
def test_what_answers_another_question_is_no_answer(data):
    assert read(data) is None


def test_every_cut_of_the_records_is_malformed():
    whole = QUERY.answer(alias(NAME, "b.example"), address_record("b.example", "::1"))
    for size in range(len(QUERY.data), len(whole)):
        malformed(read, whole[:size])


@pytest.mark.parametrize(
    "records",
    [
        (b"\xc0\x21" + bytes(10),),
        (b"\x80" + bytes(12),),
        (b"\xff\xff" + bytes(10),),
        (record(NAME, 1, b"\x7f\x00\x00"),),
        (b"\x3f" + b"a" * 63,) * 5,
        (record(NAME, 16, bytes([0])), b"\x01a\xc0\x2e" + bytes(10)),
    ],
    ids=["itself", "label type", "ahead", "three octets", "too long", "ahead later"],
)
def test_records_that_cannot_be_read_are_malformed(records):
    malformed(read, QUERY.answer(*records))


def test_a_count_that_is_not_kept_is_malformed():
    malformed(read, QUERY.answer(address_record(NAME, "192.0.2.1"), count=65535))


def test_a_long_chain_of_pointers_is_malformed():
    # In a record's data: a root, then pointers that each lead to the one before.
    start = len(QUERY.answer()) + len(record("", 16, b""))
    places = [start, *range(start + 1, start + 99, 2)]
    pointers = [struct.pack("!H", 0xC000 | place) for place in places]
    text = record("", 16, b"\0" + b"".join(pointers[:-1]))
    told = malformed(read, QUERY.answer(text, pointers[-1] + bytes(10)))
    assert "points at itself" in told


def test_an_identifier_needs_a_header():
    assert dns.identifier(QUERY.data) == 0x1234
    assert dns.identifier(b"\x12\x34") == -1


ROOT = dns.question(".", Kind.NS)
ROOT_QUERY = Query(dns.query(0x1234, ROOT, recursion=False))


def reply(data):
    return dns.reply(data, 0x1234, ROOT)


def test_a_query_may_ask_for_what_the_server_knows_by_itself():
    assert ROOT_QUERY.data.hex(" ") == (
        "12 34 00 00 00 01 00 00 00 00 00 00 00 00 02 00 01"
    )


@pytest.mark.parametrize(
    ("flags", "rcode", "due"),
    [
        (0, 0, dns.Reply("NOERROR", truncated=False, records=1)),
        (0, 5, dns.Reply("REFUSED", truncated=False, records=1)),
        (TRUNCATED, 2, dns.Reply("SERVFAIL", truncated=True, records=1)),
    ],
)
def test_a_reply_is_known_by_its_head(flags, rcode, due):
    told = ROOT_QUERY.answer(record(".", 2, b"\0"), flags=flags, rcode=rcode)
    assert reply(told) == due
    # What follows the question is not looked at.
    assert reply(told + b"more") == due


def test_a_reply_is_to_its_own_question():
    other = Query(dns.query(0x1235, ROOT)), Query(dns.query(0x1234, ASKED))
    assert [reply(one.answer()) for one in other] == [None, None]


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 400", ROOT_QUERY.data, ROOT_QUERY.answer()[:-1], bytes(12)],
    ids=["nothing", "text", "the query itself", "cut", "zeros"],
)
def test_what_is_no_answer_at_all_is_malformed(data):
    malformed(reply, data)


def test_over_tcp_a_length_comes_first():
    assert dns.frame(b"abc") == b"\0\3abc"
    assert dns.frame_length(b"\0\x0c") == 12
    malformed(dns.frame_length, b"\0\x0b")


def test_no_reply_is_a_surprise():
    never_surprised(reply, ROOT_QUERY.answer(record(".", 2, b"\0")))


def test_no_answer_is_a_surprise():
    whole = QUERY.answer(
        alias(NAME, "b.example"),
        struct.pack("!HHHIH4s", 0xC00C, 1, 1, 60, 4, b"\xc0\x00\x02\x01"),
    )
    never_surprised(read, whole)
