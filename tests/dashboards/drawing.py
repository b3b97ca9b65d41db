"""Draws dashboards in a browser with Grafana's front-end libraries."""

import datetime
import functools
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.servers.process import binary

RENDER = Path(__file__).parent / "render"
LAPTOP = 1366
UNIT = 38
"""Pixels of a grid unit, with its gap."""
HEAD = 125
"""Pixels above the panels: title, variables, time."""


def node(*arguments, **options):
    """Runs a script of the harness; skips loudly where it is not installed."""
    if not (RENDER / "node_modules/.installed").exists():
        message = "dashboards were not drawn: run tests/dashboards/render/install"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    argv = [binary("node"), *map(str, arguments)]
    return subprocess.run(
        argv,
        check=False,
        cwd=RENDER,
        capture_output=True,
        text=True,
        timeout=600,
        **options,
    )


@functools.cache
def bundle():
    """Bundles the page, once."""
    done = node("build.mjs")
    assert done.returncode == 0, done.stderr


def shot(file, png, *, span, scrape=60, **variables):
    """One picture to take; `scrape` is the seconds between samples."""
    board = json.loads(file.read_text())
    places = [panel["gridPos"] for panel in board["panels"]]
    units = max(at["y"] + at["h"] for at in places)
    start, end = (_iso(time) for time in span)
    return {
        "dashboard": str(file),
        "png": str(png),
        "from": start,
        "to": end,
        "scrape": scrape,
        "width": LAPTOP,
        "height": HEAD + UNIT * units,
        "variables": variables,
    }


def drawn(url, shots):
    """Takes pictures; what each of them drew."""
    bundle()
    job = {"prometheus": url, "chromium": binary("chromium"), "shots": shots}
    done = node("render.mjs", input=json.dumps(job))
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def _iso(seconds):
    time = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
