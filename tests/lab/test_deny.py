"""A rule that must be blocked, under every way of being blocked, open, or dead.

The rule is the catalogue's own; a site's rule to another port of the same host is its
witness, named in the overrides as a site would.
"""

from __future__ import annotations

import contextlib

import pytest

from tests.lab import command, firewall, plan

pytestmark = pytest.mark.lab

RULE, HOST, PORT = "external-client-analytics-looker", "analytics.uni.edu", 9999
WITNESS, WITNESS_PORT = "outside-analytics-api", 19999
WITNESS_RULE = {
    "id": WITNESS,
    "source": "external-client",
    "destination": {"placeholder": "analytics"},
    "port": WITNESS_PORT,
    "transport": "tcp",
    "probe": {"https": {"path": "/versions"}},
    "usage": "analytics",
    "description": "Something on the appliance that may be reached from outside",
}


def write_site(lab, override, rules=(WITNESS_RULE,), **more):
    return lab.site(
        "deny.yaml",
        roles=["external-client"],
        rules=list(rules),
        overrides={RULE: override},
        **{"schedule": {"interval": "5s", "timeout": "1500ms"}, **more},
    )


@pytest.fixture
def check(lab):
    def run(**override):
        site = write_site(lab, {"witness": WITNESS, **override})
        target = command.check(lab, site)[RULE]
        return tuple(target[k] for k in ("verdict", "stage", "reason", "origin"))

    return run


def drop(lab, port=PORT):
    return firewall.drop(lab.fw, HOST, port)


def reset(host):
    return firewall.reject(host, HOST, PORT, with_="reset")


def test_an_open_path_violates_the_rule(check):
    assert check() == ("violated", "exchange", "answered", "")


def test_a_connection_that_dies_after_the_handshake_was_let_through(lab, check):
    with firewall.reset_on_data(lab.fw, HOST, PORT):
        assert check() == ("violated", "tls", "reset", "")


def test_silence_is_a_block_while_the_witness_answers(lab, check):
    with drop(lab):
        assert check() == ("holds", "connect", "timeout", "")


def test_silence_is_nothing_when_the_witness_is_dead_too(lab, check):
    with drop(lab), drop(lab, WITNESS_PORT):
        assert check() == ("unknown", "connect", "timeout", "")


def test_silence_is_nothing_without_a_witness(lab):
    site = write_site(lab, {}, rules=())
    with drop(lab):
        target = command.check(lab, site)[RULE]
    assert (target["verdict"], target["reason"]) == ("unknown", "timeout")


def test_a_prohibition_is_a_block_whatever_the_witness_says(lab, check):
    with firewall.reject(lab.fw, HOST, PORT, with_="admin-prohibited"):
        assert check() == ("holds", "connect", "prohibited", "path")
        with drop(lab, WITNESS_PORT):
            assert check() == ("holds", "connect", "prohibited", "path")


def test_a_reset_by_the_host_itself_is_no_block(lab, check):
    with reset(lab.hosts["web"]):
        assert check() == ("unknown", "connect", "refused", "")


def test_a_reset_is_a_block_where_the_rule_says_so(lab, check):
    with reset(lab.hosts["web"]):
        assert check(denial=["reset"]) == ("holds", "connect", "refused", "")


def test_a_reset_is_a_block_where_a_trace_shows_that_the_path_sent_it(lab, check):
    with reset(lab.fw):
        assert check() == ("holds", "connect", "refused", "path")


def test_a_reset_is_nothing_while_nothing_tells_how_far_the_host_is(lab, check):
    with reset(lab.fw), drop(lab, WITNESS_PORT):
        assert check() == ("unknown", "connect", "refused", "")


def test_port_unreachable_by_a_device_on_the_path_is_a_block(lab, check):
    with firewall.reject(lab.fw, HOST, PORT, with_="port-unreachable"):
        assert check() == ("holds", "connect", "port_unreachable", "path")


def test_port_unreachable_by_the_host_itself_is_no_block(lab, check):
    with firewall.reject(lab.hosts["web"], HOST, PORT, with_="port-unreachable"):
        assert check() == ("unknown", "connect", "port_unreachable", "destination")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("host-unreachable", "host_unreachable"),
        ("net-unreachable", "network_unreachable"),
    ],
)
def test_a_host_that_cannot_be_reached_is_no_block(lab, check, word, reason):
    with firewall.reject(lab.fw, HOST, with_=word):
        assert check() == ("unknown", "connect", reason, "path")


def test_a_dead_host_is_no_block(lab, check):
    nobody = plan.NAMES["nobody-home.uni.edu"].addresses[0]
    with lab.dns.resolves_to(HOST, nobody):
        assert check() == ("unknown", "connect", "timeout", "")


@pytest.mark.parametrize(
    ("fault", "reason"), [("nxdomain", "nxdomain"), ("silent", "dns_failure")]
)
def test_a_name_that_fails_is_no_block(lab, check, fault, reason):
    with getattr(lab.dns, fault)(HOST):
        assert check() == ("unknown", "resolve", reason, "")


def test_one_open_address_of_two_violates_the_rule(lab, check):
    with firewall.reject(lab.fw, plan.NAMES[HOST].addresses[0], PORT, with_="reset"):
        assert check()[0] == "violated"


def test_a_blocked_address_proves_nothing_about_the_other(lab, check):
    first, second = plan.NAMES[HOST].addresses
    with (
        firewall.reject(lab.fw, first, PORT, with_="admin-prohibited"),
        firewall.reject(lab.hosts["web"], second, PORT, with_="reset"),
    ):
        assert check()[0] == "unknown"


def test_a_reset_by_the_path_at_one_address_proves_nothing_about_the_other(lab, check):
    first, second = plan.NAMES[HOST].addresses
    with (
        firewall.reject(lab.fw, first, PORT, with_="reset"),
        firewall.reject(lab.hosts["web"], second, PORT, with_="reset"),
    ):
        assert check() == ("unknown", "connect", "refused", "")


def test_the_service_judges_silence_by_what_its_witness_saw_last(lab):
    site = write_site(lab, {"witness": WITNESS}, web=command.WEB)
    with contextlib.ExitStack() as faults, command.serving(lab, site) as service:

        def satisfied(rule):
            return service.of_rule("connectivity_rule_satisfied", rule)

        service.until(lambda: satisfied(RULE) == 0)
        faults.enter_context(drop(lab))
        service.until(lambda: satisfied(RULE) == 1)
        assert satisfied(WITNESS) == 1
        faults.enter_context(drop(lab, WITNESS_PORT))
        service.until(lambda: satisfied(WITNESS) == 0)
        service.until(lambda: satisfied(RULE) is None)
