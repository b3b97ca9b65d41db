"""The shipped rule files are what their sources and the shared words make."""

from __future__ import annotations

import re

import pytest

from alerts import build
from tests.alerts.shipped import ALERTS, load

SOURCES = build.sources()
THRESHOLDS = ALERTS / "connectivity.thresholds.yml"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_shipped_file_is_what_its_source_makes(source):
    assert (ALERTS / source.stem).read_text() == build.expanded(source.read_text())


def test_a_site_names_its_own_host_labels(tmp_path):
    build.main(["--host-labels", "instance,vm", "--output", str(tmp_path)])
    text = (tmp_path / "connectivity.alerts.yml").read_text()
    assert "count without (instance, vm)" in text
    assert "hostname" not in text


def test_the_thresholds_file_has_every_number_with_its_default():
    found = {}
    for rule in load(THRESHOLDS)["groups"][0]["rules"]:
        *_, name = re.split("threshold:|connectivity:", rule["record"])
        severity = rule.get("labels", {}).get("severity")
        number = re.fullmatch(r"vector\((.+)\)", rule["expr"])[1]
        found[f"{name}, {severity}" if severity else name] = number
    found["objective"] = found.pop("objective:ratio")
    del found["links:info"]
    assert found == dict(build.DEFAULTS)


def test_every_default_is_used():
    text = "".join(source.read_text() for source in SOURCES)
    used = set(re.findall(r"\$limit\(([^)]*)\)", text))
    assert used == set(build.DEFAULTS)
