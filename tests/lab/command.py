"""The exporter as a sysadmin runs it in the lab: unprivileged, on the prober.

    told = command.check(lab, site)         # {rule: its target's entry}
    with command.serving(lab, site) as service:
        service.until(lambda: service.value("connectivity_rule_satisfied", "a") == 1)

Everything is read from what the commands print or serve.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from tests.lab.lab import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.lab.lab import Lab
    from tests.lab.process import Process

PORT = 9843
"""Where `serving` listens on the prober; a site file must say the same."""
WEB = {"listen": f"127.0.0.1:{PORT}"}


def check(lab: Lab, site: Path, *rules: str, seconds: float = 120.0) -> dict[str, Any]:
    """One round of all rules, or of some; the entry of each rule's only target.

    What the exporter says that this host was too busy for is looked at again, for so
    many seconds: a test of faults on the network learns nothing from it.
    """
    end = time.monotonic() + seconds
    told = _check(lab, site, rules)
    while too_busy(told.values()) and time.monotonic() < end:
        told = _check(lab, site, rules)
    return told


def too_busy(targets: Iterable[dict[str, Any]]) -> list[str]:
    """The rules of those at which, or at an address of which, it had no time to look."""
    return [
        target["rule"]
        for target in targets
        if "local_fault" in {end["reason"] for end in (target, *target["addresses"])}
    ]


def _check(lab: Lab, site: Path, rules: tuple[str, ...]) -> dict[str, Any]:
    chosen = [word for rule in rules for word in ("--rule", rule)]
    done = lab.prober.run(
        *(PYTHON, "-m", "exporter", "check", "--config", site, "--format", "json"),
        *chosen,
        unprivileged=True,
        check=False,
        timeout=300,
    )
    assert done.returncode in {0, 1, 3}, done.stderr
    targets = json.loads(done.stdout)["targets"]
    told = {target["rule"]: target for target in targets}
    assert len(told) == len(targets)
    return told


class Service:
    """The running service, asked over HTTP from the prober."""

    def __init__(self, lab: Lab, process: Process) -> None:
        self._lab = lab
        self.process = process

    def get(self, path: str, *words: str) -> str:
        """What curl prints of an answer."""
        url = f"http://127.0.0.1:{PORT}{path}"
        command = ["curl", "-sS", "--max-time", "10", *words, url]
        return self._lab.prober.run(*command, unprivileged=True).stdout

    def values(self, metric: str) -> dict[tuple[tuple[str, str], ...], float]:
        """A metric's values by their sorted labels."""
        return {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics"))
            for sample in family.samples
            if sample.name == metric
        }

    def of_rule(self, metric: str, rule: str) -> float | None:
        """A metric's only value for a rule; None if it is absent."""
        found = [
            v for labels, v in self.values(metric).items() if ("rule", rule) in labels
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def until(self, fact: Callable[[], bool], seconds: float = 30) -> None:
        """Waits until a fact is one."""
        end = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < end, self.process.tail()
            time.sleep(0.2)


@contextlib.contextmanager
def serving(lab: Lab, site: Path) -> Iterator[Service]:
    """The service with a site file of the lab, listening on `PORT`."""
    process = lab.prober.start(
        *("serve", PYTHON, "-m", "exporter", "serve", "--config", site),
        unprivileged=True,
    )
    try:
        process.wait_until(lambda: lab.prober.listens("tcp", PORT), "listens", 30)
        yield Service(lab, process)
    finally:
        process.stop()
