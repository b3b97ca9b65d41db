"""The round of each file, and how many of the corpus are right."""

from __future__ import annotations

import pytest

from exporter.probes import host_network
from tests.field.situation import Field


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    """Where the peers of a file live."""
    running = Field(tmp_path_factory.mktemp("field"), next(_NETWORKS))
    yield running
    running.close()


@pytest.fixture(scope="module")
def told(field, request):
    """What one round of `check` tells of the cases of a file, by their names."""
    module = request.module
    rules = [field.rule(name, case) for name, case in module.CASES.items()]
    more = {}
    if hasattr(module, "NAMES"):
        more["dns"] = {"servers": [field.names(module.NAMES)]}
    if hasattr(module, "SITE"):
        more |= module.SITE(field)
    with pytest.MonkeyPatch.context() as patch:
        # What is right must not hang on whether the host that runs tests has IPv6.
        patch.setattr(host_network, "has_global_ipv6", lambda: True)
        return field.check(rules, **field.trusting(), **more)


_NETWORKS = iter(range(80, 120))


def pytest_terminal_summary(terminalreporter):
    """How many are right of all that were looked at."""
    counted = {
        kind: [
            one
            for one in terminalreporter.stats.get(kind, ())
            if one.nodeid.startswith("tests/field/")
        ]
        for kind in ("passed", "failed", "error")
    }
    right, wrong = len(counted["passed"]), len(counted["failed"] + counted["error"])
    if right or wrong:
        terminalreporter.write_line(f"field: {right} of {right + wrong} right")
