"""What promtool cannot see: names that do not exist, text without a home.

A misspelt metric is silence and a misspelt `$labels.x` an empty word, both valid.
"""

from __future__ import annotations

import json
import re

import pytest

from alerts.build import HEADLINES, PLACE_LABELS
from exporter.metrics.labels import COMMON_LABELS
from exporter.model.finding import Cause
from exporter.model.rule import Severity
from exporter.report import alert_trial
from tests.alerts.promql import Catalogue, Mistake
from tests.alerts.shipped import DASHBOARDS, RUNBOOK, rules, unit_tests

EXPECTED = (
    *("RuleViolated", "UsageDown", "RoleEgressDown", "DestinationDown"),
    *("ForbiddenPathOpen", "PartialAddresses", "TLSExpiring", "TLSExpired"),
    *("TLSUntrusted", "TLSIntercepted", "DNSBroken", "RuleFlapping", "RuleSlow"),
    *("SynLoss", "ClockSkew", "ErrorBudgetBurn", "ProbeStale", "ExporterDown"),
    *("RoleMissing", "RulesDisappeared", "ConfigReloadFailed", "ExporterLate"),
    *("FeedStale", "PlaceholdersUnset", "Watchdog"),
    *("Finding", "PathBroken", "RuleNeverHeld", "VerdictUnknown"),
    *(
        "ControlAnswers",
        "ResolverDown",
        "ExporterUnstable",
        "ShardMissing",
        "ConfigDrift",
        "CatalogueDrift",
    ),
)
SCOPES = {
    *("finding", "rule", "usage", "destination", "path", "role"),
    *("certificate", "slo", "exporter"),
}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
VARIABLES = {"source_role", "usage", "rule", "destination", "instance"}

_QUERY = re.compile(r'printf\s+"((?:[^"\\]|\\.)*)"|query\s+"((?:[^"\\]|\\.)*)"')
OF_THE_TARGET = re.compile(r'(site|team|cluster)="[^"]*",?')
"""Labels that a site gives its scrape targets."""
ALERTS = rules("alert")
NAMES = sorted({rule["alert"] for rule in ALERTS})


def named(rule):
    return f"{rule['alert']}-{rule.get('labels', {}).get('severity', 'own')}"


def called(rule):
    return rule.get("record") or named(rule)


each_alert = pytest.mark.parametrize("rule", ALERTS, ids=named)


@pytest.fixture(scope="module")
def catalogue():
    known = Catalogue()
    known.record(rules("record"))
    return known


def queries(text):
    """The queries that an annotation makes, with something for each %q and place."""
    for printed, plain in _QUERY.findall(text):
        query = printed or plain
        if "{" in query or ":" in query:
            yield query.replace("%q", '"x"').replace("{%s", '{job="x",site="x"')


def test_the_alerts_are_those_that_were_promised():
    assert sorted(f"Connectivity{name}" for name in EXPECTED) == NAMES


@pytest.mark.parametrize("rule", rules("record"), ids=lambda rule: rule["record"])
def test_a_recording_uses_only_what_exists(catalogue, rule):
    catalogue.labels_of(rule["expr"])


@each_alert
def test_an_alert_uses_only_what_exists(catalogue, rule):
    catalogue.labels_of(rule["expr"])


@pytest.mark.parametrize("rule", [*rules("record"), *ALERTS], ids=called)
def test_arithmetic_leaves_no_label_of_the_scrape_out(rule):
    # By `on` it would find two series where a ruler has those of two Prometheus servers.
    joins = r"(?:[*/+-]|[<>=]=?|!=)\s+(?:bool\s+)?on \((.*?)\)"
    assert not [by for by in re.findall(joins, rule["expr"]) if by]


@pytest.mark.parametrize("rule", [*rules("record"), *ALERTS], ids=called)
def test_what_is_joined_over_exporters_stays_in_its_place(rule):
    lists = re.findall(r"\b(?:on|by) \((job,[^)]*|job)\)", rule["expr"])
    named = [{*each.replace(" ", "").split(",")} for each in lists]
    assert all("instance" in names or names > {*PLACE_LABELS} for names in named)


@each_alert
def test_a_text_tells_of_its_own_place(rule):
    text = rule["annotations"]["description"]
    asked = "".join(f",{each}=%q" for each in PLACE_LABELS)
    values = "".join(f" $labels.{each}" for each in PLACE_LABELS)
    here = f'{{{{ $here := printf "job=%q{asked}" $labels.job{values} -}}}}'
    rest = text.removeprefix(here)
    assert ("$here" in rest) == (rest != text)
    assert "job=%q" not in rest
    assert "site=%q" not in rest


@each_alert
def test_every_label_in_a_text_survives_the_expression(catalogue, rule):
    labels = catalogue.labels_of(rule["expr"])
    for text in rule["annotations"].values():
        named_labels = set(re.findall(r"\$labels\.(\w+)", text))
        assert named_labels <= labels.union(PLACE_LABELS)


@each_alert
def test_every_query_in_a_text_uses_only_what_exists(catalogue, rule):
    for text in rule["annotations"].values():
        for query in queries(text):
            catalogue.labels_of(query)


_QUERIED = re.compile(r"\{\{-? (?=(?:range|with|\$(?!here)\w+ :=) printf)")
_OF_A_NAME = re.compile(r"range \$(\w+) \}\}(.*?)\{\{ end", re.DOTALL)


def read(body, head=""):
    """The labels that a piece of a template reads."""
    sorted_by = re.findall(r'sortByLabel "(\w+)"', head)
    return {*re.findall(r"\.Labels\.(\w+)", body), *sorted_by}


@each_alert
def test_every_label_read_from_a_query_is_in_its_result(catalogue, rule):
    for text in rule["annotations"].values():
        known = {}
        for part in _QUERIED.split(text)[1:]:
            head, _, body = part.partition("}}")
            labels = catalogue.labels_of(next(queries(head)))
            if name := re.match(r"\$(\w+) :=", head):
                known[name[1]] = labels
            for name, inner in _OF_A_NAME.findall(body):
                assert read(inner) <= known[name]
            assert read(_OF_A_NAME.sub("", body), head) <= labels, head


@each_alert
def test_every_alert_says_how_urgent_it_is_and_how_wide(catalogue, rule):
    labels = catalogue.labels_of(rule["expr"]) | set(rule["labels"])
    assert {"severity", "scope"} <= labels
    assert rule["labels"].get("severity", "none") in {*Severity, "none"}
    assert rule["labels"]["scope"] in SCOPES


@each_alert
def test_every_alert_keeps_the_job(catalogue, rule):
    labels = catalogue.labels_of(rule["expr"]) | set(rule["labels"])
    alone = {"ConnectivityWatchdog", "ConnectivityRoleMissing"}
    assert "job" in labels or rule["alert"] in alone


@each_alert
def test_every_alert_has_all_its_texts(rule):
    assert set(rule["annotations"]) == ANNOTATIONS
    for sentence in re.split(r"\{\{.*?\}\}", rule["annotations"]["summary"]):
        assert not sentence or sentence.endswith(".")


def test_every_cause_has_a_sentence_of_its_own():
    assert {*HEADLINES} == {*Cause, alert_trial.CAUSE}
    assert len({*HEADLINES.values()}) == len(HEADLINES)


@each_alert
def test_the_runbook_has_an_anchor_for_every_alert(rule):
    anchor = rule["annotations"]["runbook_url"].rpartition("#")[2]
    assert anchor == rule["alert"].lower()
    assert f"\n## {rule['alert']}\n" in RUNBOOK.read_text()


def test_the_runbook_has_no_section_without_an_alert():
    sections = re.findall(r"^## (Connectivity\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert sorted(sections) == NAMES


@each_alert
def test_the_dashboard_of_every_alert_exists_with_its_variables(rule):
    path = rule["annotations"]["dashboard_url"].rpartition("/d/")[2]
    uid, _, variables = path.partition("?")
    used = set(re.findall(r"var-(\w+)=", variables))
    for file in DASHBOARDS.glob("*.json"):
        found = json.loads(file.read_text())
        if found["uid"] == uid:
            offered = {each["name"] for each in found["templating"]["list"]}
            assert used <= offered & VARIABLES
            return
    pytest.fail(f"no dashboard has the uid {uid}")


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_unit_test_for_firing_and_for_silence(name):
    seen = [
        bool(case["exp_alerts"])
        for _, test in unit_tests()
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert True in seen
    assert False in seen or name == "ConnectivityWatchdog"


@each_alert
def test_every_variant_of_an_alert_is_seen_firing(rule):
    fixed = rule["labels"].items()
    assert any(
        fixed <= alert["exp_labels"].items()
        for _, test in unit_tests()
        for case in test["alert_rule_test"]
        if case["alertname"] == rule["alert"]
        for alert in case["exp_alerts"]
    )


def test_unit_tests_expect_the_texts_too():
    for file, test in unit_tests():
        for case in test["alert_rule_test"]:
            for alert in case["exp_alerts"]:
                assert set(alert["exp_annotations"]) == ANNOTATIONS, (file, test)


def test_unit_tests_feed_only_series_that_exist(catalogue):
    for _, test in unit_tests():
        for series in test["input_series"]:
            catalogue.labels_of(OF_THE_TARGET.sub("", series["series"]))


@pytest.mark.parametrize("kind", ["threshold", "objective"])
def test_every_number_that_a_site_may_change_is_used(kind):
    recorded = {rule["record"] for rule in rules("record")}
    wanted = {name for name in recorded if f":{kind}:" in name}
    text = "".join(rule["expr"] for rule in rules("record") + ALERTS)
    assert wanted
    assert [name for name in wanted if name not in text] == []


class TestTheLintItself:
    """Each mistake that it is there to find."""

    @pytest.mark.parametrize(
        "expr",
        [
            "connectivity_rule_satisfyed == 0",
            'connectivity_rule_satisfied{source="web"}',
            "sum by (owner) (connectivity_rule_satisfied)",
            "sum without (phase) (connectivity_rule_satisfied)",
            "up * on (rule) connectivity_rule_satisfied",
            "connectivity_rule_satisfied * on (instance) group_left (reason) connectivity_rule_info",
            "connectivity_rule_satisfied and connectivity_rule_info",
            "histogram_quantile(0.9, connectivity_rule_satisfied)",
            'label_join(up, "a", "-", "rule")',
        ],
    )
    def test_finds(self, catalogue, expr):
        with pytest.raises(Mistake):
            catalogue.labels_of(expr)

    @pytest.mark.parametrize(
        ("expr", "labels"),
        [
            ("count by (job) (connectivity_rule_satisfied)", {"job"}),
            ("connectivity_rule_reachable == 1", {"job", "instance", *COMMON_LABELS}),
            ("up * on (job) group_left () up", {"job", "instance"}),
            ("up == on (job) up", {"job"}),
            ("absent(up)", set()),
            ("time() - up > 5", {"job", "instance"}),
            ("up or sum by (job) (up)", {"job"}),
        ],
    )
    def test_knows_what_is_left(self, catalogue, expr, labels):
        assert catalogue.labels_of(expr) == labels
