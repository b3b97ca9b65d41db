"""promtool on the shipped files: syntax, its own lint, and every unit test."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.alerts import reduced
from tests.alerts.shipped import PROMETHEUS, RULE_FILES, UNIT_TESTS, load
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
def test_unit_tests_pass(path, tmp_path):
    content = load(path)
    loaded = [Path(name).name for name in content["rule_files"]]
    wanted = reduced.asked_for(content)
    files = reduced.rule_files(
        wanted, [each for each in RULE_FILES if each.name in loaded]
    )
    for name, part in files.items():
        (tmp_path / name).write_text(json.dumps(part))
    kept = {group["name"] for part in files.values() for group in part["groups"]}
    order = [name for name in content["group_eval_order"] if name in kept]
    test = content | {"rule_files": [*files], "group_eval_order": order}
    (tmp_path / path.name).write_text(json.dumps(test))
    promtool("test", "rules", path.name, cwd=tmp_path)


def test_the_shipped_prometheus_configuration_is_valid():
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_the_shipped_agent_configuration_is_valid():
    promtool("check", "config", "--agent", PROMETHEUS / "agent.yml")
