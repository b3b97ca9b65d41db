from __future__ import annotations

import asyncio

import pytest

from exporter.monitor.loop_lag import LoopLag
from tests import virtual


def test_a_loop_that_runs_on_time_has_no_lag():
    async def main(_loop):
        async with LoopLag() as lag:
            await asyncio.sleep(10)
            return lag.latest, lag.stalled()

    assert virtual.run(main) == (pytest.approx(0), pytest.approx(0))


def test_a_stall_is_seen_at_once_and_kept_in_the_sum():
    async def main(loop):
        async with LoopLag() as lag:
            await asyncio.sleep(1)
            loop.stall(2)
            during = lag.stalled()
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            after = lag.latest
            await asyncio.sleep(5)
            return during, after, lag.latest, lag.stalled()

    during, after, latest, total = virtual.run(main)
    assert during == pytest.approx(2, abs=0.2)
    assert after == pytest.approx(2, abs=0.2)
    assert latest == pytest.approx(0, abs=0.001)
    assert total == pytest.approx(2, abs=0.2)
