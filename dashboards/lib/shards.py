"""Which shards of the divided roles are there, and which are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.lib import panels, words
from dashboards.lib.panels import cell, columns
from dashboards.lib.query import EXPORTER, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.table import Panel

_ROLES = "job, site, source_roles, shards"
"""What is divided, and into how many."""
_SHARD = f"{_ROLES}, shard"
_COLUMNS = {
    "source_roles": "Source roles",
    "shard": "Shard",
    "shards": "Of",
    "Value": "State",
    "instance": "Seen on",
}


def table_of_shards(*, width: int, height: int) -> Panel:
    """One row for each shard and its exporters, and one for those that nobody told of."""
    told = f"shard:connectivity_exporter_shards:count{{{EXPORTER}}}"
    lately = f"max by ({_SHARD}, instance) (max_over_time({told}[1d]))"
    # Those of another division, before the last change of their number, are nobody's.
    missing = f"0 * {lately} unless on ({_SHARD}) {told} and on ({_ROLES}) {told}"
    panel = (
        panels.table(
            "Shards",
            "Of each role that is divided: which shards are there, on which exporter, and"
            " which are missing, with the exporter that had them within a day.",
            rows(
                f"max by ({_SHARD}, instance) ({told} > bool 0) or {missing}"
                f" or {_unseen(told)}"
            ),
            width=width,
            height=height,
        )
        .transformations(columns(_COLUMNS))
        .no_value("No role is divided")
        .override_by_field_type("string", cell(noValue="-"))
        .override_by_name(
            "State", cell(mappings=words.THERE, custom_cellOptions=panels.COLORED)
        )
        .sort_by(panels.sorted_by("Source roles", "Shard"))
    )
    sizes = {"Shard": 145, "Of": 45, "State": 75, "Seen on": 200}
    return panels.widths(panel, sizes)


def _unseen(told: str) -> str:
    """How many shards of a role no exporter told of in a day, in place of their number."""
    seen = f"count by ({_SHARD}) (max_over_time({told}[1d]))"
    number = f"max by ({_ROLES}) ({told}) - count by ({_ROLES}) ({seen}) > 0"
    counted = f'count_values by ({_ROLES}) ("shard", {number})'
    return f'label_replace(0 * {counted}, "shard", "unseen for a day: $1", "shard", "(.+)")'
