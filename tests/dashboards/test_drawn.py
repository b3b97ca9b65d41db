"""What the dashboards show of the made-up night, in a browser.

Drawn with Grafana's front-end libraries: its field configuration, transformations,
variables, tables and graphs are at work, its server is not. Asserted are texts,
colours and links, not pixels.
"""

import json

import pytest

from dashboards.build import BOARDS, HERE
from tests.dashboards import drawing
from tests.dashboards.cases import END, START, STEP

CLEAR = "#00000000"
RED, GREEN, PURPLE, ORANGE = "#F2495C", "#73BF69", "#B877D9", "#FF9830"
WELL, UNKNOWN = "well", "unknown"
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


@pytest.fixture(scope="module")
def other_times(night, tmp_path_factory):
    """The panels of the overview while all was well, and before anything was known."""
    folder = tmp_path_factory.mktemp("shots")
    spans = {
        # Later than what is remembered here of each level of rules, for want of staleness.
        WELL: (START, START + 92 * STEP),
        UNKNOWN: (START - 2 * 3600, START - 3600),
    }
    shots = [
        drawing.shot(HERE / "overview.json", folder / f"{name}.png", span=span)
        for name, span in spans.items()
    ]
    drawn = drawing.drawn(night, shots)
    return {name: one["panels"] for name, one in zip(spans, drawn, strict=True)}


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
        ("No verdict", "4", PURPLE),
        ("Alerts firing", "4", ORANGE),
        ("Exporters down", "1", RED),
    )
    for title, text, color in titles:
        (stat,) = panels[title]
        assert (stat["text"], stat["color"]) == (text, color), title


def test_findings_come_first_with_owner_age_targets_and_roles(seen):
    panels = seen["overview.json"]["panels"]
    rows = rows_by(panels["Findings"], "Subject")
    assert rows["10.20.0.1"] == {
        "Severity": "critical",
        "For": "21 mins",
        "Cause": "path",
        "Subject": "10.20.0.1",
        "From": "appsanywhere",
        "Targets": "2",
        "A rule of it": "appsanywhere-mssql",
        "Owner": "network",
        "Seen from": "aa01.example.ac.uk:9842",
    }
    assert rows["10.30.0.1"]["Cause"] == "this host"
    assert rows["10.30.0.1"]["Targets"] == "3"
    assert rows["10.40.0.53"]["Targets"] == "0", "the other resolver answers"
    assert (rows["10.40.0.53"]["From"], rows["10.40.0.53"]["A rule of it"]) == (
        "-",
        "-",
    )
    assert len(rows) == 5


def test_findings_stand_in_the_order_of_severity_and_age(seen):
    rows = seen["overview.json"]["shown"]["Findings"]
    assert [row[:2] for row in rows] == [
        ["critical", "13 mins"],
        ["critical", "21 mins"],
        ["critical", "2 hours"],
        ["warning", "38 mins"],
        ["info", "50 mins"],
    ]


def test_a_finding_leads_to_its_role_to_a_rule_and_to_its_exporter(seen):
    table = seen["overview.json"]["panels"]["Findings"]
    links = dict(zip(table["fields"], table["links"], strict=True))
    role, rule, host = (
        cell(table, 0, name) for name in ("From", "A rule of it", "Seen from")
    )
    (link,) = links["From"]
    assert link.startswith("/d/connectivity-role?from=2026-01-14")
    assert link.endswith(f"&var-source_role={role}")
    (link,) = links["A rule of it"]
    assert link.startswith("/d/connectivity-rule?from=2026-01-14")
    assert link.endswith(f"&var-rule={rule}")
    assert links["Seen from"] == [f"http://{host}/"]


def test_firing_alerts_are_listed_with_ways_to_what_they_are_about(seen):
    table = seen["overview.json"]["panels"]["Firing alerts"]
    rows = rows_by(table, "Alert")
    assert {alert: row["For"] for alert, row in rows.items()} == {
        "ConnectivityRuleViolated": "20 mins",
        "ConnectivityFinding": "12 mins",
        "ConnectivityRoleEgressDown": "37 mins",
        "ConnectivityExporterDown": "28 mins",
    }
    assert rows["ConnectivityRuleViolated"]["To"] == "sql01.example.ac.uk"
    assert rows["ConnectivityFinding"]["Cause"] == "path"
    assert rows["ConnectivityFinding"]["Subject"] == "10.20.0.254"
    assert rows["ConnectivityExporterDown"]["Exporter"].startswith("jump")
    links = dict(zip(table["fields"], table["links"], strict=True))
    assert links["Alert"]
    assert links["Rule"][0].startswith("/d/connectivity-rule?")
    assert links["From"][0].startswith("/d/connectivity-role?")


def test_what_to_open_are_blocked_flows_that_a_rule_requires(seen):
    table = seen["overview.json"]["panels"]["What to open"]
    rows = rows_by(table, "Rule")
    assert rows["appsanywhere-mssql"] == {
        "Severity": "critical",
        "From": "appsanywhere",
        "To": "sql01.example.ac.uk",
        "Port": "1433",
        "Protocol": "tcp",
        "Reason": "silence: no answer",
        "Rule": "appsanywhere-mssql",
        "Owner": "dba",
        "Hosts": "1",
    }
    # Neither the name that does not exist, nor the path that must stay closed.
    assert set(rows) == {
        *("appsanywhere-mssql", "appsanywhere-ldaps"),
        *("rocky-mirrors", "rocky-epel", "rocky-vendor"),
    }


def test_what_maintenance_mutes_says_so_and_stands_last(seen):
    panels = seen["overview.json"]["panels"]
    (stat,) = panels["In maintenance"]
    assert stat["text"] == "1"
    rows = rows_by(panels["Violated now"], "Rule")
    assert rows["rocky-ntp"]["Severity"] == "muted"
    assert rows["rocky-mirrors"]["Severity"] == "warning"
    assert seen["overview.json"]["shown"]["Violated now"][-1][0] == "muted"


def test_a_number_leads_to_what_it_counts(seen):
    panels = seen["overview.json"]["panels"]
    for title, uid in (
        ("No verdict", "connectivity-role"),
        ("Exporters down", "connectivity-exporter"),
    ):
        (stat,) = panels[title]
        (link,) = stat["links"]
        assert link.startswith(f"/d/{uid}?from=2026-01-14")
        assert "&var-usage=" in link


def test_while_all_is_well_the_overview_is_green_and_its_list_empty(other_times):
    panels = other_times[WELL]
    for title in ("Violated", "Violated, critical", "Roles cut off", "Exporters down"):
        (stat,) = panels[title]
        assert (stat["text"], stat["color"]) == ("none", GREEN), title
    assert panels["Violated now"]["instead"] == "Nothing is known to be violated"
    assert panels["Findings"]["instead"] == "No finding is known"
    assert panels["Firing alerts"]["instead"] == "No alert is known to fire"
    assert panels["What to open"]["instead"] == "Nothing is known to be blocked"
    last = {
        role: bars[-1] for role, bars in panels["Each source role over time"].items()
    }
    assert last["appsanywhere"] == ["all hold", GREEN]


def test_without_data_nothing_on_the_overview_is_green(other_times):
    panels = other_times[UNKNOWN]
    stats = [
        stat for panel in panels.values() if isinstance(panel, list) for stat in panel
    ]
    assert {(stat["text"], stat["color"]) for stat in stats} == {("no data", PURPLE)}
    assert panels["Violated now"]["instead"] == "Nothing is known to be violated"
    assert panels["Findings"]["instead"] == "No finding is known"
    assert panels["Each source role over time"] == {}


def test_what_has_no_verdict_is_listed_with_its_reason(seen):
    rows = rows_by(seen["role.json"]["panels"]["Without a verdict"], "Rule")
    assert {rule: row["Seen"] for rule, row in rows.items()} == {
        "appsanywhere-mssql-browser": "silence, proves nothing"
    }


def test_only_a_rule_that_holds_is_listed_for_an_address_that_does_not_answer(seen):
    table = seen["role.json"]["panels"]["Holds, but some addresses do not answer"]
    assert list(rows_by(table, "Rule")) == ["appsanywhere-kerberos"]


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
        "Seen": "silence: no answer",
        "Refused by": "nobody",
        "Path ends at": "10.20.0.1",
        "Ask first": "firewall",
        "Owner": "dba",
        "Seen from": "aa01",
    }
    assert rows["appsanywhere-ldaps"]["Refused by"] == "device on path"
    stops = {rule: row["Path ends at"] for rule, row in rows.items()}
    assert stops["appsanywhere-ldaps"] == "not traced"
    assert stops["rocky-mirrors"] == "this host"
    assert stops["appsanywhere-no-telnet-out"] == "nowhere"
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
    administration = rows["jump-host"]["adminis-\ntration"]
    assert administration == "no verdict", "its exporter is down"
    assert rows["client-device"]["database"] == "·"
    assert rows["client-device"]["analytics"] == "no verdict"


def test_the_columns_of_the_matrix_stand_in_the_order_of_the_vocabulary(seen):
    table = seen["overview.json"]["panels"]["Where it hurts: source role by usage"]
    assert table["fields"][:4] == [
        "Source role",
        "user-access",
        "adminis-\ntration",
        "database",
    ]


def test_a_cell_of_the_matrix_leads_to_its_role_and_usage(seen):
    table = seen["overview.json"]["panels"]["Where it hurts: source role by usage"]
    links = dict(zip(table["fields"], table["links"], strict=True))
    role = cell(table, 0, "Source role")
    for heading, usage in (
        ("database", "database"),
        ("authen-\ntication", "authentication"),
    ):
        (link,) = links[heading]
        assert link.endswith(f"&var-source_role={role}&var-usage={usage}")


def test_the_colours_of_the_matrix_follow_the_state(seen):
    table = seen["overview.json"]["panels"]["Where it hurts: source role by usage"]
    expected = {"ok": GREEN, "no verdict": PURPLE, "·": CLEAR, "1 ✗": RED}
    drawn = {
        (text, color)
        for texts, colors in zip(table["rows"], table["colors"], strict=True)
        for text, color in zip(texts[1:], colors[1:], strict=True)
    }
    assert drawn == set(expected.items())


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


def test_what_held_over_days_says_of_how_much_of_them_anything_is_known(seen):
    table = seen["overview.json"]["panels"]["Share of probes that held"]
    rows = rows_by(table, "Source role")
    assert rows["client-device"]["Known, 3d"] == "8%", "six hours of 72"
    assert rows["client-device"]["Known, 30d"] == "1%"
    assert rows["analytics-rocky"]["Held, 30d"].startswith("9")
    assert float(rows["analytics-rocky"]["Budget used"].rstrip("%")) > 1000
    colors = dict(zip(table["fields"], table["colors"][0], strict=True))
    assert (colors["Known, 30d"], colors["Budget used"]) == (ORANGE, RED)


def test_what_held_is_not_told_where_nothing_is_known(other_times):
    table = other_times[UNKNOWN]["Share of probes that held"]
    assert not table.get("rows")


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
    assert (row["State"], row["Seen"]) == ("violated", "silence: no answer")
    assert row["Path ends at"] == "10.20.0.1"
    assert panels["What the last probe saw"]["links"][-1] == [
        "http://aa01.example.ac.uk:9842/rules/appsanywhere-mssql"
    ]
    (path,) = rows_by(panels["Where the path stops"], "To").values()
    assert path["Last router that answered"] == "10.20.0.1"


def test_what_a_rule_held_says_of_how_much_of_the_time_it_is_known(seen):
    held, known, used = seen["rule.json"]["panels"]["Held, 7 days"]
    assert held["text"] == "94.15%"
    assert (known["text"], known["color"]) == ("4%", ORANGE), "six hours of 168"
    assert float(used["text"].rstrip("%")) > 1000
    assert used["color"] == RED


def test_a_dead_exporter_and_a_failed_reload_are_seen(seen):
    panels = seen["exporter.json"]["panels"]
    rows = rows_by(panels["Exporters"], "Instance")
    assert rows["jump01.example.ac.uk:9842"]["Up"] == "no"
    assert rows["jump01.example.ac.uk:9842"]["Reloaded"] == "no data"
    assert rows["lab-pc.example.ac.uk:9842"]["Reloaded"] == "no"
    assert rows["aa01.example.ac.uk:9842"]["Reloaded"] == "yes"
    assert rows["lab-pc.example.ac.uk:9842"]["Controls"] == "answered"
    assert rows["aa01.example.ac.uk:9842"]["Controls"] == "silent"
    assert rows["analytics.example.ac.uk:9842"]["Controls"] == "none"
    assert rows["aa01.example.ac.uk:9842"]["Certificate, days"] == "60"
    assert rows["lab-pc.example.ac.uk:9842"]["Certificate, days"] == "none"


def test_shards_that_are_there_are_told_from_those_that_are_not(seen):
    table = seen["exporter.json"]["panels"]["Shards"]
    rows = {
        shard: (row["State"], row["Seen on"].partition(".")[0])
        for shard, row in rows_by(table, "Shard").items()
    }
    assert rows == {
        "1": ("there", "lab-pc"),
        "2": ("missing", "jump01"),
        "unseen for a day: 1": ("missing", "-"),
    }
    assert {row[2] for row in table["rows"]} == {"3"}


def test_a_resolver_that_fell_silent_is_seen(seen):
    panels = seen["exporter.json"]["panels"]
    line = panels["Resolvers over time"]["lab-pc.example.ac.uk:9842: 10.40.0.53 udp"]
    assert line == [["answers", GREEN], ["down", RED]]
    assert "unknown: no_request" in panels["HTTP clients turned away"]["series"]
    assert {"scrape", "people"} <= set(panels["HTTP connections"]["series"])


def test_a_feed_that_was_never_fetched_is_told_from_an_old_one(seen):
    table = seen["exporter.json"]["panels"]["Feeds"]
    rows = rows_by(table, "Feed")
    assert (rows["epel"]["Members"], rows["epel"]["Age"]) == ("0", "never")
    assert (rows["rocky-baseos"]["Members"], rows["rocky-baseos"]["Age"]) == (
        "10",
        "19 hours",
    )


def test_every_number_is_drawn_with_a_text(seen):
    for name, one in seen.items():
        for title, panel in one["panels"].items():
            if isinstance(panel, list):
                assert all(stat["text"] for stat in panel), f"{name}: {title}"


def test_no_colour_of_a_table_stands_alone(seen):
    tables = [
        panel
        for one in seen.values()
        for panel in one["panels"].values()
        if isinstance(panel, dict) and "colors" in panel
    ]
    assert len(tables) > 10
    for table in tables:
        for texts, colors in zip(table["rows"], table["colors"], strict=True):
            for text, color in zip(texts, colors, strict=True):
                assert text or color not in {RED, GREEN, PURPLE, ORANGE}, table


def test_units_are_words_that_grafana_knows(seen):
    """An unknown unit is shown as it is written, behind the number."""
    text = json.dumps([one["panels"] for one in seen.values()])
    assert "percentunit" not in text
    assert " short" not in text


def test_the_dashboards_fit_grafanas_published_types():
    done = drawing.node("check-schema.mjs", *(HERE / name for name in BOARDS))
    assert done.returncode == 0, done.stdout
