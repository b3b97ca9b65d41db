"""What is wrong, cause by cause, and what fires: the first things to read at night.

The exporters fold what one cause explains into a finding; the tables here show one
row for each source role that a finding touches, and one for each alert that fires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.lib import links, words
from dashboards.lib.frame import FIRING
from dashboards.lib.panels import (
    COLORED,
    cell,
    columns,
    merged,
    sorted_by,
    table,
    widths,
)
from dashboards.lib.query import EXPORTER, WHOSE, rows, target
from dashboards.lib.seen import info_last

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.table import Panel

MOST = 100
_ONE = "job, instance, finding"
_TOUCHED = f'{EXPORTER}{WHOSE}, source_role=~"$source_role|", usage=~"$usage|"'
"""A finding that explains no target has neither role nor usage."""
_COLUMNS = {
    "severity": "Severity",
    "Value #B": "For",
    "cause": "Cause",
    "subject": "Subject",
    "source_role": "From",
    "Value #A": "Targets",
    "rule": "A rule of it",
    "owner": "Owner",
    "instance": "Seen from",
}
_ALERTS = {
    "severity": "Severity",
    "Value": "For",
    "alertname": "Alert",
    "cause": "Cause",
    "subject": "Subject",
    "source_role": "From",
    "usage": "Usage",
    "rule": "Rule",
    "destination": "To",
    "owner": "Owner",
    "instance": "Exporter",
}


def table_of_findings(title: str, *, height: int) -> Panel:
    """One row for each finding and source role; empty if nothing is wrong."""
    by = f"{_ONE}, cause, subject, severity, owner, source_role"
    hurt = f"sum by ({by}) (connectivity_finding{{{_TOUCHED}}})"
    began = f"connectivity_finding_since_timestamp_seconds{{{EXPORTER}}}"
    latest = f"topk({MOST}, {began})"
    same = f"on ({_ONE}, source_role)"
    told = f"{hurt} and on ({_ONE}) {latest}"
    one = target("info", extra=', finding!=""')
    named = (
        f"({told}) * {same} group_left (rule) topk by ({_ONE}, source_role) (1, {one})"
    )
    age = f"time() - (0 * {hurt} + on ({_ONE}) group_left () {latest})"
    panel = (
        table(
            title,
            "What is wrong, cause by cause: what broke, whose it is to mend, since when,"
            " and how many targets of each source role it explains, with one of their"
            f" rules. At most {MOST} findings, the latest; critical ones first. Empty"
            " too when nothing is known: the numbers below tell.",
            rows(info_last(f"{named} or {same} {told}")),
            rows(info_last(age), "B"),
            height=height,
        )
        .transformations(merged(_COLUMNS))
        .no_value("No finding is known")
        .override_by_field_type("string", cell(noValue="-"))
        .sort_by(sorted_by("Severity", "For"))
        .override_by_name(
            "Severity", cell(mappings=words.SEVERITY, custom_cellOptions=COLORED)
        )
        .override_by_name("For", cell(unit="s", decimals=0))
        .override_by_name("Cause", cell(mappings=words.CAUSE))
        .override_by_name("From", cell(links=links.to_role("From")))
        .override_by_name("A rule of it", cell(links=links.to_rule("A rule of it")))
        .override_by_name("Seen from", cell(links=links.to_exporter("Seen from")))
    )
    sizes = {"Severity": 74, "For": 70, "Cause": 130, "From": 130, "Targets": 66}
    return widths(panel, sizes | {"Owner": 100, "Seen from": 210})


def table_of_alerts(title: str, *, height: int) -> Panel:
    """One row for each alert that fires, with ways to what it is about."""
    # An alert in ALERTS has its start in ALERTS_FOR_STATE, under the same labels.
    started = f"ALERTS_FOR_STATE and ignoring (alertstate) {FIRING}"
    panel = (
        table(
            title,
            f"Alerts that fire now, at most {MOST}, the watchdog left out, with what"
            " each is about and since when its condition has held. An alert leads to"
            " the runbook, its rule and role to their dashboards.",
            rows(info_last(f"time() - topk({MOST}, {started})")),
            height=height,
        )
        .transformations(columns(_ALERTS))
        .no_value("No alert is known to fire")
        .override_by_field_type("string", cell(noValue="-"))
        .sort_by(sorted_by("Severity", "For"))
        .override_by_name(
            "Severity", cell(mappings=words.SEVERITY, custom_cellOptions=COLORED)
        )
        .override_by_name("For", cell(unit="s", decimals=0))
        .override_by_name("Alert", cell(links=links.to_runbook()))
        .override_by_name("Cause", cell(mappings=words.CAUSE))
        .override_by_name("From", cell(links=links.to_role("From")))
        .override_by_name("Rule", cell(links=links.to_rule("Rule")))
    )
    sizes = {"Severity": 74, "For": 70, "Alert": 220, "Cause": 75, "From": 110}
    sizes |= {"Usage": 80, "Rule": 160, "To": 145, "Owner": 75}
    return widths(panel, sizes | {"Exporter": 195})
