"""Overview: is anything broken, whose is it, since when?

Read from the top: the causes found, the numbers that must be zero, what fires, each
violated rule with what to do about it, what to have opened, then where in the house it
hurts, then how it came about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from dashboards.lib import budget, certificates, links, panels, words
from dashboards.lib.findings import table_of_alerts, table_of_findings
from dashboards.lib.frame import FIRING, WATCHED, frame
from dashboards.lib.query import (
    EXPORTER,
    KEY,
    known,
    now,
    rows,
    series,
    target,
    unknown,
)
from dashboards.lib.to_open import table_to_open
from dashboards.lib.violated import table_of_violated
from exporter.model.rule import Usage

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat, statetimeline, table
    from grafana_foundation_sdk.builders.dashboard import Dashboard
    from grafana_foundation_sdk.models.dashboard import ValueMapping

_SATISFIED = target("satisfied")
_CUT_OFF = (
    'source_role_instance:connectivity_egress_down:bool{job=~"$job",'
    ' instance=~"$instance", site=~"$site", source_role=~"$source_role"}'
)
_PER_ROLE = f"avg by (source_role) ({_SATISFIED})"


_LONG = {
    "administration": "adminis-\ntration",
    "authentication": "authen-\ntication",
    "application-services": "applica-\ntion-services",
    "certificate-check": "certifi-\ncate-check",
    "package-repository": "package-\nreposi-\ntory",
}
"""Headings of the matrix that its narrow columns would cut off."""


def build() -> Dashboard:
    """The dashboard, ready to be encoded."""
    board = frame(
        "Overview",
        links.OVERVIEW,
        "Is anything broken, whose is it, and since when? Every rule of every role.",
    )
    board = board.with_panel(table_of_findings("Findings", height=8))
    for panel in _numbers():
        board = board.with_panel(panel)
    return (
        board.with_panel(table_of_alerts("Firing alerts", height=7))
        .with_panel(table_of_violated("Violated now", height=9))
        .with_panel(table_to_open("What to open", height=8))
        .with_panel(_matrix())
        .with_panel(_roles())
        .with_panel(budget.per_role(width=12))
        .with_panel(certificates.soonest(width=12))
    )


def _numbers() -> list[stat.Panel]:
    broken = f"sum(1 - {_SATISFIED})"
    critical = target("info", extra=', severity="critical"')
    loud = f"sum((1 - {_SATISFIED}) * on ({KEY}) group_left () {critical})"
    down = f"sum(1 - up{{{EXPORTER}}})"
    muted = f"sum({target('muted')}) or 0 * count({known()})"
    return [
        panels.count(
            "Violated",
            "Targets whose rule does not hold now.",
            now(broken),
            width=3,
            bad=words.BAD,
        ),
        panels.count(
            "Violated, critical",
            "Of those, the ones whose rule is critical: people cannot work.",
            now(f"{loud} or 0 * {broken}"),
            width=4,
            bad=words.BAD,
        ),
        panels.count(
            "Roles cut off",
            "Source roles of whose rules almost none holds, seen from one exporter at"
            " least: look at the way out of that network first.",
            now(f"sum(max by (source_role) ({_CUT_OFF}))"),
            width=3,
            bad=words.BAD,
        ),
        panels.count(
            "No verdict",
            "Targets of which nothing can be said now, neither good nor bad. Leads to"
            " the list of them.",
            now(unknown()),
            width=3,
            bad=words.UNKNOWN,
        ).override_by_query("A", panels.cell(links=links.to_selected(links.ROLE))),
        panels.count(
            "In maintenance",
            "Targets that announced maintenance mutes now: they raise no alert.",
            now(muted),
            width=4,
            bad=words.NEUTRAL,
        ),
        panels.count(
            "Alerts firing",
            "Alerts of this exporter that fire now, the watchdog left out. No data: the"
            " alert rules are not loaded.",
            now(f"count({FIRING}) or 0 * count({WATCHED})"),
            width=3,
            bad=words.WARN,
        ),
        panels.count(
            "Exporters down",
            "Exporters that Prometheus cannot scrape: what they proved is not known."
            " Leads to their health.",
            now(down),
            width=4,
            bad=words.BAD,
        ).override_by_query("A", panels.cell(links=links.to_selected(links.EXPORTER))),
    ]


def _matrix() -> table.Panel:
    """Violated targets per role and usage; -1 where nothing has a verdict."""
    by = "by (source_role, usage)"
    expr = f"sum {by} (1 - {_SATISFIED}) or -1 * (count {by} ({known()}) >= bool 1)"
    pivot = DataTransformerConfig(
        id_val="groupingToMatrix",
        options={
            "columnField": "usage",
            "rowField": "source_role",
            "valueField": "Value",
            "emptyValue": "null",
        },
    )
    heading = r"source_role\usage"
    order = {name: index for index, name in enumerate((heading, *Usage))}
    ordered = DataTransformerConfig(id_val="organize", options={"indexByName": order})
    said = [
        words.values({"-1": ("no verdict", words.UNKNOWN), "0": ("ok", words.GOOD)}),
        words.nothing("·", words.CLEAR),
    ]
    panel = panels.table(
        "Where it hurts: source role by usage",
        "How many targets are violated, for each source role and usage. A pair without"
        " rules has a dot; one whose rules have no verdict at all says so. A cell leads"
        " to its rules.",
        rows(expr),
        height=10,
    )
    colors = words.steps((None, words.BAD)).build()
    panel = (
        panel.transformations([pivot, ordered])
        .sort_by(panels.sorted_by("Source role"))
        .unit("suffix:\u2717")
        .override_by_field_type(
            "number",
            panels.cell(
                mappings=said,
                thresholds=colors,
                links=links.to_matrix_cell(),
                custom_cellOptions=panels.COLORED,
                custom_wrapHeaderText=True,
                custom_align="left",
                custom_minWidth=62,
            ),
        )
        .override_by_name(
            heading,
            panels.cell(
                displayName="Source role", links=links.to_role("[0]"), custom_width=122
            ),
        )
    )
    for usage, heading in _LONG.items():
        panel = panel.override_by_name(usage, panels.cell(displayName=heading))
    return panel


def _roles() -> statetimeline.Panel:
    said: list[ValueMapping] = [
        words.between(0, 0.2, "cut off", words.BAD),
        words.between(0.2, 0.99999, "some violated", words.WARN),
        words.between(0.99999, 1, "all hold", words.GOOD),
        words.nothing(),
    ]
    colors = words.steps((None, words.BAD), (0.2, words.WARN), (1, words.GOOD))
    return (
        panels.timeline(
            "Each source role over time",
            "Whether all rules of a role held, some were violated, or nearly all:"
            " then the role was cut off. A gap is a time without verdicts.",
            series(_PER_ROLE, "{{source_role}}"),
            height=6,
        )
        .mappings(said)
        .thresholds(colors)
    )
