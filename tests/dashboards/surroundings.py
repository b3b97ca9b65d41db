"""What is around the targets of the made-up night: exporters and Prometheus itself."""

from __future__ import annotations

import math
from collections import Counter

from tests.dashboards.cases import (
    AA,
    CASES,
    DAY,
    END,
    FINDINGS,
    GONE,
    LAB,
    MINUTES,
    ROCKY,
    SITES,
    START,
    STEP,
)


def exporter(out, instance):
    job = {"job": "connectivity", "instance": instance}
    alive = range(330 if instance == GONE else MINUTES)

    def add(name, at, minutes=alive, **labels):
        out.add(name, {**labels, **job}, at, minutes)

    def own(name, at, **labels):
        add(f"connectivity_exporter_{name}", at, **labels)

    def histogram(name, edges, **labels):
        for edge, share in edges.items():
            add(f"{name}_bucket", lambda m, s=share: m * 12 * s, le=edge, **labels)
        add(f"{name}_count", lambda m: m * 12, **labels)
        add(f"{name}_sum", lambda m: m * 0.2, **labels)

    add("up", lambda m: int(m in alive), range(MINUTES))
    add("scrape_duration_seconds", lambda m: 0.004 + 0.001 * math.sin(m / 9))
    add("scrape_samples_scraped", lambda _: 412)
    _process(out, instance, alive)
    own("build_info", lambda _: 1, version="0.1.0", python="3.11.9")
    counts = {
        "active": 18,
        "unset": 3,
        "other_role": 40,
        "not_applicable": 4,
        "retired": 2,
    }
    for status, count in counts.items():
        own("targets", lambda _, n=count: n, status=status)
    own("config_last_reload_successful", lambda m: int(instance != LAB or m < 250))
    own("config_last_reload_success_timestamp_seconds", lambda _: START - 3 * DAY)
    own("probes_in_flight", lambda m: m % 3)
    own("probe_slots", lambda _: 256)
    if instance != ROCKY:
        answers = lambda m: int(instance == LAB and m > 300)  # noqa: E731 - one line says it
        own("control_answered", answers, destination="192.0.2.1", port="443")
    own(
        "probes_skipped_total",
        lambda m: max(0, m - 340) // 4 if instance == ROCKY else 0,
    )
    _outside(own, add, instance)
    own("event_loop_lag_seconds", lambda m: 0.0008 + 0.0004 * math.sin(m / 5))
    histogram(
        "connectivity_exporter_schedule_lateness_seconds",
        {"0.005": 0.9, "0.05": 1, "+Inf": 1},
    )
    probed = {(c.role, c.usage, c.probe) for c in CASES if c.instance == instance}
    for role, usage, probe in sorted(probed):
        histogram(
            "connectivity_probe_duration_seconds",
            {"0.01": 0.5, "0.1": 0.97, "1.0": 1, "+Inf": 1},
            source_role=role,
            usage=usage,
            probe=probe,
        )


def _shards(own, instance):
    """Of three: one of them is gone, and one was never there."""
    number = {LAB: "1", GONE: "2"}.get(instance)
    if number is not None:
        own("roles_info", lambda _: 1, source_roles="client-device")
        own("shard_info", lambda _: 1, shard=number, shards="3")
        own("shards", lambda _: 3)


def _outside(own, add, instance):
    """Whom it serves, with which certificate, and whether its resolvers answer."""
    for kind, count in {"scrape": 2, "people": 1, "unknown": 0}.items():
        own("http_connections", lambda _, n=count: n, **{"class": kind})
    turned_away = {"class": "unknown", "reason": "no_request"}
    own("http_rejected_total", lambda m: m // 40, **turned_away)
    _shards(own, instance)
    if instance == AA:
        name = "connectivity_exporter_web_certificate_expiry_timestamp_seconds"
        add(name, lambda _: END + 60 * DAY)
    for transport in ("udp", "tcp"):
        labels = {"server": "10.40.0.53", "transport": transport}
        up = lambda m: int(instance != LAB or m < 310)  # noqa: E731 - one line says it
        add("connectivity_resolver_up", up, **labels)


def findings(out):
    """Each finding, for every role and usage of what it explains."""
    for one in FINDINGS:
        lasts = range(one.since, MINUTES)
        job = {"job": "connectivity", "instance": one.instance}
        labels = {name: getattr(one, name) for name in ("cause", "subject")}
        labels |= {"severity": one.severity, "owner": one.owner}
        hurt = Counter((c.role, c.usage) for c in CASES if c.finding == one.finding)
        for (role, usage), count in (hurt or {("", ""): 0}).items():
            touched = {"source_role": role, "usage": usage, "finding": one.finding}
            out.add(
                "connectivity_finding",
                {**job, **labels, **touched},
                lambda _, n=count: n,
                lasts,
            )
        began = START + one.since * STEP
        out.add(
            "connectivity_finding_since_timestamp_seconds",
            {**job, "finding": one.finding},
            lambda _, t=began: t,
            lasts,
        )


def feeds(out):
    never = {"job": "connectivity", "instance": ROCKY, "list": "epel"}
    failures = "connectivity_exporter_mirror_list_fetch_failures_total"
    out.add(failures, never, lambda m: m // 30, range(MINUTES))
    labels = {"job": "connectivity", "instance": ROCKY, "list": "rocky-baseos"}
    values = {
        "targets": lambda _: 10,
        "last_success_timestamp_seconds": lambda _: END - 19 * 3600,
        "fetch_failures_total": lambda m: m // 120,
    }
    for name, at in values.items():
        out.add(f"connectivity_exporter_mirror_list_{name}", labels, at, range(MINUTES))


def _process(out, instance, minutes):
    labels = {"job": "connectivity", "instance": instance}
    values = {
        "cpu_seconds_total": lambda m: m * 0.3,
        "resident_memory_bytes": lambda m: 61e6 + m * 1000,
        "open_fds": lambda m: 14 + m % 3,
        "max_fds": lambda _: 1048576,
    }
    for name, at in values.items():
        out.add(f"process_{name}", labels, at, minutes)


MSSQL = {
    "source_role": "appsanywhere",
    "usage": "database",
    "rule": "appsanywhere-mssql",
    "destination": "sql01.example.ac.uk",
    "port": "1433",
    "protocol": "tcp",
    "owner": "dba",
}
FIREWALL = {"cause": "path", "subject": "10.20.0.254", "owner": "network"}
ROCKY_ROLE = {"source_role": "analytics-rocky", "owner": "network"}
FIRING = (
    (341, "ConnectivityRuleViolated", MSSQL),
    (349, "ConnectivityFinding", {**FIREWALL, "site": SITES[AA]}),
    (324, "ConnectivityRoleEgressDown", ROCKY_ROLE),
    (333, "ConnectivityExporterDown", {"instance": GONE}),
    (0, "ConnectivityWatchdog", {"severity": "none"}),
)
"""Since which minute, what, and about what."""


def prometheus(out):
    """What Prometheus adds of its own: firing alerts, and the site's constants."""
    for since, alert, about in FIRING:
        labels = {
            "alertname": alert,
            "alertstate": "firing",
            "severity": "critical",
            "job": "connectivity",
            **about,
        }
        out.add("ALERTS", labels, lambda _: 1, range(since, MINUTES))
        del labels["alertstate"]
        began = START + (since - 1) * STEP
        out.add(
            "ALERTS_FOR_STATE",
            labels,
            lambda _, t=began: t,
            range(since, MINUTES),
        )
