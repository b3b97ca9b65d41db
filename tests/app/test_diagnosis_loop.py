"""Findings behind the rounds: soon, not often, and never for long at a time."""

from __future__ import annotations

import asyncio

import pytest

from exporter.app import diagnosis_loop
from exporter.app.diagnosis_loop import DiagnosisLoop
from exporter.model.finding import Cause
from tests.diagnose.scenes import holds, known, prohibited, target

TARGETS = [target(f"h{n}.vendor.com", 443) for n in range(300)]


class Scene:
    def __init__(self):
        self.records = [prohibited(one) for one in TARGETS]
        self.told = []
        self.learnt = []
        self.asked = 0
        self.more = asyncio.Event()
        self.loop = DiagnosisLoop(self.known, self.compare, self.tell)

    def known(self):
        self.asked += 1
        return known(*self.records)

    async def compare(self):
        return self.learnt.pop() if self.learnt else False

    async def tell(self, findings):
        self.told.append(findings)
        self.more.set()

    async def until(self, number):
        while len(self.told) < number:
            self.more.clear()
            await self.more.wait()


@pytest.fixture
async def scene(monkeypatch):
    monkeypatch.setattr(diagnosis_loop, "DEBOUNCE", 0.0)
    made = Scene()
    yield made
    await made.loop.close()


async def test_what_is_known_is_explained_and_told(scene):
    scene.loop.keep_explaining()
    await scene.until(1)
    ((one,),) = scene.told
    assert one.cause is Cause.PATH
    assert scene.loop.findings() == (one,)


async def test_nothing_is_done_until_something_is_new(scene):
    scene.loop.keep_explaining()
    scene.loop.keep_explaining()
    await scene.until(1)
    await asyncio.sleep(0.05)
    assert scene.asked == 1
    scene.records = [holds(one) for one in TARGETS]
    scene.loop.hear(scene.records[0])
    await scene.until(2)
    assert scene.told[-1] == ()


async def test_what_was_learnt_for_comparison_is_taken_in_at_once(scene):
    scene.learnt = [True]
    scene.loop.keep_explaining()
    await scene.until(2)
    assert scene.told[0] == scene.told[1]


async def test_others_have_their_turn_meanwhile(scene, monkeypatch):
    monkeypatch.setattr(diagnosis_loop, "TIME_SLICE", 0.0)
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    worked = await scene.loop.explain()
    task.cancel()
    assert turns > 5
    assert worked > 0


async def test_one_that_never_began_can_be_closed():
    await Scene().loop.close()
