"""Data flows one way, and so do imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "exporter"
# Each room may import from itself and from those before it.
ROOMS = ["rules", "probes", "monitor", "expose", "app", "documents", "cli", "__main__"]
# What the leaves may import of ours.
LEAVES = {"exporter.probes.outcome": set(), "exporter.rules.rule": set()}
# A library that speaks to the outside has one place where it may be used.
ONLY_IN = {
    "socket": {
        "exporter.probes.kernel",
        "exporter.probes.link",
        "exporter.expose.door",  # the server's own
        "exporter.app",  # for the host's own name
        "exporter.monitor.fetch",  # for the names of address families
        "exporter.probes.protocols.smtp",  # likewise
    },
    "aiodns": {"exporter.probes.dns"},
    "pycares": {"exporter.probes.dns"},
    "OpenSSL": {
        f"exporter.probes.{n}" for n in ("tls", "chain", "certificate", "trust")
    },
    "prometheus_client": {"exporter.expose.metrics"},
    "aiohttp": {
        "exporter.expose.web",
        "exporter.expose.auth",
        "exporter.expose.door",
        "exporter.monitor.fetch",  # the client, for mirror lists
    },
    "click": {"exporter.cli", "exporter.documents"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module):
    return module.split(".")[1] if module.count(".") else ""


def breaches(module, names):
    """Imports that go against the direction."""
    here = room(module)
    if not here:
        return []
    allowed = ROOMS[: ROOMS.index(here) + 1]
    ours = {name for name in names if name.startswith("exporter.")}
    wrong = [name for name in ours if room(name) in ROOMS and room(name) not in allowed]
    if module in LEAVES:
        wrong += sorted(ours - LEAVES[module])
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    assert breaches(name_of(path), set(imported(path))) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_library_stays_in_its_place(path):
    module = name_of(path)
    for name in imported(path):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or module in allowed, f"{module} imports {name}"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("probes/wire/*.py")), ids=name_of)
def test_codecs_do_no_input_or_output(path):
    foreign = {"asyncio", "os", "pathlib", "socket", "subprocess", "time", "logging"}
    assert not foreign & {name.split(".")[0] for name in imported(path)}


def test_a_planted_breach_is_caught():
    assert breaches("exporter.rules.site", {"exporter.probes.link"})
    assert breaches("exporter.probes.outcome", {"exporter.probes.link"})
    assert not breaches("exporter.expose.web", {"exporter.probes.outcome"})
