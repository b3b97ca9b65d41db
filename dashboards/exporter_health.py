"""Exporter health: can what the other dashboards say be believed?

An exporter that is late, or runs out of slots, or kept an old configuration, still
answers scrapes. This is where that shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.lib import certificates, links, load, panels, shards, words
from dashboards.lib.frame import frame
from dashboards.lib.panels import cell, merged
from dashboards.lib.query import EXPORTER, exporter, now, rows, series, target

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat, statetimeline, table
    from grafana_foundation_sdk.builders.dashboard import Dashboard


_CERTIFICATE = "web_certificate_expiry_timestamp_seconds"


def build() -> Dashboard:
    """The dashboard, ready to be encoded."""
    board = frame(
        "Exporter health",
        links.EXPORTER,
        "Whether the exporters probe in time, with the configuration meant.",
    )
    for panel in (
        *_numbers(),
        _exporters(),
        shards.table_of_shards(width=12, height=7),
        _resolvers(),
        *load.graphs(),
        *load.feeds(),
    ):
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
                now(f"histogram_quantile(0.99, sum by (le) ({load.lateness()}))"),
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
        "G": f"max by (instance) ({exporter('control_answered')})",
        "H": f"(min by (instance) ({exporter(_CERTIFICATE)}) - time()) / 86400",
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
        "Value #G": "Controls",
        "Value #H": "Certificate, days",
    }
    truth = cell(
        mappings=words.YES_NO, custom_cellOptions=panels.COLORED, custom_width=90
    )
    panel = (
        panels.table(
            "Exporters",
            "Each exporter: version, configuration, what a scrape costs, and whether a"
            " control answers that must not: then bare handshakes prove nothing. Last the"
            " days that the certificate of its own pages is still valid.",
            *(rows(expr, ref) for ref, expr in queries.items()),
            height=7,
        )
        .transformations(merged(names))
        .override_by_name("Up", truth)
        .override_by_name("Reloaded", truth)
        .override_by_name("Configuration age", cell(unit="s", decimals=0))
        .override_by_name("Scrape time", cell(unit="s", decimals=3))
        .override_by_name("Scrape samples", cell(unit="short"))
        .override_by_name(
            "Controls",
            cell(mappings=words.CONTROLS, custom_cellOptions=panels.COLORED),
        )
        .override_by_name(
            "Certificate, days",
            cell(
                unit="none",
                decimals=0,
                mappings=[words.nothing("none", words.NEUTRAL)],
                thresholds=certificates.DAYS.build(),
                custom_cellOptions=panels.TINTED,
            ),
        )
        .sort_by(panels.sorted_by("Instance"))
    )
    sizes = {"Version": 110, "Python": 110, "Configuration age": 150}
    sizes |= {
        "Scrape time": 120,
        "Scrape samples": 130,
        "Controls": 100,
        "Certificate, days": 130,
    }
    return panels.widths(panel, sizes)


def _resolvers() -> statetimeline.Panel:
    answers = f"connectivity_resolver_up{{{EXPORTER}}}"
    return (
        panels.timeline(
            "Resolvers over time",
            "Whether each resolver of an exporter's host answers when asked by itself,"
            " over UDP and TCP. A gap is a time at which that was not known.",
            series(answers, "{{instance}}: {{server}} {{transport}}"),
            width=12,
            height=7,
        )
        .mappings(words.RESOLVER)
        .thresholds(words.steps((None, words.BAD), (1, words.GOOD)))
    )
