"""docs/metrics.md and docs/http.md against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from exporter.http import admission, deadlines
from exporter.http.admission import Class
from exporter.http.server import make_app
from exporter.http.web_config import _FileModel
from exporter.metrics import exporter_families, target_families
from exporter.metrics.labels import COMMON_LABELS, MAX_LABEL
from exporter.metrics.telemetry import _DURATION_BUCKETS, _LATENESS_BUCKETS
from exporter.model.outcome import INCONCLUSIVE, Stage
from exporter.model.rule import Status
from tests import exposing

DOCS = Path(__file__).parents[2] / "docs"
METRICS = (DOCS / "metrics.md").read_text(encoding="utf-8")
HTTP = (DOCS / "http.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip("`"): cells
    for cells in (
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in METRICS.splitlines()
        if line.startswith("| `connectivity_")
    )
}


def names(text):
    return re.findall(r"`([^`]+)`", text)


def test_the_documented_metrics_are_those_of_the_table_in_its_order():
    table = [
        family.name for family in (*target_families.TARGET, *exporter_families.EXPORTER)
    ]
    assert list(ROWS) == table


@pytest.mark.parametrize(
    "family", [*target_families.TARGET, *exporter_families.EXPORTER]
)
def test_type_labels_and_words_of_each_metric_are_documented(family):
    _, kind, labels, meaning, absent = ROWS[family.name]
    assert kind == family.kind
    assert tuple(names(labels)) == family.labels
    assert meaning
    assert absent


def test_the_sets_named_in_the_text_are_those_of_the_code():
    assert all(f"`{label}`" in METRICS for label in COMMON_LABELS)
    phases = ROWS["connectivity_rule_phase_duration_seconds"][3]
    assert names(phases) == list(Stage)
    statuses = ROWS["connectivity_exporter_targets"][3]
    assert names(statuses) == list(Status)
    assert set(names(ROWS["connectivity_rule_reachable"][4])) == INCONCLUSIVE
    assert f"bounded to {MAX_LABEL} characters" in METRICS
    for buckets, words in (
        (_DURATION_BUCKETS, "1 ms to 10 s"),
        (_LATENESS_BUCKETS, "1 ms to 30 s"),
    ):
        assert f"{buckets[0] * 1000:g} ms to {buckets[-1]:g} s" == words
        assert f"buckets from {words}" in METRICS


def test_every_route_is_documented_and_every_documented_one_exists():
    app = make_app(exposing.populated().parts())
    routes = {
        (route.method, route.resource.canonical.replace("{rule}", "<id>"))
        for route in app.router.routes()
        if route.method != "HEAD"
    }
    told = re.findall(r"^\| `([A-Z]+) ([^`]+)` \|", HTTP, re.MULTILINE)
    assert set(told) == routes
    assert len(told) == len(routes)


def test_the_bounds_of_the_server_are_documented():
    for kind, places in admission.PLACES.items():
        assert f"| `{kind}` | {places} |" in HTTP
    assert f"{admission.SHARE * 100:g} %" in HTTP
    assert f"within {deadlines.PATIENCE:g} seconds" in HTTP
    assert f"for {deadlines.STALLED:g} seconds" in HTTP
    assert f"within {deadlines.ANSWERED:g} seconds" in HTTP
    labels = ROWS["connectivity_exporter_http_rejected_total"][3]
    assert {*names(labels)} == {*admission.Cause}
    assert {*names(ROWS["connectivity_exporter_http_connections"][3])} == {*Class}
    reasons = ROWS["connectivity_exporter_http_tls_handshake_failures_total"][3]
    assert {*names(reasons)} == {*admission.HANDSHAKE_FAILURES}


def test_the_documented_protection_has_only_keys_that_are_read():
    example, _ = re.findall(r"```yaml\n(.*?)```", HTTP, re.DOTALL)
    model = _FileModel.model_validate(yaml.safe_load(example), strict=False)
    assert model.tls_server_config.client_auth_type == "RequireAndVerifyClientCert"
    documented = set(
        re.findall(r"[a-z_]+(?=:)|(?<=[`.])[a-z_0-9]+(?=`)", example + HTTP)
    )
    assert set(type(model.tls_server_config).model_fields) <= documented
