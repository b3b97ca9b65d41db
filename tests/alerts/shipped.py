"""The files as shipped, parsed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "alerts"
RULE_FILES = sorted(ALERTS.glob("*.yml"))
UNIT_TESTS = sorted(Path(__file__).parent.joinpath("rules").glob("*.yml"))
ALERTMANAGER = ROOT / "config" / "alertmanager" / "alertmanager.yml"
TEMPLATES = ROOT / "config" / "alertmanager" / "templates"
PROMETHEUS = ROOT / "config" / "prometheus"
DASHBOARDS = ROOT / "dashboards"
RUNBOOK = ROOT / "docs" / "runbook.md"


@cache
def load(path):
    return yaml.load(path.read_text(), yaml.CSafeLoader)


def rules(key):
    """All rules with that key, `alert` or `record`, in the order of the files."""
    return [
        rule
        for path in RULE_FILES
        for group in load(path)["groups"]
        for rule in group["rules"]
        if key in rule
    ]


def unit_tests():
    """All (file name, test) of the promtool unit tests."""
    return [(path.name, test) for path in UNIT_TESTS for test in load(path)["tests"]]
