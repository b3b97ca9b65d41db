"""The exporter's own metrics, kept and read with the client library."""

from __future__ import annotations

import platform
from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.metrics import exporter_families
from exporter.metrics.family import Family, Kind
from exporter.metrics.histogram import Histogram
from exporter.metrics.labels import bounded, label
from exporter.metrics.text_format import ExpositionFormat, header, sample_lines
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

    from exporter.metrics.sources import Clients, Sources
    from exporter.model.finding import Finding
    from exporter.model.rule import Key, Rule
    from exporter.monitor.store import Record

_DURATION_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_LATENESS_BUCKETS = (*_DURATION_BUCKETS, 30.0)


FINDINGS = 200
"""Findings that are exported; the others are counted."""


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
        self._lateness = Histogram(_LATENESS_BUCKETS)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def observe_probe(self, rule: Rule, seconds: float) -> None:
        """Books how long a whole probe took."""
        key = (rule.source, rule.usage, rule.probe)
        known = self._durations.get(key)
        if known is None:
            labels = map(label, exporter_families.PROBE_DURATION.labels, key)
            known = ("".join(labels), Histogram(_DURATION_BUCKETS))
            self._durations[key] = known
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
        build = _gauge(exporter_families.BUILD_INFO)
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        yield from self._configuration()
        yield _gauge(exporter_families.RELOAD_SUCCESSFUL, self._reload_successful)
        yield _gauge(exporter_families.RELOAD_TIMESTAMP, self._reload_timestamp)
        yield _gauge(exporter_families.LOOP_LAG, max(self._sources.lag(), 0.0))
        load = self._sources.load()
        if load is not None:
            yield _gauge(exporter_families.PROBES_IN_FLIGHT, load.in_flight)
            yield _gauge(exporter_families.PROBE_SLOTS, load.slots)
            skipped = exporter_families.PROBES_SKIPPED
            yield CounterMetricFamily(skipped.name, skipped.help, load.skipped)
        yield from self._feeds()
        yield from self._watched()
        yield from self._explained()
        yield _gauge(
            exporter_families.WEB_CERTIFICATE_EXPIRY, self._sources.certificate_expiry()
        )
        clients = self._sources.clients()
        if clients is not None:
            yield from _clients(clients)
        yield _histogram(exporter_families.LATENESS, self._lateness)

    def _watched(self) -> Iterator[Metric]:
        """What is looked at besides targets."""
        answered = _gauge(exporter_families.CONTROL_ANSWERED)
        for control in self._sources.controls():
            if control.answered is not None:
                place = [control.target.destination, str(control.target.port)]
                answered.add_metric(place, control.answered)
        yield answered
        up = _gauge(exporter_families.RESOLVER_UP)
        for (server, transport), answers in self._sources.resolvers().items():
            up.add_metric([server, transport], answers)
        yield up

    def _explained(self) -> Iterator[Metric]:
        number = _gauge(exporter_families.FINDING)
        since = _gauge(exporter_families.FINDING_SINCE)
        for one, flows in self._findings:
            said = [bounded(one.subject), str(one.severity), bounded(one.owner)]
            for (role, usage), count in flows.items():
                labels = [one.finding, str(one.cause), said[0], role, usage, *said[1:]]
                number.add_metric(labels, count)
            since.add_metric([one.finding], one.since)
        yield from (number, since)
        yield _gauge(exporter_families.FINDINGS_OMITTED, self._omitted)

    def _configuration(self) -> Iterator[Metric]:
        counts = Counter(target.status for target in self._sources.targets())
        by_status = _gauge(exporter_families.TARGETS)
        for status in Status:
            by_status.add_metric([status], counts[status])
        yield by_status
        config = _gauge(exporter_families.CONFIG_INFO)
        sha256 = self._sources.config_sha256()
        if sha256:
            config.add_metric([sha256], 1)
        yield config
        catalogues = _gauge(exporter_families.CATALOGUE_INFO)
        for labels in self._sources.catalogues().items():
            catalogues.add_metric(labels, 1)
        yield catalogues
        yield from self._part()
        by_fate = _gauge(exporter_families.REQUIREMENTS)
        for ledger in self._sources.ledgers():
            for fate, count in ledger.fates.items():
                by_fate.add_metric([ledger.catalogue, fate], count)
        yield by_fate

    def _part(self) -> Iterator[Metric]:
        """What this exporter is among those of a fleet."""
        played = _gauge(exporter_families.ROLES_INFO)
        roles = self._sources.roles()
        if roles:
            played.add_metric([bounded(",".join(sorted(set(roles))))], 1)
        yield played
        info, shard = _gauge(exporter_families.SHARD_INFO), self._sources.shard()
        if shard is not None:
            info.add_metric([str(shard.number), str(shard.count)], 1)
        yield info
        yield _gauge(exporter_families.SHARDS, None if shard is None else shard.count)

    def _feeds(self) -> Iterator[Metric]:
        members = _gauge(exporter_families.FEED_MEMBERS)
        targets = _gauge(exporter_families.FEED_TARGETS)
        success = _gauge(exporter_families.FEED_SUCCESS)
        failures = _counter(exporter_families.FEED_FAILURES)
        changes = _counter(exporter_families.FEED_CHANGES)
        for state in self._sources.feeds():
            name = [state.known.name]
            failures.add_metric(name, state.failures)
            changes.add_metric(name, state.changes)
            if state.last_success_timestamp is not None:
                members.add_metric(name, len(state.seen))
                targets.add_metric(name, len(state.in_force))
                success.add_metric(name, state.last_success_timestamp)
        yield from (members, targets, success, failures, changes)

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
        yield header(exporter_families.PROBE_DURATION, form).encode()
        for labels, histogram in list(self._durations.values()):
            metric = _histogram(exporter_families.PROBE_DURATION, histogram)
            yield sample_lines(metric, labels + site).encode()


def _rendered(metric: Metric, form: ExpositionFormat, site: str) -> bytes:
    kind = Kind(metric.type)
    suffix = "_total" if kind is Kind.COUNTER else ""
    family = Family(metric.name + suffix, kind, metric.documentation)
    return (header(family, form) + sample_lines(metric, site)).encode()


def _clients(clients: Clients) -> Iterator[Metric]:
    connections = _gauge(exporter_families.HTTP_CONNECTIONS)
    for kind, count in clients.connections.items():
        connections.add_metric([kind], count)
    yield connections
    rejected = _counter(exporter_families.HTTP_REJECTED)
    for labels, count in clients.rejected.items():
        rejected.add_metric(labels, count)
    yield rejected
    failures = _counter(exporter_families.TLS_HANDSHAKE_FAILURES)
    for reason, count in clients.handshake_failures.items():
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


def _histogram(family: Family, seen: Histogram) -> HistogramMetricFamily:
    return HistogramMetricFamily(
        family.name, family.help, buckets=seen.buckets(), sum_value=seen.total
    )
