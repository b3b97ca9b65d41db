"""Signals that come before there is anything to reload, and after."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from exporter.app.serve import _Hangups


@pytest.fixture(autouse=True)
def _as_before():
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


async def test_hangups_while_the_files_are_read_are_one_for_afterwards():
    heard = asyncio.Queue()
    with _Hangups() as hangups:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.01)
        hangups.tell(lambda: heard.put_nowait("again"))
        assert heard.qsize() == 1
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(30):
            assert [await heard.get() for _ in range(2)] == ["again"] * 2
    os.kill(os.getpid(), signal.SIGHUP)  # nobody dies of it
    assert heard.empty()
