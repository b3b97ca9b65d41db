"""Hosts, rules and faults, minute by minute, as the series that promtool replays.

    world = Topology(minutes=90)
    host = world.host("app1", role="web", site="north")
    host.rule("web-db", "database", broken=during(20, 60), finding="f1")
    host.finding("f1", "path", "10.0.0.1", during(20, 60), "database")
    assert not world.replay(folder, {30: ["critical Finding network site=north"]})

Only the series that the alerts of connections read are written: what the health of an
exporter is told by has tests of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from itertools import groupby

from tests.alerts.shipped import RULE_FILES, load
from tests.servers.process import binary

ALWAYS = 10**6
SHOWN = ("severity", "alertname", "owner", "site", "team", "replica", "usage")
"""Labels of an alert that a test compares; the name without its common beginning."""


def during(*spans):
    """A condition of the minute: within any of (from, until), two numbers each."""
    pairs = [*zip(spans[::2], spans[1::2], strict=True)]
    return lambda minute: any(start <= minute < end for start, end in pairs)


def never(_minute):
    return False


@dataclass
class Host:
    """A host with its exporter.

    Attributes:
        silent: minutes at which it is not scraped with success.
        there: from when and until when Prometheus looks for it.
        own: labels that it gives to all its series by itself.
    """

    topology: Topology
    instance: str
    role: str
    labels: dict[str, str]
    silent: object = never
    there: tuple[int, int] = (0, ALWAYS)
    own: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.add("up", {}, lambda minute: int(not self.silent(minute)), alive=False)
        self.add("connectivity_exporter_build_info", {"version": "1"}, lambda _: 1)

    def add(self, name, labels, at, *, alive=True):
        """A series of it; `at(minute)` is its value, None for none."""

        def seen(minute):
            born, gone = self.there
            if not born <= minute < gone or (alive and self.silent(minute)):
                return None
            return at(minute)

        both = {"job": self.topology.job, "instance": self.instance, **self.labels}
        both |= self.own if alive else {}
        self.topology.add(name, both | labels, seen)

    def rule(
        self, name, usage="mail", *, broken=never, finding="", muted=never, **about
    ):
        """A rule to one host.

        Args:
            broken: when it does not hold.
            finding: what explains it while it is broken.
            muted: when maintenance mutes it.
            about: role, owner, severity, expect, port, host, hop, seen (stage, reason,
                origin), reserved (minutes at which it is in the finding though it
                holds), proven (whether it ever held), held (minutes at which its
                exporter says so), known (minutes with a verdict).
        """
        get = about.get
        labels = {
            "rule": name,
            "source_role": get("role", self.role),
            "destination": get("host", f"{name}.example.org"),
            "port": str(get("port", 443)),
            "protocol": "tcp",
            "usage": usage,
        }
        info = {
            "expect": get("expect", "allow"),
            "severity": get("severity", "critical"),
            "owner": get("owner", "vendor"),
        }
        known = get("known", lambda _: True)
        for word in {"", finding}:

            def when(minute, word=word):
                told = broken(minute) or get("reserved", never)(minute)
                named = finding if told else ""
                return 1 if named == word else None

            self.add("connectivity_rule_info", labels | info | {"finding": word}, when)
        self.add(
            "connectivity_rule_satisfied",
            labels,
            lambda minute: int(not broken(minute)) if known(minute) else None,
        )
        self.add("connectivity_rule_probes_total", labels, lambda minute: minute)
        self.add("connectivity_rule_last_probe_timestamp_seconds", labels, _seconds)
        self.add("connectivity_rule_muted", labels, lambda m: 1 if muted(m) else None)
        held = get("held", lambda _: get("proven", True))
        self.add(
            "connectivity_rule_last_success_timestamp_seconds",
            labels,
            lambda minute: 1 if held(minute) else None,
        )
        if get("expect") == "deny":
            return
        seen = zip(("stage", "reason", "origin"), get("seen", SILENCE), strict=True)
        failing = lambda m: 1 if broken(m) and known(m) else None  # noqa: E731 - one line says it
        self.add("connectivity_rule_failure", labels | dict(seen), failing)
        if hop := get("hop"):
            where = {"last_hop": hop, "ttl": "3"}
            self.add("connectivity_rule_path_break_info", labels | where, failing)

    def finding(self, name, cause, subject, when, *usages, **about):
        """What it found, and which usages of its role that hurts."""
        for usage in usages or ("mail",):
            labels = {
                "finding": name,
                "cause": cause,
                "subject": subject,
                "source_role": about.get("role", self.role),
                "usage": usage,
                "severity": about.get("severity", "critical"),
                "owner": about.get("owner", "network"),
            }
            self.add("connectivity_finding", labels, lambda m: 1 if when(m) else None)


SILENCE = ("connect", "timeout", "")
REFUSED = ("connect", "refused", "destination")
PROHIBITED = ("connect", "prohibited", "path")


@dataclass
class Topology:
    """What Prometheus scrapes, for so many minutes.

    Attributes:
        job: of the scrape.
        without: recordings of these names are not in the site's files.
    """

    minutes: int
    job: str = "connectivity"
    without: str = "^nothing$"
    series: list[dict[str, str]] = field(default_factory=list)

    def host(self, instance, role="web", *, silent=never, own=None, **labels):
        there = (labels.pop("born", 0), labels.pop("gone", ALWAYS))
        return Host(self, instance, role, labels, silent, there, own or {})

    def add(self, name, labels, at):
        values = [at(minute) for minute in range(self.minutes + 1)]
        if any(value is not None for value in values):
            text = ",".join(
                f'{key}="{value}"' for key, value in labels.items() if value
            )
            self.series.append(
                {"series": f"{name}{{{text}}}", "values": " ".join(_notation(values))}
            )

    def replay(self, folder, expected):
        """Compares the alerts that fire with those expected, by minute.

        Args:
            folder: for the files of promtool.
            expected: by minute, the alerts: texts of their `SHOWN` labels.

        Returns:
            What promtool says of the difference; nothing if there is none.
        """
        for path in RULE_FILES:
            groups = [self._without(group) for group in load(path)["groups"]]
            (folder / path.name).write_text(json.dumps({"groups": groups}))
        firing = 'ALERTS{alertstate="firing", severity=~"critical|warning"}'
        expr = f"count by ({', '.join(SHOWN)}) ({firing})"
        test = {
            "interval": "1m",
            "input_series": self.series,
            "promql_expr_test": [
                {
                    "expr": expr,
                    "eval_time": f"{minute}m",
                    "exp_samples": [_sample(one) for one in told],
                }
                for minute, told in expected.items()
            ],
        }
        content = {
            "rule_files": [path.name for path in RULE_FILES],
            "evaluation_interval": "1m",
            "group_eval_order": ORDER,
            "tests": [test],
        }
        (folder / "test.json").write_text(json.dumps(content))
        done = subprocess.run(
            [binary("promtool"), "test", "rules", "test.json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def _without(self, group):
        kept = [
            rule
            for rule in group["rules"]
            if not re.search(self.without, rule.get("record", ""))
        ]
        return group | {"rules": kept}


ORDER = [
    group["name"]
    for word in ("thresholds", "rules", "alerts")
    for path in RULE_FILES
    if word in path.name
    for group in load(path)["groups"]
]


def _sample(told):
    """Of "warning Finding network site=north 2": labels, and how many alerts there are."""
    severity, name, *rest = told.split()
    labels = {"severity": severity, "alertname": f"Connectivity{name}"}
    count = int(rest.pop()) if rest and rest[-1].isdigit() else 1
    for word in rest:
        key, _, value = word.rpartition("=")
        labels[key or "owner"] = value
    text = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    return {"labels": f"{{{text}}}", "value": count}


def _seconds(minute):
    return 60 * minute


def _notation(values):
    """promtool's own: equal ones together, an end marked as such."""
    before = None
    for value, run in groupby(values):
        count = len([*run])
        if value is None:
            if before is not None:
                yield "stale"
                count -= 1
            if count:
                yield f"_x{count}"
        elif count == 1:
            yield f"{value}"
        else:
            yield f"{value}x{count - 1}"
        before = value
