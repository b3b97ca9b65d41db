"""Measures this exporter beside blackbox and writes docs/performance.md's tables.

    python -m tests.bench

Everything runs on loopback and takes some eight minutes of a quiet machine; the CPU
figures, and more so the ratios, bear some company, the times do not. It ends with 1
if a goal was missed.

    python -m tests.bench --against CHECKOUT

compares what a probe takes with another checkout: see `against.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from exporter.config.catalogue import load_catalogue
from tests.bench import against, measure, report
from tests.bench.blackbox import blackbox
from tests.bench.ours import ours
from tests.bench.peers import peers

_INSIDE_TLS = ("https", "ldaps", "smtp", "mssql")
_PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    checkout = parser.parse_args().against
    return _beside_blackbox() if checkout is None else _against(checkout)


def _against(checkout):
    dearest = 0.0
    for probe, here, there, ratio in against.compare(checkout):
        _say(f"{probe}: {here * 1e6:.0f} µs, there {there * 1e6:.0f} µs: {ratio:.2f}")
        dearest = max(dearest, ratio)
    return 0 if dearest <= against.MOST else 1


def _beside_blackbox():
    with tempfile.TemporaryDirectory() as name, peers(Path(name)) as servers:
        folder = Path(name)
        with blackbox(folder, servers.ca_file) as theirs:
            comparisons = _compare(folder, servers, theirs)
        https = [("https", servers.secure)]
        fleets = [
            _fleet(folder, servers, "HTTPS", https, 1_000, minute=False),
            _fleet(folder, servers, "HTTPS", https, 10_000, minute=True),
            _fleet(
                folder, servers, "catalogue's mix", _mix(servers), 10_000, minute=True
            ),
        ]
    tables, reached = report.tables(comparisons, fleets)
    _say(tables)
    report.replace(_PAGE, tables)
    return 0 if reached else 1


def _compare(folder, servers, theirs):
    """Comparisons by probe and load."""
    found = {}
    for probe in ("tcp", "http", "tls"):
        port = servers.secure if probe == "tls" else servers.plain
        with ours(folder, servers.ca_file) as mine:
            _say(f"{probe}: low load")
            low = measure.at_low_load(mine, theirs, probe, port)
            _say(f"{probe}: saturation")
            guess = 0.8 / low.ours.cpu
            high = measure.at_saturation(mine, theirs, probe, port, guess)
            _say(f"ratios: {low.ratio:.2f}, {high.ratio:.2f}")
        found[probe] = (low, high)
    return found


def _mix(servers):
    """The shipped catalogue's rules as what nginx can stand in for: a shape each."""
    shapes = {
        **dict.fromkeys(_INSIDE_TLS, ("https", servers.secure)),
        "http": ("http", servers.plain),
    }
    rules = load_catalogue("appsanywhere").definitions
    return [shapes.get(one.probe, ("tcp", servers.plain)) for one in rules]


def _fleet(folder, servers, of, shapes, targets, *, minute):
    _say(f"{targets} targets, {of}")
    with ours(folder, servers.ca_file) as mine:
        return measure.fleet(mine, of, shapes, targets, minute=minute)


def _say(text):
    print(text, flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    sys.exit(main())
