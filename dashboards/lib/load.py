"""What exporters are busy with: graphs and tables of the Exporter health dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from dashboards.lib import panels, words
from dashboards.lib.panels import cell, merged
from dashboards.lib.query import EXPORTER, MANY, exporter, rows, series, target

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import table, timeseries

_RATE = "[$__rate_interval]"
_PER_INSTANCE = "{{instance}}"


def lateness() -> str:
    """Rate of probes by how late they started."""
    return f"rate({exporter('schedule_lateness_seconds_bucket')}{_RATE})"


def graphs() -> list[timeseries.Panel]:
    """How busy, how late and how large each exporter is."""
    duration = f"connectivity_probe_duration_seconds_bucket{{{MANY}}}"
    slow = f"histogram_quantile(0.95, sum by (probe, le) (rate({duration}{_RATE})))"
    late = f"histogram_quantile(0.99, sum by (instance, le) ({lateness()}))"
    probes = f"sum by (instance) (rate({target('probes_total', MANY)}{_RATE}))"
    skipped = f"sum by (instance) (rate({exporter('probes_skipped_total')}{_RATE}))"
    rejected = exporter("http_rejected_total")
    turned_away = f"sum by (class, reason) (rate({rejected}{_RATE}))"
    cpu = f"sum by (instance) (rate(process_cpu_seconds_total{{{EXPORTER}}}{_RATE}))"
    busy = f"{exporter('probes_in_flight')} / {exporter('probe_slots')}"
    files = f"process_open_fds{{{EXPORTER}}} / process_max_fds{{{EXPORTER}}}"
    return [
        panels.small(
            "Lateness, p99",
            "How long after their due time 99 % of the probes started.",
            series(late, _PER_INSTANCE),
        ).unit("s"),
        panels.small(
            "Event loop lag",
            "How late the event loop woke up at its last heartbeat.",
            series(exporter("event_loop_lag_seconds"), _PER_INSTANCE),
        ).unit("s"),
        panels.small(
            "Slots in use",
            "Probes under way, as a share of how many there may be at once.",
            series(busy, _PER_INSTANCE),
        ).unit("percentunit"),
        panels.small(
            "Probes per second",
            "Probes that ended with a verdict.",
            series(probes, _PER_INSTANCE),
        ).unit("ops"),
        panels.small(
            "Probes skipped per second",
            "Probes left out since the one before had not ended.",
            series(skipped, _PER_INSTANCE),
        ).unit("ops"),
        panels.small(
            "Probe duration by protocol, p95",
            "How long 95 % of the probes took as a whole, all addresses included.",
            series(slow, "{{probe}}"),
        ).unit("s"),
        panels.small(
            "Scrape time",
            "How long Prometheus took to fetch all metrics.",
            series(f"scrape_duration_seconds{{{EXPORTER}}}", _PER_INSTANCE),
            width=12,
        ).unit("s"),
        panels.small(
            "Scrape size",
            "Samples in a scrape.",
            series(f"scrape_samples_scraped{{{EXPORTER}}}", _PER_INSTANCE),
            width=12,
        ),
        panels.small(
            "HTTP connections",
            "Connections of HTTP clients, by what they are used for.",
            series(f"sum by (class) ({exporter('http_connections')})", "{{class}}"),
            width=12,
        ),
        panels.small(
            "HTTP clients turned away",
            "Per second, by what they were and why: places taken, or no whole request.",
            series(turned_away, "{{class}}: {{reason}}"),
            width=12,
        ).unit("ops"),
        panels.small(
            "Processor",
            "Processor time used; 100 % is one core.",
            series(cpu, _PER_INSTANCE),
        ).unit("percentunit"),
        panels.small(
            "Memory",
            "Resident memory of the process.",
            series(f"process_resident_memory_bytes{{{EXPORTER}}}", _PER_INSTANCE),
        ).unit("bytes"),
        panels.small(
            "Open files",
            "File descriptors in use, sockets included, as a share of the limit.",
            series(files, _PER_INSTANCE),
        ).unit("percentunit"),
    ]


def feeds() -> list[table.Panel]:
    """Feeds, and targets by status."""
    age = exporter("mirror_list_last_success_timestamp_seconds")
    failures = exporter("mirror_list_fetch_failures_total")
    names = {
        "list": "Feed",
        "instance": "Instance",
        "Value #A": "Members",
        "Value #B": "Age",
        "Value #C": "Failed, 1 d",
    }
    stale = words.steps((None, words.GOOD), (43200, words.WARN), (172800, words.BAD))
    none = words.steps((None, words.BAD), (1, words.NEUTRAL))
    failed = words.steps((None, words.NEUTRAL), (1, words.WARN))
    return [
        panels.table(
            "Feeds",
            "Each feed: how many members are in force, when it was last fetched, and"
            " how often that failed in a day.",
            # A feed that was never fetched has failures only.
            rows(f"{exporter('mirror_list_targets')} or 0 * increase({failures}[1d])"),
            rows(f"time() - {age} or -1 * (increase({failures}[1d]) >= bool 0)", "B"),
            rows(f"round(increase({failures}[1d]))", "C"),
            width=12,
            height=7,
        )
        .transformations(merged(names))
        .sort_by(panels.sorted_by("Feed"))
        .no_value("No feeds in use")
        .override_by_name(
            "Members",
            cell(
                thresholds=none.build(),
                custom_cellOptions=panels.TINTED,
                custom_width=75,
            ),
        )
        .override_by_name(
            "Age",
            cell(
                unit="s",
                decimals=0,
                mappings=[words.values({"-1": ("never", words.BAD)})],
                thresholds=stale.build(),
                custom_cellOptions=panels.TINTED,
                custom_width=90,
            ),
        )
        .override_by_name(
            "Failed, 1 d",
            cell(
                thresholds=failed.build(),
                custom_cellOptions=panels.TINTED,
                custom_width=95,
            ),
        )
        .override_by_name("Feed", cell(custom_width=150)),
        _targets(),
    ]


def _targets() -> table.Panel:
    pivot = {
        "rowField": "instance",
        "columnField": "status",
        "valueField": "Value",
        "emptyValue": "null",
    }
    warn = words.steps((None, words.NEUTRAL), (1, words.WARN)).build()
    return (
        panels.table(
            "Targets by status",
            "How many targets are probed (active), wait for a host's name (unset), are"
            " another role's, do not apply here, or are retired.",
            rows(exporter("targets")),
            width=12,
            height=7,
        )
        .with_transformation(
            DataTransformerConfig(id_val="groupingToMatrix", options=pivot)
        )
        .sort_by(panels.sorted_by("Instance"))
        .override_by_name(
            r"instance\status", cell(displayName="Instance", custom_width=215)
        )
        .override_by_field_type("number", cell(custom_minWidth=70))
        .override_by_name("not_applicable", cell(custom_width=115))
        .override_by_name(
            "unset", cell(thresholds=warn, custom_cellOptions=panels.TINTED)
        )
    )
