"""/metrics: what is known of every target, and of the exporter itself.

Targets are told by `Exposition`, which keeps their samples rendered (see `series.py`),
since there may be many thousands of them: a scrape takes the present pieces of all
targets at one moment and joins them family by family, giving way to everything else
on the event loop between the parts. The exporter's own, few metrics are kept and read
by `Telemetry`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

from exporter.metrics import target_families
from exporter.metrics.series import TargetSeries
from exporter.metrics.telemetry import Telemetry
from exporter.metrics.text_format import ExpositionFormat, header

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from exporter.model.finding import Finding
    from exporter.model.rule import Key
    from exporter.monitor.store import Record, Store

CHUNK = 1 << 16
"""Bytes from which on a part of the exposition is handed out."""
STEP = 512
"""Targets joined between two looks at the clock: some 50 microseconds."""
_TURNED = 8
"""Families whose pieces are turned from rows into columns at once."""
HELD = 0.0005
"""Seconds after which a scrape gives the event loop its turn, on a loop that is idle."""
HELD_AT_MOST = 0.004
"""The same on a busy loop, where a scrape takes a quarter of the time that probes take:
it must still end before Prometheus gives up."""


class Exposition:
    """All metrics, ready for a scrape at any time.

    Registers itself with the store. Series exist for the targets in force only: the
    scrape after a reload no longer has those of targets that left.

    Args:
        store: what is known of the targets.
        telemetry: what is known of the exporter.
        clock: seconds, to tell for how long the event loop was kept.
    """

    def __init__(
        self,
        store: Store,
        telemetry: Telemetry,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._store = store
        self._telemetry = telemetry
        # By identity: a record that was replaced by one of the same target is another.
        self._rows: dict[int, TargetSeries] = {}
        self._finding_of: Mapping[Key, str] = {}
        self._site = telemetry.site
        store.listeners.append(self._take_in)
        store.trace_listeners.append(self._refresh)

    async def explain(self, findings: Sequence[Finding]) -> None:
        """Takes in what explains the targets from now on, giving way between them."""
        finding_of = {key: one.finding for one in findings for key in one.targets}
        self._finding_of = finding_of
        self._telemetry.explain(findings, self._store.records())
        turns = _Turns(self._clock)
        for row in list(self._rows.values()):
            row.explain(finding_of.get(row.record.target.key, ""))
            await turns.give()

    async def chunks(self, form: ExpositionFormat) -> AsyncGenerator[bytes]:
        """The exposition in parts of some 64 KiB to 256 KiB, one state per target throughout."""
        turns = _Turns(self._clock)
        snapshot = await self._snapshot(turns)
        pending: list[bytes] = []
        size = 0
        async with aclosing(_columns(snapshot, form, turns)) as columns:
            async for part in columns:
                pending.append(part)
                size += len(part)
                if size >= CHUNK:
                    yield b"".join(pending)
                    pending.clear()
                    size = 0
        for part in self._telemetry.rendered(form):
            pending.append(part)
            await turns.give()
        if form is ExpositionFormat.OPENMETRICS:
            pending.append(b"# EOF\n")
        yield b"".join(pending)

    async def _snapshot(self, turns: _Turns) -> list[tuple[bytes, ...]]:
        """The present pieces of all targets, in the order of the configuration."""
        if self._site != self._telemetry.site:
            self._site = self._telemetry.site
            self._rows.clear()
        rows: list[TargetSeries] = []
        for record in self._store.records():
            row = self._rows.get(id(record))
            if row is None:
                finding = self._finding_of.get(record.target.key, "")
                row = TargetSeries(record, finding, self._site)
                self._rows[id(record)] = row
                await turns.give()
            elif record.target.maintenance:
                # It begins and ends by the clock, not with a round.
                row.refresh()
            rows.append(row)
            if len(rows) % STEP == 0:
                await turns.give()
        if len(self._rows) != len(rows):
            self._rows = {id(row.record): row for row in rows}
        return [row.pieces for row in rows]

    def _take_in(self, record: Record) -> None:
        rule, latest = record.target.rule, record.latest
        if latest is not None:
            self._telemetry.observe_probe(rule, latest.duration)
        self._refresh(record)

    def _refresh(self, record: Record) -> None:
        # A target without a row yet is rendered by the next scrape.
        row = self._rows.get(id(record))
        if row is not None:
            row.refresh()


class _Turns:
    """Shares the event loop with everything else that runs on it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._share = HELD

    async def give(self) -> None:
        """Gives way if it is time to."""
        now = self._clock()
        if now - self._since >= self._share:
            await asyncio.sleep(0)
            self._since = self._clock()
            others = self._since - now
            self._share = min(max(others / 4, HELD), HELD_AT_MOST)


async def _columns(
    snapshot: Sequence[tuple[bytes, ...]], form: ExpositionFormat, turns: _Turns
) -> AsyncGenerator[bytes]:
    """The rows of pieces by family, then by target.

    Turned round some families at a time, which joins much faster than piece by piece:
    all at once would be hundreds of thousands of references, and a garbage collection
    that comes upon them holds up the event loop.
    """
    for first in range(0, len(target_families.TARGET), _TURNED):
        end = first + _TURNED
        steps: list[list[tuple[bytes, ...]]] = []
        for start in range(0, len(snapshot), STEP):
            rows = (pieces[first:end] for pieces in snapshot[start : start + STEP])
            steps.append(list(zip(*rows, strict=True)))
            await turns.give()
        for index, family in enumerate(target_families.TARGET[first:end]):
            yield header(family, form).encode()
            for step in steps:
                yield b"".join(step[index])
                await turns.give()
