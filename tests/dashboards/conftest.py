import json
import re
import warnings
from pathlib import Path

import pytest

from tests.dashboards import fixture, history

with warnings.catch_warnings():
    # The SDK recommends a newer format, which Grafanas before 12.4 cannot import.
    warnings.simplefilter("ignore", DeprecationWarning)
    from dashboards.build import BOARDS, HERE

ALERTS = Path(__file__).parents[2] / "alerts"
MACROS = {"$__rate_interval": "5m", "$__range": "6h"}
VARIABLES = ("job", "instance", "source_role", "usage", "destination")
SOMETIMES = ("site", "owner", "severity")
"""Variables of labels that not every series has."""


def filled_in(expr, rule="appsanywhere-mssql"):
    """An expression as Grafana would send it, with everything selected."""
    for macro, value in MACROS.items():
        expr = expr.replace(macro, value)
    selected = {"rule": rule, **dict.fromkeys(VARIABLES, ".+")}
    selected |= dict.fromkeys(SOMETIMES, ".*")
    return re.sub(
        r"\$(\w+)",
        lambda m: selected.get(m[1], m[0]),
        expr,
    )


def committed():
    """The dashboards as committed, by file name."""
    return {name: json.loads((HERE / name).read_text()) for name in BOARDS}


def remember_night(past, boards):
    """Takes in the made-up night, and what the dashboards need recorded of it."""
    past.remember(fixture.samples().text())
    needed = {"connectivity:links:info"}
    for board in boards.values():
        for panel in board["panels"]:
            for query in panel["targets"]:
                needed |= history.metrics(filled_in(query["expr"]))
    past.record(history.recorded(sorted(ALERTS.glob("*.yml")), needed))


@pytest.fixture(scope="session")
def boards():
    return committed()


@pytest.fixture(scope="session")
def night(boards, tmp_path_factory):
    """The URL of a real Prometheus that remembers the made-up night."""
    past = history.History(tmp_path_factory.mktemp("prometheus"))
    remember_night(past, boards)
    with past.served() as url:
        yield url
