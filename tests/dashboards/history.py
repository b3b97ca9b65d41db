"""A real Prometheus that remembers made-up hours, recorded rules included.

Blocks are made by promtool, so the past is there at once. Rules are evaluated over
that past level by level, since promtool cannot let one rule read another in one run.
"""

from __future__ import annotations

import contextlib
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import promql_parser
import yaml

from tests.dashboards.cases import END, START, STEP
from tests.servers.process import binary, free_port, running

if TYPE_CHECKING:
    from pathlib import Path


def metrics(expr):
    """The names of all metrics that an expression reads."""
    found = set()

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.name)
        for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
            child = getattr(node, part, None)
            if child is not None and not isinstance(child, (str, float)):
                walk(child)
        for argument in getattr(node, "args", None) or ():
            walk(argument)

    walk(promql_parser.parse(expr))
    return found


def recorded(files, needed):
    """Recording rules for the metrics `needed`, as levels that build on each other.

    What a rule reads of itself, or of one further down in its group, is of the
    evaluation before: a memory, which is empty here.
    """
    groups = [
        [rule for rule in group["rules"] if "record" in rule]
        for file in files
        for group in yaml.safe_load(file.read_text())["groups"]
    ]
    rules = [rule for group in groups for rule in group]
    names = {rule["record"] for rule in rules}
    reads = {name: set() for name in names}
    for group in groups:
        for position, rule in enumerate(group):
            remembered = {one["record"] for one in group[position:]}
            reads[rule["record"]] |= metrics(rule["expr"]) & names - remembered
    wanted = _closure(needed & names, reads)
    levels = []
    done = set()
    while wanted - done:
        level = {name for name in wanted - done if reads[name] <= done}
        assert level, f"rules that read each other: {wanted - done}"
        levels.append([rule for rule in rules if rule["record"] in level])
        done |= level
    return levels


def _closure(names, reads):
    found, pending = set(), set(names)
    while pending:
        name = pending.pop()
        found.add(name)
        pending |= reads[name] - found
    return found


class History:
    """A data directory, and a Prometheus on it when needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._config = folder / "prometheus.yml"
        self._config.write_text("global: {}\n")

    def remember(self, text: str) -> None:
        """Takes in samples as OpenMetrics text."""
        file = self._folder / "samples.om"
        file.write_text(text)
        self._promtool("openmetrics", str(file), str(self._data))

    def record(self, levels) -> None:
        """Evaluates recording rules over all that is remembered."""
        file = self._folder / "rules.yml"
        for rules in levels:
            groups = [{"name": "level", "interval": f"{STEP}s", "rules": rules}]
            file.write_text(yaml.safe_dump({"groups": groups}))
            with self.served() as url:
                self._promtool(
                    "rules",
                    f"--url={url}",
                    f"--start={START}",
                    f"--end={END}",
                    f"--eval-interval={STEP}s",
                    f"--output-dir={self._data}",
                    str(file),
                )

    @contextlib.contextmanager
    def served(self):
        """The URL of a Prometheus that knows everything remembered so far."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        argv = [
            binary("prometheus"),
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self._data}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with running(argv, lambda: _ready(url), self._folder / "prometheus.log"):
            yield url

    def _promtool(self, kind, *arguments):
        argv = [binary("promtool"), "tsdb", "create-blocks-from", kind, *arguments]
        subprocess.run(argv, check=True, capture_output=True, timeout=120)


def _ready(url):
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:  # noqa: S310 - our own server
            return answer.status == 200
    except OSError:
        return False
