"""The pictures of docs/images: the made-up night, as the dashboards show it.

    python -m tests.dashboards.pictures

Four exporters at two sites, two of them in trouble at once and one gone: see cases.py.
The tests draw the same; outage.py draws a real outage in the lab.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.dashboards import drawing
from tests.dashboards.cases import END, START
from tests.dashboards.conftest import committed, remember_night
from tests.dashboards.history import History

ROOT = Path(__file__).parents[2]
CHOSEN = {
    "role.json": {"source_role": "appsanywhere"},
    "rule.json": {"rule": "appsanywhere-mssql"},
}


def main() -> None:
    """Draws all of them."""
    boards = committed()
    shots = [
        drawing.shot(
            ROOT / "dashboards" / name,
            ROOT / f"docs/images/dashboard-{name.removesuffix('.json')}.png",
            span=(START, END),
            **CHOSEN.get(name, {}),
        )
        for name in boards
    ]
    with tempfile.TemporaryDirectory() as folder:
        past = History(Path(folder))
        remember_night(past, boards)
        with past.served() as url:
            for shot, seen in zip(shots, drawing.drawn(url, shots), strict=True):
                sys.stdout.write(f"{shot['png']} {seen['errors'] + seen['missing']}\n")


if __name__ == "__main__":
    main()
