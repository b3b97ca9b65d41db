"""When small segments are tried, and what they prove; the lab has real paths."""

from __future__ import annotations

import socket

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.rule import Expect
from exporter.probes import mtu_black_hole
from exporter.probes.mtu_black_hole import Episodes, key_of
from exporter.probes.resolver import Resolver
from exporter.probes.runner import Runner
from tests import make
from tests.servers.threaded import mute, scripted

KEY = key_of(make.target(), "192.0.2.1")
SILENT = make.seen(Reason.TIMEOUT, Stage.TLS, detail="no answer within 3 s")
ANSWERED = make.seen(Reason.ANSWERED, Stage.EXCHANGE)


@pytest.fixture
def episodes():
    return Episodes()


def test_the_first_silence_only_makes_the_second_worth_a_try(episodes):
    assert not episodes.to_try(KEY)
    assert episodes.told(KEY, SILENT) == SILENT
    assert episodes.to_try(KEY)


def test_small_segments_that_are_answered_prove_it_for_the_whole_episode(episodes):
    episodes.told(KEY, SILENT)
    for small in (ANSWERED, None):
        told = episodes.told(KEY, SILENT, small)
        assert told.small_passes
        assert (told.reason, told.stage) == (Reason.TIMEOUT, Stage.TLS)
        assert "with small segments it answers" in told.detail
        assert not episodes.to_try(KEY)
    assert episodes.told(KEY, ANSWERED) == ANSWERED
    assert episodes.told(KEY, SILENT) == SILENT


@pytest.mark.parametrize(
    "small", [SILENT, make.seen(Reason.RESET, Stage.TLS), make.seen(Reason.LOCAL_FAULT)]
)
def test_what_is_tried_in_vain_is_not_tried_again(episodes, small):
    episodes.told(KEY, SILENT)
    assert episodes.told(KEY, SILENT, small) == SILENT
    assert not episodes.to_try(KEY)


def test_an_answer_beside_an_answer_proves_nothing(episodes):
    episodes.told(KEY, SILENT)
    assert episodes.told(KEY, ANSWERED, ANSWERED) == ANSWERED
    assert not episodes.to_try(KEY)


@pytest.mark.parametrize(
    "seen",
    [
        make.seen(Reason.TIMEOUT, Stage.CONNECT),
        make.seen(Reason.RESET, Stage.TLS),
        make.seen(Reason.TIMEOUT, Stage.TLS, via="proxy:3128"),
    ],
)
def test_other_ends_are_no_such_silence(episodes, seen):
    assert episodes.told(KEY, seen) == seen
    assert not episodes.to_try(KEY)


def test_what_is_kept_is_bounded(episodes, monkeypatch):
    monkeypatch.setattr(mtu_black_hole, "_ENTRIES", 2)
    for number in range(5):
        episodes.told(key_of(make.target(port=number), "192.0.2.1"), SILENT)
    assert len(episodes._proven) <= 2


def talks_in_small_segments(sock):
    """A web server behind a path on which nothing else comes through."""
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) > 536:
        mute(sock)
    else:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def rounds(treatment, count, probe="http", **changes):
    """What the rule's only address told in each round, and the connections made."""
    taken = []

    def treat(sock):
        taken.append(sock)
        treatment(sock)

    with scripted(treat, "127.0.0.1") as port:
        target = make.target(probe, "127.0.0.1", port, timeout=0.7, **changes)
        runner = Runner(Resolver(()), None)
        told = [(await runner.run(target)).observation for _ in range(count)]
    return told, len(taken)


async def test_the_second_silence_is_tried_with_small_segments_beside_it():
    told, connections = await rounds(talks_in_small_segments, 3)
    assert {seen.reason for seen in told} == {Reason.TIMEOUT}
    assert [seen.small_passes for seen in told] == [False, True, True]
    assert connections == 4


async def test_a_mute_peer_is_tried_with_small_segments_once():
    told, connections = await rounds(mute, 3)
    assert not any(seen.small_passes for seen in told)
    assert connections == 4


@pytest.mark.parametrize(
    ("probe", "changes"), [("ssh", {}), ("http", {"expect": Expect.DENY})]
)
async def test_where_nothing_is_to_be_mended_or_asked_again_none_is(probe, changes):
    _, connections = await rounds(mute, 2, probe, **changes)
    assert connections == 2
