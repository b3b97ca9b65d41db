"""promtool on the shipped files: syntax, its own lint, and every unit test."""

from __future__ import annotations

import subprocess

import pytest

from tests.alerts.shipped import PROMETHEUS, RULE_FILES, UNIT_TESTS
from tests.servers.process import binary


def promtool(*args, cwd=None):
    done = subprocess.run(
        [binary("promtool"), *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_alerts_pass_every_lint_of_promtool():
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_unit_tests_pass(path):
    promtool("test", "rules", path.name, cwd=path.parent)


def test_the_shipped_prometheus_configuration_is_valid():
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_the_shipped_agent_configuration_is_valid():
    promtool("check", "config", "--agent", PROMETHEUS / "agent.yml")
