"""/metrics: what is known of every target, and of the exporter itself.

Targets are told by `Exposition`, which keeps their samples rendered (see `lines.py`),
since there may be many thousands of them: a scrape takes the present pieces of all
targets at one moment and joins them family by family, giving way to everything else
on the event loop between the parts. The exporter's own, few metrics are kept and read
by `Telemetry`, with the client library.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.http.negotiation import Format
from exporter.metrics import families
from exporter.metrics.families import Family, Kind
from exporter.metrics.samples import label
from exporter.metrics.series import Row
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from prometheus_client.core import Metric

    from exporter.model.rule import Rule, Target
    from exporter.monitor.controls import Control
    from exporter.monitor.mirror_refresh import ListState
    from exporter.monitor.store import Record, Store

CHUNK = 1 << 16
"""Bytes from which on a part of the exposition is handed out."""
STEP = 512
"""Targets joined between two looks at the clock: some 50 microseconds."""
_TURNED = 8
"""Families whose pieces are turned from rows into columns at once."""
HELD = 0.0005
"""Seconds after which a scrape gives the event loop its turn ..."""
HELD_AT_MOST = 0.004
"""... or later, by a quarter of what the others took for theirs: on a loop that is busy
with probes a scrape must still end before Prometheus gives up."""

_DURATION_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_LATENESS_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


class Load(Protocol):
    """What the scheduler says of itself: probes under way, possible, left out."""

    in_flight: int
    slots: int
    skipped: int


class Telemetry(Collector):
    """The exporter's own metrics.

    Args:
        targets: all targets of the configuration in force, whatever their status.
        lag: seconds by which the event loop woke up late the last time.

    Attributes:
        load: the scheduler, once there is one.
        lists: the mirror lists in use.
        controls: what must not answer, and whether it does.
    """

    def __init__(
        self, targets: Callable[[], Sequence[Target]], lag: Callable[[], float]
    ) -> None:
        # The time a series was created is one more series each, of use to few.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library's
        self.load: Load | None = None
        self.lists: Callable[[], Sequence[ListState]] = lambda: ()
        self.controls: Callable[[], Sequence[Control]] = lambda: ()
        self._targets = targets
        self._lag = lag
        self._reload_successful: bool | None = None
        self._reload_timestamp: float | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        # One histogram a label set, so that a scrape can take them one at a time.
        self._durations: dict[tuple[str, ...], tuple[str, Histogram]] = {}
        self._lateness = _histogram(families.LATENESS, _LATENESS_BUCKETS)
        self._registry.register(self._lateness)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def observe_probe(self, rule: Rule, seconds: float) -> None:
        """Books how long a whole probe took."""
        key = (rule.source, rule.usage, rule.probe)
        known = self._durations.get(key)
        if known is None:
            labels = map(label, families.PROBE_DURATION.labels, key)
            histogram = _histogram(families.PROBE_DURATION, _DURATION_BUCKETS)
            known = self._durations[key] = ("".join(labels), histogram)
        known[1].observe(seconds)

    def observe_lateness(self, seconds: float) -> None:
        """Books how long after its due time a probe started."""
        self._lateness.observe(seconds)

    def reloaded(self, successful: bool, timestamp: float) -> None:
        """Books an attempt, the first one too, to load the configuration."""
        self._reload_successful = successful
        if successful:
            self._reload_timestamp = timestamp

    def collect(self) -> Iterator[Metric]:
        """What is read at the moment of the scrape."""
        build = _gauge(families.BUILD_INFO)
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        counts = Counter(target.status for target in self._targets())
        by_status = _gauge(families.TARGETS)
        for status in Status:
            by_status.add_metric([status], counts[status])
        yield by_status
        yield _gauge(families.RELOAD_SUCCESSFUL, self._reload_successful)
        yield _gauge(families.RELOAD_TIMESTAMP, self._reload_timestamp)
        yield _gauge(families.LOOP_LAG, max(self._lag(), 0.0))
        if self.load is not None:
            yield _gauge(families.PROBES_IN_FLIGHT, self.load.in_flight)
            yield _gauge(families.PROBE_SLOTS, self.load.slots)
            skipped = families.PROBES_SKIPPED
            yield CounterMetricFamily(skipped.name, skipped.help, self.load.skipped)
        yield from self._mirror_lists()
        answered = _gauge(families.CONTROL_ANSWERED)
        for control in self.controls():
            if control.answered is not None:
                place = [control.target.destination, str(control.target.port)]
                answered.add_metric(place, control.answered)
        yield answered

    def _mirror_lists(self) -> Iterator[Metric]:
        targets = _gauge(families.MIRROR_LIST_TARGETS)
        success = _gauge(families.MIRROR_LIST_SUCCESS)
        failed = families.MIRROR_LIST_FAILURES
        failures = CounterMetricFamily(failed.name, failed.help, labels=failed.labels)
        for state in self.lists():
            name = [state.known.name]
            failures.add_metric(name, state.failures)
            if state.last_success_timestamp is not None:
                targets.add_metric(name, len(state.in_force))
                success.add_metric(name, state.last_success_timestamp)
        yield from (targets, success, failures)

    def rendered(self, form: Format) -> Iterator[bytes]:
        """All of it, in parts that each take well under a millisecond.

        The client library would render the whole registry in one go.
        """
        for metric in self._registry.collect():
            kind = Kind(metric.type)
            suffix = "_total" if kind is Kind.COUNTER else ""
            family = Family(metric.name + suffix, kind, metric.documentation)
            yield (_header(family, form) + _lines(metric, "")).encode()
        yield _header(families.PROBE_DURATION, form).encode()
        for labels, histogram in list(self._durations.values()):
            for metric in histogram.collect():
                yield _lines(metric, labels).encode()


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
        self._rows: dict[int, Row] = {}
        store.listeners.append(self._take_in)
        store.trace_listeners.append(self._refresh)

    async def chunks(self, form: Format) -> AsyncGenerator[bytes]:
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
        if form is Format.OPENMETRICS:
            pending.append(b"# EOF\n")
        yield b"".join(pending)

    async def _snapshot(self, turns: _Turns) -> list[tuple[bytes, ...]]:
        """The present pieces of all targets, in the order of the configuration."""
        rows: list[Row] = []
        for record in self._store.records():
            row = self._rows.get(id(record))
            if row is None:
                row = self._rows[id(record)] = Row(record)
                await turns.give()
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
    snapshot: Sequence[tuple[bytes, ...]], form: Format, turns: _Turns
) -> AsyncGenerator[bytes]:
    """The rows of pieces by family, then by target.

    Turned round some families at a time, which joins much faster than piece by piece:
    all at once would be hundreds of thousands of references, and a garbage collection
    that comes upon them holds up the event loop.
    """
    for first in range(0, len(families.TARGET), _TURNED):
        end = first + _TURNED
        steps: list[list[tuple[bytes, ...]]] = []
        for start in range(0, len(snapshot), STEP):
            rows = (pieces[first:end] for pieces in snapshot[start : start + STEP])
            steps.append(list(zip(*rows, strict=True)))
            await turns.give()
        for index, family in enumerate(families.TARGET[first:end]):
            yield _header(family, form).encode()
            for step in steps:
                yield b"".join(step[index])
                await turns.give()


def _header(family: Family, form: Format) -> str:
    name, text = family.name, family.help.replace("\\", r"\\").replace("\n", r"\n")
    if form is Format.OPENMETRICS:
        name = name.removesuffix("_total")
        text = text.replace('"', r"\"")
    return f"# HELP {name} {text}\n# TYPE {name} {family.kind}\n"


def _gauge(family: Family, value: float | None = None) -> GaugeMetricFamily:
    if family.labels:
        return GaugeMetricFamily(family.name, family.help, labels=family.labels)
    return GaugeMetricFamily(family.name, family.help, value)


def _histogram(family: Family, buckets: Sequence[float]) -> Histogram:
    return Histogram(family.name, family.help, registry=None, buckets=buckets)


def _lines(metric: Metric, labels: str) -> str:
    """The samples of a metric; `labels` are led by a comma, and added to their own."""
    lines: list[str] = []
    for sample in metric.samples:
        text = labels + "".join(label(*pair) for pair in sample.labels.items())
        braced = f"{{{text[1:]}}}" if text else ""
        lines.append(f"{sample.name}{braced} {_plain(float(sample.value))}\n")
    return "".join(lines)


def _plain(value: float) -> str:
    """A number without an exponent."""
    return str(int(value)) if value.is_integer() else f"{value:.9f}"
