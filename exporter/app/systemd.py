"""What systemd is told of this process (sd_notify(3)); elsewhere, nobody is.

That it is ready, that it reloads, and, as long as probes are completed, that it is
alive: a process whose event loop turns while nothing is probed any more is one that
systemd should start anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from exporter.monitor.store import Record, Store

_LOOKS = 3
"""Signs of life within the time after which systemd loses patience."""
_ROUNDS = 3
"""Rounds of the target that is probed most often, in which one must be completed."""
_MICRO = 1_000_000


def tell(*assignments: str) -> None:
    """Tells systemd, if it is there to be told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # a name in the abstract namespace, unix(7)
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        sender.sendto("\n".join(assignments).encode(), address)


async def reloading(
    load: Callable[[], Awaitable[Sequence[str]]],
) -> Sequence[str]:
    """A reload with its beginning and its end told."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        problems = await load()
    finally:
        tell("READY=1")
    tell(f"STATUS=reload failed: {problems[0]}" if problems else "STATUS=reloaded")
    return problems


@contextlib.asynccontextmanager
async def watched(
    store: Store, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[None]:
    """Tells that the process is ready and, until left, that it is alive."""
    tell("READY=1")
    pulse = _Pulse(store, clock)
    patience = _patience()
    task = None if patience is None else asyncio.create_task(pulse.go_on(patience))
    try:
        yield
    finally:
        tell("STOPPING=1")
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _patience() -> float | None:
    """Seconds after which systemd gives a silent process up; None if it never does."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(usec) / _MICRO if usec.isdigit() and meant and int(usec) else None


class _Pulse:
    """Beats while probes are completed as often as they are due.

    Args:
        store: hears of each that is completed.
        clock: seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._completed = clock()
        store.listeners.append(self._hear)

    async def go_on(self, patience: float) -> None:
        """Beats for good."""
        while True:
            if self._clock() - self._completed <= self._allowance():
                tell("WATCHDOG=1")
            await asyncio.sleep(patience / _LOOKS)

    def _hear(self, _record: Record) -> None:
        self._completed = self._clock()

    def _allowance(self) -> float:
        """Seconds without a completed probe that are nothing unusual."""
        rules = [record.target.rule for record in self._store.records()]
        often = [rule.interval + rule.timeout for rule in rules]
        return _ROUNDS * min(often) if often else float("inf")
