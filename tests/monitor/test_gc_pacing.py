from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from exporter.monitor.gc_pacing import incremental_gc
from tests import virtual


class Circle:
    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def collections_of_each_generation():
    return [generation["collections"] for generation in gc.get_stats()]


async def test_circles_that_die_young_go_without_a_full_collection():
    async with incremental_gc():
        young, middle, _ = gc.get_threshold()
        before = collections_of_each_generation()
        gone = weakref.ref(Circle())
        kept = [[] for _ in range(20 * young * middle)]
        assert gone() is None
        after = collections_of_each_generation()
        assert len(kept) > young
        assert after[1] > before[1] + 10
        assert after[2] == before[2]


async def test_what_exists_already_is_not_visited_any_more():
    lasting = [[] for _ in range(1000)]
    async with incremental_gc():
        assert gc.get_freeze_count() > len(lasting)


def test_young_objects_are_visited_all_the_time_though_as_many_go_as_come():
    async def a_minute(_loop):
        async with incremental_gc():
            before = collections_of_each_generation()
            await asyncio.sleep(60.4)
            after = collections_of_each_generation()
        return [now - then for now, then in zip(after, before, strict=True)]

    assert virtual.run(a_minute) == [211, 30, 0]


def test_many_connections_that_ended_are_a_reason_to_visit_what_has_lasted():
    """Each refers to itself; those that lasted a few seconds are not young any more."""

    async def a_minute(_loop):
        ended = iter([0, *[4999] * 100, *[5000] * 1000])
        async with incremental_gc(lambda: next(ended)):
            before = collections_of_each_generation()
            await asyncio.sleep(60.4)
            after = collections_of_each_generation()
        return after[2] - before[2]

    assert virtual.run(a_minute) == 1


async def test_nothing_is_left_under_way():
    tasks = asyncio.all_tasks()
    async with incremental_gc():
        assert asyncio.all_tasks() > tasks
    assert asyncio.all_tasks() == tasks
