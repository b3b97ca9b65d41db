"""CPU a probe of this checkout and of another, such as the release before.

    python -m tests.bench --against CHECKOUT

Both probe the same servers in turns of a moment each, so that whatever else runs on
the machine meets both alike: what counts is the median of the ratios of neighbours. It
ends with 1 if a probe became dearer than it may.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.ours import ours
from tests.bench.peers import peers

PROBES = ("tcp", "http", "tls")
MOST = 1.1
"""How many times the CPU of the other checkout a probe may take."""
_TARGETS = 1000
"""Probes in a turn: all start at once, as at the highest load."""
_HOUR = 3600
"""Seconds between two rounds of a target that nobody asks for."""
_TURNS = 25
_POLL = 0.1


def compare(checkout: Path):
    """Yields each probe, CPU seconds of one here and there, and their ratio."""
    with tempfile.TemporaryDirectory() as name, peers(Path(name)) as servers:
        for probe in PROBES:
            port = servers.secure if probe == "tls" else servers.plain
            with contextlib.ExitStack() as stack:
                here, there = (
                    stack.enter_context(ours(Path(name), servers.ca_file, tree))
                    for tree in (Path.cwd(), checkout)
                )
                for party in (here, there):
                    _burst(party, probe, port)
                    party.scrape()  # from now on each result is rendered
                turns = list(_turns(here, there, probe, port))
            ratio = statistics.median(mine / theirs for mine, theirs in turns)
            yield probe, *map(statistics.median, zip(*turns, strict=True)), ratio


def _turns(here, there, probe, port):
    """Pairs of CPU a probe; who begins takes turns too."""
    for number in range(_TURNS):
        order = (here, there) if number % 2 else (there, here)
        took = {party: _burst(party, probe, port) for party in order}
        yield took[here], took[there]


def _burst(party, probe, port):
    """CPU seconds a probe when every target is probed once, all at once."""
    rate = _TARGETS / _HOUR
    while True:
        end = party.state()["probes"] + _TARGETS
        party.demand(shapes=[(probe, port)], targets=_TARGETS, rate=rate, at_once=True)
        before = after = party.state()
        while after["probes"] < end:
            time.sleep(_POLL)
            after = party.state()
        if after["failures"]:
            raise RuntimeError(f"{after['failures']} probes failed")
        made = after["probes"] - before["probes"]
        if made > _TARGETS / 2:  # else we were too late to see it
            return (after["cpu"] - before["cpu"]) / made
