"""What a person gets to read, rendered by Alertmanager's own template engine."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.alerts.shipped import ALERTMANAGER, TEMPLATES, load
from tests.servers.process import binary

LABELS = {
    "alertname": "ConnectivityRuleViolated",
    "severity": "critical",
    "scope": "rule",
    "owner": "dba",
    "job": "connectivity",
    "rule": "web-db",
    "source_role": "web",
    "usage": "database",
    "destination": "db.example.ac.uk",
    "port": "1433",
    "protocol": "tcp",
}
ANNOTATIONS = {
    "summary": "A required connection does not work.",
    "description": "From web to db.example.ac.uk:1433/tcp for database.",
    "runbook_url": "https://docs.example.org/runbook#connectivityruleviolated",
    "dashboard_url": "https://grafana.example.org/d/connectivity-rule?var-rule=web-db",
}
FIRING = {
    "status": "firing",
    "labels": LABELS,
    "annotations": ANNOTATIONS,
    "startsAt": "2026-03-01T02:58:10Z",
    "endsAt": "0001-01-01T00:00:00Z",
}
RESOLVED = {**FIRING, "status": "resolved", "endsAt": "2026-03-01T03:20:00Z"}


def common(alerts):
    first, *others = (set(alert["labels"].items()) for alert in alerts)
    return dict(first.intersection(*others))


@pytest.fixture
def render(tmp_path):
    def render(name, *alerts):
        payload = tmp_path / "payload.json"
        status = "firing" if FIRING["status"] in [a["status"] for a in alerts] else ""
        payload.write_text(
            json.dumps(
                {
                    "receiver": "oncall",
                    "status": status or "resolved",
                    "alerts": alerts,
                    "groupLabels": {},
                    "commonLabels": common(alerts),
                    "commonAnnotations": {},
                    "externalURL": "https://alerts.example.org",
                }
            )
        )
        done = subprocess.run(
            [
                binary("amtool"),
                *("template", "render"),
                f"--template.glob={TEMPLATES}/*.tmpl",
                f'--template.text={{{{ template "{name}" . }}}}',
                f"--template.data={payload}",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return render


def test_the_subject_says_how_urgent_what_and_where(render):
    assert render("connectivity.subject", FIRING) == (
        "[CRITICAL] A required connection does not work."
        " web / database -> db.example.ac.uk:1433"
    )


def test_the_subject_of_several_counts_them_and_names_what_they_share(render):
    other = {**FIRING, "labels": {**LABELS, "rule": "web-db2", "destination": "db2"}}
    assert render("connectivity.subject", FIRING, other, RESOLVED) == (
        "[CRITICAL] A required connection does not work."
        " web / database -> db.example.ac.uk:1433, db2:1433"
        " (2 firing, 1 resolved)"
    )


def test_the_subject_of_many_names_three_destinations_and_no_resolved_ones(render):
    many = [
        {**FIRING, "labels": {**LABELS, "destination": f"db{number}"}}
        for number in range(5)
    ]
    assert render("connectivity.subject", *many) == (
        "[CRITICAL] A required connection does not work."
        " web / database -> db0:1433, db1:1433, db2:1433, ... (5 firing)"
    )


def test_the_subject_of_several_exporters_names_them(render):
    down = [
        {**FIRING, "labels": {"severity": "critical", "site": "north", "instance": one}}
        for one in ("a:9842", "b:9842")
    ]
    assert render("connectivity.subject", *down) == (
        "[CRITICAL] A required connection does not work."
        " north on a:9842, b:9842 (2 firing)"
    )


def test_the_subject_of_a_resolver_names_it_and_its_place(render):
    labels = {"severity": "warning", "cluster": "k1", "site": "north"}
    one = {"summary": "A resolver does not answer."}
    about = {**FIRING, "annotations": {**ANNOTATIONS, **one}}
    assert render("connectivity.subject", {**about, "labels": labels}) == (
        "[WARNING] A resolver does not answer. k1 north"
    )
    named = {**labels, "server": "192.0.2.53"}
    assert render("connectivity.subject", {**about, "labels": named}) == (
        "[WARNING] A resolver does not answer. k1 north: 192.0.2.53"
    )


def test_the_subject_of_a_finding_names_the_site_the_cause_and_the_thing(render):
    labels = {
        "alertname": "ConnectivityFinding",
        "severity": "critical",
        "owner": "network",
        "site": "north",
        "cause": "path",
        "subject": "192.0.2.1",
    }
    one = {"summary": "One cause keeps connections from working."}
    finding = {**FIRING, "labels": labels, "annotations": {**ANNOTATIONS, **one}}
    assert render("connectivity.subject", finding) == (
        "[CRITICAL] One cause keeps connections from working. north: path 192.0.2.1"
    )


def test_the_subject_says_when_it_is_over(render):
    assert render("connectivity.subject", RESOLVED).startswith("[RESOLVED] A required")


def test_the_text_holds_what_to_do(render):
    assert render("connectivity.text", FIRING) == (
        """\
CRITICAL ConnectivityRuleViolated web / database -> db.example.ac.uk:1433
  A required connection does not work.
  Details:    From web to db.example.ac.uk:1433/tcp for database.
  Since:      2026-03-01 02:58:10 UTC
  Rule:       web-db
  Try:        connectivity-exporter check --rule web-db
  Concerns:   dba
  What to do: https://docs.example.org/runbook#connectivityruleviolated
  Dashboard:  https://grafana.example.org/d/connectivity-rule?var-rule=web-db

Silence or look on: https://alerts.example.org
"""
    )


def test_the_text_of_what_is_over_says_from_when_to_when(render):
    assert render("connectivity.text", RESOLVED) == (
        """\
RESOLVED
  ConnectivityRuleViolated web / database -> db.example.ac.uk:1433
    from 2026-03-01 02:58:10 to 2026-03-01 03:20:00 UTC

Silence or look on: https://alerts.example.org
"""
    )


def test_an_alert_with_few_labels_renders_without_gaps(render):
    bare = {
        **FIRING,
        "labels": {"alertname": "ConnectivityWatchdog", "severity": "none"},
    }
    text = render("connectivity.text", bare)
    assert text.startswith("NONE ConnectivityWatchdog\n")
    assert "Rule:" not in text
    assert "Concerns:" not in text
    assert "no value" not in text


def test_every_template_that_a_receiver_uses_is_defined(render):
    receivers = json.dumps(load(ALERTMANAGER)["receivers"])
    for name in ("connectivity.subject", "connectivity.text"):
        assert f'template \\"{name}\\" .' in receivers
        assert render(name, FIRING)
