"""The numbers as tables with their goals, and the place they have in the page."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sysconfig
from pathlib import Path

from OpenSSL import SSL

from tests.bench.measure import LOW
from tests.servers.process import binary

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
_RATIOS = {"tcp": 0.5, "http": 0.6, "tls": 0.85}
_CORE = 0.25
_MEMORY = 250
_SCRAPE_MS = 150
_STALL_MS = 10
_MOVED = 2.0
"""How many times the latency reported under load may be that without."""


class Goals:
    """Says of each number whether it reached its goal, and remembers."""

    def __init__(self):
        self.reached = True

    def at_most(self, number, limit, unit=""):
        met = number <= limit
        self.reached &= met
        return f"≤ {limit:g}{unit}: {'reached' if met else '**missed**'}"


def tables(comparisons, fleets):
    """All tables as Markdown, and whether every goal was reached."""
    goals = Goals()
    parts = [
        _machine(),
        _costs(comparisons, goals),
        _latency(comparisons["tcp"], goals),
        _scrapes(fleets, goals),
        _fleets(fleets, goals),
    ]
    return "\n\n".join(parts), goals.reached


def replace(page, text, begin=BEGIN, end=END):
    """Puts `text` between two markers of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def _costs(comparisons, goals):
    rows = []
    for probe, (low, high) in comparisons.items():
        highest = f"highest: {high.ours.rate:,.0f}/s, {high.blackbox.rate:,.0f}/s"
        for load, seen in ((f"{LOW}/s", low), (highest, high)):
            costs = [f"{one.cpu * 1e6:.0f} µs" for one in (seen.ours, seen.blackbox)]
            ratio = f"{seen.ratio:.2f}"
            rows.append(
                [probe, load, *costs, ratio, goals.at_most(seen.ratio, _RATIOS[probe])]
            )
    heads = ["probe", "load", "this exporter", "blackbox", "ratio", "goal"]
    return _table("CPU a probe", heads, rows)


def _latency(seen, goals):
    low, high = (one.latency * 1e6 for one in seen)
    rows = [
        [f"{LOW}/s", f"{low:.0f} µs", ""],
        [
            f"{seen[1].ours.rate:,.0f}/s",
            f"{high:.0f} µs",
            goals.at_most(high / low, _MOVED, " times that"),
        ],
    ]
    heads = ["load", "connectivity_rule_latency_seconds, median", "goal"]
    return _table("TCP latency as reported", heads, rows)


def _scrapes(fleets, goals):
    rows = []
    for one in fleets:
        for encoding, seen in one.scrapes.items():
            size = f"{seen.size / 1e6:.1f} MB"
            took, held, before = (
                seconds * 1e3 for seconds in (seen.seconds, seen.stall, seen.before)
            )
            rows.append(
                [
                    f"{one.targets:,} {one.of}",
                    encoding,
                    size,
                    f"{took:.0f} ms",
                    goals.at_most(took, _SCRAPE_MS, " ms"),
                    f"{held:.1f} ms",
                    f"{before:.1f} ms",
                    goals.at_most(held - before, _STALL_MS, " ms more"),
                ]
            )
    heads = ["targets", "encoding", "size", "time", "goal"]
    heads += ["loop held", "before", "goal"]
    return _table("Scrapes", heads, rows)


def _fleets(fleets, goals):
    rows = []
    for one in fleets:
        memory = one.resident / 2**20
        core = "" if one.core is None else f"{one.core:.3f}"
        rows.append(
            [
                f"{one.targets:,} {one.of}",
                f"{memory:.0f} MiB",
                goals.at_most(memory, _MEMORY, " MiB"),
                f"{one.per_target / 1024:.1f} KiB",
                core,
                core and goals.at_most(one.core, _CORE),
            ]
        )
    heads = ["targets", "memory", "goal", "a target", "cores at 60 s", "goal"]
    return _table("Memory, and a minute's work", heads, rows)


def _table(title, heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join([f"**{title}**", "", *(f"| {' | '.join(x)} |" for x in lines)])


def _machine():
    facts = [
        f"{os.cpu_count()} x {_cpu()}",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()} ({_build()})",
        SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode().rsplit(" ", 3)[0],
        _first_line(binary("nginx"), "-v").removeprefix("nginx version: "),
        _first_line(binary("prometheus-blackbox-exporter"), "--version").split(" (")[0],
    ]
    return "On: " + "; ".join(facts) + "."


def _cpu():
    found = re.search(
        r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE
    )
    return found[1] if found else platform.machine()


def _build():
    flags = str(sysconfig.get_config_var("CONFIG_ARGS"))
    profiled = "--enable-optimizations" in flags
    shared = "--enable-shared" in flags
    words = ["with" if profiled else "without", "profile-guided optimization"]
    return " ".join(words) + (", shared library" if shared else "")


def _first_line(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]
