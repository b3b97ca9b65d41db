"""Pings where the kernel lets the exporter send them, and where it does not."""

from __future__ import annotations

import contextlib

import pytest

from tests.lab import command, firewall, plan
from tests.lab.site import rule

pytestmark = pytest.mark.lab

HOST, NOBODY = "cloudpaging.uni.edu", "nobody-home.uni.edu"
EVERY = (0, 2**31 - 1)
NONE = (1, 0)
"""What `net.ipv4.ping_group_range` is where nobody may ping."""


def ping(name, host, **more):
    told = rule(name, host, 0, **more) | {"transport": "icmp"}
    return {k: v for k, v in told.items() if k not in {"port", "probe"}}


RULES = [
    ping("there-4", plan.NAMES[HOST].addresses[0]),
    ping("there-6", plan.NAMES[HOST].addresses[1]),
    ping("closed", HOST, expect="deny"),
    ping("gone", NOBODY),
]


@pytest.fixture
def check(lab):
    def run(**options):
        site = lab.site("ping.yaml", rules=RULES, schedule={"timeout": "1500ms"})
        ids = [one["id"] for one in RULES]
        told = command.check(lab, site, **options)
        keys = ("verdict", "reason", "origin")
        return {one: tuple(told[one][key] for key in keys) for one in ids}, told

    return run


@contextlib.contextmanager
def pinging(host, groups):
    """Lets processes of these groups ping, for as long as the block lasts."""
    setting = "net.ipv4.ping_group_range={} {}"
    host.run("sysctl", "-qw", setting.format(*groups))
    try:
        yield
    finally:
        host.run("sysctl", "-qw", setting.format(*NONE))


PROHIBIT = [
    "icmp type echo-request reject with icmp type admin-prohibited",
    "icmpv6 type echo-request reject with icmpv6 type admin-prohibited",
]
DROP = ["icmp type echo-request drop", "icmpv6 type echo-request drop"]


def test_a_host_that_answers_and_one_that_is_gone(lab, check):
    with pinging(lab.prober, EVERY):
        told, whole = check()
    assert told["there-4"] == told["there-6"] == ("holds", "answered", "")
    assert told["closed"] == ("violated", "answered", "")
    assert told["gone"] == ("violated", "host_unreachable", "path")
    assert whole["there-4"]["latency_seconds"] > 0
    assert (whole["there-4"]["port"], whole["there-4"]["protocol"]) == (None, "icmp")


def test_a_firewall_that_refuses_pings_is_named(lab, check):
    with pinging(lab.prober, EVERY), firewall.change(lab.fw, PROHIBIT):
        told, _ = check()
    assert told["there-4"] == told["there-6"] == ("violated", "prohibited", "path")
    assert told["closed"] == ("holds", "prohibited", "path")


def test_silence_violates_and_proves_no_block(lab, check):
    with pinging(lab.prober, EVERY), firewall.change(lab.fw, DROP):
        told, whole = check()
    assert told["there-4"] == told["there-6"] == ("violated", "timeout", "")
    assert told["closed"] == ("unknown", "timeout", "")
    assert whole["there-4"]["path"]["last_hop"]


def test_where_nobody_may_ping_nothing_is_known(lab, check):
    with pinging(lab.prober, NONE):
        told, whole = check(seconds=0.0)
    assert {verdict for verdict, _, _ in told.values()} == {"unknown"}
    assert {reason for _, reason, _ in told.values()} == {"local_fault"}
    assert "net.ipv4.ping_group_range" in whole["closed"]["detail"]
