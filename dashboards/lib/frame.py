"""What all dashboards share: variables, navigation, annotations, time."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.lib.panels import DATASOURCE

TAG = "connectivity"
FIRING = (
    'ALERTS{alertname=~"Connectivity.*", alertname!="ConnectivityWatchdog",'
    ' alertstate="firing", source_role=~"$source_role|", site=~"$site|",'
    ' owner=~"$owner|", severity=~"$severity"}'
)
"""What fires now for the roles, sites and owners selected, or for none."""
WATCHED = 'ALERTS{alertname="ConnectivityWatchdog", alertstate="firing"}'
"""Fires always: without it nobody evaluates the alert rules."""


def frame(title: str, uid: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard with everything around the panels."""
    board = (
        dashboard.Dashboard(f"Connectivity / {title}")
        .uid(uid)
        .description(description)
        .tags([TAG])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_navigation())
        .link(_runbook())
        .annotation(_alerts())
        .with_variable(_datasource())
    )
    for variable in _selectors():
        board = board.with_variable(variable)
    return board


def one_of(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable of exactly one value, from Prometheus."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(False)
        .include_all(False)
    )


def some_of(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable of any number of values, all of them at first."""
    everything = VariableOption(selected=True, text="All", value="$__all")
    variable = one_of(name, label, query).multi(True).include_all(True)
    return variable.all_value(".+").current(everything)


def any_of(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """Like `some_of()`, for a label that not every series has."""
    return some_of(name, label, query).all_value(".*")


def _datasource() -> dashboard.DatasourceVariable:
    first = VariableOption(selected=True, text="default", value="default")
    variable = dashboard.DatasourceVariable("datasource").label("Data source")
    return variable.type("prometheus").current(first)


def _selectors() -> list[dashboard.QueryVariable]:
    build = "connectivity_exporter_build_info"
    info = 'connectivity_rule_info{job=~"$job", instance=~"$instance"%s}'
    links = "connectivity:links:info"
    within = info % ', source_role=~"$source_role"'
    # A finding's owner need not be the owner of any rule.
    owned = (
        '{__name__=~"connectivity_rule_info|connectivity_finding",'
        ' job=~"$job", instance=~"$instance"}'
    )
    return [
        some_of("job", "Job", f"label_values({build}, job)"),
        some_of(
            "instance", "Instance", f'label_values({build}{{job=~"$job"}}, instance)'
        ),
        some_of(
            "source_role", "Source role", f"label_values({info % ''}, source_role)"
        ),
        some_of("usage", "Usage", f"label_values({within}, usage)"),
        any_of("site", "Site", f'label_values({build}{{job=~"$job"}}, site)'),
        any_of("owner", "Owner", f"label_values({owned}, owner)"),
        any_of("severity", "Severity", f"label_values({owned}, severity)"),
        one_of("runbook", "Runbook", f"label_values({links}, runbook)").hide(
            VariableHide.HIDE_VARIABLE
        ),
    ]


def _navigation() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Connectivity")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _runbook() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Runbook")
        .type(DashboardLinkType.LINK)
        .icon("doc")
        .tooltip("What each alert means and what to do")
        .url("${runbook}")
        .target_blank(True)
    )


def _alerts() -> dashboard.AnnotationQuery:
    query = Dataquery().expr(FIRING).ref_id("Anno").range()
    return (
        dashboard.AnnotationQuery()
        .name("Firing alerts")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("red")
        .target(query)
        .expr(FIRING)
        .step("60s")
        .title_format("{{alertname}}")
        .text_format("{{source_role}} {{usage}} {{rule}} {{destination}}")
        .tag_keys("severity,source_role,usage,rule")
    )
