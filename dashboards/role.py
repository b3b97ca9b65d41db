"""Source role: which of a role's rules hold, and since when each does not.

For whoever looks after one kind of host. The timeline names violated rules first,
then the latest changes, so that a role of hundreds of rules shows what matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.lib import budget, links, panels, words
from dashboards.lib.frame import frame
from dashboards.lib.query import KEY, MANY, now, rows, series, states, target, unknown
from dashboards.lib.seen import without_verdict
from dashboards.lib.violated import table_of_violated

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
    from grafana_foundation_sdk.builders.dashboard import Dashboard

MOST = 50
"""Targets drawn in the timeline: so many violated ones, so many others."""
_SATISFIED = target("satisfied")
_INFO = target("info")
_LATENCY = target("latency_seconds")


def build() -> Dashboard:
    """The dashboard, ready to be encoded."""
    board = frame(
        "Source role",
        links.ROLE,
        "Which rules of a source role hold, which do not, and since when.",
    )
    for panel in _numbers():
        board = board.with_panel(panel)
    return (
        board.with_panel(table_of_violated("Violated now", height=7))
        .with_panel(_rules())
        .with_panel(_failures())
        .with_panel(budget.burn(width=12))
        .with_panel(_latency(0.5))
        .with_panel(_latency(0.95))
        .with_panel(_owners())
        .with_panel(_undecided())
        .with_panel(_partly())
    )


def _numbers() -> list[stat.Panel]:
    colors = words.steps((None, words.BAD), (0.9, words.WARN), (1, words.GOOD))
    return [
        panels.count(
            "Violated",
            "Targets whose rule does not hold now.",
            now(f"sum(1 - {_SATISFIED})"),
            width=5,
            bad=words.BAD,
        ),
        panels.colored(
            panels.stat(
                "Share that holds",
                "Share of the targets with a verdict whose rule holds now.",
                now(f"avg({_SATISFIED})"),
                width=5,
            )
            .unit("percentunit")
            .decimals(1),
            colors,
        ),
        panels.count(
            "No verdict",
            "Targets of which nothing can be said now, neither good nor bad.",
            now(unknown()),
            width=5,
            bad=words.UNKNOWN,
        ),
        panels.stat(
            "Rules", "Targets that are probed.", now(f"count({_INFO})"), width=4
        ),
        panels.stat(
            "Last change",
            "Time since a verdict changed, for better or worse.",
            now(f"time() - max({target('state_change_timestamp_seconds')})"),
            width=5,
        )
        .unit("s")
        .decimals(0),
    ]


def _rules() -> statetimeline.Panel:
    # What is drawn is settled once, by the state at the end of the range, whatever its
    # length: the violated ones by a first query, so that they stand on top.
    changed = f"{target('state_change_timestamp_seconds')} @ end()"
    broken = f"({_SATISFIED} @ end() == 0)"
    first = f"topk({MOST}, {changed} and on ({KEY}) {broken})"
    then = f"topk({MOST}, {changed} unless on ({KEY}) {broken})"
    by, legend = "rule, destination, port", "{{rule}} · {{destination}}"
    return panels.timeline(
        "Every rule over time",
        f"The state of each target: those violated now first, then the others, of each"
        f" the {MOST} that changed last. A gap is a time without data.",
        series(states(by, limit=f" and on ({KEY}) {first}"), legend),
        series(states(by, limit=f" and on ({KEY}) {then}"), legend, "B"),
        height=11,
    )


def _failures() -> timeseries.Panel:
    panel = panels.bars(
        "Failures by reason",
        "Targets that do not hold or have no verdict, by what ended their last probe"
        " and where.",
        series(
            f"count by (reason, stage) ({target('failure')}"
            f" unless on ({KEY}) {_SATISFIED} == 1)",
            "{{reason}} at {{stage}}",
        ),
        width=12,
    )
    return panels.by_reason(panel)


def _latency(quantile: float) -> timeseries.Panel:
    percent = round(quantile * 100)
    return panels.graph(
        f"Round trip by usage, p{percent}",
        f"The network round trip that {percent} % of a usage's targets stay below, as"
        " the kernel timed it.",
        series(f"quantile by (usage) ({quantile}, {_LATENCY})", "{{usage}}"),
        width=12,
    ).unit("s")


def _owners() -> table.Panel:
    broken = (
        f"sum by (owner) ((1 - {_SATISFIED}) * on ({KEY}) group_left (owner) {_INFO})"
    )
    every = f"count by (owner) ({_INFO})"
    names = {"owner": "Owner", "Value #A": "Violated", "Value #B": "Rules"}
    colors = words.steps((None, words.GOOD), (1, words.BAD)).build()
    return (
        panels.table(
            "By owner",
            "Who owns the destinations of the rules, and how many are violated.",
            rows(broken),
            rows(every, "B"),
            width=4,
        )
        .transformations(panels.merged(names))
        .sort_by(panels.sorted_by("Owner"))
        .override_by_name(
            "Violated",
            panels.cell(thresholds=colors, custom_cellOptions=panels.COLORED),
        )
    )


def _partly() -> table.Panel:
    silent = target("addresses", extra=', state="unreachable"')
    names = {
        "rule": "Rule",
        "destination": "To",
        "Value": "Down",
        "instance": "Seen from",
    }
    panel = panels.table(
        "Holds, but some addresses do not answer",
        "Targets that answer on one address and not on another: the next outage; at"
        " most 50.",
        rows(f"topk(50, ({silent} > 0) and on ({KEY}) {target('reachable')} == 1)"),
        width=10,
    )
    return (
        _listed(panel, names)
        .no_value("No such target")
        .override_by_name("Down", panels.cell(custom_width=55))
        .override_by_name("Seen from", panels.cell(custom_width=185))
    )


def _undecided() -> table.Panel:
    names = {"rule": "Rule", "destination": "To", "seen": "Seen"}
    panel = panels.table(
        "Without a verdict",
        "Targets of which nothing can be said, and why; at most 50. Those of an"
        " exporter that is down are kept for an hour.",
        rows(f"topk({MOST}, {without_verdict(MANY)})"),
        width=10,
    )
    return (
        _listed(panel, names)
        .no_value("Every target has a verdict, or nothing is known")
        .override_by_name("Seen", panels.cell(mappings=words.seen(), custom_width=165))
    )


def _listed(panel: table.Panel, names: dict[str, str]) -> table.Panel:
    """A short list of targets; each rule leads to its own dashboard."""
    rule = panels.cell(links=links.to_rule("Rule", "To"), custom_width=190)
    panel = panel.transformations(panels.columns(names))
    return panel.sort_by(panels.sorted_by("Rule")).override_by_name("Rule", rule)
