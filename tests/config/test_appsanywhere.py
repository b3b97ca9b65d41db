"""The shipped files against the facts of the vendor's page, row by row.

`rows.csv` holds the page's table rows: where a row leaves its destination blank or
names a setting, it holds the example host that the rule is listed with.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from exporter.config.site import load_site
from exporter.model.rule import Expect, Severity, Status, Usage

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "connectivity.yaml"
TABLE = Path(__file__).parents[1] / "vendor" / "rows.csv"
LINES = TABLE.read_text(encoding="utf-8").splitlines()
ROWS = {row["row"]: row for row in csv.DictReader(LINES)}
DETAIL = sorted(name for name in ROWS if not name.startswith("D"))
SUMMARY = sorted(name for name in ROWS if name.startswith("D"))

# The rows that name the host of a mirror list whose mirrors are needed as well, and
# the roles whose rules lead to them.
LISTS = {
    "E10": ("appsanywhere", "remi"),
    "E13": ("appsanywhere", "epel"),
    "E14": ("appsanywhere", "rocky"),
    "F7": ("analytics-rocky", "epel"),
    "F9": ("analytics-rocky", "rocky"),
    "F13": ("analytics", "remi"),
}

# Role: targets by status, of which every role sees all 79.
ROLES = {
    "client-device": {"unset": 3, "other_role": 76},
    "external-client": {"unset": 1, "other_role": 78},
    "jump-host": {"unset": 4, "other_role": 75},
    "appsanywhere": {"active": 22, "unset": 16, "other_role": 41},
    "appsanywhere01": {"active": 22, "unset": 20, "other_role": 37},
    "appsanywhere02": {"active": 22, "unset": 17, "other_role": 40},
    "appsanywhere03": {"active": 22, "unset": 17, "other_role": 40},
    "analytics": {"active": 7, "unset": 4, "other_role": 68},
    "analytics-centos": {"active": 11, "unset": 4, "retired": 1, "other_role": 63},
    "analytics-rocky": {"active": 14, "unset": 8, "other_role": 57},
    "cloudpaging": {"other_role": 79},
}


@pytest.fixture(scope="module")
def site():
    return load_site(SHIPPED)


@pytest.fixture(scope="module")
def by_row(site):
    """What the page itself asks to open, without the mirrors that lists name."""
    found = {}
    for target in site.targets:
        if target.rule.feed is None and target.rule.expect is Expect.ALLOW:
            for row in target.rule.rows:
                found.setdefault(row, []).append(target)
    return found


def test_the_page_has_75_rows_and_each_is_a_rule_and_no_rule_makes_one_up(by_row):
    assert len(ROWS) == 75
    assert set(by_row) == set(ROWS)


@pytest.mark.parametrize("row", DETAIL)
def test_a_detail_row_is_one_rule_with_its_source_destination_and_port(row, by_row):
    [target] = by_row[row]
    facts = ROWS[row]
    assert (
        target.rule.source,
        target.destination,
        str(target.port),
        str(target.rule.transport),
    ) == (facts["source"], facts["destination"], facts["port"], facts["transport"])


@pytest.mark.parametrize("row", SUMMARY)
def test_a_summary_row_stands_with_the_detail_rows_it_sums_up(row, by_row):
    facts = ROWS[row]
    covered = {
        name for target in by_row[row] for name in target.rule.rows if name != row
    }
    assert covered == set(facts["covered_by"].split())
    for target in by_row[row]:
        assert target.rule.source.startswith(facts["source"])
        assert str(target.rule.port) == facts["port"]
        assert str(target.rule.transport) == facts["transport"]


def test_every_external_row_is_summed_up_by_a_summary_row(by_row):
    for row in DETAIL:
        if row[0] in "EF":
            [target] = by_row[row]
            assert any(name.startswith("D") for name in target.rule.rows), row


def test_a_flow_stated_from_both_sides_is_one_rule(by_row):
    assert by_row["B2"] == by_row["C10"]
    assert by_row["C8"] == by_row["H1"]


def test_only_advice_stands_without_a_row_and_it_is_information(site):
    without = [rule for rule in site.rules if not rule.rows]
    assert [rule.id for rule in without] == ["appsanywhere-ad-kerberos-tcp"]
    assert without[0].advisory
    assert without[0].severity is Severity.INFO


def test_what_the_page_keeps_inside_must_be_closed_from_outside(site):
    [deny] = [target for target in site.targets if target.rule.expect is Expect.DENY]
    assert (deny.rule.source, deny.destination, deny.port) == (
        *("external-client", "analytics.uni.edu", 9999),
    )
    assert deny.rule.rows == ("B1",)
    assert deny.rule.severity is Severity.CRITICAL
    assert deny.rule.witness is None
    assert "`witness`" in deny.rule.notes


def test_every_list_on_the_page_has_its_mirrors_probed_over_both_schemes(site):
    found = {}
    for target in site.targets:
        rule = target.rule
        if rule.feed is not None:
            [row] = rule.rows
            found.setdefault((row, rule.source, rule.feed), []).append(rule)
    assert set(found) == {(row, *where) for row, where in LISTS.items()}
    for rules in found.values():
        assert {(rule.probe, rule.port) for rule in rules} == {
            ("https", 443),
            ("http", 80),
        }
        assert {rule.severity for rule in rules} == {Severity.INFO}


def test_a_list_is_fetched_from_the_host_of_its_row(site):
    for row, (_, name) in LISTS.items():
        assert site.feeds.known[name].host == ROWS[row]["destination"]


def test_every_rule_says_who_what_and_why_in_the_file_itself():
    text = SHIPPED.with_name("catalogues") / "appsanywhere.yaml"
    rules = text.read_text(encoding="utf-8").split("\n  - id: ")[1:]
    assert len(rules) == 79
    for rule in rules:
        for key in ("probe", "usage", "severity", "owner", "section", "description"):
            assert f"\n    {key}: " in rule, rule.splitlines()[0]


def test_descriptions_are_short_enough_for_a_table(site):
    assert max(len(rule.description) for rule in site.rules) <= 75


def test_what_the_page_leaves_open_is_marked(site):
    rules = {rule.id: rule for rule in site.rules}
    assert [i for i, rule in rules.items() if rule.unverifiable] == [
        "analytics-mssql-udp"
    ]
    assert [i for i, rule in rules.items() if rule.retired] == [
        "analytics-centos-mirror-list"
    ]
    assert {i for i, rule in rules.items() if not rule.tls.verify} == {
        "appsanywhere-analytics-api",
        "appsanywhere-mssql",
        "analytics-mssql",
    }


def test_rules_to_the_internet_are_public_and_those_inside_are_not(site):
    for target in site.targets:
        inside = target.destination.endswith(".uni.edu")
        assert target.rule.public is not inside, target


def test_the_parallels_pointer_is_a_note(site):
    assert any(note.startswith("I0: ") for note in site.notes)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_runs_what_starts_from_it(role):
    site = load_site(SHIPPED, [role])
    counted = Counter(str(target.status) for target in site.targets)
    assert counted == Counter(ROLES[role])


def test_every_role_of_the_page_is_tried(site):
    assert set(site.catalogues[0].roles) == set(ROLES)


def test_as_shipped_nothing_but_the_internet_is_probed(site):
    active = [t for t in site.targets if t.status is Status.ACTIVE]
    assert active
    assert not [t for t in active if t.destination.endswith(".uni.edu")]


def test_every_placeholder_stands_commented_in_the_shipped_site_file(site, tmp_path):
    text = SHIPPED.read_text(encoding="utf-8")
    for name in (binding.placeholder.name for binding in site.placeholders):
        assert f"\n  # {name}: " in text
    uncommented = "\n".join(
        line.replace("  # ", "  ", 1)
        if line.startswith("  # ") and ": " in line
        else line
        for line in text.splitlines()
    )
    changed = tmp_path / "connectivity.yaml"
    changed.write_text(uncommented, encoding="utf-8")
    site = load_site(changed)
    assert {binding.status for binding in site.placeholders} == {Status.ACTIVE}
    assert not site.warnings


def test_without_cloudpaging_and_parallels_their_rules_do_not_apply(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(
        "catalogues: [appsanywhere]\nroles: [appsanywhere, client-device]\n"
        "placeholders: {cloudpaging: null, parallels: null}\n",
        encoding="utf-8",
    )
    site = load_site(path)
    gone = {
        target.rule.id
        for target in site.targets
        if target.status is Status.NOT_APPLICABLE
    }
    assert gone == {
        "appsanywhere-cloudpaging-https",
        "appsanywhere-parallels-https",
        "client-cloudpaging-http",
    }


def test_the_catalogue_uses_words_of_the_closed_vocabulary_for_what_they_mean(by_row):
    usages = {row: str(targets[0].rule.usage) for row, targets in by_row.items()}
    assert usages["A1"] == Usage.USER_ACCESS
    assert usages["B5"] == Usage.CLUSTER_SYNC
    assert usages["B7"] == Usage.ADMINISTRATION
    assert usages["C1"] == Usage.DATABASE
    assert usages["C3"] == Usage.DIRECTORY
    assert usages["C4"] == Usage.AUTHENTICATION
    assert usages["C7"] == Usage.CERTIFICATE_CHECK
    assert usages["C11"] == Usage.FILE_SHARE
    assert usages["E2"] == Usage.TIME
    assert usages["E19"] == Usage.MAIL
    assert usages["F18"] == Usage.LICENSING


def test_the_ledger_has_every_row_once_with_the_rules_that_name_it(site):
    (catalogue,) = site.catalogues
    ledger = {entry.row: entry for entry in catalogue.requirements}
    assert len(ledger) == len(catalogue.requirements)
    assert ledger.keys() - ROWS.keys() == {"I0"}
    stated = {row: set() for row in ROWS}
    for rule in site.rules:
        for row in rule.rows:
            stated[row].add(rule.id)
    assert {row: set(ledger[row].rules) for row in ROWS} == stated
    assert ledger["I0"].why == "parallels-ras"
    assert len({entry.sha256 for entry in ledger.values()} - {""}) > len(ROWS) - 9


def test_what_is_retired_or_says_nothing_is_not_counted_as_proven(site):
    (ledger,) = site.ledgers
    told = "requirements of appsanywhere: 73 of 76 proven, 2 unprovable, 1 elsewhere"
    assert ledger.sentence == told
