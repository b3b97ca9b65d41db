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
    from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
    from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

ALLOWED = "(1 - scalar(max(connectivity:objective:ratio) or vector(0.999)))"
"""The share of probes that may fail, as the site's thresholds state it."""
KNOWN = words.steps((None, words.WARN), (0.9, words.NEUTRAL))
USED = words.steps((None, words.GOOD), (0.75, words.WARN), (1, words.BAD))
_MONTH = 30
_PER_HOUR = 'source_role_usage:connectivity_rule_%s:rate1h{job=~"$job", site=~"$site",'
_PER_HOUR += ' source_role=~"$source_role", usage=~"$usage"}'
_WIDTHS = {
    "Source role": 122,
    "Held, 1h": 76,
    "Held, 3d": 76,
    "Known, 3d": 86,
    "Held, 30d": 84,
    "Known, 30d": 94,
}
_PROBES, _FAILURES = _PER_HOUR % "probes", _PER_HOUR % "probe_failures"


def ratio(window: str) -> str:
    """Share of probes that failed over a window, per source role."""
    name = f"source_role:connectivity_rule_probe_failures_per_probes:ratio_rate{window}"
    return f'{name}{{job=~"$job", site=~"$site", source_role=~"$source_role"}}'


def failed(days: int) -> str:
    """Share of probes that failed, from what was recorded for each hour of the days."""
    share = f"sum by (source_role) (sum_over_time(%s[{days}d:1h]))"
    return f"{share % _FAILURES} / {share % _PROBES}"


def covered(days: int) -> str:
    """Share of the hours of the days in which the role's probes were recorded."""
    known = f"sum by (source_role) ({_PROBES})"
    return f"count_over_time(({known})[{days}d:1h]) / {days * 24}"


def per_role(*, width: int) -> table.Panel:
    """What share of probes held, of how much of the time that is known."""
    queries = {
        "Held, 1h": f"1 - avg by (source_role) ({ratio('1h')})",
        "Held, 3d": f"1 - {failed(3)}",
        "Known, 3d": covered(3),
        "Held, 30d": f"1 - {failed(_MONTH)}",
        "Known, 30d": covered(_MONTH),
        "Budget used": f"{failed(_MONTH)} / {ALLOWED}",
    }
    refs = dict(zip("ABCDEF", queries, strict=True))
    names = {"source_role": "Source role"}
    names |= {f"Value #{ref}": title for ref, title in refs.items()}
    panel = (
        panels.table(
            "Share of probes that held",
            "Per source role over an hour, three days and thirty; beside it the share"
            " of that time of which anything is known: where that is little, so is what"
            " the value says. The budget used is what failed in thirty days, as a share"
            " of what the site's objective allows.",
            *(rows(queries[title], ref) for ref, title in refs.items()),
            width=width,
            height=8,
        )
        .transformations(panels.merged(names))
        .sort_by(panels.sorted_by("Source role"))
        .unit("percentunit")
        .decimals(2)
        .override_by_name("Source role", panels.cell(links=links.to_role("[0]")))
        .override_by_name("Budget used", _tinted(USED))
    )
    for title in ("Known, 3d", "Known, 30d"):
        panel = panel.override_by_name(title, _tinted(KNOWN))
    return panels.widths(panel, _WIDTHS)


def _tinted(colors: ThresholdsConfig) -> list[DynamicConfigValue]:
    return panels.cell(
        decimals=0, thresholds=colors.build(), custom_cellOptions=panels.TINTED
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
                series(f"{ratio(w)} / {ALLOWED}", f"{{{{source_role}}}}, {w}", ref)
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
