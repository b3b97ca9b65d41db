"""Every fault under every protocol, for rules that allow and rules that deny.

All faults of faults.py are in force at once, one round of the command meets them, and
then each cell is looked at by itself: verdict, stage, reason and origin, of every
address.
"""

from __future__ import annotations

import contextlib
import time

import pytest

from exporter.model.outcome import Origin, Reason
from exporter.probes.protocols import PROBERS
from tests.lab import command, matrix
from tests.lab.faults import FAULTS
from tests.lab.matrix import CELLS, PLACES, PROTOCOLS

pytestmark = pytest.mark.lab

CATALOGUE = """
catalogue: matrix
title: The fault matrix
roles: {matrix: {title: Whoever meets all faults at once}}
rules: []
"""
# What no fault on a network can bring about (see test_starvation.py, test_runner.py).
ELSEWHERE = {Reason.LOCAL_FAULT, Reason.BUG}
PATIENCE = 300.0
"""Seconds for a busy host to come to every cell."""
# What can become of each protocol besides; over TCP a refusal too.
ALWAYS = {
    *(Reason.ANSWERED, Reason.NXDOMAIN, Reason.NO_ADDRESS, Reason.DNS_FAILURE),
    *(Reason.PORT_UNREACHABLE, Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE),
    *(Reason.PROHIBITED, Reason.NO_ROUTE),
}
CUT = {Reason.TIMEOUT, Reason.RESET, Reason.CLOSED, Reason.MALFORMED}
OVER_TLS = {"tls", "https", "ldaps", "smtp", "mssql", "imap", "rdp", "postgres"}
SAYS_NO = {"http", "https", "smtp", "ldaps", "ntp", "imap", "rdp", "postgres"}


@pytest.fixture(scope="module")
def told(complete_lab):
    """The entry of every rule's target, after one round with all faults in force."""
    lab = complete_lab
    (lab.folder / "matrix-catalogue.yaml").write_text(CATALOGUE)
    with contextlib.ExitStack() as faults:
        for fault in FAULTS:
            faults.enter_context(fault.put(lab, PLACES[fault.name]))
        return _round(lab)


def _site(lab, timeout):
    return lab.site(
        f"matrix-{timeout}.yaml",
        catalogues=["matrix-catalogue.yaml"],
        roles=["matrix"],
        placeholders={},
        rules=[*matrix.witnesses(), *(cell.rule() for cell in CELLS)],
        schedule={"interval": "10m", "timeout": timeout},
    )


def _round(lab):
    """A round for each half of the protocols, since a round traces only so much.

    What this host was too busy for is done again, with its witnesses. Then it may take
    longer: the exporter believes a silence in which it had the CPU for most of the
    time, and what a host is too busy for are the first moments.
    """
    end = time.monotonic() + PATIENCE
    always = [one["id"] for one in matrix.witnesses()]
    quickly, slowly = _site(lab, "1500ms"), _site(lab, "8s")
    told = {}
    for half in (PROTOCOLS[::2], PROTOCOLS[1::2]):
        mine = [c.rule_id for c in CELLS if (c.probe, c.transport) in half]
        told |= command.check(lab, quickly, *always, *mine, seconds=0)
    while late := command.too_busy(told.values()):
        assert time.monotonic() < end, f"this host is too busy to look at {late}"
        told |= command.check(lab, slowly, *{*late, *always}, seconds=0)
    return told


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.rule_id)
def test_a_fault_is_told_as_what_it_is(told, cell):
    target = told[cell.rule_id]
    must = cell.told
    ends = {(a["stage"], a["reason"], a["origin"]) for a in target["addresses"]}
    seen = (target["stage"], target["reason"], target["origin"])
    stage = must.stage_of(cell.probe)
    assert (target["verdict"], *seen) == (
        *(cell.verdict, stage, must.reason, must.origin),
    ), target["detail"]
    assert ends == ({seen} if must.stage != "resolve" else set())


@pytest.mark.parametrize("name", [one["id"] for one in matrix.witnesses()])
def test_every_witness_holds(told, name):
    assert told[name]["verdict"] == "holds"


def test_the_matrix_has_every_reason_every_origin_and_every_protocol():
    reasons = {cell.told.reason for cell in CELLS}
    assert reasons == set(Reason) - ELSEWHERE
    assert {cell.told.origin for cell in CELLS} == set(Origin)
    spoken = {
        (name, transport)
        for name, prober in PROBERS.items()
        for transport in prober.transports - {"icmp"}  # has no ports: test_ping.py
    }
    assert set(PROTOCOLS) == spoken


def possible(probe, transport):
    """Every reason that a protocol can end with."""
    more = {
        "tcp": {Reason.TIMEOUT},
        "udp": {Reason.UNTESTED},
    }.get(probe, CUT if transport == "tcp" else {Reason.TIMEOUT, Reason.MALFORMED})
    refused = {Reason.REFUSED} if transport == "tcp" else set()
    alert = {Reason.TLS_ALERT} if probe in OVER_TLS else set()
    no = {Reason.REJECTED} if probe in SAYS_NO else set()
    return ALWAYS | more | refused | alert | no


@pytest.mark.parametrize("expect", ["allow", "deny"])
@pytest.mark.parametrize(("probe", "transport"), PROTOCOLS)
def test_every_protocol_meets_every_reason_that_it_can_end_with(
    probe, transport, expect
):
    mine = (probe, transport, expect)
    met = {c.told.reason for c in CELLS if (c.probe, c.transport, c.expect) == mine}
    assert met == possible(probe, transport)


def test_every_protocol_meets_both_expectations_and_every_verdict():
    for probe, transport in PROTOCOLS:
        mine = [c for c in CELLS if (c.probe, c.transport) == (probe, transport)]
        assert {cell.expect for cell in mine} == {"allow", "deny"}
        verdicts = {(cell.expect, cell.verdict) for cell in mine}
        denied = {("deny", one) for one in ("holds", "violated", "unknown")}
        assert denied | {("allow", "holds"), ("allow", "violated")} <= verdicts
