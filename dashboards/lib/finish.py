"""From the builders' model to the JSON that Grafana imports.

The builders leave out some things that Grafana writes itself, and write some that
other Grafana versions do not know; both are settled here, on the plain data.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

_INTERVAL_ONLY = ("auto", "auto_count", "auto_min")


def finished(board: Dashboard) -> dict[str, Any]:
    """The dashboard as plain data, as it is written to its file."""
    data: dict[str, Any] = json.loads(JSONEncoder().encode(board.build()))
    for number, panel in enumerate(data["panels"], start=1):
        panel["id"] = number  # links to a panel need ids that are unique
        # Gone from Grafana 13's tables, and of no use before.
        panel.get("options", {}).pop("footer", None)
    for variable in data["templating"]["list"]:
        for key in _INTERVAL_ONLY:
            variable.pop(key, None)
    for link in data["links"]:
        # Newer Grafanas would move the navigation in among the variables.
        link.pop("placement", None)
    return data


def encoded(board: Dashboard) -> str:
    """The text of the dashboard's file."""
    return json.dumps(finished(board), indent=2, sort_keys=True) + "\n"
