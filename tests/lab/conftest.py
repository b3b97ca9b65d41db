"""The running lab as a fixture; its logs with every failure; no silent skip.

`LAB_LANE=1` to `5` runs about a fifth of the laboratory's tests, each lane in a
laboratory of its own: most of them wait for answers that never come, so five lanes take
little more than a fifth of the time. `LAB_LANE=paging` waits for Alertmanager.

Where the lab cannot run, its tests are skipped and the end of the run says why in
a section of its own. In CI (CI=true) that is a failure.
"""

from __future__ import annotations

import contextlib
import json
import os

import pytest

from tests.lab.cell import LabUnavailableError
from tests.lab.lab import PYTHON, Lab

_LANES = {
    "1": {
        *("test_catalogue.py", "test_matrix.py", "test_other_catalogues.py"),
        *("test_service.py", "test_icmp_later.py", "test_late_packets.py"),
    },
    "2": {"test_deny.py", "test_own_host.py"},
    "3": {"test_findings.py", "test_trace.py"},
    "4": {"test_faults.py", "test_middlebox.py", "test_language.py"},
    "paging": {"test_paging.py"},
}
"""Files that together wait about as long as all others do, which are lane 5. Most of
lane 1 need a server behind every row, which takes a while to start."""
_reason = pytest.StashKey[str]()
_lab = pytest.StashKey[Lab]()
_kept = pytest.StashKey[str]()


def pytest_collection_modifyitems(config, items):
    """Keeps the lane's files, all of them without a lane."""
    lane = os.environ.get("LAB_LANE", "")
    other = [one for one in items if lane and _lane_of(one) != lane]
    config.hook.pytest_deselected(items=other)
    items[:] = [one for one in items if one not in other]


def _lane_of(item):
    name = item.path.name
    return next((lane for lane, files in _LANES.items() if name in files), "5")


@pytest.fixture(scope="session")
def lab(pytestconfig, request):
    with _no_silent_skip(pytestconfig):
        running = Lab()
    pytestconfig.stash[_lab] = running
    yield running
    keep = request.session.testsfailed > 0
    if keep:
        pytestconfig.stash[_kept] = f"{running.folder}/logs"
    running.close(keep=keep)


@pytest.fixture(scope="session")
def complete_lab(lab, pytestconfig):
    """The lab with a server behind every row of the catalogue."""
    with _no_silent_skip(pytestconfig):
        lab.complete()
    return lab


@pytest.fixture(scope="session")
def proxied_lab(lab, pytestconfig):
    """The lab with its proxy."""
    with _no_silent_skip(pytestconfig):
        lab.add_proxy()
    return lab


@contextlib.contextmanager
def _no_silent_skip(config):
    try:
        yield
    except LabUnavailableError as error:
        config.stash[_reason] = str(error)
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(f"the lab must run in CI: {error}", pytrace=False)
        pytest.skip(f"no lab: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    running = item.config.stash.get(_lab, None)
    if report.failed and running and "lab" in item.fixturenames:
        report.sections.append(("lab logs", running.cell.logs()))
    return report


def pytest_terminal_summary(terminalreporter, config):
    reason = config.stash.get(_reason, "")
    if reason:
        terminalreporter.section("THE LAB DID NOT RUN", red=True, bold=True)
        terminalreporter.line(f"{reason}", red=True)
        terminalreporter.line("What needs it was not tested.", red=True)
    kept = config.stash.get(_kept, "")
    if kept:
        terminalreporter.line(f"The lab's logs are kept in {kept}")


@pytest.fixture
def knock(lab):
    """Knocks from the prober, unprivileged: doors are (transport, address, port)."""

    def doors(*doors, seconds=1.0):
        words = [str(word) for door in doors for word in door]
        command = [PYTHON, "-m", "tests.lab.knock", str(seconds), *words]
        return json.loads(lab.prober.run(*command, unprivileged=True).stdout)

    return doors
