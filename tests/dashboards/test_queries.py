"""Every query finds something on a real Prometheus that remembers the made-up night."""

import json
import re
import urllib.parse
import urllib.request

import pytest

from dashboards.build import BOARDS
from tests.dashboards.cases import CASES, END, START, STEP
from tests.dashboards.conftest import filled_in

RULES = sorted({case.rule for case in CASES})


def get(url, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=30) as answer:  # noqa: S310 - our own server
        return json.load(answer)["data"]


def result(url, query, expr):
    if query.get("instant"):
        return get(url, "query", query=expr, time=END)["result"]
    window = {"start": START, "end": END, "step": STEP}
    return get(url, "query_range", query=expr, **window)["result"]


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_of_every_panel_finds_something(night, boards, name):
    rules = RULES if name == "rule.json" else RULES[:1]
    for panel in boards[name]["panels"]:
        for query in panel["targets"]:
            sent = [filled_in(query["expr"], rule) for rule in rules]
            assert not re.search(r"\$[a-z_{]", sent[0]), panel["title"]
            found = any(result(night, query, expr) for expr in sent)
            assert found, f"{panel['title']}: {sent[0]}"


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_has_options(night, boards, name):
    for variable in boards[name]["templating"]["list"][1:]:
        metric, label = re.fullmatch(
            r"label_values\((.*), (\w+)\)", variable["query"]
        ).groups()
        match = {"match[]": filled_in(metric), "start": START, "end": END}
        assert get(night, f"label/{label}/values", **match), variable["name"]


def test_alerts_that_fired_are_found_by_the_annotation(night, boards):
    (annotation,) = boards["overview.json"]["annotations"]["list"]
    window = {"start": START, "end": END, "step": 60}
    found = get(night, "query_range", query=filled_in(annotation["expr"]), **window)
    names = {series["metric"]["alertname"] for series in found["result"]}
    assert names == {
        "ConnectivityFinding",
        "ConnectivityRuleViolated",
        "ConnectivityRoleEgressDown",
        "ConnectivityExporterDown",
    }


def test_what_has_no_verdict_is_found_with_the_cause_of_each_kind(night, boards):
    (panel,) = (
        one
        for one in boards["role.json"]["panels"]
        if one["title"] == "Without a verdict"
    )
    (query,) = panel["targets"]
    found = result(night, query, filled_in(query["expr"]))
    assert {one["metric"]["rule"]: one["metric"]["seen"] for one in found} == {
        "appsanywhere-mssql-browser": "untested@exchange",
        "analytics-mssql-udp": "untested@exchange",
        "client-analytics": "unprobed@",
        "jump-ssh": "exporter_down@",
    }


@pytest.mark.parametrize("name", [name for name in BOARDS if name != "rule.json"])
def test_what_has_a_line_for_each_target_is_limited(night, boards, name):
    """With thousands of rules no panel fetches or draws them all."""
    for panel in boards[name]["panels"]:
        for query in panel["targets"]:
            found = result(night, query, filled_in(query["expr"]))
            if any({"rule", "destination"} & set(one["metric"]) for one in found):
                limits = re.findall(r"\b(?:top|bottom)k\((\d+),", query["expr"])
                assert limits, f"{panel['title']}: {query['expr']}"
                for limit in limits:
                    assert re.search(rf"\b{limit}\b", panel["description"])
