from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporter.probes.wire import ber, kerberos
from tests.probes.wire.codec import every_cut_is_malformed, malformed, never_surprised

WHEN = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()


def text(said):
    return ber.encode(ber.GENERAL_STRING, said.encode())


def error(tag=0x7E, without=(), **changes):
    fields = {
        0: ber.integer(5),
        1: ber.integer(30),
        4: ber.encode(ber.GENERALIZED_TIME, b"20260601120000Z"),
        5: ber.integer(250_000),
        6: ber.integer(25),
        9: text("UNI.EXAMPLE"),
        10: ber.encode(ber.SEQUENCE),
    }
    fields |= {int(key.removeprefix("f")): value for key, value in changes.items()}
    kept = (ber.context(n, v) for n, v in sorted(fields.items()) if n not in without)
    return ber.encode(tag, ber.encode(ber.SEQUENCE, *kept))


def reply(kind=11):
    fields = {0: ber.integer(5), 1: ber.integer(kind), 3: text("UNI.EXAMPLE")}
    parts = (ber.context(number, value) for number, value in fields.items())
    return ber.encode(0x6B, ber.encode(ber.SEQUENCE, *parts))


def test_the_request_asks_for_a_ticket_without_proving_who_asks():
    # No field 3: no pre-authentication data.
    assert kerberos.request("UNI.EXAMPLE", "nobody", 2**31 - 1) == bytes.fromhex(
        "6a8188 308185  a103 020105  a203 02010a  a479 3077"
        "a007 0305 00 00000000"
        "a113 3011 a003 020101  a10a 3008 1b06 6e6f626f6479"
        "a20d 1b0b 554e492e4558414d504c45"
        "a320 301e a003 020102"
        "a117 3015 1b06 6b7262746774  1b0b 554e492e4558414d504c45"
        "a511 180f 32303337303931333032343830355a"
        "a706 0204 7fffffff"
        "a80b 3009 020112 020111 020117"
    )


def test_an_error_tells_code_realm_and_clock():
    answer = kerberos.parse(error())
    assert answer == kerberos.Answer("UNI.EXAMPLE", 25, WHEN + 0.25)
    assert answer.meaning == "KRB-ERROR 25 (pre-authentication required)"


@pytest.mark.parametrize(
    ("code", "said", "meaning"),
    [
        (6, "", "KRB-ERROR 6 (client unknown)"),
        (7, "", "KRB-ERROR 7 (server unknown)"),
        (9, "", "KRB-ERROR 9 (no key for the client)"),
        (12, "", "KRB-ERROR 12 (policy refuses)"),
        (14, "", "KRB-ERROR 14 (no common encryption type)"),
        (18, "", "KRB-ERROR 18 (client revoked)"),
        (23, "", "KRB-ERROR 23 (password expired)"),
        (60, "", "KRB-ERROR 60 (generic error)"),
        (68, "", "KRB-ERROR 68 (wrong realm)"),
        (52, "", "KRB-ERROR 52 (answer too big for UDP)"),
        (-7, "a\nb", r"KRB-ERROR -7 (a\nb)"),
        (99, "", "KRB-ERROR 99 (other)"),
    ],
)
def test_every_code_has_words(code, said, meaning):
    changes = {"f6": ber.integer(code), "f11": text(said)}
    assert kerberos.parse(error(**changes)).meaning == meaning


def test_a_reply_is_an_answer_without_a_clock():
    answer = kerberos.parse(reply())
    assert answer == kerberos.Answer("UNI.EXAMPLE")
    assert answer.meaning.startswith("AS-REP")


@pytest.mark.parametrize("whole", [error(), reply()])
def test_a_message_cut_anywhere_or_followed_by_more_is_malformed(whole):
    every_cut_is_malformed(kerberos.parse, whole)
    malformed(kerberos.parse, whole + b"\0")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request", id="text"),
        pytest.param(error(tag=0x6A), id="a request"),
        pytest.param(b"\x6a" + reply()[1:], id="an AS-REP in a request's tag"),
        pytest.param(error(f0=ber.integer(4)), id="version 4"),
        pytest.param(error(f1=ber.integer(11)), id="a type that is not the tag's"),
        pytest.param(reply(kind=13), id="a TGS-REP in an AS-REP's tag"),
        pytest.param(error(without={4}), id="no time"),
        pytest.param(error(without={6}), id="no code"),
        pytest.param(error(f5=ber.integer(1_000_000)), id="a million microseconds"),
        pytest.param(error(f6=text("25")), id="a code that is text"),
        pytest.param(
            error(f4=ber.encode(ber.GENERALIZED_TIME, b"20261301000000Z")),
            id="month 13",
        ),
        pytest.param(
            error(f4=ber.encode(ber.GENERALIZED_TIME, b"\xff" * 15)), id="no time text"
        ),
    ],
)
def test_anything_else_is_malformed(data):
    malformed(kerberos.parse, data)


def test_a_message_over_tcp_has_its_length_before_it():
    framed = kerberos.frame(b"x" * 300)
    assert kerberos.frame_length(framed[: kerberos.LENGTH]) == 300


@pytest.mark.parametrize("head", ["00000000", "00010001", "80000010", "48545450"])
def test_a_length_out_of_bounds_is_malformed(head):
    malformed(kerberos.frame_length, bytes.fromhex(head))


def test_no_bytes_surprise_the_reader():
    never_surprised(kerberos.parse, error(f11=text("said")))
    never_surprised(kerberos.parse, reply())
