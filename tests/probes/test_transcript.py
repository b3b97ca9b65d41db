from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import Evidence, Icmp, Origin, ProbeError, Reason
from exporter.probes.transcript import (
    KEPT,
    Transcript,
    conversation,
    quoting,
    silence,
)
from tests.probes.wire.codec import steady


def heard(*pieces):
    talk = Transcript()
    for piece in pieces:
        talk.hear(piece)
    return talk


def nothing_known(_coming):
    return None


def test_nothing_heard_is_silence():
    error = silence(Transcript(), 5.0, nothing_known)
    assert (error.reason, error.detail) == (Reason.TIMEOUT, "no answer within 5 s")


def test_what_came_is_told_with_whether_more_was_coming():
    talk = heard(b"220-", b"wait\r\n")
    still = silence(talk, 5.0, nothing_known)
    assert still.detail == r"10 bytes came: '220-wait\r\n', and no end of it within 5 s"
    talk.last = time.perf_counter() - 4
    quiet = silence(talk, 5.0, nothing_known)
    assert quiet.detail == r"10 bytes came: '220-wait\r\n', then nothing"


def test_the_prober_may_know_better_what_came():
    asked = []
    talk = heard(b"x")
    talk.last -= 4
    error = ProbeError(Reason.MALFORMED, "not this")
    assert silence(talk, 5.0, lambda coming: asked.append(coming) or error) is error
    assert asked == [False]
    assert silence(Transcript(), 5.0, lambda _: error).reason is Reason.TIMEOUT


def test_an_error_quotes_what_came_once_and_keeps_the_rest():
    icmp = Icmp(3, 1, "192.0.2.1")
    evidence = Evidence("kept")
    error = ProbeError(
        Reason.RESET,
        "connection reset",
        origin=Origin.PATH,
        icmp=icmp,
        evidence=evidence,
    )
    told = quoting(error, heard(b"hi"))
    assert told.detail == "connection reset; 2 bytes came: 'hi'"
    assert (told.origin, told.icmp, told.evidence) == (Origin.PATH, icmp, evidence)
    assert quoting(told, heard(b"hi")) is told


def test_what_needs_no_words_gets_none():
    reset = ProbeError(Reason.RESET, "connection reset")
    assert quoting(reset, Transcript()) is reset
    rejected = ProbeError(Reason.REJECTED, "421 busy")
    assert quoting(rejected, heard(b"421 busy, really")) is rejected


@steady
@given(st.lists(st.binary(max_size=400), max_size=6), st.binary(max_size=400))
def test_the_conversation_is_the_first_bytes_each_way(pieces, said):
    talk = heard(*pieces)
    talk.say(said)
    data = b"".join(pieces)
    assert (talk.received, talk.heard, talk.said) == (
        len(data),
        data[:KEPT],
        said[:KEPT],
    )
    kept = conversation([talk, talk])
    assert (kept is None) is (not data and not said)
    if kept is not None:
        assert (kept.sent + kept.received).isprintable()
        assert max(len(kept.sent), len(kept.received)) <= 4 * KEPT
