"""When each target is probed: one scheduler for the whole rule set.

Due times lie on a grid of wall-clock time: every target has its own place in its
interval, found by hashing its name with this host's, so neither a restart nor a
second exporter makes a burst, and a restart never probes anybody sooner than the
interval promises. One timer wakes for the earliest due target; what is due waits
in line for a slot, for the rate, and for its destination. A target still busy when
it is due again is skipped and counted. All times are the loop's, so tests drive
the scheduler by a clock of their own.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from exporter.model.rule import Key, Target

PER_DESTINATION = 4
"""Targets probed at once towards one destination host."""
_GRAIN = 0.1
"""Seconds between wake-ups, at the least. Waking costs as much CPU as probing, so what
falls due within a grain starts together; kernel timestamps do not notice."""
_SHARE = 16
"""One in so many of those in line starts in a turn of the event loop, one at the least,
so that everything else on it has its turn in between."""
_EARLY = 0.001
"""Seconds by which a timer may fire before its time and still count as on time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the whole: probes at once, and starts per second."""

    concurrency: int = 256
    rate: float = 200.0


@dataclass(slots=True, eq=False)
class _Entry:
    """A target with its place in time; times are the loop's.

    `due` is the next run's time, `asked` that of the run in line or under way;
    the peer asked not to be probed before `not_before`.
    """

    target: Target
    due: float
    asked: float = 0.0
    not_before: float = 0.0
    busy: bool = False
    gone: bool = False


@dataclass(slots=True)
class _Destination:
    """Probes under way to one host, and who waits for one of them to end."""

    busy: int = 0
    waiting: deque[_Entry] = field(default_factory=deque)


class Scheduler:
    """Runs every target at its interval.

    Args:
        run: probes a target; returns seconds not to come back within, or None.
        limits: bounds on the whole.
        lateness: told, at each start, the seconds after its due time.
        sooner: asked after each run; seconds to the next where that need not wait for
            the interval, since nothing was sent in this one.
        salt: what tells this exporter from its replicas, such as the host name.
        wall: Unix time, to place targets on the grid.

    Attributes:
        in_flight: probes under way.
        slots: probes that may be under way at once.
        skipped: runs left out because the previous one had not ended.
    """

    def __init__(
        self,
        run: Callable[[Target], Awaitable[float | None]],
        limits: Limits,
        lateness: Callable[[float], None] = lambda _seconds: None,
        sooner: Callable[[Target], float | None] = lambda _target: None,
        salt: str = "",
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.in_flight = 0
        self.skipped = 0
        self.slots = limits.concurrency
        self._gap = 1 / limits.rate
        self._run = run
        self._lateness = lateness
        self._sooner = sooner
        self._salt = salt
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._entries: dict[Key, _Entry] = {}
        self._heap: list[tuple[float, int, _Entry]] = []
        self._order = itertools.count()
        self._ready: deque[_Entry] = deque()
        self._destinations: dict[str, _Destination] = {}
        self._next_start = 0.0
        self._timer: asyncio.Handle | None = None
        self._next_turn = False
        self._tasks: dict[_Entry, asyncio.Task[None]] = {}

    def replace(self, targets: Iterable[Target], limits: Limits | None = None) -> None:
        """Makes `targets` the ones in force; a kept one keeps its place in time."""
        if limits is not None:
            self.slots = limits.concurrency
            self._gap = 1 / limits.rate
        before, self._entries = self._entries, {}
        for target in targets:
            entry = before.get(target.key)
            if entry is None or entry.target.rule.interval != target.rule.interval:
                entry = _Entry(target, self._first_due(target))
                heapq.heappush(self._heap, (entry.due, next(self._order), entry))
            entry.target = target
            self._entries[target.key] = entry
        for key, entry in before.items():
            entry.gone = self._entries.get(key) is not entry
        self._wake()

    def run_soon(self, target: Target) -> bool:
        """Puts a target in line now; False if it is in line or under way already."""
        entry = self._entries.get(target.key)
        if entry is None or entry.busy:
            return False
        entry.busy = True
        entry.asked = self._loop.time()
        self._get_in_line(entry)
        self._wake_next_turn()
        return True

    def next_due(self, target: Target) -> float | None:
        """Seconds until a target's next run; None if it is not scheduled."""
        entry = self._entries.get(target.key)
        return None if entry is None else max(entry.due - self._loop.time(), 0.0)

    async def close(self) -> None:
        """Stops: nothing more starts, what is under way is cancelled."""
        self.replace(())
        if self._timer is not None:
            self._timer.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _first_due(self, target: Target) -> float:
        interval = target.rule.interval
        name = f"{self._salt}|{'|'.join(map(str, target.key))}"
        place = zlib.crc32(name.encode()) / 2**32 * interval
        return self._loop.time() + (place - self._wall()) % interval

    def _wake(self) -> None:
        """Takes in what is due, starts what may start first, sets the next alarm."""
        self._next_turn = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time() + _EARLY
        while self._heap and self._heap[0][0] <= now:
            due, _, entry = heapq.heappop(self._heap)
            self._take_due(entry, due, now)
        for _ in range(1 + len(self._ready) // _SHARE):
            if self._may_start() and self._next_start <= now:
                self._start(self._ready.popleft(), now)
        alarm = self._heap[0][0] if self._heap else None
        if self._may_start():
            if self._next_start <= now:
                self._wake_next_turn()
                return
            alarm = self._next_start if alarm is None else min(alarm, self._next_start)
        if alarm is not None:
            at = math.ceil(alarm / _GRAIN) * _GRAIN
            self._timer = self._loop.call_at(at, self._wake)

    def _wake_next_turn(self) -> None:
        if self._next_turn:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._next_turn = True
        self._timer = self._loop.call_soon(self._wake)

    def _take_due(self, entry: _Entry, due: float, now: float) -> None:
        # One that was brought forward has left its old place behind.
        if entry.gone or due != entry.due:
            return
        interval = entry.target.rule.interval
        # After a long stall only the next place on the grid counts.
        entry.due = due + interval * max(1, 1 + (now - due) // interval)
        heapq.heappush(self._heap, (entry.due, next(self._order), entry))
        if due < entry.not_before:
            return
        if entry.busy:
            self.skipped += 1
            return
        entry.busy = True
        entry.asked = due
        self._get_in_line(entry)

    def _get_in_line(self, entry: _Entry) -> None:
        destination = self._destinations.setdefault(
            entry.target.destination, _Destination()
        )
        if destination.busy < PER_DESTINATION:
            destination.busy += 1
            self._ready.append(entry)
        else:
            destination.waiting.append(entry)

    def _may_start(self) -> bool:
        return bool(self._ready) and self.in_flight < self.slots

    def _start(self, entry: _Entry, now: float) -> None:
        if entry.gone:
            self._leave(entry)
            return
        # The rate is an average over a short while: a wake-up that comes late
        # may make up for it, by 100 ms of starts at the most.
        self._next_start = max(self._next_start + self._gap, now - _GRAIN)
        self.in_flight += 1
        self._lateness(max(now - entry.asked, 0.0))
        self._tasks[entry] = self._loop.create_task(self._probe(entry))

    async def _probe(self, entry: _Entry) -> None:
        try:
            pause = await self._run(entry.target)
            if pause is not None:
                entry.not_before = self._loop.time() + pause
            self._bring_forward(entry, self._sooner(entry.target))
        finally:
            del self._tasks[entry]
            self.in_flight -= 1
            self._leave(entry)
            if self._ready:
                self._wake_next_turn()

    def _bring_forward(self, entry: _Entry, seconds: float | None) -> None:
        if seconds is None or entry.gone:
            return
        due = self._loop.time() + seconds
        if due < entry.due:
            entry.due = due
            heapq.heappush(self._heap, (due, next(self._order), entry))
            self._wake_next_turn()

    def _leave(self, entry: _Entry) -> None:
        """Frees the destination's place, for the next that waits for it."""
        entry.busy = False
        name = entry.target.destination
        destination = self._destinations[name]
        if destination.waiting:
            self._ready.append(destination.waiting.popleft())
            return
        destination.busy -= 1
        if destination.busy == 0:
            del self._destinations[name]
