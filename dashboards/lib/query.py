"""PromQL pieces shared by the dashboards, and the data queries around them.

Everything that selects targets goes through `target()`, so that the variables of the
dashboards reach every query. Label sets are those of design: `KEY` identifies one
target as one exporter sees it.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

KEY = "job, instance, rule, destination, port, protocol"
"""The labels that tell one target, seen by one exporter, from all others."""
EXPORTER = 'job=~"$job", instance=~"$instance", site=~"$site"'
"""Selects series of exporters that are not about a target."""
MANY = f'{EXPORTER}, source_role=~"$source_role", usage=~"$usage"'
"""Selects by the variables that every dashboard has."""
ONE = f'{MANY}, rule="$rule", destination=~"$destination"'
"""Selects one rule, at one or more destinations."""
WHOSE = ', owner=~"$owner", severity=~"$severity"'
"""Appended to a selection of series that say whose a target is, and how grave."""


def target(name: str, select: str = MANY, extra: str = "") -> str:
    """`connectivity_rule_<name>` of the selected targets."""
    return f"connectivity_rule_{name}{{{select}{extra}}}"


def exporter(name: str, extra: str = "") -> str:
    """`connectivity_exporter_<name>` of the selected exporters."""
    return f"connectivity_exporter_{name}{{{EXPORTER}{extra}}}"


def known(select: str = MANY) -> str:
    """The targets there are, those of an exporter that went down within the hour too.

    Without the latter, what a dead exporter was to prove would be out of sight.
    """
    info = target("info", select)
    down = f"up{{{EXPORTER}}} == 0"
    return f"({info} or last_over_time({info}[1h]) and on (job, instance) {down})"


def unknown(select: str = MANY) -> str:
    """How many targets have no verdict."""
    targets, satisfied = known(select), target("satisfied", select)
    return f"count({targets} unless on ({KEY}) {satisfied}) or 0 * count({targets})"


def states(by: str, select: str = MANY, limit: str = "") -> str:
    """Per `by`: 0 if anything in it is violated, 1 if all hold, 2 if none has a verdict.

    `limit` is appended to what is aggregated, to keep the number of targets bounded.
    """
    return (
        f"min by ({by}) ({target('satisfied', select)}{limit})"
        f" or min by ({by}) (2 * {target('info', select)}{limit})"
    )


def series(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """A query over the time range; one drawn series per result."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).range().ref_id(ref)


def now(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """A query at the end of the time range; for single values."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).instant().ref_id(ref)


def rows(expr: str, ref: str = "A") -> prometheus.Dataquery:
    """A query at the end of the time range, as a table with a column per label."""
    return now(expr, ref=ref).format(PromQueryFormat.TABLE)
