"""What this host itself does to a probe is told as its own, on real networks."""

from __future__ import annotations

import contextlib

import pytest

from tests.lab import command, firewall, plan
from tests.lab.site import rule

pytestmark = pytest.mark.lab

HOST = "mirror.pulsant.com"  # answers 80 and 443
FAMILIES = [4, 6]
NEAR = ("10.9.99.1", "fd09:0:0:99::1")
BEHIND = ("10.9.99.2", "fd09:0:0:99::2")


@pytest.fixture(params=FAMILIES)
def address(request):
    return plan.NAMES[HOST].addresses[request.param == 6]


@pytest.fixture
def check(lab, address):
    def run(timeout="2500ms", transport="tcp", probe="tcp", port=443):
        rules = [
            rule("to", address, port, probe, transport=transport),
            rule("beside", address, 80),
        ]
        site = lab.site("own.yaml", rules=rules, schedule={"timeout": timeout})
        return command.check(lab, site, "to", "beside")["to"]

    return run


def told(target):
    return tuple(target[key] for key in ("verdict", "stage", "reason", "origin"))


@pytest.mark.parametrize("timeout", ["1s", "2500ms"])
def test_what_its_own_firewall_drops_is_told_as_its_own(lab, check, address, timeout):
    with firewall.drop(lab.prober, address, 443):
        target = check(timeout)
    assert told(target) == ("violated", "connect", "prohibited", "self")
    assert "own firewall" in target["detail"]
    assert target["path"] is None


@pytest.mark.parametrize(
    ("router", "timeout"), [("r1", "2500ms"), ("fw", "300ms"), ("web", "1s")]
)
def test_what_others_drop_is_not(lab, check, address, router, timeout):
    with firewall.drop(lab.hosts[router], address, 443):
        assert told(check(timeout)) == ("violated", "connect", "timeout", "")


def test_its_own_reset_is_told_as_its_own(lab, check, address):
    with firewall.reject(lab.prober, address, 443, with_="reset"):
        target = check()
    assert told(target) == ("violated", "connect", "refused", "self")
    assert "path" not in target["detail"]


def test_a_firewall_that_lets_inner_traffic_alone_is_told_too(lab, check, address):
    family = "ip6" if ":" in address else "ip"
    reset = f"{family} daddr {address} tcp dport 443 reject with tcp reset"
    with firewall.change(lab.prober, ["oif lo accept", reset]):
        assert told(check()) == ("violated", "connect", "refused", "self")


@pytest.mark.parametrize("host", ["r1", "web"])
def test_a_reset_by_others_is_not_its_own(lab, check, address, host):
    with firewall.reject(lab.hosts[host], address, 443, with_="reset"):
        target = check()
    assert target["reason"] == "refused"
    assert target["origin"] == {"r1": "path", "web": ""}[host]


def test_its_own_prohibition_stays_so(lab, check, address):
    with firewall.reject(lab.prober, address, 443):
        assert told(check()) == ("violated", "connect", "prohibited", "self")


@contextlib.contextmanager
def default_route(lab, address, *words):
    """Another way out meanwhile; IPv6 falls back from a dead one to a wider route."""
    v6 = ":" in address
    usual = ("via", plan.addresses(plan.PROBER, 1)[v6])
    replace = ("ip", "-6" if v6 else "-4", "route", "replace", "default")
    lab.prober.run(*replace, *words)
    try:
        yield
    finally:
        lab.prober.run(*replace, *usual)


@pytest.mark.parametrize("timeout", ["1500ms", "4s"])
def test_a_gateway_that_does_not_answer_is_told(lab, check, address, timeout):
    gateway = plan.addresses(plan.PROBER, 77)[":" in address]
    with default_route(lab, address, "via", gateway):
        target = check(timeout)
    assert told(target) == ("violated", "connect", "host_unreachable", "self")
    assert f"gateway {gateway}" in target["detail"]
    assert target["path"] is None


def test_datagrams_to_a_dead_gateway_too(lab, check, address):
    gateway = plan.addresses(plan.PROBER, 78)[":" in address]
    with default_route(lab, address, "via", gateway):
        target = check("1500ms", "udp", "udp", 7777)
    assert told(target) == ("violated", "connect", "host_unreachable", "self")


def test_nobody_with_the_address_next_door_is_no_gateway(lab):
    for family in (0, 1):
        nobody = plan.addresses(plan.PROBER, 79)[family]
        rules = [rule("to", nobody, 443)]
        site = lab.site("next.yaml", rules=rules, schedule={"timeout": "1500ms"})
        target = command.check(lab, site, "to")["to"]
        assert told(target) == ("violated", "connect", "host_unreachable", "self")
        assert "gateway" not in target["detail"]


@pytest.fixture
def unplugged(lab):
    prober = lab.prober
    prober.run("ip", "link", "add", "plug", "type", "veth", "peer", "name", "socket")
    prober.run("ip", "link", "set", "plug", "up")
    prober.run("ip", "addr", "add", f"{NEAR[0]}/24", "dev", "plug")
    prober.run("ip", "addr", "add", f"{NEAR[1]}/64", "dev", "plug", "nodad")
    yield "plug"
    prober.run("ip", "link", "del", "plug")


def test_a_cable_that_is_out_is_told(lab, check, address, unplugged):
    behind = BEHIND[":" in address]
    with default_route(lab, address, "via", behind, "dev", unplugged):
        target = check("1500ms")
    assert told(target) == ("violated", "connect", "host_unreachable", "self")
    assert f"device {unplugged}" in target["detail"]


@pytest.mark.parametrize("route", ["unreachable", "blackhole"])
def test_no_route_stays_no_route(lab, check, address, route):
    family = "-6" if ":" in address else "-4"
    lab.prober.run("ip", family, "route", "add", route, address)
    try:
        assert check()["reason"] == "no_route"
    finally:
        lab.prober.run("ip", family, "route", "del", route, address)


@contextlib.contextmanager
def only_on_its_link(lab):
    """No IPv6 address but the link's own, and yet a way out by it."""
    own, router = plan.addresses(plan.PROBER, 2)[1], plan.addresses(plan.PROBER, 1)[1]
    device = ("dev", f"link{plan.PROBER}")
    ip = ("ip", "-6")
    lab.prober.run(*ip, "addr", "del", f"{own}/64", *device)
    link = router.rpartition("::")[0] + "::/64"
    lab.prober.run(*ip, "route", "replace", link, *device)
    lab.prober.run(*ip, "route", "replace", "default", "via", router, *device)
    try:
        yield
    finally:
        lab.prober.run(*ip, "route", "del", link, *device)
        lab.prober.run(*ip, "addr", "add", f"{own}/64", *device, "nodad")
        lab.prober.run(*ip, "route", "replace", "default", "via", router)


@pytest.mark.parametrize("silent", [False, True])
def test_want_of_an_address_that_leads_beyond_the_link_is_told(lab, silent):
    address = plan.NAMES[HOST].addresses[1]
    with only_on_its_link(lab), contextlib.ExitStack() as stack:
        if silent:
            stack.enter_context(firewall.drop(lab.r1, address, 443))
        rules = [rule("to", address, 443)]
        site = lab.site("own.yaml", rules=rules, schedule={"timeout": "1500ms"})
        target = command.check(lab, site, "to")["to"]
    assert told(target) == ("violated", "connect", "no_route", "")
    assert "IPv6 address" in target["detail"]
