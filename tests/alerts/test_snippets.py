"""The README's snippets, copied into configurations that exist already."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.alerts.shipped import ALERTS, ROOT
from tests.servers.process import binary

EXISTING = {
    "prometheus.yml": {
        "global": {"scrape_interval": "1m"},
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]
        },
        "scrape_configs": [{"job_name": "node"}],
    },
    "alertmanager.yml": {
        "route": {
            "receiver": "default",
            "routes": [{"matchers": ['severity = "critical"'], "receiver": "default"}],
        },
        "receivers": [{"name": "default"}, {"name": "oncall"}, {"name": "tickets"}],
    },
}


def snippets():
    """The YAML blocks of the README for either server."""
    text = (ROOT / "README.md").read_text()
    parsed = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    keys = {"scrape_configs", "rule_files", "route"}
    return [each for each in parsed if isinstance(each, dict) and keys & each.keys()]


def merged(existing, snippet):
    """As a person does it: mappings into mappings, lists above lists."""
    if isinstance(existing, dict):
        both = {
            key: merged(existing[key], snippet[key])
            for key in existing.keys() & snippet
        }
        return existing | snippet | both
    return snippet + existing


@pytest.fixture
def folder(tmp_path):
    """Both files with all snippets in place, and the rules next to them."""
    shutil.copytree(ALERTS, tmp_path / "alerts")
    contents = dict(EXISTING)
    for snippet in snippets():
        file = "alertmanager.yml" if "route" in snippet else "prometheus.yml"
        contents[file] = merged(contents[file], snippet)
    for file, content in contents.items():
        (tmp_path / file).write_text(yaml.safe_dump(content, sort_keys=False))
    return tmp_path


def run(folder, program, *args):
    done = subprocess.run(
        [binary(program), *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_three():
    assert len(snippets()) == 3


def test_an_existing_prometheus_takes_them(folder):
    said = run(folder, "promtool", "check", "config", "prometheus.yml")
    assert "3 rule files found" in said


def test_an_existing_alertmanager_takes_them(folder):
    run(folder, "amtool", "check-config", "alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=ConnectivityRuleViolated severity=critical", "oncall"),
        ("alertname=ConnectivityRuleViolated severity=warning", "tickets"),
        ("alertname=ConnectivityRuleViolated severity=info", "nobody"),
        ("alertname=ConnectivityWatchdog severity=none", "nobody"),
        ("alertname=SomebodyElses severity=critical", "default"),
    ],
)
def test_everybody_is_told_what_concerns_them(folder, labels, receiver):
    words = ["config", "routes", "test", "--config.file=alertmanager.yml"]
    assert run(folder, "amtool", *words, *labels.split()).strip() == receiver
