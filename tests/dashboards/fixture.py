"""Six hours of metrics, made up: healthy, broken, unknown and empty cases.

Deterministic, at a fixed time, with the labels that the exporter really exposes (a
test compares them with its own table). It ends at three in the morning, twenty minutes
into an outage: SQL Server is cut off from the application, a firewall refuses LDAPS,
one role has lost its way out, an exporter is down, a forbidden path is open.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate

from exporter.expose import families

END = 1_768_446_000  # 2026-01-15 03:00 UTC
MINUTES = 360
STEP = 60
START = END - MINUTES * STEP
DAY = 86400

AA = "aa01.example.ac.uk:9842"
ROCKY = "analytics.example.ac.uk:9842"
LAB = "lab-pc.example.ac.uk:9842"
GONE = "jump01.example.ac.uk:9842"
ANSWERED = ""


@dataclass(frozen=True)
class Case:
    """One target. `episodes`: from which minute on what ended its probes."""

    rule: str
    role: str
    instance: str
    to: str  # destination:port/protocol
    usage: str
    probe: str
    severity: str
    owner: str
    episodes: dict[int, str] = field(default_factory=dict)  # "reason@stage,origin"
    days: int | None = None  # until the certificate ends
    tls_error: str = ""
    expect: str = "allow"
    until: int = MINUTES

    @property
    def common(self):
        destination, _, rest = self.to.rpartition(":")
        port, protocol = rest.split("/")
        values = (self.rule, self.role, destination, port, protocol, self.usage)
        return dict(zip(families.COMMON_LABELS, values, strict=True))

    def seen(self, minute):
        """What ended the probe, and since which minute."""
        since = max((m for m in self.episodes if m <= minute), default=0)
        return self.episodes.get(since, ANSWERED), since


LOST = {322: "timeout@connect,"}
BLIP = {95: "refused@connect,", 101: ANSWERED}
CASES = (
    Case("appsanywhere-mssql", "appsanywhere", AA, "sql01.example.ac.uk:1433/tcp",
         "database", "mssql", "critical", "dba", {339: "timeout@connect,"}, 210),
    Case("appsanywhere-mssql-browser", "appsanywhere", AA, "sql01.example.ac.uk:1434/udp",
         "database", "sqlbrowser", "warning", "dba", {339: "untested@exchange,"}),
    Case("appsanywhere-ldaps", "appsanywhere", AA, "dc1.example.ac.uk:636/tcp",
         "directory", "ldaps", "critical", "identity", {347: "prohibited@connect,path"}, 45),
    Case("appsanywhere-ldaps", "appsanywhere", AA, "dc2.example.ac.uk:636/tcp",
         "directory", "ldaps", "critical", "identity", {}, 45),
    Case("appsanywhere-kerberos", "appsanywhere", AA, "dc1.example.ac.uk:88/udp",
         "authentication", "kerberos", "critical", "identity"),
    Case("appsanywhere-fileshare", "appsanywhere", AA, "files.example.ac.uk:445/tcp",
         "file-share", "smb", "warning", "storage", BLIP),
    Case("appsanywhere-api-software2", "appsanywhere", AA, "api.software2.com:443/tcp",
         "vendor-api", "https", "warning", "vendor", {}, 3, "unknown_issuer"),
    Case("appsanywhere-licensing", "appsanywhere", AA, "licence.example.com:443/tcp",
         "licensing", "https", "warning", "vendor", {}, 17),
    Case("appsanywhere-ntp", "appsanywhere", AA, "0.pool.example.org:123/udp",
         "time", "ntp", "warning", "network"),
    Case("appsanywhere-smtp", "appsanywhere", AA, "mail.example.ac.uk:587/tcp",
         "mail", "smtp", "warning", "network", {200: "rejected@exchange,", 215: ANSWERED}, 88),
    Case("appsanywhere-no-telnet-out", "appsanywhere", AA, "192.0.2.7:23/tcp",
         "administration", "tcp", "critical", "network", {0: "timeout@connect,", 250: ANSWERED}, expect="deny"),
    Case("rocky-mirrors", "analytics-rocky", ROCKY, "dl.example.org:443/tcp",
         "os-updates", "https", "warning", "network", LOST, 61),
    Case("rocky-epel", "analytics-rocky", ROCKY, "epel.example.org:443/tcp",
         "package-repository", "https", "warning", "network", LOST, 33),
    Case("rocky-ntp", "analytics-rocky", ROCKY, "1.pool.example.org:123/udp",
         "time", "ntp", "warning", "network", {322: "nxdomain@resolve,"}),
    Case("rocky-vendor", "analytics-rocky", ROCKY, "reports.example.com:443/tcp",
         "vendor-api", "https", "warning", "vendor", LOST, 120),
    Case("analytics-mssql-udp", "analytics", ROCKY, "sql01.example.ac.uk:1433/udp",
         "database", "udp", "info", "dba", {0: "untested@exchange,"}),
    Case("client-appsanywhere-https", "client-device", LAB, "apps.example.ac.uk:443/tcp",
         "user-access", "https", "critical", "application", {}, 180),
    Case("client-cloudpaging", "client-device", LAB, "paging.example.ac.uk:443/tcp",
         "application-services", "https", "warning", "application", {60: "reset@tls,", 75: ANSWERED}, 180),
    Case("jump-ssh", "jump-host", GONE, "aa01.example.ac.uk:22/tcp",
         "administration", "ssh", "warning", "application", {}, until=330),
)  # fmt: skip


class Samples:
    """Collects samples by metric name, and renders them as OpenMetrics."""

    def __init__(self):
        self.lines = defaultdict(list)
        self.labels = defaultdict(set)

    def add(self, name, labels, at, minutes):
        """One series: `at(minute)` is its value, None for no sample."""
        self.labels[name].add(tuple(labels))
        text = ",".join(f'{key}="{value}"' for key, value in labels.items() if value)
        for minute in minutes:
            value = at(minute)
            if value is not None:
                line = f"{name}{{{text}}} {value} {START + minute * STEP}"
                self.lines[name].append(line)

    def text(self):
        blocks = []
        for name, lines in self.lines.items():
            # Without a type, whatever the name's suffix, the parser takes all as is.
            blocks.append(f"# TYPE {name} unknown")
            blocks.extend(lines)
        return "\n".join([*blocks, "# EOF\n"])


def samples():
    """All of it."""
    out = Samples()
    for case in CASES:
        _target(out, case)
    for instance in (AA, ROCKY, LAB, GONE):
        _exporter(out, instance)
    _mirrors(out)
    _prometheus(out)
    return out


class Target:
    """Writes the series of one case."""

    def __init__(self, out, case):
        self.out = out
        self.case = case
        self.labels = {**case.common, "job": "connectivity", "instance": case.instance}

    def add(self, name, at, **labels):
        full = f"connectivity_rule_{name}"
        both = {**self.labels, **labels}
        self.out.add(full, both, at, range(self.case.until))

    def answered(self, minute):
        return self.case.seen(minute)[0] == ANSWERED

    def state(self, minute):
        if self.case.seen(minute)[0].startswith(("untested", "local_fault")):
            return None
        return int(self.answered(minute) == (self.case.expect == "allow"))

    def round_trip(self, minute):
        slow = 0.001 * (3 + len(self.case.rule) % 7)
        return slow * (2 + 0.2 * math.sin(minute / 17 + len(self.case.to)))

    def while_answered(self, name, value):
        self.add(name, lambda m: value if self.answered(m) else None)

    def states(self):
        self.add("satisfied", self.state)
        self.add("reachable", lambda m: int(self.answered(m)))
        self.add("probes_total", lambda m: m)
        failures = list(accumulate(self.state(m) == 0 for m in range(MINUTES)))
        self.add("probe_failures_total", lambda m: int(failures[m]))
        for seen in {s for s in self.case.episodes.values() if s}:
            names = ("reason", "stage", "origin")
            labels = zip(names, seen.replace("@", ",").split(","), strict=True)
            found = lambda m, s=seen: 1 if self.case.seen(m)[0] == s else None  # noqa: E731 - one line says it
            self.add("failure", found, **dict(labels))

    def times(self):
        good = list(accumulate((m * (self.state(m) == 1) for m in range(MINUTES)), max))
        self.add("last_probe_timestamp_seconds", lambda m: _time(m) - 12)
        self.add("last_success_timestamp_seconds", lambda m: _time(good[m]) - 12)
        self.add("state_change_timestamp_seconds", self.changed)

    def changed(self, minute):
        since = self.case.seen(minute)[1]
        return _time(since) if since else START - 9 * DAY

    def network(self):
        self.add(
            "latency_seconds",
            lambda m: self.round_trip(m) if self.answered(m) else None,
        )
        for phase, share in (("resolve", 0.2), ("connect", 1), ("exchange", 1.6)):
            took = lambda m, k=share: self.round_trip(m) * k  # noqa: E731 - one line says it
            self.add("phase_duration_seconds", took, phase=phase)
        for kind in ("reachable", "unreachable", "untested"):
            count = lambda m, k=kind: _addresses(self.case, m, k)  # noqa: E731 - one line says it
            self.add("addresses", count, state=kind)
        if self.case.to.endswith("tcp"):
            self.add("syn_retransmits", lambda _: 0)

    def told(self):
        case = self.case
        self.add(
            "info",
            lambda _: 1,
            probe=case.probe,
            expect=case.expect,
            severity=case.severity,
            owner=case.owner,
            catalogue="appsanywhere",
            section="AppsAnywhere / Outbound Traffic (Internal)",
            description=f"{case.usage.capitalize()} of the application",
        )
        facts = {
            "https": {"http_status_code": 200},
            "ntp": {"ntp_offset_seconds": 0.0021, "ntp_stratum": 2},
            "kerberos": {"clock_offset_seconds": 0.4},
            "ldaps": {"path_hops": 5},
        }
        for name, value in facts.get(case.probe, {}).items():
            self.while_answered(name, value)

    def path(self):
        broken = lambda m: 1 if m >= 341 else None  # noqa: E731 - traced from then on
        self.add("path_break_info", broken, last_hop="10.20.0.1", ttl="3")


def _target(out, case):
    target = Target(out, case)
    target.states()
    target.times()
    target.network()
    target.told()
    if case.days is not None:
        _certificate(target.add, case)
    if case.rule == "appsanywhere-mssql":
        target.path()


def _time(minute):
    return START + minute * STEP


def _addresses(case, minute, kind):
    seen = case.seen(minute)[0]
    if case.rule == "appsanywhere-kerberos" and kind == "unreachable":
        return 1
    if seen == ANSWERED:
        return int(kind == "reachable")
    return int(kind == ("untested" if seen.startswith("untested") else "unreachable"))


def _certificate(add, case):
    ends = END + case.days * DAY
    add("tls_expiry_timestamp_seconds", lambda _: ends)
    add("tls_chain_expiry_timestamp_seconds", lambda _: ends)
    add("tls_verified", lambda _: int(not case.tls_error))
    add("tls_intercepted", lambda _: int(bool(case.tls_error)))
    host = case.to.rpartition(":")[0]
    add(
        "tls_info",
        lambda _: 1,
        version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        issuer="Campus inspection CA" if case.tls_error else "Example CA R3",
        subject=f"CN={host}",
        fingerprint_sha256="9f86d081884c7d659a2feaa0c55ad015",
        trust="none" if case.tls_error else "public",
        error=case.tls_error,
    )


def _exporter(out, instance):
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
    own(
        "probes_skipped_total",
        lambda m: max(0, m - 340) // 4 if instance == ROCKY else 0,
    )
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


def _mirrors(out):
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


def _prometheus(out):
    """What Prometheus adds of its own: firing alerts, and the site's constants."""
    firing = (
        (
            341,
            "ConnectivityRuleViolated",
            "critical",
            "appsanywhere",
            "appsanywhere-mssql",
        ),
        (
            349,
            "ConnectivityRuleViolated",
            "critical",
            "appsanywhere",
            "appsanywhere-ldaps",
        ),
        (324, "ConnectivityRoleEgressDown", "critical", "analytics-rocky", ""),
        (333, "ConnectivityExporterDown", "critical", "", ""),
        (0, "ConnectivityWatchdog", "none", "", ""),
    )
    for since, name, severity, role, rule in firing:
        labels = {
            "alertname": name,
            "alertstate": "firing",
            "severity": severity,
            "source_role": role,
            "rule": rule,
            "job": "connectivity",
        }
        out.add("ALERTS", labels, lambda _: 1, range(since, MINUTES))
