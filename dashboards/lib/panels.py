"""Panels with the house's defaults; callers chain on what is special to one.

Every panel has a title, a sentence on what it shows and at least one query. Sizes are
grid units: 24 across; a unit is about 38 pixels high.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import stat as stat_panel
from grafana_foundation_sdk.builders import statetimeline, timeseries
from grafana_foundation_sdk.builders import table as table_panel
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    TableSortByFieldState,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueJustifyMode,
    BigValueTextMode,
    DataSourceRef,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
)

from dashboards.lib import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
    from grafana_foundation_sdk.builders.prometheus import Dataquery
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.common import TableSortByFieldState as SortBy
    from grafana_foundation_sdk.models.dashboard import ValueMapping

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


def stat(
    title: str, description: str, *queries: Dataquery, width: int, height: int = 3
) -> stat_panel.Panel:
    """One value, or a few, in large print; see `colored()`."""
    panel = (
        stat_panel.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(height)
        .unit("short")
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.NONE)
        .justify_mode(BigValueJustifyMode.AUTO)
        .text_mode(BigValueTextMode.AUTO)
        .orientation(VizOrientation.AUTO)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .mappings([words.nothing()])
        .thresholds(words.steps((None, words.NEUTRAL)))
    )
    for query in queries:
        panel = panel.with_target(query)
    return panel


def count(
    title: str, description: str, query: Dataquery, *, width: int, bad: str
) -> stat_panel.Panel:
    """A number of things that there should be none of; `bad` colours one or more."""
    mappings: list[ValueMapping] = [
        words.values({"0": ("none", words.GOOD)}),
        words.nothing(),
    ]
    colors = words.steps((None, words.GOOD), (1, bad))
    panel = stat(title, description, query, width=width)
    return colored(panel.mappings(mappings), colors)


def colored(panel: stat_panel.Panel, colors: ThresholdsConfig) -> stat_panel.Panel:
    """Prints on the colour of the value, for values that are good or bad."""
    return panel.color_mode(BigValueColorMode.BACKGROUND_SOLID).thresholds(colors)


def graph(
    title: str, description: str, *queries: Dataquery, width: int, height: int = 8
) -> timeseries.Panel:
    """Lines over time, with a legend that tells the last value."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(height)
        .unit("short")
        .line_width(1)
        .fill_opacity(8)
        .show_points(VisibilityMode.AUTO)
        .axis_soft_min(0)
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.RIGHT)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            VizTooltipOptions()
            .mode(TooltipDisplayMode.MULTI)
            .sort(SortOrder.DESCENDING)
        )
    )
    for query in queries:
        panel = panel.with_target(query)
    return panel


def small(
    title: str, description: str, *queries: Dataquery, width: int = 8
) -> timeseries.Panel:
    """Lines over time in little room: the legend below, names only."""
    names = VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    legend = names.placement(LegendPlacement.BOTTOM).calcs([])
    panel = graph(title, description, *queries, width=width, height=7)
    return panel.legend(legend)


def bars(
    title: str, description: str, *queries: Dataquery, width: int, height: int = 8
) -> timeseries.Panel:
    """Counts over time, stacked."""
    stacked = StackingConfig().mode(StackingMode.NORMAL).group("A")
    panel = graph(title, description, *queries, width=width, height=height)
    panel = panel.draw_style(GraphDrawStyle.BARS).stacking(stacked).decimals(0)
    return panel.fill_opacity(70).line_width(0)


def timeline(
    title: str, description: str, *queries: Dataquery, width: int = 24, height: int = 8
) -> statetimeline.Panel:
    """States over time, a line each, 18 lines to a page."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(height)
        .unit("none")
        .mappings(words.STATE)
        .thresholds(words.steps(*words.STATE_STEPS))
        .show_value(VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.85)
        .line_width(0)
        .fill_opacity(75)
        .per_page(18)
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .calcs([])
        )
    )
    for query in queries:
        panel = panel.with_target(query)
    return panel


def table(
    title: str, description: str, *queries: Dataquery, width: int = 24, height: int = 8
) -> table_panel.Panel:
    """Rows and columns; see `columns()` and `cell()`."""
    panel = (
        table_panel.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(height)
        .unit("none")
        .min_width(80)
        .show_header(True)
        .thresholds(words.steps((None, words.NEUTRAL)))
    )
    for query in queries:
        panel = panel.with_target(query)
    return panel


def by_reason(panel: timeseries.Panel) -> timeseries.Panel:
    """Colours series named after a reason: one colour for each kind of trouble."""
    for kind, color in words.REASON_COLORS.items():
        fixed = {"mode": "fixed", "fixedColor": color}
        panel = panel.override_by_regexp(f"/^({kind}) at /", cell(color=fixed))
    return panel


def widths(panel: table_panel.Panel, sizes: Mapping[str, int]) -> table_panel.Panel:
    """Fixes the widths of columns, in pixels; the others share what is left."""
    for column, size in sizes.items():
        panel = panel.override_by_name(column, cell(custom_width=size))
    return panel


def sorted_by(*columns: str) -> list[Builder[SortBy]]:
    """Rows in the order of these columns; Prometheus promises none."""
    return [TableSortByFieldState().display_name(one).desc(False) for one in columns]


def columns(names: Mapping[str, str]) -> list[DataTransformerConfig]:
    """Keeps the columns named, in that order, under the headings given."""
    order = {name: index for index, name in enumerate(names)}
    # Grafana drops what is not in the list, so labels added later stay out of sight.
    keep = {"include": {"names": list(names)}}
    organize = {"indexByName": order, "renameByName": dict(names), "excludeByName": {}}
    return [
        DataTransformerConfig(id_val="filterFieldsByName", options=keep),
        DataTransformerConfig(id_val="organize", options=organize),
    ]


def merged(names: Mapping[str, str]) -> list[DataTransformerConfig]:
    """`columns()` of several queries, joined by the labels they have in common."""
    merge = DataTransformerConfig(id_val="merge", options={})
    return [merge, *columns(names)]


def cell(**properties: object) -> list[DynamicConfigValue]:
    """The properties of a column: `custom_width=80`, `unit="s"`, `links=[...]`."""
    return [
        DynamicConfigValue(id_val=name.replace("custom_", "custom."), value=value)
        for name, value in properties.items()
    ]


COLORED = {"type": "color-background", "mode": "basic"}
"""Cell option: the colour of the value fills the cell."""
TINTED = {"type": "color-text"}
"""Cell option: the colour of the value colours its text."""
