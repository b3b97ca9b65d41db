"""What systemd is told, over a socket as it makes one."""

from __future__ import annotations

import asyncio
import os
import socket
import time

import pytest

from exporter.app import systemd
from exporter.monitor.store import Store
from tests import make

PATIENT = 30.0


@pytest.fixture(params=["path", "abstract"])
def heard(request, tmp_path, monkeypatch):
    """Gives the next message that was told."""
    name = f"door-test-{os.getpid()}-{time.monotonic_ns()}"
    address = str(tmp_path / "notify") if request.param == "path" else f"@{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address.replace("@", "\0"))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)

        async def heard():
            async with asyncio.timeout(PATIENT):
                said = await asyncio.get_running_loop().sock_recv(receiver, 4096)
            return said.decode().split("\n")

        yield heard


async def test_beginning_and_end_are_told(heard):
    async with systemd.watched(Store()):
        assert await heard() == ["READY=1"]
    assert await heard() == ["STOPPING=1"]


@pytest.mark.parametrize(
    ("problems", "status"),
    [
        ([], "reloaded"),
        (["site.yaml:1: odd", "more"], "reload failed: site.yaml:1: odd"),
    ],
)
async def test_a_reload_is_told_with_the_time_it_began(heard, problems, status):
    async def load():
        return problems

    before = time.monotonic_ns() // 1000
    assert await systemd.reloading(load) == problems
    first, began = await heard()
    assert first == "RELOADING=1"
    assert before <= int(began.removeprefix("MONOTONIC_USEC=")) <= before + 60_000_000
    assert await heard() == ["READY=1"]
    assert await heard() == [f"STATUS={status}"]


async def test_a_reload_that_raises_is_over_all_the_same(heard):
    async def load():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await systemd.reloading(load)
    assert (await heard())[0] == "RELOADING=1"
    assert await heard() == ["READY=1"]


async def test_while_probes_are_completed_it_is_alive_and_then_no_more(
    heard, monkeypatch
):
    monkeypatch.setenv("WATCHDOG_USEC", "3000")  # looks every millisecond
    clock = [1000.0]
    store = Store()
    target = make.target(interval=10.0, timeout=5.0)
    store.replace([target])
    async with systemd.watched(store, lambda: clock[0]):
        assert await heard() == ["READY=1"]
        assert await heard() == ["WATCHDOG=1"]
        clock[0] += 46  # three rounds and a second, and none was completed
        while True:
            try:
                async with asyncio.timeout(0.05):
                    assert await heard() == ["WATCHDOG=1"]
            except TimeoutError:
                break
        store.add(target, make.result())
        assert await heard() == ["WATCHDOG=1"]


async def test_where_nothing_is_probed_nothing_is_waited_for(heard, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "3000")
    clock = [0.0]
    async with systemd.watched(Store(), lambda: clock[0]):
        assert await heard() == ["READY=1"]
        clock[0] = 1e9
        for _ in range(20):
            assert await heard() == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "3000", "WATCHDOG_PID": "1"},
    ],
)
async def test_who_is_not_watched_beats_not(heard, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert systemd._patience() is None
    async with systemd.watched(Store()):
        assert await heard() == ["READY=1"]
    assert await heard() == ["STOPPING=1"]


@pytest.mark.parametrize("address", ["", "vsock:2:1", "/nowhere/at/all"])
def test_without_systemd_nobody_is_told(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    systemd.tell("READY=1")
