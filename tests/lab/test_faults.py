"""One fault at a time on a real network, and what the exporter makes of it.

Each fault is put in force, the rule is checked by the command as an unprivileged
user, and stage, reason, origin and the address of who refused must be exactly
right for every address of the destination; without the fault the rule holds.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import pytest

from tests.lab import command, firewall, plan

pytestmark = pytest.mark.lab

HTTP, TLS, TIME = "api.appsanywhere.com", "api.software2.com", "2.rocky.pool.ntp.org"
SSH = "appsanywhere02.uni.edu"
RULES = {
    HTTP: ("appsanywhere-icon-api", 80, "tcp"),
    TLS: ("appsanywhere-registration-api", 443, "tcp"),
    TIME: ("appsanywhere-ntp", 123, "udp"),
    SSH: ("appsanywhere01-02-ssh", 22, "tcp"),
}


@dataclass(frozen=True)
class Seen:
    """What is told of a target, and who refused over IPv4 and IPv6."""

    verdict: str
    stage: str
    reason: str
    origin: str = ""
    senders: tuple[str | None, ...] = (None, None)


HOLDS = Seen("holds", "exchange", "answered")


@pytest.fixture
def check(lab):
    """Checks the rule of a destination; gives what was seen.

    A check that this host was too busy for says nothing and is done again.
    """
    site = lab.site(
        "faults.yaml", roles=["appsanywhere01"], schedule={"timeout": "1500ms"}
    )

    def run(destination):
        (target,) = command.check(lab, site, RULES[destination][0]).values()
        return target

    return run


def seen(target):
    ends = {(a["stage"], a["reason"], a["origin"]) for a in target["addresses"]}
    told = (target["stage"], target["reason"], target["origin"])
    assert not target["addresses"] or ends == {told}
    senders = tuple(
        a["icmp"]["from"] if a.get("icmp") else None for a in target["addresses"]
    )
    return Seen(target["verdict"], *told, senders)


@pytest.mark.parametrize("destination", RULES)
def test_without_a_fault_every_rule_holds(check, destination):
    assert seen(check(destination)) == HOLDS


REJECTIONS = {
    "admin-prohibited": "prohibited",
    "host-unreachable": "host_unreachable",
    "net-unreachable": "network_unreachable",
    "port-unreachable": "port_unreachable",
}


@pytest.mark.parametrize("destination", [HTTP, TIME])
@pytest.mark.parametrize(("word", "reason"), REJECTIONS.items())
def test_a_firewall_that_says_no_is_named(lab, check, destination, word, reason):
    _, port, transport = RULES[destination]
    with firewall.reject(lab.fw, destination, port, transport, with_=word):
        told = seen(check(destination))
    firewalls = plan.addresses(plan.R1_FW, 2)
    assert told == Seen("violated", "connect", reason, "path", firewalls)


@pytest.mark.parametrize("word", ["host-prohibited", "net-prohibited"])
def test_older_words_for_prohibited_are_understood(lab, check, word):
    with (
        firewall.reject(lab.fw, HTTP, 80, with_=word),
        lab.dns.resolves_to(HTTP, plan.NAMES[HTTP].addresses[0]),
    ):
        told = seen(check(HTTP))
    sender = plan.addresses(plan.R1_FW, 2)[0]
    assert told == Seen("violated", "connect", "prohibited", "path", (sender,))


@pytest.mark.parametrize("destination", [HTTP, TIME])
def test_the_destinations_own_firewall_is_told_from_one_on_the_path(
    lab, check, destination
):
    _, port, transport = RULES[destination]
    host = lab.hosts[plan.NAMES[destination].host]
    with firewall.reject(host, destination, port, transport, with_="admin-prohibited"):
        told = seen(check(destination))
    addresses = plan.NAMES[destination].addresses
    assert told == Seen("violated", "connect", "prohibited", "destination", addresses)


def test_this_hosts_own_firewall_is_told_from_one_on_the_path(lab, check):
    with firewall.reject(lab.prober, HTTP, 80, with_="admin-prohibited"):
        told = seen(check(HTTP))
    assert told == Seen(
        "violated", "connect", "prohibited", "self", plan.addresses(plan.PROBER, 2)
    )


def test_a_datagram_this_host_may_not_send_is_prohibited_by_itself(lab, check):
    with firewall.drop(lab.prober, TIME, 123, "udp"):
        told = seen(check(TIME))
    assert told == Seen("violated", "connect", "prohibited", "self")


@pytest.mark.parametrize("destination", RULES)
def test_a_silent_drop_is_a_timeout_at_connect(lab, check, destination):
    _, port, transport = RULES[destination]
    with firewall.drop(lab.fw, destination, port, transport):
        target = check(destination)
    assert seen(target) == Seen("violated", "connect", "timeout")


def test_a_reset_by_a_firewall_is_a_refusal_of_unknown_origin(lab, check):
    with firewall.reject(lab.fw, HTTP, 80, with_="reset"):
        assert seen(check(HTTP)) == Seen("violated", "connect", "refused")


@pytest.mark.parametrize(("destination", "stage"), [(TLS, "tls"), (HTTP, "exchange")])
def test_silence_after_the_handshake_is_told_by_its_stage(
    lab, check, destination, stage
):
    with firewall.drop_after_syn(lab.fw, destination, RULES[destination][1]):
        target = check(destination)
    assert seen(target) == Seen("violated", stage, "timeout")
    assert target["latency_seconds"] is not None


@pytest.mark.parametrize(("destination", "stage"), [(TLS, "tls"), (HTTP, "exchange")])
def test_a_reset_after_the_handshake_is_told_by_its_stage(
    lab, check, destination, stage
):
    with firewall.reset_on_data(lab.fw, destination, RULES[destination][1]):
        assert seen(check(destination)) == Seen("violated", stage, "reset")


def test_a_path_that_swallows_large_packets_is_a_timeout_in_tls(lab, check):
    with firewall.mtu_black_hole(lab.fw, TLS, 576):
        assert seen(check(TLS)) == Seen("violated", "tls", "timeout")


def test_a_service_that_is_gone_is_refused_by_its_host(lab, check):
    with lab.dns.resolves_to(HTTP, plan.addresses(plan.SERVERS["time"], 10)[0]):
        told = seen(check(HTTP))
    assert told == Seen("violated", "connect", "refused", "", (None,))


NAMES_FAIL = {
    "nxdomain": "nxdomain",
    "no_address": "no_address",
    "servfail": "dns_failure",
    "refused": "dns_failure",
    "silent": "dns_failure",
}


@pytest.mark.parametrize(("fault", "reason"), NAMES_FAIL.items())
def test_a_name_that_fails_is_not_a_firewall(lab, check, fault, reason):
    with getattr(lab.dns, fault)(HTTP):
        target = check(HTTP)
    assert seen(target) == Seen("violated", "resolve", reason, senders=())
    assert HTTP in target["detail"] or "in time" in target["detail"]


def test_one_blocked_address_of_two_is_visible_and_the_rule_still_holds(lab, check):
    first, second = plan.NAMES[HTTP].addresses
    with firewall.reject(lab.fw, first, 80, with_="admin-prohibited"):
        target = check(HTTP)
    assert target["verdict"] == "holds"
    told = {a["address"]: (a["verdict"], a["reason"]) for a in target["addresses"]}
    assert told == {
        first: ("violated", "prohibited"),
        second: ("holds", "answered"),
    }


def test_every_fault_heals(lab, check):
    with contextlib.ExitStack() as faults:
        for destination, (_, port, transport) in RULES.items():
            faults.enter_context(firewall.drop(lab.fw, destination, port, transport))
        assert seen(check(HTTP)).verdict == "violated"
    for destination in RULES:
        assert seen(check(destination)) == HOLDS
