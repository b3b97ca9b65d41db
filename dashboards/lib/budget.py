"""The error budget: how much failing is allowed, and how fast it is used up.

Reads the recorded ratios of the alert rules, per source role over all exporters, so
that no panel ever counts through days of samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode

from dashboards.lib import links, panels, words
from dashboards.lib.query import rows, series

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import table, timeseries

_ALLOWED = "on () group_left () (1 - connectivity:objective:ratio)"
"""The share of probes that may fail, as the site's thresholds state it."""


def ratio(window: str) -> str:
    """Share of probes that failed over a window, per source role."""
    name = f"source_role:connectivity_rule_probe_failures_per_probes:ratio_rate{window}"
    return f'{name}{{job=~"$job", source_role=~"$source_role"}}'


def per_role(*, width: int) -> table.Panel:
    """What share of probes failed lately, against what is allowed."""
    windows = {"1h": "A", "6h": "B", "3d": "C"}
    names = {"source_role": "Source role"}
    names |= {f"Value #{ref}": f"Held, {window}" for window, ref in windows.items()}
    queries = [rows(f"1 - {ratio(window)}", ref) for window, ref in windows.items()]
    colors = words.steps((None, words.BAD), (0.99, words.WARN), (0.999, words.GOOD))
    return (
        panels.table(
            "Share of probes that held",
            "Per source role over an hour, six hours and three days. The objective is"
            " 99.9 %; below it the error budget is being used up too fast.",
            *queries,
            width=width,
            height=8,
        )
        .transformations(panels.merged(names))
        .sort_by(panels.sorted_by("Source role"))
        .unit("percentunit")
        .decimals(2)
        .override_by_field_type(
            "number",
            panels.cell(thresholds=colors.build(), custom_cellOptions=panels.TINTED),
        )
        .override_by_name(
            "Source role", panels.cell(links=links.to_role("[0]"), custom_minWidth=130)
        )
    )


def burn(*, width: int) -> timeseries.Panel:
    """How many times faster than allowed the budget is used up."""
    shown = {"5m": "A", "1h": "B", "6h": "C"}
    lines = GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    colors = words.steps((None, words.GOOD), (6, words.WARN), (14.4, words.BAD))
    return (
        panels.graph(
            "Error budget burn",
            "How many times faster than allowed probes fail, over short and long"
            " windows; 1 uses up the budget exactly. Above the dashed lines, in the"
            " short and the long window together, alerts fire. Drawn up to 30 times.",
            *(
                series(f"{ratio(w)} / {_ALLOWED}", f"{{{{source_role}}}}, {w}", ref)
                for w, ref in shown.items()
            ),
            width=width,
        )
        .unit("suffix:x")
        .decimals(1)
        .max(30)
        .thresholds(colors)
        .thresholds_style(lines)
    )
