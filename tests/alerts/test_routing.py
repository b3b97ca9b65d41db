"""Who is told: the shipped routing table asked by amtool, and its inhibition read.

Every alert is routed with the labels it really has in its unit tests.
"""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.alerts.shipped import ALERTMANAGER, ROOT, load, unit_tests
from tests.servers.process import binary

EXAMPLES = ALERTMANAGER.with_name("receivers.example.yml")


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
    return "oncall" if labels["severity"] == "critical" else "tickets"


@pytest.mark.parametrize(
    "labels",
    firing().values(),
    ids=lambda labels: f"{labels['alertname']}-{labels['severity']}",
)
def test_every_alert_reaches_whom_it_concerns(labels):
    assert receivers(labels) == expected(labels)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"severity": "critical", "scope": "finding", "owner": "dba"}, "oncall"),
        ({"severity": "critical", "scope": "role"}, "oncall"),
        ({"severity": "warning", "scope": "rule", "owner": "dba"}, "tickets"),
        ({"severity": "warning", "scope": "certificate"}, "tickets"),
        ({"severity": "critical", "scope": "certificate"}, "oncall"),
        ({"severity": "info", "scope": "rule"}, "nobody"),
        ({"alertname": "ConnectivityWatchdog", "severity": "none"}, "deadman"),
        ({"alertname": "SomebodyElses", "severity": "critical"}, "tickets"),
    ],
)
def test_the_routing_table(labels, receiver):
    assert receivers({"alertname": "ConnectivityX", **labels}) == receiver


def readme_routes():
    text = (ROOT / "README.md").read_text()
    blocks = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    return next(each["route"]["routes"] for each in blocks if "route" in each)


def test_the_readme_tells_what_the_shipped_file_tells():
    shipped = load(ALERTMANAGER)["route"]["routes"]
    assert shipped[0]["receiver"] == "deadman"
    assert shipped[1:] == readme_routes()


def test_nothing_is_muted_out_of_the_box():
    assert "mute_time_intervals" not in re.sub(
        r"(?m)^ *#.*$", "", ALERTMANAGER.read_text()
    )


def test_the_example_receivers_are_valid_and_use_our_texts():
    done = amtool("check-config", str(EXAMPLES))
    assert done.returncode == 0, done.stdout + done.stderr
    named = {each["name"] for each in load(EXAMPLES)["receivers"]}
    assert named == {"mail", "webhook", "slack", "pagerduty", "opsgenie", "teams"}


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


RULE = {
    "alertname": "ConnectivityRuleViolated",
    "severity": "critical",
    "scope": "rule",
    "job": "connectivity",
    "source_role": "web",
}
ROLE = {**RULE, "alertname": "ConnectivityRoleEgressDown", "scope": "role"}
WARNING = {"severity": "warning"}
EXPORTER = {
    "alertname": "ConnectivityExporterDown",
    "severity": "critical",
    "scope": "exporter",
    "job": "connectivity",
    "instance": "app1:9842",
}
LATE = {**EXPORTER, "alertname": "ConnectivityExporterLate", **WARNING}


@pytest.mark.parametrize(
    ("source", "target", "expectation"),
    [
        (EXPORTER, LATE, True),
        (EXPORTER, {**LATE, "instance": "app2:9842"}, False),
        (EXPORTER, {**EXPORTER, "instance": "app2:9842", **WARNING}, False),
        (EXPORTER, RULE, False),
        # It would be resolved in silence, and a pager would keep it open.
        (ROLE, RULE, False),
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
