"""From a firewall rule to a page: one cause, one message, and none besides.

The real exporter, Prometheus and Alertmanager with the shipped rules and routes, all
durations divided by twelve. One story in one test, since what must not be told later
depends on what was told before: every notification is compared, in order, whole.
"""

from __future__ import annotations

import contextlib
import os

import pytest

from tests.alerts.stage import BATCH, CLOSED, RULES, Stage
from tests.lab import firewall, plan

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        "PAGING" not in os.environ, reason="takes many minutes; PAGING=1 runs it"
    ),
]

ALL = {"job": "connectivity", "site": "lab"}
API = {
    **ALL,
    "alertname": "ConnectivityRuleViolated",
    "scope": "rule",
    "severity": "critical",
    "owner": "vendor",
    "source_role": "web",
    "usage": "vendor-api",
    "rule": "web-api",
    "destination": "api.software2.com",
    "port": "443",
    "protocol": "tcp",
}
EGRESS = {
    **ALL,
    "alertname": "ConnectivityRoleEgressDown",
    "scope": "role",
    "severity": "critical",
    "owner": "network",
    "source_role": "batch",
}
EXPORTER = {
    **ALL,
    "alertname": "ConnectivityExporterDown",
    "scope": "exporter",
    "severity": "critical",
    "instance": BATCH,
}
LICENCE = {
    **ALL,
    "alertname": "ConnectivityDestinationDown",
    "scope": "destination",
    "severity": "critical",
    "owner": "vendor",
    "destination": "license.looker.com",
}
OPEN = {
    **ALL,
    "alertname": "ConnectivityForbiddenPathOpen",
    "scope": "rule",
    "severity": "critical",
    "source_role": "web",
    "usage": "analytics",
    "rule": "web-closed",
    "destination": CLOSED[0],
    "port": str(CLOSED[1]),
    "protocol": "tcp",
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
    "owner": "network",
    "source_role": "web",
    "long": "1h",
    "short": "5m",
}
CUT_OFF = "source_role_instance:connectivity_cut_off:max6m"


@pytest.fixture
def closed(lab):
    """The path that must be closed; closing this opens it."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(firewall.reject(lab.fw, *CLOSED))
        yield stack


@pytest.fixture
def stage(lab, closed):
    running = Stage(lab)
    yield running
    running.close()


def cut_off(lab):
    """The role batch gets nothing out but its questions for names."""
    v4, v6 = plan.addresses(plan.R1_FW, 1)
    return firewall.change(
        lab.fw,
        [
            f"ip saddr {v4} meta l4proto != udp drop",
            f"ip6 saddr {v6} meta l4proto != udp drop",
        ],
    )


def without_names(lab):
    """Nor do names resolve any more."""
    v4, v6 = plan.addresses(plan.R1_FW, 1)
    return firewall.change(lab.fw, [f"ip saddr {v4} drop", f"ip6 saddr {v6} drop"])


def test_every_cause_is_told_once_and_its_end_too(lab, stage, closed):
    everything_holds(stage)
    one_rule_dropped(lab, stage)
    with cut_off(lab):
        a_role_cut_off(lab, stage)
        alertmanager_restarted(stage)
        exporter_killed(stage)
    healed(stage)
    a_destination_dead_for_two_roles(lab, stage)
    a_forbidden_path_opened(lab, stage, closed)
    a_rule_that_comes_and_goes(lab, stage)
    stage.quiet(30)
    assert stage.watchdog_arrives()


def everything_holds(stage):
    targets = sum(map(len, RULES.values())) + 1
    stage.until("target:connectivity_rule_satisfied:last10m == 1", targets)
    stage.quiet(15)


def one_rule_dropped(lab, stage):
    with firewall.drop(lab.fw, "api.software2.com", 443):
        stage.expect(("oncall", "firing", API))
    stage.expect(("oncall", "resolved", API))


def a_role_cut_off(lab, stage):
    stage.expect(("oncall", "firing", EGRESS))
    with without_names(lab):
        stage.until('connectivity_rule_failure{reason="dns_failure"}', 5)
        stage.quiet(20)


def alertmanager_restarted(stage):
    stage.stop("alertmanager")
    stage.start_alertmanager()
    stage.quiet(20)


def exporter_killed(stage):
    stage.stop("batch")
    stage.expect(("oncall", "firing", EXPORTER))
    stage.quiet(25)


def healed(stage):
    stage.start_exporter("batch")
    stage.expect(("oncall", "resolved", EXPORTER), ("oncall", "resolved", EGRESS))


def a_destination_dead_for_two_roles(lab, stage):
    stage.until(CUT_OFF, 0)
    with firewall.drop(lab.fw, "license.looker.com", 443):
        stage.expect(("oncall", "firing", LICENCE))
    stage.expect(("oncall", "resolved", LICENCE))


def a_forbidden_path_opened(lab, stage, closed):
    closed.close()
    stage.expect(("oncall", "firing", OPEN))
    closed.enter_context(firewall.reject(lab.fw, *CLOSED))
    stage.expect(("oncall", "resolved", OPEN))


def a_rule_that_comes_and_goes(lab, stage):
    """Each time shorter than any other alert would take, until that is told."""
    state = 'connectivity_rule_satisfied{rule="web-portal"} == '
    for _ in range(20):
        if len(stage.told()) >= 2:
            break
        with firewall.reject(lab.fw, "appsanywhere.uni.edu", 443, with_="reset"):
            stage.until(state + "0")
        stage.until(state + "1")
    stage.expect(("oncall", "firing", BURN), ("tickets", "firing", FLAPPING))
    stage.expect(("oncall", "resolved", BURN))
