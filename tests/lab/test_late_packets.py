"""Packets that come late, twice, in another order or not: no rule fails of that.

And what does fail there fails for the reason that it would fail for in good weather.
"""

from __future__ import annotations

import json

import pytest

from tests.lab import command, firewall, matrix, weather
from tests.lab.cell import LabUnavailableError
from tests.lab.site import rule

pytestmark = pytest.mark.lab

CATALOGUE = """
catalogue: late
title: Rules whose packets come late
roles: {appsanywhere: {title: Whose packets do}}
rules: []
"""
HOST = "mirror.pulsant.com"
SELDOM = {"ssh", "rdp", "ntp", "kerberos"}
"""What a service may not look at again within the seconds of a test."""
PATIENT = {"interval": "6s", "timeout": "5s"}
QUICK = {"interval": "5s", "timeout": "3s"}
PORTS = {"dropped": 9001, "reset": 9002, "closed": 9003, "shut": 9004}
ROUNDS = 2
SECONDS = 120.0
"""For a busy host to come to all of it; it takes some ten."""


def everything():
    """A rule for every protocol, to a real server of it."""
    for (probe, transport), (host, port) in matrix.SERVERS.items():
        options = matrix.ANSWERED.options.get(probe)
        spoken = {probe: options} if options else probe
        name = f"{probe}-{transport}"
        yield rule(name, host, port, spoken, transport=transport) | PATIENT


def here(name, **more):
    return rule(name, HOST, PORTS[name]) | QUICK | more


WELL = [*everything(), rule("web", HOST, 443, "https") | QUICK]
OFTEN = [one for one in WELL if one["id"].partition("-")[0] not in SELDOM]
ONCE = [one for one in WELL if one not in OFTEN]
BAD = [
    here("dropped"),
    here("reset"),
    here("closed"),
    here("shut", expect="deny", witness="web"),
]
RIGHT = {
    "dropped": ("violated", "connect", "timeout", ""),
    "reset": ("violated", "connect", "refused", "path"),
    "closed": ("violated", "connect", "refused", ""),
    "shut": ("holds", "connect", "timeout", ""),
}


@pytest.fixture
def over(complete_lab):
    def led(**conditions):
        try:
            return weather.over(complete_lab, **conditions)
        except LabUnavailableError as error:
            pytest.skip(str(error))

    return led


def write(lab, name, rules):
    (lab.folder / "late-catalogue.yaml").write_text(CATALOGUE)
    return lab.site(
        name,
        catalogues=["late-catalogue.yaml"],
        rules=rules,
        placeholders={},
        web=command.WEB,
    )


@pytest.fixture
def seen(complete_lab, over):
    """What a service and a command saw: verdicts, how bad rules ended, which failed."""
    lab = complete_lab
    seldom = write(lab, "seldom.yaml", ONCE)
    often = write(lab, "often.yaml", [*OFTEN, *BAD])

    def run():
        with (
            over(delay=0.4, spread=0.2, twice=0.1),
            firewall.drop(lab.r3, HOST, PORTS["dropped"]),
            firewall.drop(lab.r3, HOST, PORTS["shut"]),
            firewall.reject(lab.r3, HOST, PORTS["reset"], with_="reset"),
            command.serving(lab, often) as service,
        ):
            once = command.check(lab, seldom, *(one["id"] for one in ONCE))
            service.until(lambda: len(looked_at(service)) == len(OFTEN), SECONDS)
            service.until(lambda: ends(service) == RIGHT, SECONDS)
            failures = service.values("connectivity_rule_probe_failures_total")
        failed = {dict(labels)["rule"] for labels, number in failures.items() if number}
        return {name for name, one in once.items() if one["verdict"] != "holds"}, failed

    return run


def test_late_packets_fail_no_rule_and_hide_no_fault(seen):
    right = (set(), {"dropped", "reset", "closed"})
    told = seen()
    if told != right:  # a server that got no CPU for seconds: a fault would stay
        told = seen()
    assert told == right


def looked_at(service):
    """The rules that have been often enough."""
    probes = service.values("connectivity_rule_probes_total")
    often = {
        dict(labels)["rule"] for labels, number in probes.items() if number >= ROUNDS
    }
    return often - RIGHT.keys()


def ends(service):
    targets = json.loads(service.get("/api/v1/targets"))["targets"]
    keys = ("verdict", "stage", "reason", "origin")
    return {
        one["rule"]: tuple(one[key] for key in keys)
        for one in targets
        if one["rule"] in RIGHT
    }
