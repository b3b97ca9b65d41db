"""The exporter's own metrics, kept and read with the client library."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
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
from exporter.metrics import families
from exporter.metrics.families import Family, Kind
from exporter.metrics.samples import bounded, label
from exporter.metrics.text_format import ExpositionFormat, header, sample_lines
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

    from exporter.config.sharding import Shard
    from exporter.model.finding import Finding
    from exporter.model.ledger import Ledger
    from exporter.model.rule import Key, Rule, Target
    from exporter.monitor.controls import Control
    from exporter.monitor.mirror_refresh import ListState
    from exporter.monitor.resolver_watch import Transport
    from exporter.monitor.store import Record

_DURATION_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_LATENESS_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


FINDINGS = 200
"""Findings that are exported; the others are counted."""


class Load(Protocol):
    """What the scheduler says of itself: probes under way, possible, left out."""

    in_flight: int
    slots: int
    skipped: int


class Door(Protocol):
    """What the HTTP server says of its clients, by the labels of the families."""

    @property
    def connections(self) -> Mapping[str, int]:
        """How many there are, by class."""

    @property
    def rejected(self) -> Mapping[tuple[str, str], int]:
        """How many were turned away or cut off, by class and reason."""

    @property
    def handshake_failures(self) -> Mapping[str, int]:
        """How many TLS handshakes failed, by reason."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the exporter's own metrics are read from, at the moment of a scrape.

    Attributes:
        targets: all targets of the configuration in force, whatever their status.
        lag: seconds by which the event loop woke up late the last time.
        load: the scheduler, None where nothing is scheduled.
        lists: the mirror lists in use.
        controls: what must not answer, and whether it does.
        ledgers: what became of the requirements of catalogues that keep account.
        config_sha256: of the site file in force, empty where there is none.
        catalogues: the SHA-256 of each catalogue in force, by its name.
        roles: the source roles that this host plays.
        shard: the part of their targets that is probed from here, None for all of them.
        site: the label on every series, empty for none.
        resolvers: whether each answers, by its address and the transport.
        door: who is at the HTTP server, None where nothing is served.
        certificate_expiry: end of validity of its certificate, None without TLS.
    """

    targets: Callable[[], Sequence[Target]]
    lag: Callable[[], float]
    load: Callable[[], Load | None] = lambda: None
    lists: Callable[[], Sequence[ListState]] = lambda: ()
    controls: Callable[[], Sequence[Control]] = lambda: ()
    ledgers: Callable[[], Sequence[Ledger]] = lambda: ()
    config_sha256: Callable[[], str] = str
    catalogues: Callable[[], Mapping[str, str]] = dict
    roles: Callable[[], Sequence[str]] = lambda: ()
    shard: Callable[[], Shard | None] = lambda: None
    site: Callable[[], str] = str
    resolvers: Callable[[], Mapping[tuple[str, Transport], bool]] = dict
    door: Callable[[], Door | None] = lambda: None
    certificate_expiry: Callable[[], float | None] = lambda: None


class Telemetry(Collector):
    """The exporter's own metrics, read from `sources`."""

    def __init__(self, sources: Sources) -> None:
        # The time a series was created is one more series each, of use to few.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library's
        self._sources = sources
        self._reload_successful: bool | None = None
        self._reload_timestamp: float | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._findings: list[tuple[Finding, Mapping[tuple[str, str], int]]] = []
        self._omitted = 0
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

    def explain(self, findings: Sequence[Finding], records: Sequence[Record]) -> None:
        """Takes in what explains the targets from now on, the worst first."""
        told, rest = findings[:FINDINGS], findings[FINDINGS:]
        targets = {one.target.key: one.target.rule for one in records} if told else {}
        self._findings = [(one, _flows(one, targets)) for one in told]
        self._omitted = len(rest)

    def collect(self) -> Iterator[Metric]:
        """What is read at the moment of the scrape."""
        build = _gauge(families.BUILD_INFO)
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        yield from self._configuration()
        yield _gauge(families.RELOAD_SUCCESSFUL, self._reload_successful)
        yield _gauge(families.RELOAD_TIMESTAMP, self._reload_timestamp)
        yield _gauge(families.LOOP_LAG, max(self._sources.lag(), 0.0))
        load = self._sources.load()
        if load is not None:
            yield _gauge(families.PROBES_IN_FLIGHT, load.in_flight)
            yield _gauge(families.PROBE_SLOTS, load.slots)
            skipped = families.PROBES_SKIPPED
            yield CounterMetricFamily(skipped.name, skipped.help, load.skipped)
        yield from self._mirror_lists()
        yield from self._watched()
        yield from self._explained()
        yield _gauge(
            families.WEB_CERTIFICATE_EXPIRY, self._sources.certificate_expiry()
        )
        door = self._sources.door()
        if door is not None:
            yield from _clients(door)

    def _watched(self) -> Iterator[Metric]:
        """What is looked at besides targets."""
        answered = _gauge(families.CONTROL_ANSWERED)
        for control in self._sources.controls():
            if control.answered is not None:
                place = [control.target.destination, str(control.target.port)]
                answered.add_metric(place, control.answered)
        yield answered
        up = _gauge(families.RESOLVER_UP)
        for (server, transport), answers in self._sources.resolvers().items():
            up.add_metric([server, transport], answers)
        yield up

    def _explained(self) -> Iterator[Metric]:
        number = _gauge(families.FINDING)
        since = _gauge(families.FINDING_SINCE)
        for one, flows in self._findings:
            said = [bounded(one.subject), str(one.severity), bounded(one.owner)]
            for (role, usage), count in flows.items():
                labels = [one.finding, str(one.cause), said[0], role, usage, *said[1:]]
                number.add_metric(labels, count)
            since.add_metric([one.finding], one.since)
        yield from (number, since)
        yield _gauge(families.FINDINGS_OMITTED, self._omitted)

    def _configuration(self) -> Iterator[Metric]:
        counts = Counter(target.status for target in self._sources.targets())
        by_status = _gauge(families.TARGETS)
        for status in Status:
            by_status.add_metric([status], counts[status])
        yield by_status
        config = _gauge(families.CONFIG_INFO)
        sha256 = self._sources.config_sha256()
        if sha256:
            config.add_metric([sha256], 1)
        yield config
        catalogues = _gauge(families.CATALOGUE_INFO)
        for labels in self._sources.catalogues().items():
            catalogues.add_metric(labels, 1)
        yield catalogues
        yield from self._part()
        by_fate = _gauge(families.REQUIREMENTS)
        for ledger in self._sources.ledgers():
            for fate, count in ledger.fates.items():
                by_fate.add_metric([ledger.catalogue, fate], count)
        yield by_fate

    def _part(self) -> Iterator[Metric]:
        """What this exporter is among those of a fleet."""
        played = _gauge(families.ROLES_INFO)
        roles = self._sources.roles()
        if roles:
            played.add_metric([bounded(",".join(sorted(set(roles))))], 1)
        yield played
        info, shard = _gauge(families.SHARD_INFO), self._sources.shard()
        if shard is not None:
            info.add_metric([str(shard.number), str(shard.count)], 1)
        yield info
        yield _gauge(families.SHARDS, None if shard is None else shard.count)

    def _mirror_lists(self) -> Iterator[Metric]:
        targets = _gauge(families.MIRROR_LIST_TARGETS)
        success = _gauge(families.MIRROR_LIST_SUCCESS)
        failures = _counter(families.MIRROR_LIST_FAILURES)
        for state in self._sources.lists():
            name = [state.known.name]
            failures.add_metric(name, state.failures)
            if state.last_success_timestamp is not None:
                targets.add_metric(name, len(state.in_force))
                success.add_metric(name, state.last_success_timestamp)
        yield from (targets, success, failures)

    @property
    def site(self) -> str:
        """The label that tells this site from others, led by a comma, or nothing."""
        name = self._sources.site()
        return label("site", name) if name else ""

    def gauges(self, names: Collection[str]) -> Iterator[bytes]:
        """Those of these names that have samples, in the text format."""
        for metric in self.collect():
            if metric.name in names and metric.samples:
                yield _rendered(metric, ExpositionFormat.TEXT, self.site)

    def rendered(self, form: ExpositionFormat) -> Iterator[bytes]:
        """All of it, in parts that each take well under a millisecond.

        The client library would render the whole registry in one go.
        """
        site = self.site
        for metric in self._registry.collect():
            yield _rendered(metric, form, site)
        yield header(families.PROBE_DURATION, form).encode()
        for labels, histogram in list(self._durations.values()):
            for metric in histogram.collect():
                yield sample_lines(metric, labels + site).encode()


def _rendered(metric: Metric, form: ExpositionFormat, site: str) -> bytes:
    kind = Kind(metric.type)
    suffix = "_total" if kind is Kind.COUNTER else ""
    family = Family(metric.name + suffix, kind, metric.documentation)
    return (header(family, form) + sample_lines(metric, site)).encode()


def _clients(door: Door) -> Iterator[Metric]:
    connections = _gauge(families.HTTP_CONNECTIONS)
    for kind, count in door.connections.items():
        connections.add_metric([kind], count)
    yield connections
    rejected = _counter(families.HTTP_REJECTED)
    for labels, count in door.rejected.items():
        rejected.add_metric(labels, count)
    yield rejected
    failures = _counter(families.TLS_HANDSHAKE_FAILURES)
    for reason, count in door.handshake_failures.items():
        failures.add_metric([reason], count)
    yield failures


def _counter(family: Family) -> CounterMetricFamily:
    return CounterMetricFamily(family.name, family.help, labels=family.labels)


def _flows(
    finding: Finding, rules: Mapping[Key, Rule]
) -> Mapping[tuple[str, str], int]:
    """How many of its targets each source role and usage has; none is a count too."""
    known = (rules[key] for key in finding.targets if key in rules)
    counts = Counter((rule.source, str(rule.usage)) for rule in known)
    return counts or {("", ""): len(finding.targets)}


def _gauge(family: Family, value: float | None = None) -> GaugeMetricFamily:
    if family.labels:
        return GaugeMetricFamily(family.name, family.help, labels=family.labels)
    return GaugeMetricFamily(family.name, family.help, value)


def _histogram(family: Family, buckets: Sequence[float]) -> Histogram:
    return Histogram(family.name, family.help, registry=None, buckets=buckets)
