"""Exporter health: can what the other dashboards say be believed?

An exporter that is late, or runs out of slots, or kept an old configuration, still
answers scrapes. This is where that shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from dashboards.lib import links, panels, words
from dashboards.lib.frame import frame
from dashboards.lib.panels import cell, merged
from dashboards.lib.query import EXPORTER, MANY, exporter, now, rows, series, target

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat, table, timeseries
    from grafana_foundation_sdk.builders.dashboard import Dashboard

_RATE = "[$__rate_interval]"
_PER_INSTANCE = "{{instance}}"


def build() -> Dashboard:
    """The dashboard, ready to be encoded."""
    board = frame(
        "Exporter health",
        links.EXPORTER,
        "Whether the exporters probe in time, with the configuration meant.",
    )
    for panel in (*_numbers(), _exporters(), *_graphs(), *_lists()):
        board = board.with_panel(panel)
    return board


def _numbers() -> list[stat.Panel]:
    lag = words.steps((None, words.GOOD), (0.1, words.WARN), (1, words.BAD))
    late = words.steps((None, words.GOOD), (1, words.WARN), (5, words.BAD))
    reloads = exporter("config_last_reload_successful")
    oldest = f"time() - min({target('last_probe_timestamp_seconds')})"
    return [
        panels.count(
            "Exporters down",
            "Exporters that Prometheus cannot scrape.",
            now(f"sum(1 - up{{{EXPORTER}}})"),
            width=4,
            bad=words.BAD,
        ),
        panels.count(
            "Failed reloads",
            "Exporters whose last attempt to load the configuration failed; the one"
            " before stays in force.",
            now(f"sum(1 - {reloads})"),
            width=4,
            bad=words.BAD,
        ),
        panels.colored(
            panels.stat(
                "Started late, p99",
                "How long after their due time 99 % of the probes started.",
                now(f"histogram_quantile(0.99, sum by (le) ({_lateness()}))"),
                width=4,
            ).unit("s"),
            late,
        ),
        panels.count(
            "Skipped, 1 h",
            "Probes left out in the last hour since the one before had not ended.",
            now(f"round(sum(increase({exporter('probes_skipped_total')}[1h])))"),
            width=4,
            bad=words.WARN,
        ),
        panels.colored(
            panels.stat(
                "Loop lag",
                "How late the event loop woke up; the worst exporter.",
                now(f"max({exporter('event_loop_lag_seconds')})"),
                width=4,
            ).unit("s"),
            lag,
        ),
        panels.colored(
            panels.stat(
                "Oldest result",
                "Age of the result that was not renewed for longest; some protocols are"
                " probed every five minutes only.",
                now(oldest),
                width=4,
            )
            .unit("s")
            .decimals(0),
            words.steps((None, words.GOOD), (900, words.WARN), (1800, words.BAD)),
        ),
    ]


def _exporters() -> table.Panel:
    reload_age = exporter("config_last_reload_success_timestamp_seconds")
    scrape = f"max by (instance) (scrape_%s{{{EXPORTER}}})"
    queries = {
        "A": f"max by (instance) (up{{{EXPORTER}}})",
        "B": f"max by (instance, version, python) ({exporter('build_info')})",
        "C": f"max by (instance) ({exporter('config_last_reload_successful')})",
        "D": f"time() - max by (instance) ({reload_age})",
        "E": scrape % "duration_seconds",
        "F": scrape % "samples_scraped",
    }
    names = {
        "instance": "Instance",
        "Value #A": "Up",
        "version": "Version",
        "python": "Python",
        "Value #C": "Reloaded",
        "Value #D": "Configuration age",
        "Value #E": "Scrape time",
        "Value #F": "Scrape samples",
    }
    truth = cell(
        mappings=words.YES_NO, custom_cellOptions=panels.COLORED, custom_width=90
    )
    panel = (
        panels.table(
            "Exporters",
            "Each exporter: version, configuration, and what a scrape costs.",
            *(rows(expr, ref) for ref, expr in queries.items()),
            height=7,
        )
        .transformations(merged(names))
        .override_by_name("Up", truth)
        .override_by_name("Reloaded", truth)
        .override_by_name("Configuration age", cell(unit="s", decimals=0))
        .override_by_name("Scrape time", cell(unit="s", decimals=3))
        .override_by_name("Scrape samples", cell(unit="short"))
        .sort_by(panels.sorted_by("Instance"))
    )
    sizes = {"Version": 110, "Python": 110, "Configuration age": 150}
    return panels.widths(panel, sizes | {"Scrape time": 120, "Scrape samples": 130})


def _lateness() -> str:
    return f"rate({exporter('schedule_lateness_seconds_bucket')}{_RATE})"


def _graphs() -> list[timeseries.Panel]:
    duration = (
        'connectivity_probe_duration_seconds_bucket{job=~"$job",'
        ' instance=~"$instance", source_role=~"$source_role", usage=~"$usage"}'
    )
    slow = f"histogram_quantile(0.95, sum by (probe, le) (rate({duration}{_RATE})))"
    late = f"histogram_quantile(0.99, sum by (instance, le) ({_lateness()}))"
    probes = f"sum by (instance) (rate({target('probes_total', MANY)}{_RATE}))"
    skipped = f"sum by (instance) (rate({exporter('probes_skipped_total')}{_RATE}))"
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
            "Processor",
            "Processor time used; 1 is one core.",
            series(cpu, _PER_INSTANCE),
        ),
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


def _lists() -> list[table.Panel]:
    age = exporter("mirror_list_last_success_timestamp_seconds")
    failures = exporter("mirror_list_fetch_failures_total")
    names = {
        "list": "List",
        "instance": "Instance",
        "Value #A": "Mirrors",
        "Value #B": "Age",
        "Value #C": "Failed, 1 d",
    }
    stale = words.steps((None, words.GOOD), (43200, words.WARN), (172800, words.BAD))
    failed = words.steps((None, words.NEUTRAL), (1, words.WARN))
    return [
        panels.table(
            "Mirror lists",
            "Each list of mirrors: how many it names, when it was last fetched, and"
            " how often that failed in a day.",
            rows(exporter("mirror_list_targets")),
            rows(f"time() - {age}", "B"),
            rows(f"round(increase({failures}[1d]))", "C"),
            width=12,
            height=7,
        )
        .transformations(merged(names))
        .sort_by(panels.sorted_by("List"))
        .no_value("No mirror lists in use")
        .override_by_name("Instance", cell(custom_minWidth=190))
        .override_by_name("Mirrors", cell(custom_width=75))
        .override_by_name(
            "Age",
            cell(
                unit="s",
                decimals=0,
                thresholds=stale.build(),
                custom_cellOptions=panels.TINTED,
            ),
        )
        .override_by_name(
            "Failed, 1 d",
            cell(thresholds=failed.build(), custom_cellOptions=panels.TINTED),
        ),
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
            r"instance\status", cell(displayName="Instance", custom_width=200)
        )
        .override_by_name(
            "unset", cell(thresholds=warn, custom_cellOptions=panels.TINTED)
        )
    )
