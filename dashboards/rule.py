"""Rule: one requirement, what became of it, and where it stops.

For whoever has to mend it, or has just done so: the state and what ended the last
probe first, then what the rule says, then how it went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.common import (
    StackingConfig,
    VizTextDisplayOptions,
)
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueTextMode,
    StackingMode,
)

from dashboards.lib import budget, certificates, facts, links, panels, words
from dashboards.lib.frame import frame, one_of, some_of
from dashboards.lib.panels import cell
from dashboards.lib.query import ONE, now, rows, series, states, target
from dashboards.lib.seen import seen_now

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
    from grafana_foundation_sdk.builders.dashboard import Dashboard
    from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

_WHERE = "{{destination}} from {{instance}}"
_SPREAD = "destination, port, instance"


def build() -> Dashboard:
    """The dashboard, ready to be encoded."""
    info = (
        'connectivity_rule_info{job=~"$job", instance=~"$instance",'
        ' source_role=~"$source_role", usage=~"$usage"%s}'
    )
    one = info % ', rule="$rule"'
    board = frame(
        "Rule", links.RULE, "One rule: its state, what it says, and where it stops."
    )
    board = board.with_variable(
        one_of("rule", "Rule", f"label_values({info % ''}, rule)")
    ).with_variable(
        some_of("destination", "Destination", f"label_values({one}, destination)")
    )
    for panel in (_state(), _seen(), *_numbers(), facts.says(), _history(), *_graphs()):
        board = board.with_panel(panel)
    return (
        board.with_panel(facts.path())
        .with_panel(facts.told())
        .with_panel(certificates.presented(width=24, height=5))
    )


def _state() -> stat.Panel:
    panel = panels.stat(
        "Now",
        "Whether the rule holds; violated if it is for any destination.",
        now(states("rule", ONE)),
        width=5,
        height=5,
    )
    return panels.colored(panel.mappings(words.STATE), words.steps(*words.STATE_STEPS))


def _seen() -> table.Panel:
    names = {
        "destination": "To",
        "service": "Port",
        "Value": "State",
        "seen": "Seen",
        "origin": "Refused by",
        "last_hop": "Path ends at",
        "ask": "Ask first",
        "instance": "Seen from",
    }
    sizes = {"Port": 75, "State": 80, "Refused by": 115, "Path ends at": 110}
    panel = (
        panels.table(
            "What the last probe saw",
            "One line for each destination and exporter: the state, what ended the"
            " last probe, who refused it, the last router that answered before, and"
            " whom to ask first. The exporter's name leads to its own page of this"
            " rule.",
            rows(seen_now(ONE)),
            width=19,
            height=5,
        )
        .transformations(panels.columns(names))
        .sort_by(panels.sorted_by("To"))
        .override_by_name(
            "State",
            cell(
                mappings=words.STATE,
                thresholds=words.steps(*words.STATE_STEPS).build(),
                custom_cellOptions=panels.COLORED,
            ),
        )
        .override_by_name("Seen", cell(mappings=words.seen()))
        .override_by_name("Refused by", cell(mappings=words.ORIGIN))
        .override_by_name("Ask first", cell(mappings=words.ask()))
        .override_by_name("Seen from", cell(links=links.to_exporter_page("[7]")))
    )
    return panels.widths(panel, sizes | {"Seen from": 190})


def _numbers() -> list[stat.Panel]:
    changed = target("state_change_timestamp_seconds", ONE)
    probed = target("last_probe_timestamp_seconds", ONE)
    silent = target("addresses", ONE, ', state="unreachable"')
    return [
        panels.stat(
            "For",
            "Time since the verdict changed, for the destination that changed last.",
            now(f"time() - max({changed})"),
            width=4,
        )
        .unit("s")
        .decimals(0),
        _held(),
        panels.stat(
            "Round trip",
            "Network round trip of the last probe; the slowest destination.",
            now(f"max({target('latency_seconds', ONE)})"),
            width=4,
        )
        .unit("s")
        .mappings([words.nothing("none")]),
        panels.count(
            "Addresses down",
            "Addresses of the destinations that were not reached.",
            now(f"sum({silent})"),
            width=4,
            bad=words.WARN,
        ),
        panels.stat(
            "Last probe ago",
            "Age of the latest result; it should not exceed the rule's interval.",
            now(f"time() - min({probed})"),
            width=4,
        )
        .unit("s")
        .decimals(0),
    ]


def _held() -> stat.Panel:
    """What held is said beside how much of the time is known, as for roles."""
    failures = f"sum(increase({target('probe_failures_total', ONE)}[7d]))"
    failed = f"{failures} / sum(increase({target('probes_total', ONE)}[7d]))"
    probed = target("last_probe_timestamp_seconds", ONE)
    queries = {
        "Held": f"1 - {failed}",
        "Known": f"count_over_time(count({probed})[7d:1h]) / 168",
        "Budget used": f"{failed} / {budget.ALLOWED}",
    }
    return (
        panels.stat(
            "Held, 7 days",
            "Share of the probes of the last seven days that found the rule to hold; the"
            " share of that time of which anything is known: where that is little, so is"
            " what the value says; and what failed, as a share of what the site's"
            " objective allows.",
            *(
                now(expr, title, ref)
                for ref, (title, expr) in zip("ABC", queries.items(), strict=True)
            ),
            width=8,
        )
        .unit("percentunit")
        .decimals(2)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .color_mode(BigValueColorMode.VALUE)
        .text(VizTextDisplayOptions().title_size(13).value_size(22))
        .override_by_query("B", cell(decimals=0, thresholds=budget.KNOWN.build()))
        .override_by_query("C", cell(decimals=0, thresholds=budget.USED.build()))
    )


def _history() -> statetimeline.Panel:
    return panels.timeline(
        "State over time",
        "One line for each destination and exporter. A gap is a time without data.",
        series(states(_SPREAD, ONE), _WHERE),
        height=4,
    )


def _graphs() -> list[timeseries.Panel]:
    stacked = StackingConfig().mode(StackingMode.NORMAL).group("A")
    phases = f"max by (phase) ({target('phase_duration_seconds', ONE)})"
    failures = f"count by (reason, stage, origin) ({target('failure', ONE)})"
    addresses = f"sum by (state) ({target('addresses', ONE)})"
    bars = panels.bars(
        "Failures by reason",
        "What ended probes before an answer, where, and who said no.",
        series(failures, "{{reason}} at {{stage}} {{origin}}"),
        width=12,
    )
    return [
        panels.by_reason(bars),
        panels.bars(
            "Addresses",
            "Addresses that the names resolve to, by what became of them.",
            series(addresses, "{{state}}"),
            width=12,
        )
        .override_by_name("reachable", _color(words.GOOD))
        .override_by_name("unreachable", _color(words.BAD))
        .override_by_name("untested", _color(words.UNKNOWN)),
        panels.graph(
            "Time by phase",
            "Seconds spent resolving the name, connecting, in the TLS handshake and in"
            " the protocol, in the last answered probe; the slowest destination.",
            series(phases, "{{phase}}"),
            width=12,
        )
        .unit("s")
        .stacking(stacked)
        .fill_opacity(30),
        panels.small(
            "Round trip over time",
            "Network round trip as the kernel timed it, for each destination.",
            series(target("latency_seconds", ONE), _WHERE),
            width=12,
        )
        .unit("s")
        .height(8),
    ]


def _color(color: str) -> list[DynamicConfigValue]:
    return cell(color={"mode": "fixed", "fixedColor": color})
