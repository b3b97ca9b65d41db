"""ICMP errors of a connection that stands: what an ordinary client lives with."""

from __future__ import annotations

import pytest

from tests.lab import command, firewall, plan
from tests.lab.site import rule

pytestmark = pytest.mark.lab

HOST = "mirror.pulsant.com"
LATER = {"tls": 443, "exchange": 80}


@pytest.fixture(params=[4, 6])
def address(request):
    return plan.NAMES[HOST].addresses[request.param == 6]


@pytest.fixture
def check(lab, address):
    """Checks over HTTPS, or over HTTP with a request that is long enough."""

    def run(stage="tls", seconds=2.0):
        probe = {"http": {"path": "/" + "a" * 200}} if stage == "exchange" else "https"
        rules = [rule("to", address, LATER[stage], probe)]
        schedule = {"timeout": f"{int(seconds * 1000)}ms"}
        site = lab.site("later.yaml", rules=rules, schedule=schedule)
        return command.check(lab, site, "to")["to"]

    return run


RIGHT = {
    ("admin-prohibited", 4): "timeout",
    ("admin-prohibited", 6): "prohibited",
    ("host-unreachable", 4): "timeout",
    ("host-unreachable", 6): "host_unreachable",
    ("net-unreachable", 4): "timeout",
    ("net-unreachable", 6): "network_unreachable",
    ("port-unreachable", 4): "port_unreachable",
    ("port-unreachable", 6): "port_unreachable",
}
SAID = {
    "admin-prohibited": "prohibited",
    "host-unreachable": "host unreachable",
    "net-unreachable": "network unreachable",
    "port-unreachable": "port unreachable",
}


@pytest.mark.parametrize("word", SAID)
@pytest.mark.parametrize("stage", LATER)
def test_who_refuses_long_packets_is_neither_this_host_nor_silent(
    lab, check, address, word, stage
):
    with firewall.refuse_long(lab.fw, address, LATER[stage], word):
        target = check(stage)
    assert (target["verdict"], target["stage"]) == ("violated", stage)
    assert target["reason"] == RIGHT[word, 6 if ":" in address else 4]
    assert target["origin"] == ""
    assert f"ICMP message said: {SAID[word]}" in target["detail"] or (
        word == "admin-prohibited" and "prohibited" in target["detail"]
    )
    assert "this host" not in target["detail"]


@pytest.mark.parametrize("word", SAID)
def test_one_error_of_two_long_packets_is_lived_with(lab, check, address, word):
    every_second = "numgen inc mod 2 == 0"
    with firewall.refuse_long(lab.fw, address, 443, word, only=every_second):
        target = check(seconds=4)
    assert (target["verdict"], target["reason"]) == ("holds", "answered")


@pytest.mark.parametrize("word", SAID)
def test_an_error_of_the_last_word_of_the_handshake_is_lived_with(
    lab, check, address, word
):
    family = "ip6" if ":" in address else "ip"
    words = firewall.REJECTION_WORDS[family][word]
    match = f"{family} daddr {address} tcp dport 443 tcp flags & (syn|ack|psh) == ack"
    once = f"meta length < 100 limit rate 1/minute burst 1 packets reject with {words}"
    with firewall.change(lab.fw, [f"{match} {once}"]):
        target = check(seconds=4)
    assert (target["verdict"], target["reason"]) == ("holds", "answered")


@pytest.mark.parametrize("longest", [600, 1200])
def test_a_path_that_loses_large_packets_is_proven(lab, check, longest):
    with firewall.lose_long(lab.fw, longest):
        target = check()
    assert (target["verdict"], target["stage"]) == ("violated", "tls")
    assert (target["reason"], target["origin"]) == ("timeout", "")
    assert "with small segments it answers" in target["detail"]


def test_a_host_that_says_nothing_is_no_such_path(lab, check, address):
    with firewall.drop_after_syn(lab.fw, address, 443):
        target = check()
    assert (target["stage"], target["reason"]) == ("tls", "timeout")
    assert "small segments" not in target["detail"]
