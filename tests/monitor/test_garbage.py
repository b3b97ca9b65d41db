from __future__ import annotations

import gc
import weakref

import pytest

from exporter.monitor.garbage import collect_seldom


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


def test_circles_that_die_young_go_without_a_full_collection():
    collect_seldom()
    young, middle, _ = gc.get_threshold()
    before = collections_of_each_generation()
    gone = weakref.ref(Circle())
    kept = [[] for _ in range(20 * young * middle)]
    assert gone() is None
    after = collections_of_each_generation()
    assert len(kept) > young
    assert after[1] > before[1] + 10
    assert after[2] == before[2]


def test_what_exists_already_is_not_visited_any_more():
    lasting = [[] for _ in range(1000)]
    collect_seldom()
    assert gc.get_freeze_count() > len(lasting)
