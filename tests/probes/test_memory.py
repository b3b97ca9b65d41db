from __future__ import annotations

import dataclasses

import pytest

from exporter.model.outcome import Icmp, Origin, Path, Reason, Stage
from exporter.probes.memory import Memory
from tests import make

TARGET = make.target(interval=60.0)
SAID = make.seen(
    Reason.PROHIBITED,
    origin=Origin.PATH,
    icmp=Icmp(3, 13, "198.51.100.7"),
    detail="a device says no",
)
ON_PATH = Path((), 3, Reason.REFUSED, "10.9.2.2", 2, refused_on_path=True)
HOSTS_OWN = dataclasses.replace(ON_PATH, refused_on_path=False)
SILENCE = make.seen(Reason.TIMEOUT)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def memory(clock):
    return Memory(clock)


def test_silence_after_a_refusal_is_still_that_refusal(memory, clock):
    assert memory.strongest(TARGET, SAID) == SAID
    for clock.now in (60, 120, 180):
        told = memory.strongest(TARGET, SILENCE)
        assert (told.reason, told.origin, told.icmp) == (
            Reason.PROHIBITED,
            Origin.PATH,
            SAID.icmp,
        )
        assert f"{clock.now} s ago" in told.detail


def test_after_three_silent_rounds_silence_is_silence(memory, clock):
    memory.strongest(TARGET, SAID)
    clock.now = 181
    assert memory.strongest(TARGET, SILENCE) == SILENCE
    clock.now = 100
    assert memory.strongest(TARGET, SILENCE) == SILENCE


@pytest.mark.parametrize(
    "other",
    [
        make.seen(Reason.ANSWERED),
        make.seen(Reason.REFUSED),
        make.seen(Reason.TIMEOUT, Stage.TLS),
        make.seen(Reason.RESET, Stage.EXCHANGE),
    ],
    ids=lambda seen: f"{seen.reason}-{seen.stage}",
)
def test_anything_else_that_happens_ends_it(memory, other):
    memory.strongest(TARGET, SAID)
    assert memory.strongest(TARGET, other) == other
    assert memory.strongest(TARGET, SILENCE) == SILENCE


def test_one_address_does_not_speak_for_another(memory):
    memory.strongest(TARGET, SAID)
    elsewhere = dataclasses.replace(SILENCE, address="192.0.2.2")
    assert memory.strongest(TARGET, elsewhere) == elsewhere
    other = make.target(id="other")
    assert memory.strongest(other, SILENCE) == SILENCE


def test_a_reset_known_to_come_from_the_path_stays_the_paths(memory):
    reset = make.seen(Reason.REFUSED)
    assert memory.strongest(TARGET, reset) == reset
    memory.place_reset(TARGET, "192.0.2.1", ON_PATH)
    for _ in range(2):
        told = memory.strongest(TARGET, reset)
        assert (told.reason, told.origin) == (Reason.REFUSED, Origin.PATH)
        assert "10.9.2.2" in told.detail
    memory.strongest(TARGET, make.seen(Reason.ANSWERED))
    assert memory.strongest(TARGET, reset) == reset


def test_a_trace_that_shows_otherwise_ends_it(memory):
    reset = make.seen(Reason.REFUSED)
    memory.place_reset(TARGET, "192.0.2.1", ON_PATH)
    memory.place_reset(TARGET, "192.0.2.1", HOSTS_OWN)
    assert memory.strongest(TARGET, reset) == reset


def test_a_trace_that_nobody_renews_ends_it(memory, clock):
    reset = make.seen(Reason.REFUSED)
    memory.place_reset(TARGET, "192.0.2.1", ON_PATH)
    clock.now = 900
    assert memory.strongest(TARGET, reset).origin is Origin.PATH
    clock.now = 901
    assert memory.strongest(TARGET, reset) == reset


def test_memory_is_bounded(memory, monkeypatch):
    monkeypatch.setattr("exporter.probes.memory._ENTRIES", 10)
    for number in range(100):
        seen = dataclasses.replace(SAID, address=f"192.0.2.{number}")
        memory.strongest(TARGET, seen)
        memory.place_reset(TARGET, seen.address, ON_PATH)
    assert len(memory._refusals) <= 10
    assert len(memory._resets) <= 10
