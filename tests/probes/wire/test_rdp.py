from __future__ import annotations

import pytest

from exporter.probes.wire import rdp
from exporter.probes.wire.rdp import Confirm, Security
from tests.probes.wire.codec import every_cut_is_malformed, malformed, never_surprised


def confirm(negotiation=""):
    body = bytes.fromhex("d0 0000 1234 00" + negotiation)
    return bytes([len(body)]) + body


CHOSEN = confirm("02 1f 0800 01000000")
REFUSED = confirm("03 00 0800 05000000")
OLD = confirm()


def test_the_request_offers_tls_and_credssp_and_names_nobody():
    assert rdp.request() == bytes.fromhex(
        "03 00 0013  0e e0 0000 0000 00  01 00 0800 03000000"
    )


@pytest.mark.parametrize(
    ("body", "due", "over_tls", "text"),
    [
        (CHOSEN, Confirm(Security.TLS), True, "security TLS"),
        (
            confirm("02 00 0800 02000000"),
            Confirm(Security.CREDSSP),
            True,
            "security CredSSP",
        ),
        (
            confirm("02 00 0800 00000000"),
            Confirm(Security.RDP),
            False,
            "security RDP's own",
        ),
        (OLD, Confirm(), False, "answers without negotiation"),
        (
            REFUSED,
            Confirm(failure=5),
            False,
            "takes none of what was offered: credssp required",
        ),
        (
            confirm("03 00 0800 63000000"),
            Confirm(failure=99),
            False,
            "takes none of what was offered: code 99",
        ),
    ],
)
def test_a_confirm_tells_what_was_chosen_or_why_nothing_was(body, due, over_tls, text):
    answer = rdp.parse(body)
    assert (answer, answer.over_tls, str(answer)) == (due, over_tls, text)


@pytest.mark.parametrize("body", [CHOSEN, OLD])
def test_a_head_tells_how_much_follows(body):
    assert rdp.packet_length(b"\3\0" + (4 + len(body)).to_bytes(2)) == len(body)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\3\0\0",
        b"\3\0\0\4",
        b"\3\0\0\x0c",
        b"\3\0\xff\xff",
        b"\2\0\0\x13",
        b"HTTP",
    ],
)
def test_any_other_head_is_malformed(head):
    malformed(rdp.packet_length, head)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x06\x80" + OLD[2:], id="a disconnect request"),
        pytest.param(b"\x07" + OLD[1:], id="another length"),
        pytest.param(confirm("02 00 0800 04000000"), id="not offered"),
        pytest.param(confirm("02 00 0800 03000000"), id="two at once"),
        pytest.param(confirm("01 00 0800 01000000"), id="a request"),
        pytest.param(confirm("02 00 0900 01000000"), id="of another length"),
        pytest.param(confirm("02 00 0800 0100000000"), id="too long"),
    ],
)
def test_any_other_confirm_is_malformed(body):
    malformed(rdp.parse, body)


def test_a_confirm_cut_anywhere_is_malformed():
    every_cut_is_malformed(rdp.parse, OLD)


def test_no_bytes_surprise_the_reader():
    never_surprised(rdp.parse, CHOSEN)
    never_surprised(rdp.packet_length, b"\3\0\0\x13")
