"""Writes the made-up night of cases.py as OpenMetrics.

Deterministic, with the labels that the exporter really exposes; a test compares them
with its own table.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import accumulate

from tests.dashboards import surroundings
from tests.dashboards.cases import (
    AA,
    ANSWERED,
    CASES,
    DAY,
    END,
    GONE,
    LAB,
    MINUTES,
    ROCKY,
    SITES,
    START,
    STEP,
    UNPROBED,
)


class Samples:
    """Collects samples by metric name, and renders them as OpenMetrics."""

    def __init__(self):
        self.lines = defaultdict(list)
        self.labels = defaultdict(set)

    def add(self, name, labels, at, minutes):
        """One series: `at(minute)` is its value, None for no sample."""
        self.labels[name].add(tuple(labels))
        if "instance" in labels:  # as Prometheus adds what it is told of a target
            labels = {**labels, "site": SITES[labels["instance"]]}
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
        surroundings.exporter(out, instance)
    surroundings.findings(out)
    surroundings.feeds(out)
    surroundings.prometheus(out)
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

    def reachable(self, minute):
        return None if self.state(minute) is None else int(self.answered(minute))

    def round_trip(self, minute):
        slow = 0.001 * (3 + len(self.case.rule) % 7)
        return slow * (2 + 0.2 * math.sin(minute / 17 + len(self.case.to)))

    def while_answered(self, name, value):
        self.add(name, lambda m: value if self.answered(m) else None)

    def states(self):
        self.add("satisfied", self.state)
        self.add("reachable", self.reachable)
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

    def muted(self):
        since = self.case.muted
        if since is not None:
            self.add("muted", lambda m: int(m >= since))

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
            public="false",
            via="",
            finding=case.finding,
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
        hop = dict(zip(("last_hop", "ttl"), self.case.hop, strict=True))
        failing = lambda m: None if self.answered(m) else 1  # noqa: E731 - one line says it
        self.add("path_break_info", failing, **hop)


def _target(out, case):
    target = Target(out, case)
    target.told()
    if UNPROBED in case.episodes.values():
        return
    target.states()
    target.times()
    target.muted()
    target.network()
    if case.days is not None:
        _certificate(target.add, case)
    if case.hop is not None:
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
