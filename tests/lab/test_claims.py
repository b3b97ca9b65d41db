"""Whoever says that he is the destination, or speaks beside it, on a real network."""

from __future__ import annotations

import pytest

from tests.lab import backend, command, firewall, plan
from tests.lab.site import rule

pytestmark = pytest.mark.lab

HOST = "mirror.pulsant.com"  # answers 80 and 443
ALIAS = "mirrors.vinters.com"  # another address of the same host


@pytest.fixture(params=[4, 6])
def v6(request):
    return request.param == 6


@pytest.fixture
def address(v6):
    return plan.NAMES[HOST].addresses[v6]


@pytest.fixture
def check(lab, address):
    """Checks a rule, beside one to the same address that is answered."""

    def run(port, transport="tcp", beside=True, **more):
        probe = transport if port != 443 else "https"
        rules = [rule("to", address, port, probe, transport=transport, **more)]
        if beside:
            rules.append(rule("beside", address, 80, "http"))
        schedule = {"timeout": "1500ms"}
        site = lab.site("claims.yaml", rules=rules, schedule=schedule)
        return command.check(lab, site, *(one["id"] for one in rules))["to"]

    return run


def told(target):
    return tuple(target[key] for key in ("verdict", "stage", "reason", "origin"))


def test_a_device_that_prohibits_in_the_destinations_name_is_on_the_path(
    lab, check, address
):
    with firewall.reject_as(lab.fw, address, 443, address):
        target = check(443)
    assert told(target) == ("violated", "connect", "prohibited", "path")
    assert "claims to be the destination" in target["detail"]


def test_a_host_that_prohibits_is_the_destination(lab, check, address):
    with firewall.reject(lab.hosts["web"], address, 443):
        target = check(443)
    assert told(target) == ("violated", "connect", "prohibited", "destination")


def test_a_host_that_prohibits_from_another_address_is_not_the_path(
    lab, check, address, v6
):
    alias = plan.NAMES[ALIAS].addresses[v6]
    family, kind = ("ip6", "icmpv6") if v6 else ("ip", "icmp")
    words = f"{kind} type destination-unreachable {family} saddr {address}"
    change = [f"{words} {family} saddr set {alias}"]
    web = lab.hosts["web"]
    with firewall.change(web, change, "output"), firewall.reject(web, address, 443):
        target = check(443)
    assert told(target) == ("violated", "connect", "prohibited", "")
    assert "as far away as the destination" in target["detail"]


def test_a_datagram_that_never_arrived_does_not_hold(lab, check, address):
    word = "port-unreachable"
    with firewall.reject_as(lab.fw, address, 7777, address, "udp", word):
        target = check(7777, "udp")
    assert told(target) == ("violated", "connect", "port_unreachable", "path")


def test_nor_where_only_the_way_there_tells_how_far_the_host_is(lab, check, address):
    word = "port-unreachable"
    with firewall.reject_as(lab.fw, address, 7777, address, "udp", word):
        target = check(7777, "udp", beside=False)
    assert told(target) == ("unknown", "connect", "port_unreachable", "")
    assert "may claim to be the destination" in target["detail"]


@pytest.mark.parametrize("beside", [True, False])
def test_a_datagram_that_arrived_holds(check, beside):
    target = check(7777, "udp", beside=beside)
    assert told(target) == ("holds", "connect", "port_unreachable", "destination")


def test_a_host_that_speaks_from_another_address_is_not_the_path(
    lab, check, address, v6
):
    alias = plan.NAMES[ALIAS].addresses[v6]
    family, kind = ("ip6", "icmpv6") if v6 else ("ip", "icmp")
    words = f"{kind} type destination-unreachable {family} saddr {address}"
    change = [f"{words} {family} saddr set {alias}"]
    with firewall.change(lab.hosts["web"], change, "output"):
        allowed = check(7777, "udp")
        denied = check(7777, "udp", expect="deny")
        alone = check(7777, "udp", beside=False, expect="deny")
    assert told(allowed) == ("unknown", "connect", "port_unreachable", "")
    assert told(denied) == ("unknown", "connect", "port_unreachable", "")
    assert told(alone) == ("unknown", "connect", "port_unreachable", "")


@pytest.mark.parametrize("beside", [True, False])
def test_a_device_that_says_so_in_its_own_name_denies(lab, check, address, beside):
    word = "port-unreachable"
    with firewall.reject(lab.fw, address, 7777, "udp", word):
        target = check(7777, "udp", beside, expect="deny")
    assert told(target) == ("holds", "connect", "port_unreachable", "path")


def test_how_far_away_whoever_spoke_is_is_told(lab, check, address):
    with firewall.reject(lab.fw, address, 443):
        (one,) = check(443)["addresses"]
    assert one["answer_hops"] == 2
    (one,) = check(7777, "udp")["addresses"]
    assert one["answer_hops"] == 4


def test_a_port_that_is_forwarded_is_no_measure_of_its_host(lab, address):
    rules = [
        rule("to", address, 9555, expect="deny"),
        rule("beside", address, 4444),
    ]
    site = lab.site("forward.yaml", rules=rules, schedule={"timeout": "1500ms"})
    with backend.forwards(lab, address, 4444):
        both = command.check(lab, site, "to", "beside")
    assert both["beside"]["verdict"] == "holds"
    assert told(both["to"]) == ("unknown", "connect", "refused", "")
