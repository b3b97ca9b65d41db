"""What the dashboards show of the made-up night, in a browser.

Drawn with Grafana's front-end libraries: its field configuration, transformations,
variables, tables and graphs are at work, its server is not. Asserted are texts,
colours and links, not pixels.
"""

import json

import pytest

from dashboards.build import BOARDS, HERE
from tests.dashboards import drawing
from tests.dashboards.cases import END, START

RED, GREEN, PURPLE, ORANGE = "#F2495C", "#73BF69", "#B877D9", "#FF9830"
CHOSEN = {
    "role.json": {"source_role": "appsanywhere"},
    "rule.json": {"rule": "appsanywhere-mssql"},
}


@pytest.fixture(scope="module")
def seen(night, tmp_path_factory):
    """What was drawn, by file name."""
    folder = tmp_path_factory.mktemp("shots")
    shots = [
        drawing.shot(
            HERE / name,
            folder / f"{name}.png",
            span=(START, END),
            **CHOSEN.get(name, {}),
        )
        for name in BOARDS
    ]
    return dict(zip(BOARDS, drawing.drawn(night, shots), strict=True))


def cell(panel, row, column):
    return panel["rows"][row][panel["fields"].index(column)]


def rows_by(panel, column):
    at = panel["fields"].index(column)
    return {
        row[at]: dict(zip(panel["fields"], row, strict=True)) for row in panel["rows"]
    }


@pytest.mark.parametrize("name", BOARDS)
def test_everything_is_drawn_without_an_error(seen, name):
    one = seen[name]
    assert one["settled"]
    assert one["missing"] == []
    assert one["errors"] == []
    assert not [line for line in one["log"] if line.startswith("page:")]


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_offers_something(seen, name):
    for variable, options in seen[name]["variables"].items():
        assert options, variable
        assert options != [""], variable


@pytest.mark.parametrize("name", BOARDS)
def test_no_variable_is_left_in_what_prometheus_was_asked(seen, name):
    for query in seen[name]["queries"]:
        assert "$__" not in query["expr"]
        assert '"$' not in query["expr"].replace('"$1"', "")


def test_the_numbers_on_top_name_the_trouble_in_its_colour(seen):
    panels = seen["overview.json"]["panels"]
    titles = (
        ("Violated", "7", RED),
        ("Violated, critical", "3", RED),
        ("Roles cut off", "1", RED),
        ("No verdict", "3", PURPLE),
        ("Alerts firing", "4", ORANGE),
        ("Exporters down", "1", RED),
    )
    for title, text, color in titles:
        (stat,) = panels[title]
        assert (stat["text"], stat["color"]) == (text, color), title


def test_a_violated_rule_says_what_was_seen_who_refused_and_whom_to_ask(seen):
    table = seen["overview.json"]["panels"]["Violated now"]
    rows = rows_by(table, "Rule")
    assert rows["appsanywhere-mssql"] == {
        "Severity": "critical",
        "For": "21 mins",
        "Rule": "appsanywhere-mssql",
        "From": "appsanywhere",
        "To": "sql01.example.ac.uk",
        "Port": "1433/tcp",
        "Seen": "silence: no answer at all",
        "Refused by": "nobody",
        "Ask first": "firewall",
        "Owner": "dba",
    }
    assert rows["appsanywhere-ldaps"]["Refused by"] == "a device on the path"
    assert rows["rocky-ntp"]["Ask first"] == "DNS"
    assert rows["appsanywhere-no-telnet-out"]["Ask first"] == "firewall, to block"
    assert len(rows) == 7


def test_a_row_leads_to_its_rule_and_its_role(seen):
    table = seen["overview.json"]["panels"]["Violated now"]
    links = dict(zip(table["fields"], table["links"], strict=True))
    rule, host = cell(table, 0, "Rule"), cell(table, 0, "To")
    (link,) = links["Rule"]
    assert link.startswith("/d/connectivity-rule?from=2026-01-14")
    assert link.endswith(f"&var-rule={rule}&var-destination={host}")
    (link,) = links["From"]
    assert link.endswith(f"&var-source_role={cell(table, 0, 'From')}")


def test_the_matrix_tells_violated_ok_without_verdict_and_without_rules_apart(seen):
    table = seen["overview.json"]["panels"]["Where it hurts: source role by usage"]
    rows = rows_by(table, "Source role")
    assert rows["appsanywhere"]["database"] == "1 \N{BALLOT X}"
    assert rows["appsanywhere"]["vendor-api"] == "ok"
    assert rows["analytics"]["database"] == "no verdict"
    assert rows["jump-host"]["administration"] == "no verdict", "its exporter is down"
    assert rows["client-device"]["database"] == "·"


def test_the_columns_of_the_matrix_stand_in_the_order_of_the_vocabulary(seen):
    table = seen["overview.json"]["panels"]["Where it hurts: source role by usage"]
    assert table["fields"][:4] == [
        "Source role",
        "user-access",
        "administration",
        "database",
    ]


def test_a_cell_of_the_matrix_leads_to_its_role_and_usage(seen):
    table = seen["overview.json"]["panels"]["Where it hurts: source role by usage"]
    links = dict(zip(table["fields"], table["links"], strict=True))
    (link,) = links["database"]
    role = cell(table, 0, "Source role")
    assert link.endswith(f"&var-source_role={role}&var-usage=database")


def test_the_colours_of_the_matrix_follow_the_state(seen):
    table = seen["overview.json"]["panels"]["Where it hurts: source role by usage"]
    first = dict(zip(table["fields"], table["rows"][0], strict=True))
    colors = dict(zip(table["fields"], table["colors"], strict=True))
    expected = {"ok": GREEN, "no verdict": PURPLE, "·": "transparent"}
    for usage, text in list(first.items())[1:]:
        assert _same(colors[usage], expected.get(text, RED)), (usage, text)


def _same(color, expected):
    transparent = {"transparent", "#00000000"}
    return color == expected or {color, expected} <= transparent


def test_a_role_over_time_is_whole_then_cut_off(seen):
    timeline = seen["overview.json"]["panels"]["Each source role over time"]
    assert timeline["analytics-rocky"] == [["all hold", GREEN], ["cut off", RED]]
    assert timeline["appsanywhere"][-1] == ["some violated", ORANGE]


def test_a_certificate_that_does_not_verify_says_why(seen):
    table = seen["overview.json"]["panels"]["Certificates that end first"]
    rows = rows_by(table, "Server")
    assert rows["api.software2.com"]["Verifies"] == "no: unknown issuer"
    assert rows["licence.example.com"]["Verifies"] == "yes"


def test_certificates_stand_in_the_order_of_their_end(seen):
    rows = seen["overview.json"]["shown"]["Certificates that end first"]
    assert [row[2] for row in rows[:4]] == ["3", "17", "33", "45"]


def test_critical_rules_stand_first_and_of_each_severity_the_latest_change(seen):
    rows = seen["overview.json"]["shown"]["Violated now"]
    assert [row[:2] for row in rows[:4]] == [
        ["critical", "13 mins"],
        ["critical", "21 mins"],
        ["critical", "2 hours"],
        ["warning", "38 mins"],
    ]


def test_violated_rules_stand_above_the_others_in_a_roles_timeline(seen):
    timeline = seen["role.json"]["panels"]["Every rule over time"]
    last = [bars[-1][0] for bars in timeline.values()]
    assert last[:3] == ["violated"] * 3
    assert "violated" not in last[3:]
    assert "no verdict" in last


def test_failures_are_named_by_reason_and_stage(seen):
    graph = seen["role.json"]["panels"]["Failures by reason"]
    assert {"timeout at connect", "prohibited at connect"} <= set(graph["series"])


def test_a_rule_says_in_one_line_what_is_wrong(seen):
    panels = seen["rule.json"]["panels"]
    (state,) = panels["Now"]
    assert (state["text"], state["color"]) == ("violated", RED)
    (row,) = rows_by(panels["What the last probe saw"], "To").values()
    assert (row["State"], row["Seen"]) == ("violated", "silence: no answer at all")
    assert panels["What the last probe saw"]["links"][-1] == [
        "http://aa01.example.ac.uk:9842/rules/appsanywhere-mssql"
    ]
    (path,) = rows_by(panels["Where the path stops"], "To").values()
    assert path["Last router that answered"] == "10.20.0.1"


def test_a_dead_exporter_and_a_failed_reload_are_seen(seen):
    panels = seen["exporter.json"]["panels"]
    rows = rows_by(panels["Exporters"], "Instance")
    assert rows["jump01.example.ac.uk:9842"]["Up"] == "no"
    assert rows["jump01.example.ac.uk:9842"]["Reloaded"] == "no data"
    assert rows["lab-pc.example.ac.uk:9842"]["Reloaded"] == "no"
    assert rows["aa01.example.ac.uk:9842"]["Reloaded"] == "yes"
    assert panels["Mirror lists"]["rows"]


def test_every_number_is_drawn_with_a_text(seen):
    for name, one in seen.items():
        for title, panel in one["panels"].items():
            if isinstance(panel, list):
                assert all(stat["text"] for stat in panel), f"{name}: {title}"


def test_units_are_words_that_grafana_knows(seen):
    """An unknown unit is shown as it is written, behind the number."""
    text = json.dumps([one["panels"] for one in seen.values()])
    assert "percentunit" not in text
    assert " short" not in text


def test_the_dashboards_fit_grafanas_published_types():
    done = drawing.node("check-schema.mjs", *(HERE / name for name in BOARDS))
    assert done.returncode == 0, done.stdout
