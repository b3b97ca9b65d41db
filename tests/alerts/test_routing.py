"""Who is told: the shipped routing table asked by amtool, and its inhibition read.

Every alert is routed with the labels it really has in its unit tests.
"""

from __future__ import annotations

import subprocess

import pytest

from tests.alerts.shipped import ALERTMANAGER, load, unit_tests
from tests.servers.process import binary


def amtool(*args):
    return subprocess.run(
        [binary("amtool"), *args], capture_output=True, text=True, check=False
    )


def receivers(labels):
    done = amtool(
        "config",
        "routes",
        "test",
        f"--config.file={ALERTMANAGER}",
        *(f"{name}={value}" for name, value in labels.items()),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def firing():
    """One set of labels for each alert, severity and scope in the unit tests."""
    found = {}
    for _, test in unit_tests():
        for case in test["alert_rule_test"]:
            for alert in case["exp_alerts"]:
                labels = {"alertname": case["alertname"], **alert["exp_labels"]}
                key = (labels["alertname"], labels["severity"], labels.get("owner"))
                found.setdefault(key, labels)
    return found


def test_the_configuration_and_its_templates_are_valid():
    done = amtool("check-config", str(ALERTMANAGER))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


def expected(labels):
    if labels["alertname"] == "ConnectivityWatchdog":
        return "deadman"
    if labels["severity"] == "info":
        return "nobody"
    if labels["severity"] == "critical":
        return "oncall-database" if labels.get("owner") == "dba" else "oncall"
    return "certificates" if labels["scope"] == "certificate" else "tickets"


@pytest.mark.parametrize(
    "labels",
    firing().values(),
    ids=lambda labels: f"{labels['alertname']}-{labels['severity']}",
)
def test_every_alert_reaches_whom_it_concerns(labels):
    assert receivers(labels) == expected(labels)


ROLE = {"severity": "critical", "scope": "role", "source_role": "web"}


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"severity": "critical", "scope": "rule"}, "oncall"),
        ({"severity": "critical", "scope": "rule", "owner": "dba"}, "oncall-database"),
        ({"severity": "critical", "scope": "usage", "owner": "dba"}, "oncall-database"),
        ({**ROLE, "owner": "dba"}, "oncall"),
        ({**ROLE, "source_role": "analytics"}, "oncall"),
        ({"severity": "warning", "scope": "rule", "owner": "dba"}, "tickets"),
        ({"severity": "warning", "scope": "certificate"}, "certificates"),
        ({"severity": "critical", "scope": "certificate"}, "oncall"),
        ({"severity": "info", "scope": "rule"}, "nobody"),
        ({"alertname": "ConnectivityWatchdog", "severity": "none"}, "deadman"),
        ({"alertname": "SomebodyElses"}, "tickets"),
    ],
)
def test_the_routing_table(labels, receiver):
    assert receivers(labels) == receiver


def test_the_example_of_a_mute_time_holds_single_rules_only():
    (pages,) = (
        route
        for route in load(ALERTMANAGER)["route"]["routes"]
        if route["matchers"] == ['severity = "critical"']
    )
    muted = [route for route in pages["routes"] if "mute_time_intervals" in route]
    assert [route["matchers"] for route in muted] == [['source_role =~ "analytics.*"']]
    before = pages["routes"][: pages["routes"].index(muted[0])]
    assert any('scope =~ "role|exporter"' in route["matchers"] for route in before)


def _matches(matcher, labels):
    name, operator, value = matcher.split(" ", 2)
    found = labels.get(name, "") in value.strip('"').split("|")
    return found if operator.startswith("=") else not found


def inhibited(target, sources):
    """What Alertmanager makes of its inhibition rules."""
    return any(
        all(_matches(m, target) for m in rule["target_matchers"])
        and all(_matches(m, source) for m in rule["source_matchers"])
        and all(target.get(name, "") == source.get(name, "") for name in rule["equal"])
        for rule in load(ALERTMANAGER)["inhibit_rules"]
        for source in sources
        if source is not target
    )


EGRESS = {
    "alertname": "ConnectivityRoleEgressDown",
    "severity": "critical",
    "scope": "role",
    "job": "connectivity",
    "source_role": "web",
}
RULE = {
    "alertname": "ConnectivityRuleViolated",
    "severity": "critical",
    "scope": "rule",
    "job": "connectivity",
    "source_role": "web",
    "usage": "database",
    "rule": "web-db",
    "destination": "db.example.ac.uk",
    "port": "1433",
}
WARNING = {"severity": "warning"}
EXPORTER = {
    "alertname": "ConnectivityExporterDown",
    "severity": "critical",
    "scope": "exporter",
    "job": "connectivity",
    "instance": "app1:9842",
}
LATE = {**EXPORTER, "alertname": "ConnectivityExporterLate", **WARNING}
EXPIRING = {
    "alertname": "ConnectivityTLSExpiring",
    "severity": "warning",
    "scope": "certificate",
    "job": "connectivity",
    "destination": "db.example.ac.uk",
    "port": "443",
}
USAGE = {
    **EGRESS,
    "alertname": "ConnectivityUsageDown",
    "scope": "usage",
    "usage": "database",
}
DESTINATION = {
    "alertname": "ConnectivityDestinationDown",
    "severity": "critical",
    "scope": "destination",
    "job": "connectivity",
    "destination": "db.example.ac.uk",
}
OPEN = {**RULE, "alertname": "ConnectivityForbiddenPathOpen"}


@pytest.mark.parametrize(
    ("source", "target", "expectation"),
    [
        (EGRESS, RULE, True),
        (EGRESS, {**RULE, **WARNING}, True),
        (EGRESS, {**RULE, "source_role": "batch"}, False),
        ({**EGRESS, **WARNING}, RULE, False),
        (EGRESS, OPEN, False),
        (EGRESS, EXPIRING, False),
        (EGRESS, {**EGRESS, **WARNING}, True),
        (EGRESS, LATE, False),
        (USAGE, RULE, True),
        (USAGE, {**RULE, "usage": "mail"}, False),
        (USAGE, OPEN, False),
        (DESTINATION, RULE, True),
        (DESTINATION, {**RULE, "destination": "other.example.ac.uk"}, False),
        (DESTINATION, OPEN, False),
        (EXPORTER, LATE, True),
        (EXPORTER, {**LATE, "instance": "app2:9842"}, False),
        (EXPORTER, {**EXPORTER, "instance": "app2:9842", **WARNING}, False),
        (EXPORTER, RULE, False),
        ({**EXPIRING, "severity": "critical"}, EXPIRING, True),
        ({**EXPIRING, "severity": "critical"}, {**EXPIRING, "port": "636"}, False),
        (RULE, EXPIRING, False),
    ],
)
def test_inhibition_mutes_what_is_explained_and_nothing_else(
    source, target, expectation
):
    assert inhibited(target, [source]) is expectation


def test_an_alert_without_a_label_mutes_no_other_alert_without_it():
    # `equal` takes two missing labels as equal: the trap.
    for source in firing().values():
        for target in firing().values():
            if inhibited(target, [source]):
                shared = {"source_role", "destination", "instance"} & source.keys()
                assert any(source[name] == target.get(name) for name in shared)
