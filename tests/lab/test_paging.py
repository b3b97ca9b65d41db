"""From a firewall rule to a page: one cause, one message, and none besides.

The real exporter, Prometheus and Alertmanager with the shipped rules and routes, all
durations divided by twelve. Each story is one test, since what must not be told later
depends on what was told before: every notification is compared, in order, whole. The
stories are played at the same time, each on a stage of its own.
"""

from __future__ import annotations

import concurrent.futures
import contextlib

import pytest

from tests.alerts.scaled import shorter
from tests.alerts.stage import Stage, rule
from tests.lab import firewall, plan

pytestmark = pytest.mark.lab

ALL = {"job": "connectivity", "site": "lab"}
FINDING = {
    **ALL,
    "alertname": "ConnectivityFinding",
    "scope": "finding",
    "severity": "critical",
}
API = {**FINDING, "cause": "path", "subject": "10.9.2.2", "owner": "network"}
EGRESS = {**FINDING, "cause": "path", "subject": "10.9.2.2", "owner": "network"}
LICENCE = {
    **FINDING,
    "cause": "service",
    "subject": "license.looker.com:443",
    "owner": "vendor",
}
OPEN = {**FINDING, "cause": "forbidden_path", "subject": "web-closed"}
EXPORTER = {
    **ALL,
    "alertname": "ConnectivityExporterDown",
    "scope": "exporter",
    "severity": "critical",
}
FLAPPING = {
    **ALL,
    "alertname": "ConnectivityRuleFlapping",
    "scope": "rule",
    "severity": "warning",
    "owner": "dba",
    "source_role": "web",
    "usage": "user-access",
    "rule": "web-portal",
    "port": "443",
    "destination": "appsanywhere.uni.edu",
    "protocol": "tcp",
}
BURN = {
    **ALL,
    "alertname": "ConnectivityErrorBudgetBurn",
    "scope": "slo",
    "severity": "critical",
    "owner": "dba",
    "source_role": "web",
    "long": "1h",
    "short": "5m",
}
BUDGET_JUDGED = f"source_role:connectivity_rule_satisfied:avg offset {shorter('30m')}"
"""Has a result for every role whose burnt budget may be told of."""

VENDOR, DBA = {"owner": "vendor"}, {"owner": "dba"}
SINGLE = (
    rule("web-api", "api.software2.com", 443, "vendor-api", "critical", **VENDOR),
    rule("web-app", "api.appsanywhere.com", 80, "vendor-api", "critical", **VENDOR),
    rule("web-portal", "appsanywhere.uni.edu", 443, "user-access", "critical", **DBA),
    rule(
        "web-closed", "cloudpaging.uni.edu", 80, "analytics", "critical", expect="deny"
    ),
)
WEB = (
    rule("web-licence", "license.looker.com", 443, "licensing", "critical", **VENDOR),
    rule("web-files", "files.appsanywhere.com", 443, "file-share", "warning"),
    rule("web-rpms", "packages.microsoft.com", 443, "package-repository", "warning"),
)
BATCH = (
    rule("batch-licence", "license.looker.com", 443, "licensing", "critical", **VENDOR),
    rule("batch-git", "bitbucket.org", 443, "vendor-api", "critical", **VENDOR),
    rule("batch-files", "files.appsanywhere.com", 443, "file-share", "critical"),
    rule("batch-rocky", "mirrors.rockylinux.org", 443, "os-updates", "critical"),
    rule("batch-vinters", "mirrors.vinters.com", 80, "os-updates", "critical"),
)
"""All of one severity: with rounds of five seconds and rules that wait for seven, those of
a milder one may fail first for long enough to be told on their own."""


@pytest.fixture(scope="module")
def played(lab):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        yield {story: pool.submit(story, lab) for story in STORIES}


def single_rules(lab):
    cast = {"web": (lab.prober, SINGLE)}
    with contextlib.closing(Stage(lab, "paging-rules", 19100, cast)) as stage:
        with closed(lab):
            everything_holds(stage)
            one_rule_dropped(lab, stage)
        stage.expect(("oncall", "firing", OPEN))
        with closed(lab):
            stage.expect(("oncall", "resolved", OPEN))
            a_rule_that_comes_and_goes(lab, stage)
            ends_quietly(stage)


def whole_roles(lab):
    cast = {"web": (lab.prober, WEB), "batch": (lab.r1, BATCH)}
    with contextlib.closing(Stage(lab, "paging-roles", 19200, cast)) as stage:
        everything_holds(stage)
        a_destination_dead_for_two_roles(lab, stage)
        with cut_off(lab):
            a_role_cut_off(lab, stage)
            alertmanager_restarted(stage)
            exporter_killed(stage)
            stage.until(BUDGET_JUDGED, len(cast))
            stage.quiet(10)
        stage.expect(("oncall", "resolved", EGRESS))
        ends_quietly(stage)


STORIES = (single_rules, whole_roles)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_cause_is_told_once_and_its_end_too(played, story):
    played[story].result()


def closed(lab):
    """The path that must not be open."""
    return firewall.reject(lab.fw, "cloudpaging.uni.edu", 80)


def cut_off(lab):
    """The role batch gets nothing out but its questions for names."""
    return _refused(lab, "meta l4proto != udp")


def without_names(lab):
    """Nor do names resolve any more."""
    return _refused(lab, "meta l4proto udp")


def _refused(lab, what):
    """A refusal says no at once; a busy host would make little of silence."""
    v4, v6 = plan.addresses(plan.R1_FW, 1)
    rules = [
        f"ip saddr {v4} {what} reject with icmp type admin-prohibited",
        f"ip6 saddr {v6} {what} reject with icmpv6 type admin-prohibited",
    ]
    return firewall.change(lab.fw, rules)


def everything_holds(stage):
    targets = sum(len(rules) for _, rules in stage.cast.values())
    stage.until("connectivity_rule_satisfied == 1", targets)
    stage.until("connectivity_rule_last_success_timestamp_seconds", targets)


def one_rule_dropped(lab, stage):
    with firewall.drop(lab.fw, "api.software2.com", 443):
        (text,) = stage.expect(("oncall", "firing", API))
        assert "1 from web for vendor-api; to api.software2.com:443/tcp;" in text
        assert f"seen by {stage.instances['web']}." in text
    stage.expect(("oncall", "resolved", API))


def a_rule_that_comes_and_goes(lab, stage):
    """Each time shorter than any other alert would take, until that is told."""
    state = 'connectivity_rule_satisfied{rule="web-portal"} == '
    for _ in range(30):
        if len(stage.told()) >= 2:
            break
        with firewall.reject(lab.fw, "appsanywhere.uni.edu", 443, with_="reset"):
            stage.until(state + "0")
        stage.until(state + "1")
    stage.expect(("oncall", "firing", BURN), ("tickets", "firing", FLAPPING))
    stage.expect(("oncall", "resolved", BURN))


def a_destination_dead_for_two_roles(lab, stage):
    with firewall.reject(lab.fw, "license.looker.com", 443, with_="reset"):
        stage.expect(("oncall", "firing", LICENCE))
    stage.expect(("oncall", "resolved", LICENCE))


def a_role_cut_off(lab, stage):
    stage.expect(("oncall", "firing", EGRESS))
    with without_names(lab):
        stage.until('connectivity_rule_failure{reason="dns_failure"}', len(BATCH))
        stage.quiet(15)


def alertmanager_restarted(stage):
    stage.stop("alertmanager")
    stage.start_alertmanager()
    stage.until_alertmanager_knows(EGRESS["alertname"])
    stage.quiet(10)


def exporter_killed(stage):
    """Longer than what it last said would fire by itself."""
    down = {**EXPORTER, "instance": stage.instances["batch"]}
    stage.stop("batch")
    stage.expect(("oncall", "firing", down))
    stage.quiet(20)
    stage.start_exporter("batch")
    stage.expect(("oncall", "resolved", down))


def ends_quietly(stage):
    """For longer than the shipped rules wait before they page."""
    stage.quiet(25)
    assert stage.watchdog_arrives()
