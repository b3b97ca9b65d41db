"""One round as a file of metrics, for the textfile collector of a node exporter.

The same pieces as a scrape joins, without what only somebody who goes on can know:
counters, histograms, since when a verdict or a finding stands, and how the process fares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.metrics import exporter_families, target_families
from exporter.metrics.family import Kind
from exporter.metrics.series import TargetSeries
from exporter.metrics.telemetry import Telemetry
from exporter.metrics.text_format import ExpositionFormat, header

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.metrics.sources import Sources
    from exporter.model.finding import Finding
    from exporter.monitor.store import Record

_OF_EXPORTER = frozenset(
    {
        exporter_families.BUILD_INFO,
        exporter_families.TARGETS,
        exporter_families.CONFIG_INFO,
        exporter_families.CATALOGUE_INFO,
        exporter_families.ROLES_INFO,
        exporter_families.SHARD_INFO,
        exporter_families.SHARDS,
        exporter_families.REQUIREMENTS,
        exporter_families.CONTROL_ANSWERED,
        exporter_families.FINDING,
        exporter_families.FINDINGS_OMITTED,
    }
)
_SINCE = "connectivity_rule_state_change_timestamp_seconds"
"""Of a first round it is that round, which would look like a change at each."""


def exposition(
    records: Sequence[Record], findings: Sequence[Finding], sources: Sources
) -> str:
    """What one round saw, in the text format; families without a sample are left out.

    Args:
        records: of the targets that were probed.
        findings: what explains them, the worst first.
        sources: what else is known at the end of the round.
    """
    telemetry = Telemetry(sources)
    telemetry.explain(findings, records)
    known = {family.name for family in _OF_EXPORTER}
    parts = [*_targets(records, findings, telemetry.site), *telemetry.gauges(known)]
    return b"".join(parts).decode()


def _targets(
    records: Sequence[Record], findings: Sequence[Finding], site: str
) -> Iterator[bytes]:
    finding_of = {key: one.finding for one in findings for key in one.targets}
    rows = [
        TargetSeries(one, finding_of.get(one.target.key, ""), site).pieces
        for one in records
    ]
    for index, family in enumerate(target_families.TARGET):
        samples = b"".join(row[index] for row in rows)
        if samples and family.kind is Kind.GAUGE and family.name != _SINCE:
            yield header(family, ExpositionFormat.TEXT).encode() + samples
