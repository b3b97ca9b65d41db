"""Every end of a probe has words for people, and a request where one is due."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from exporter.model.network_path import Path
from exporter.model.outcome import Icmp, Origin, Reason, Stage
from exporter.model.rule import Expect
from exporter.present import explain
from tests import make

TARGET = make.target(destination="api.test", port=443)
NOTHING_TO_ASK = {Reason.ANSWERED, Reason.UNTESTED}


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("expect", Expect)
def test_every_end_has_words(reason, stage, expect):
    target = make.target(destination="api.test", port=443, expect=expect)
    seen = make.seen(reason, stage)
    assert explain.seen(seen).endswith(".")
    asked = explain.ask(target, seen)
    assert "{" not in asked
    if expect is Expect.ALLOW:
        assert bool(asked) is (reason not in NOTHING_TO_ASK)


def test_no_two_reasons_are_told_alike():
    told = {explain.seen(make.seen(reason)) for reason in Reason}
    assert len(told) == len(Reason)


def test_silence_before_and_after_the_handshake_are_two_things():
    stages = [Stage.CONNECT, Stage.TLS]
    early, late = (make.seen(Reason.TIMEOUT, stage) for stage in stages)
    assert explain.seen(early) != explain.seen(late)
    assert "TCP 443 from web to api.test" in explain.ask(TARGET, early)
    assert "MTU" in explain.ask(TARGET, late)


@pytest.mark.parametrize(
    ("origin", "who"),
    [
        (Origin.DESTINATION, "the destination itself (192.0.2.9)"),
        (Origin.PATH, "a device on the path (192.0.2.9)"),
        (Origin.SELF, "this host (192.0.2.9)"),
    ],
)
def test_who_refused_is_named_with_its_address(origin, who):
    icmp = Icmp(3, 13, "192.0.2.9")
    seen = make.seen(Reason.PROHIBITED, origin=origin, icmp=icmp)
    assert explain.refused_by(seen) == who


@pytest.mark.parametrize("reason", set(Reason) - {Reason.LOCAL_FAULT, Reason.BUG})
def test_what_ends_before_a_proxy_lets_us_through_is_for_those_who_run_it(reason):
    for stage in (Stage.RESOLVE, Stage.CONNECT):
        seen = make.seen(reason, stage, via="proxy.test:3128")
        assert explain.seen(seen) == (
            "No connection came about through the proxy proxy.test:3128."
        )
        assert "allow CONNECT to api.test:443" in explain.ask(TARGET, seen)
    later = make.seen(Reason.RESET, Stage.TLS, via="proxy.test:3128")
    assert explain.seen(later) == explain.seen(make.seen(Reason.RESET, Stage.TLS))


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.RESET, Reason.CLOSED])
def test_what_is_cut_off_behind_a_proxy_is_asked_of_those_who_run_it_first(reason):
    seen = make.seen(reason, Stage.TLS, via="proxy.test:3128")
    said = explain.ask(TARGET, seen)
    assert said.startswith("Ask those who run the proxy proxy.test:3128 whether it")
    assert "api.test:443" in said


def test_our_own_fault_is_not_the_proxys():
    seen = make.seen(Reason.LOCAL_FAULT, Stage.CONNECT, via="proxy.test:3128")
    assert explain.seen(seen) == explain.seen(make.seen(Reason.LOCAL_FAULT))


def test_an_address_that_a_list_may_not_name_was_not_probed():
    seen = make.seen(Reason.UNTESTED, Stage.RESOLVE, detail="192.0.2.1 is not public")
    assert explain.seen(seen) == "Not probed: 192.0.2.1 is not public."


def test_nobody_is_named_where_nobody_spoke():
    assert explain.refused_by(make.seen(Reason.REFUSED)) == ""
    own = make.seen(Reason.PROHIBITED, origin=Origin.SELF)
    assert explain.refused_by(own) == "this host's own firewall"
    assert "this host's own firewall" in explain.ask(TARGET, own)


@pytest.mark.parametrize(
    "reason", [Reason.PORT_UNREACHABLE, Reason.NETWORK_UNREACHABLE]
)
def test_what_this_host_refuses_is_asked_of_nobody_else(reason):
    seen = make.seen(reason, origin=Origin.SELF, icmp=Icmp(3, 3, "192.0.2.9"))
    assert explain.ask(TARGET, seen) == (
        "Allow TCP 443 from web to api.test in this host's own firewall."
    )


def test_a_dead_gateway_is_no_matter_of_the_destination():
    seen = make.seen(
        Reason.HOST_UNREACHABLE, origin=Origin.SELF, broken="gateway 192.0.2.9"
    )
    asked = explain.ask(TARGET, seen)
    assert asked.startswith("Check the gateway 192.0.2.9 of this host, and the link")
    assert "is up" not in asked
    assert "gateway 192.0.2.9 is broken" in explain.seen(seen)
    assert explain.refused_by(seen) == "this host's gateway 192.0.2.9"
    through = dataclasses.replace(seen, via="proxy:3128")
    assert explain.ask(TARGET, through) == asked


def test_its_own_reset_is_asked_of_nobody_else():
    seen = make.seen(Reason.REFUSED, origin=Origin.SELF)
    assert "in this host's own firewall" in explain.ask(TARGET, seen)
    assert explain.refused_by(seen) == "this host's own firewall"


def test_a_neighbour_that_nobody_spoke_of_is_no_firewall():
    seen = make.seen(Reason.HOST_UNREACHABLE, origin=Origin.SELF)
    assert explain.refused_by(seen) == "this host"


def test_a_path_that_loses_large_packets_is_called_so():
    seen = make.seen(Reason.TIMEOUT, Stage.TLS, small_passes=True)
    assert "the path loses large packets" in explain.seen(seen)
    assert "MSS" in explain.ask(TARGET, seen)


def test_a_neighbour_that_is_not_there_is_no_matter_of_routes():
    seen = make.seen(
        Reason.HOST_UNREACHABLE, origin=Origin.SELF, icmp=Icmp(3, 1, "192.0.2.9")
    )
    asked = explain.ask(TARGET, seen)
    assert asked.startswith("Check that api.test is up and has this address")
    assert "route" not in asked


def test_an_open_path_that_must_be_blocked_asks_for_a_block():
    target = make.target(destination="api.test", port=443, expect=Expect.DENY)
    assert "must not pass" in explain.ask(target, make.seen(Reason.ANSWERED))
    assert "must not pass" in explain.ask(
        target, make.seen(Reason.RESET, Stage.EXCHANGE)
    )
    assert "must not pass" in explain.ask(
        target, make.seen(Reason.HOST_UNREACHABLE, Stage.TLS)
    )
    assert "witness" in explain.ask(target, make.seen(Reason.TIMEOUT))


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (Reason.NXDOMAIN, "DNS team"),
        (Reason.NO_ROUTE, "Add a route"),
        (Reason.HOST_UNREACHABLE, "the route to"),
        (Reason.NETWORK_UNREACHABLE, "the route to"),
        (Reason.LOCAL_FAULT, "load and limits"),
        (Reason.BUG, "log"),
    ],
)
def test_a_block_that_was_never_tried_asks_for_what_kept_it_from_being(reason, says):
    target = make.target(expect=Expect.DENY)
    assert says in explain.ask(target, make.seen(reason))


def test_no_firewall_team_is_asked_about_this_host_itself():
    here = make.seen(Reason.REFUSED)
    here = dataclasses.replace(here, address="127.0.0.1")
    asked = explain.ask(make.target(destination="www.uni.example"), here)
    assert "on this host, which www.uni.example stands for" in asked
    assert "firewall" not in asked


@pytest.mark.parametrize("reason", [Reason.REFUSED, Reason.PORT_UNREACHABLE])
def test_what_a_device_on_the_path_refuses_is_no_matter_of_the_service(reason):
    anybody = explain.ask(TARGET, make.seen(reason))
    shown = explain.ask(TARGET, make.seen(reason, origin=Origin.PATH))
    assert "Check that the service runs" in anybody
    assert shown.startswith("Ask the firewall team to allow TCP 443 from")


def test_what_a_hosts_own_firewall_forbids_is_asked_of_that_host():
    seen = make.seen(Reason.PROHIBITED, origin=Origin.DESTINATION)
    asked = explain.ask(make.target(destination="sql.uni.example"), seen)
    assert "own firewall of sql.uni.example" in asked


def path(ended, ttl, last="10.9.2.2", *, on_path=False, hops=(), own=False):
    return Path(hops, ttl, ended, last, 2 if last else 0, on_path, local=own)


@pytest.mark.parametrize(
    ("traced", "told"),
    [
        (path(None, None), "silent behind 10.9.2.2 (hop 2)"),
        (path(None, None, ""), "silent behind this host"),
        (path(Reason.REFUSED, 3), "refused at hop 3, right behind 10.9.2.2 (hop 2)"),
        (path(Reason.REFUSED, 4), "refused at hop 4, behind 10.9.2.2 (hop 2)"),
        (path(Reason.MALFORMED, 3), "answers at hop 3, but not as it should"),
        (
            path(Reason.REFUSED, 3, on_path=True),
            "refused at or right behind 10.9.2.2 (hop 2), before the destination",
        ),
        (path(Reason.ANSWERED, 4), "answers at hop 4: it came through this time"),
        (
            path(Reason.REFUSED, 1, "", own=True),
            "refused by this host itself: the address is its own",
        ),
        (
            path(Reason.ANSWERED, 1, "", own=True),
            "answered by this host itself: the address is its own",
        ),
        (
            path(None, None, "", own=True),
            "silent inside this host: the address is its own",
        ),
    ],
)
def test_a_path_is_told_in_one_phrase(traced, told):
    assert explain.stops(traced) == told


def test_hostile_names_are_never_taken_for_templates():
    names = itertools.product(["{flow}", "{0}", "{host.__class__}"], Reason)
    for name, reason in names:
        asked = explain.ask(make.target(destination=name), make.seen(reason))
        assert "__class__'" not in asked
