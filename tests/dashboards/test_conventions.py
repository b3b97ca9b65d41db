"""What the dashboard linter of Grafana's own authors asks for, and what this project adds.

Exceptions stand in the sets below, each with its reason.
"""

import re
from pathlib import Path

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.models import units

from dashboards.build import BOARDS
from exporter.metrics import exporter_families, target_families
from exporter.metrics.labels import COMMON_LABELS
from tests.dashboards.conftest import filled_in
from tests.dashboards.fixture import samples
from tests.dashboards.history import metrics

UIDS = {
    "overview.json": "connectivity-overview",
    "role.json": "connectivity-role",
    "rule.json": "connectivity-rule",
    "exporter.json": "connectivity-exporter",
}
COMMON = ["datasource", "job", "instance", "source_role", "usage"]
WITHOUT_INSTANCE = {
    # Recorded over all exporters of a role.
    "source_role:connectivity_rule_probe_failures_per_probes",
    "source_role_usage:connectivity_rule_probe",
    # One constant of the site.
    "connectivity:objective:ratio",
    # Alerts about a role name no exporter; the roles selected are what counts.
    "ALERTS",
}
FOREIGN = {
    *(
        "up",
        "ALERTS",
        "ALERTS_FOR_STATE",
        "scrape_duration_seconds",
        "scrape_samples_scraped",
    ),
    *("process_cpu_seconds_total", "process_resident_memory_bytes"),
    *("process_open_fds", "process_max_fds"),
}
"""Metrics of Prometheus itself, and of its client library."""
UNITS = {value for name, value in vars(units).items() if name[0].isupper()}
ALERTS = Path(__file__).parents[2] / "alerts"


def panels(boards):
    return [(name, panel) for name in boards for panel in boards[name]["panels"]]


def selectors(expr, fill=filled_in):
    """All vector selectors of an expression."""
    found = []

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
            child = getattr(node, part, None)
            if child is not None and not isinstance(child, (str, float)):
                walk(child)
        for argument in getattr(node, "args", None) or ():
            walk(argument)

    walk(promql_parser.parse(fill(expr)))
    return found


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_has_its_fixed_uid_tag_and_cannot_be_edited(boards, name):
    board = boards[name]
    assert board["uid"] == UIDS[name]
    assert board["tags"] == ["connectivity"]
    assert board["editable"] is False
    assert board["refresh"] == "30s"
    assert board["graphTooltip"] == 1
    assert board["schemaVersion"] >= 39


@pytest.mark.parametrize("name", BOARDS)
def test_every_dashboard_has_the_common_variables_first(boards, name):
    variables = boards[name]["templating"]["list"]
    assert [variable["name"] for variable in variables][:5] == COMMON
    assert [variable["label"] for variable in variables][:5] == [
        "Data source",
        "Job",
        "Instance",
        "Source role",
        "Usage",
    ]
    for variable in variables[1:]:
        assert variable["datasource"]["uid"] == "${datasource}"
        assert variable["refresh"] == 2, "on every change of the time range"
        assert promql_parser.parse(_within_label_values(variable["query"]))
    for variable in variables[1:5]:
        assert (variable["multi"], variable["allValue"]) == (True, ".+")


def _within_label_values(query):
    return filled_in(re.fullmatch(r"label_values\((.*), \w+\)", query)[1])


@pytest.mark.parametrize("name", BOARDS)
def test_navigation_follows_the_tag_and_keeps_variables_and_time(boards, name):
    navigation, runbook = boards[name]["links"]
    assert navigation["type"] == "dashboards"
    assert navigation["tags"] == ["connectivity"]
    assert navigation["includeVars"] is navigation["keepTime"] is True
    assert runbook["url"] == "${runbook}"


@pytest.mark.parametrize("name", BOARDS)
def test_firing_alerts_are_annotations_without_the_watchdog(boards, name):
    (annotation,) = boards[name]["annotations"]["list"]
    assert annotation["enable"] is True
    (selector,) = selectors(annotation["expr"])
    assert selector.name == "ALERTS"
    assert 'alertname!="ConnectivityWatchdog"' in annotation["expr"]


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_unique_ids_and_fill_the_width_without_overlap(boards, name):
    taken = set()
    ids = [panel["id"] for panel in boards[name]["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in boards[name]["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    bottom = max(y for _, y in taken) + 1
    assert len(taken) == 24 * bottom, "holes in the grid"


def test_every_panel_says_what_it_shows(boards):
    for name, panel in panels(boards):
        assert panel["title"], name
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert panel["targets"], panel["title"]


def test_the_overview_begins_with_what_was_found(boards):
    first = min(boards["overview.json"]["panels"], key=lambda one: one["gridPos"]["y"])
    assert first["title"] == "Findings"


def test_titles_are_unique_within_a_dashboard(boards):
    for board in boards.values():
        titles = [panel["title"] for panel in board["panels"]]
        assert len(set(titles)) == len(titles)


def test_every_panel_has_a_unit_that_grafana_knows(boards):
    for _, panel in panels(boards):
        defaults = panel["fieldConfig"]["defaults"]
        assert _known(defaults["unit"]), panel["title"]
        for override in panel["fieldConfig"]["overrides"]:
            for item in override["properties"]:
                if item["id"] == "unit":
                    assert _known(item["value"]), panel["title"]


def _known(unit):
    return unit in UNITS or unit.startswith("suffix:")


def test_colours_never_stand_alone(boards):
    """What is coloured by its value is a number with a unit, or has a text."""
    for _, panel in panels(boards):
        if panel["type"] == "state-timeline":
            assert panel["fieldConfig"]["defaults"]["mappings"], panel["title"]
            assert panel["options"]["showValue"] == "auto"


def test_every_query_heeds_what_is_selected(boards):
    for _, panel in panels(boards):
        for query in panel["targets"]:
            for selector in selectors(query["expr"], fill=_variables_only):
                chosen = {(m.name, m.value) for m in selector.matchers.matchers}
                assert _wanted(selector.name) <= chosen, query["expr"]


def _variables_only(expr):
    return expr.replace("$__rate_interval", "5m")


def _wanted(metric):
    if metric.startswith(tuple(WITHOUT_INSTANCE)):
        return set()
    names = ["job", "instance"]
    if metric.startswith("connectivity_rule_"):
        names += ["source_role", "usage"]
    return {(name, f"${name}") for name in names}


def test_rates_use_a_window_that_follows_the_scrape_interval(boards):
    for _, panel in panels(boards):
        for query in panel["targets"]:
            for window in re.findall(r"\brate\([^\[]*\[([^\]]*)\]", query["expr"]):
                assert window == "$__rate_interval", query["expr"]


def test_other_windows_are_named_in_the_panels_description(boards):
    named = {"1h": "last hour", "1d": "in a day", "7d": "last seven days"}
    for _, panel in panels(boards):
        for query in panel["targets"]:
            for window in re.findall(r"\bincrease\([^\[]*\[([^\]]*)\]", query["expr"]):
                assert named[window] in panel["description"], panel["title"]


def test_overrides_sorting_and_links_name_columns_that_the_table_has(boards):
    """Grafana takes no notice of the others."""
    for _, panel in panels(boards):
        options = [one["options"] for one in panel.get("transformations", ())]
        columns = {
            name for one in options for name in one.get("renameByName", {}).values()
        }
        if not columns:
            continue
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["id"] == "byName":
                assert override["matcher"]["options"] in columns, panel["title"]
        for order in panel["options"].get("sortBy", ()):
            assert order["displayName"] in columns, panel["title"]
        numbers = {f"[{number}]" for number in range(len(columns))}
        linked = re.findall(r"__data\.fields\.([^:}]+)", str(panel["fieldConfig"]))
        assert set(linked) <= columns | numbers, panel["title"]


def test_counters_are_read_as_rates_only(boards):
    for _, panel in panels(boards):
        for query in panel["targets"]:
            bare = re.sub(r"(rate|increase)\([^\[]*\[[^\]]*\]\)", "", query["expr"])
            assert not re.search(r"_(total|bucket)\b", bare), query["expr"]


def test_every_metric_is_one_that_something_exposes(boards):
    rules = [
        rule["record"]
        for file in ALERTS.glob("*.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    ]
    ours = {
        family.name for family in (*target_families.TARGET, *exporter_families.EXPORTER)
    }
    buckets = {
        f"{f.name}_bucket" for f in exporter_families.EXPORTER if f.kind == "histogram"
    }
    for _, panel in panels(boards):
        for query in panel["targets"]:
            unknown = metrics(filled_in(query["expr"])) - ours - buckets - FOREIGN
            assert unknown <= set(rules), query["expr"]


def test_the_made_up_night_has_the_labels_that_the_exporter_exposes():
    scraped = {"job", "instance"}
    made_up = samples().labels
    for family in (*target_families.TARGET, *exporter_families.EXPORTER):
        own = set(family.labels)
        if family in target_families.TARGET:
            own |= set(COMMON_LABELS)
        for name in (family.name, f"{family.name}_bucket"):
            for labels in made_up.get(name, ()):
                assert set(labels) - scraped - {"le"} == own, name


def test_links_lead_to_dashboards_that_exist_and_fill_variables_they_have(boards):
    variables = {
        board["uid"]: {v["name"] for v in board["templating"]["list"]}
        for board in boards.values()
    }
    urls = re.findall(r'"url": "(/d/[^"]+)"', str(boards).replace("'", '"'))
    assert len(urls) > 5
    for url in urls:
        uid = url.removeprefix("/d/").partition("?")[0]
        for name in re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", url):
            assert (name[0] or name[1]) in variables[uid], url
