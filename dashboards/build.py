"""Writes the JSON of all dashboards next to their builders: `python -m dashboards.build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dashboards import exporter_health, overview, role, rule
from dashboards.lib.finish import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grafana_foundation_sdk.builders.dashboard import Dashboard

HERE = Path(__file__).parent
BOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "overview.json": overview.build,
    "role.json": role.build,
    "rule.json": rule.build,
    "exporter.json": exporter_health.build,
}


def main() -> None:
    """Writes every file anew."""
    for name, build in BOARDS.items():
        (HERE / name).write_text(encoded(build()))


if __name__ == "__main__":
    main()
