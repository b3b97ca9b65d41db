"""Each cause, by what proves it, and by what rules it out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.config.feeds import Feed, FeedFormat
from exporter.model.finding import Cause
from exporter.model.maintenance import Maintenance
from exporter.model.network_path import Hop, Path
from exporter.model.outcome import Evidence, Icmp, Origin, Reason, Stage, Verdict
from exporter.model.rule import Expect, Severity, Status, TlsPolicy, Transport, Usage
from exporter.model.tls_facts import UNVERIFIED, TlsError, Trust
from exporter.model.verdict_case import Case, Placed
from exporter.monitor.controls import Control
from exporter.monitor.feed_refresh import FeedState
from tests import exposing
from tests.diagnose.scenes import (
    NOW,
    SERVERS,
    address_of,
    explain,
    holds,
    prohibited,
    record,
    refused,
    seen,
    silent,
    target,
    told,
    unresolved,
    way,
)

WEB = [target(f"www{n}.vendor{n}.com", 443, public=True) for n in range(5)]
DB = [target(f"sql{n}.example.ac.uk") for n in range(3)]
DAY = 86400.0


def test_what_is_in_order_needs_no_finding():
    assert explain(*map(holds, WEB)) == ()


def test_what_fails_beside_an_alternative_that_holds_needs_none():
    failed = silent(DB[0])
    failed.latest = replace(failed.latest, instead="other")
    assert explain(failed, holds(WEB[0])) == ()


def test_what_was_not_probed_yet_is_no_finding():
    assert explain(type(holds(WEB[0]))(WEB[0])) == ()


# ---- names


def test_names_without_any_answer_are_the_resolvers():
    (one,) = explain(*map(unresolved, WEB))
    assert (one.cause, one.owner) == (Cause.RESOLVER, "dns")
    assert one.subject == ", ".join(SERVERS)
    assert len(one.targets) == len(WEB)


@pytest.mark.parametrize(
    ("origin", "cause", "owner"),
    [
        (Origin.PATH, Cause.PATH, "network"),
        (Origin.SELF, Cause.THIS_HOST, "host"),
    ],
)
def test_questions_that_somebody_keeps_back_are_his_doing(origin, cause, owner):
    (one,) = explain(*(unresolved(to, origin=origin) for to in WEB))
    assert (one.cause, one.owner, len(one.targets)) == (cause, owner, len(WEB))


def test_one_name_without_an_answer_is_that_name_while_others_resolve():
    found = explain(
        unresolved(WEB[0], detail="192.0.2.53 says SERVFAIL"), holds(WEB[1])
    )
    assert told(found) == [("name", "www0.vendor0.com", ["www0.vendor0.com"])]


def test_a_name_that_was_remembered_is_no_answer_of_a_resolver():
    remembered = holds(WEB[3], phases={Stage.RESOLVE: 0.00001})
    found = explain(*map(unresolved, WEB[:3]), remembered, once=False)
    assert [one.cause for one in found] == [Cause.RESOLVER]


def test_a_name_that_was_answered_before_speaks_for_no_resolver():
    before = record(WEB[3], at=NOW - 600)
    found = explain(*map(unresolved, WEB[:3]), before, once=False)
    assert [one.cause for one in found] == [Cause.RESOLVER]
    after = record(WEB[3], at=NOW - 30)
    found = explain(*map(unresolved, WEB[:3]), after, once=False)
    assert {one.cause for one in found} == {Cause.NAME}


def test_resolvers_that_are_silent_when_asked_by_themselves_are_it():
    down = {(one, Transport.UDP): False for one in SERVERS}
    found = explain(unresolved(WEB[0]), holds(WEB[1]), resolvers=down)
    assert [one.cause for one in found] == [Cause.RESOLVER]


def test_a_resolver_that_is_gone_beside_one_that_answers_is_told_without_targets():
    down = {(SERVERS[0], Transport.UDP): False, (SERVERS[1], Transport.UDP): True}
    found = explain(*map(holds, WEB), resolvers=down)
    assert told(found) == [("resolver", SERVERS[0], [])]
    assert found[0].severity is Severity.WARNING


def test_resolvers_that_a_device_keeps_us_from_are_told_once():
    down = {(one, Transport.UDP): False for one in SERVERS}
    kept = [unresolved(one, origin=Origin.PATH) for one in WEB]
    (one,) = explain(*kept, resolvers=down)
    assert (one.cause, one.subject) == (Cause.PATH, ", ".join(SERVERS))
    assert len(one.targets) == len(WEB)


def test_resolvers_that_are_all_gone_are_one_cause_before_any_name_is_missed():
    down = {(one, Transport.UDP): False for one in SERVERS}
    (one,) = explain(*map(holds, WEB), resolvers=down)
    assert (one.cause, one.subject, one.targets) == (
        Cause.RESOLVER,
        ", ".join(SERVERS),
        (),
    )
    assert "by the others" not in one.summary


def test_a_name_that_was_denied_before_speaks_for_no_resolver():
    before = unresolved(WEB[4], Reason.NXDOMAIN, at=NOW - 600)
    found = explain(*map(unresolved, WEB[:3]), before, once=False)
    assert {(one.cause, len(one.targets)) for one in found} == {
        (Cause.RESOLVER, 3),
        (Cause.NAME, 1),
    }
    after = unresolved(WEB[4], Reason.NXDOMAIN, at=NOW - 30)
    found = explain(*map(unresolved, WEB[:3]), after, once=False)
    assert {one.cause for one in found} == {Cause.NAME}


def test_unrelated_names_that_all_do_not_exist_are_the_resolvers():
    found = explain(*(unresolved(one, Reason.NXDOMAIN) for one in WEB))
    assert [(one.cause, one.subject) for one in found] == [
        (Cause.RESOLVER, ", ".join(SERVERS))
    ]


@pytest.mark.parametrize("reason", [Reason.NXDOMAIN, Reason.NO_ADDRESS])
def test_a_name_that_does_not_exist_is_that_name(reason):
    found = explain(unresolved(WEB[0], reason), *map(holds, WEB[1:]))
    assert told(found) == [("name", "www0.vendor0.com", ["www0.vendor0.com"])]


def test_a_domain_of_which_nothing_is_found_is_one_cause():
    found = explain(*(unresolved(one, Reason.NXDOMAIN) for one in DB), *map(holds, WEB))
    assert [(one.cause, one.subject) for one in found] == [
        (Cause.NAME, "example.ac.uk")
    ]


def test_resolvers_behind_a_dead_gateway_are_this_hosts_gateway():
    gateway = ("gateway 10.0.0.1", "this host's gateway 10.0.0.1 does not answer")
    literal = target("198.51.100.7", 22)
    broken = record(
        literal,
        seen(
            "198.51.100.7",
            Reason.HOST_UNREACHABLE,
            origin=Origin.SELF,
            broken="gateway 10.0.0.1",
        ),
    )
    found = explain(*map(unresolved, WEB), broken, fault=lambda _address: gateway)
    assert [(one.cause, one.subject, len(one.targets)) for one in found] == [
        (Cause.THIS_HOST, "gateway 10.0.0.1", len(WEB) + 1)
    ]


def test_one_resolver_that_cannot_be_sent_to_is_not_the_cause_while_another_can():
    gone = ("route for IPv6", "this host has no route to it")
    found = explain(
        *map(unresolved, WEB), fault=lambda at: gone if at == SERVERS[1] else None
    )
    assert [one.cause for one in found] == [Cause.RESOLVER]


@pytest.mark.parametrize(
    "server", ["192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53", "2001:db8::53"]
)
def test_a_resolver_is_known_by_its_address_however_it_is_written(server):
    asked = []
    explain(unresolved(WEB[0]), servers=[server], fault=asked.append)
    assert asked == [server.removesuffix(":5353").split("]")[0].strip("[")]


def test_resolvers_that_are_silent_with_everything_else_are_the_path():
    literals = [target(f"198.51.100.{n}", 22) for n in (1, 2, 3)]
    found = explain(
        *(unresolved(one) for one in WEB),
        *(silent(one, ["10.0.0.1"]) for one in literals),
        source=lambda _address: "10.0.0.2",
    )
    assert [(one.cause, one.subject, len(one.targets)) for one in found] == [
        (Cause.PATH, "10.0.0.1", len(WEB) + 3)
    ]


def test_a_resolver_next_door_passes_no_router():
    literals = [target(f"198.51.100.{n}", 22) for n in (1, 2, 3)]
    found = explain(
        *(unresolved(one) for one in WEB),
        *(silent(one, ["10.0.0.1"]) for one in literals),
        source=lambda _address: "192.0.2.9",
    )
    assert {one.cause for one in found} == {Cause.PATH, Cause.RESOLVER}


# ---- this host


@pytest.mark.parametrize(
    ("facts", "subject"),
    [
        ({"reason": Reason.PROHIBITED, "origin": Origin.SELF}, "own firewall"),
        ({"reason": Reason.REFUSED, "origin": Origin.SELF}, "own firewall"),
        ({"reason": Reason.NO_ROUTE}, "route for IPv4"),
        (
            {"reason": Reason.HOST_UNREACHABLE, "broken": "network device eth0"},
            "network device eth0",
        ),
        (
            {"reason": Reason.LOCAL_FAULT, "detail": "Too many open files"},
            "Too many open files",
        ),
        ({"reason": Reason.LOCAL_FAULT, "detail": "too busy"}, "CPU time"),
    ],
)
def test_what_this_host_does_itself_is_one_cause(facts, subject):
    records = [record(one, seen(address_of(one.destination), **facts)) for one in WEB]
    (one,) = explain(*records)
    assert (one.cause, one.subject, one.owner) == (Cause.THIS_HOST, subject, "host")
    assert len(one.targets) == len(WEB)


def test_an_address_next_door_that_nobody_has_is_a_host_that_is_down():
    own = {"reason": Reason.HOST_UNREACHABLE, "origin": Origin.SELF}
    (one,) = explain(record(DB[0], seen(address_of(DB[0].destination), **own)))
    assert (one.cause, one.subject) == (Cause.DESTINATION, DB[0].destination)


def test_hosts_next_door_that_are_down_are_not_this_hosts_doing():
    def down(to):
        at, own = address_of(to.destination), Icmp(3, 1, "10.0.0.9")
        reason = {"reason": Reason.HOST_UNREACHABLE, "origin": Origin.SELF}
        return record(to, seen(at, icmp=own, **reason))

    ways = way(WEB[0], FIREWALL)
    found = explain(*map(down, DB[:2]), *map(holds, WEB), answering_paths=ways)
    assert [one.cause for one in found] == [Cause.DESTINATION] * 2


def test_the_exporters_own_failure_is_its_own():
    one = seen("", Reason.BUG, Stage.RESOLVE, detail="KeyError: 5")
    (found,) = explain(record(WEB[0], one))
    assert (found.cause, found.subject) == (Cause.EXPORTER, "KeyError")


def test_a_name_that_resolves_for_one_rule_alone_is_told_as_that():
    (name, other) = (target("a.b.org", port) for port in (22, 443))
    (one,) = explain(unresolved(name), holds(other))
    assert one.counter_evidence == (
        "the same name resolved meanwhile, for another rule",
    )


def test_a_refusal_is_no_answer_to_other_rules():
    to = target("ntp.one.org", 123, "ntp", transport=Transport.UDP)
    said = {"origin": Origin.DESTINATION, "icmp": Icmp(3, 3, "10.2.2.2")}
    shut = seen("10.2.2.2", Reason.PORT_UNREACHABLE, **said)
    (one,) = explain(record(to, shut), *map(holds, DB))
    assert (one.cause, one.counter_evidence) == (Cause.SERVICE, ())
    other = record(target("ntp.one.org", 22), seen("10.2.2.2"))
    (one,) = explain(record(to, shut), other)
    assert one.counter_evidence == ("ntp.one.org answers other rules",)
    bad, good = shut, seen("10.2.2.1")
    (one,) = explain(record(to, bad, good))
    assert one.summary.startswith("10.2.2.2 of ntp.one.org does not answer, other")
    assert one.counter_evidence == ("1 address of ntp.one.org answers",)


@pytest.mark.parametrize("reason", [Reason.PROHIBITED, Reason.PORT_UNREACHABLE])
def test_what_icmp_ends_is_no_wrong_answer(reason):
    (one,) = explain(cut(WEB[0], reason), *map(holds, DB))
    assert "takes connections, which ICMP messages then end" in one.summary
    assert "a device on the way" in one.ask


def test_a_network_that_is_not_reached_gives_no_wrong_answer():
    gone = record(
        DB[0], seen(address_of(DB[0].destination), Reason.NETWORK_UNREACHABLE)
    )
    (one,) = explain(gone, *map(holds, WEB))
    assert (one.cause, "does not answer" in one.summary) == (Cause.DESTINATION, True)


@pytest.mark.parametrize(
    ("reason", "stage", "want"),
    [
        (Reason.TIMEOUT, Stage.CONNECT, "a witness that answers"),
        (Reason.HOST_UNREACHABLE, Stage.CONNECT, "a way to the host"),
        (Reason.NETWORK_UNREACHABLE, Stage.CONNECT, "a way to the host"),
        (Reason.UNTESTED, Stage.RESOLVE, "a look at every address"),
    ],
)
def test_a_witness_is_wanted_where_it_helps(reason, stage, want):
    to = target("h.example.ac.uk", 22, expect=Expect.DENY)
    at = seen(address_of(to.destination), reason, stage)
    (one,) = explain(record(to, at, verdict=Verdict.UNKNOWN))
    assert f"for want of {want}" in one.summary


# ---- the proxy

PROXY = "proxy.example.ac.uk:3128"


def at_proxy(to, reason, detail="the proxy is not reached", **facts):
    return record(to, seen("10.1.1.1", reason, via=PROXY, detail=detail, **facts))


def test_a_proxy_that_is_not_reached_explains_all_that_goes_through_it():
    (one,) = explain(*(at_proxy(to, Reason.TIMEOUT) for to in WEB))
    assert (one.cause, one.subject, one.owner) == (Cause.PROXY, PROXY, "proxy")
    assert len(one.targets) == len(WEB)


def test_a_proxy_that_forbids_one_is_it_though_others_pass():
    no = at_proxy(WEB[0], Reason.REJECTED, origin=Origin.PATH, latency=0.001)
    (one,) = explain(no, holds(WEB[1], via=PROXY))
    assert (one.cause, one.subject, len(one.targets)) == (Cause.PROXY, PROXY, 1)
    assert "1 rule hold" in one.counter_evidence[0]


@pytest.mark.parametrize("others", [True, False])
def test_what_a_proxy_reports_of_one_destination_is_that_destinations(others):
    says = "the proxy p cannot reach the destination: its connection got no answer"
    gone = at_proxy(WEB[0], Reason.TIMEOUT, says, latency=0.001)
    beside = [holds(WEB[1], via=PROXY)] if others else []
    (one,) = explain(gone, *beside)
    assert (one.cause, one.targets[0][2]) == (Cause.DESTINATION, WEB[0].destination)


def test_a_proxy_that_reaches_nothing_is_the_cause():
    says = "the proxy p cannot reach the destination: its connection got no answer"
    gone = [at_proxy(to, Reason.TIMEOUT, says, latency=0.001) for to in WEB]
    (one,) = explain(*gone)
    assert (one.cause, len(one.targets)) == (Cause.PROXY, len(WEB))


def test_a_device_that_refuses_the_way_to_the_proxy_is_the_path():
    said = {"origin": Origin.PATH, "icmp": Icmp(3, 13, "10.0.0.2")}
    gone = [at_proxy(to, Reason.PROHIBITED, **said) for to in WEB]
    (one,) = explain(*gone, *map(holds, DB))
    assert (one.cause, one.subject, len(one.targets)) == (Cause.PATH, "10.0.0.2", 5)
    assert f"prohibits connections to the proxy {PROXY}" in one.summary


def test_a_proxy_that_is_not_there_is_the_proxy_whichever_router_says_so():
    said = {"origin": Origin.PATH, "icmp": Icmp(3, 1, "10.0.0.3")}
    (one,) = explain(*(at_proxy(to, Reason.HOST_UNREACHABLE, **said) for to in WEB))
    assert (one.cause, one.subject) == (Cause.PROXY, PROXY)


def unnamed_proxy(to):
    detail = "the proxy is not found: no usable answer: no answer"
    return record(
        to, seen("", Reason.DNS_FAILURE, Stage.RESOLVE, via=PROXY, detail=detail)
    )


def test_a_proxy_whose_name_gets_no_answer_is_the_resolvers_where_no_name_does():
    (one,) = explain(*map(unnamed_proxy, WEB), *map(unresolved, DB))
    assert (one.cause, len(one.targets)) == (Cause.RESOLVER, len(WEB) + len(DB))
    down = {(one, Transport.UDP): False for one in SERVERS}
    (one,) = explain(*map(unnamed_proxy, WEB), resolvers=down)
    assert (one.cause, len(one.targets)) == (Cause.RESOLVER, len(WEB))


def test_a_proxy_whose_name_alone_gets_no_answer_is_the_proxy():
    (one,) = explain(*map(unnamed_proxy, WEB), *map(holds, DB))
    assert (one.cause, one.subject) == (Cause.PROXY, PROXY)


def behind_proxy(to, reason=Reason.CLOSED, stage=Stage.TLS, **facts):
    at = {"via": PROXY, "latency": 0.001, "detail": f"{reason} behind it", **facts}
    return record(to, seen("10.1.1.1", reason, stage, **at))


def test_what_a_proxy_cuts_off_is_not_everything_while_others_pass_it():
    cut, passed = WEB[:3], WEB[3:]
    found = explain(*map(behind_proxy, cut), *(holds(to, via=PROXY) for to in passed))
    assert [one.cause for one in found] == [Cause.SERVICE] * len(cut)
    assert all(f"Or the proxy {PROXY}" in one.ask for one in found)


def test_what_is_cut_off_behind_a_proxy_alone_is_the_proxys():
    (one,) = explain(*map(behind_proxy, WEB), *map(holds, DB))
    assert (one.cause, one.subject, one.owner) == (Cause.PROXY, PROXY, "proxy")
    assert f"everything through the proxy {PROXY}" in one.summary
    assert "\0" not in str(one)


def test_what_a_proxy_cuts_off_by_its_port_is_told_beside_what_passes():
    plain = [target(to.destination, 80, "http", public=True) for to in WEB]
    (one,) = explain(*map(behind_proxy, plain), *(holds(to, via=PROXY) for to in WEB))
    assert (one.cause, one.subject) == (Cause.PROXY, PROXY)
    assert "port 80/tcp through the proxy" in one.summary
    assert one.counter_evidence == (
        f"5 addresses of other rules answer through the proxy {PROXY}",
    )


def test_what_a_proxy_inspects_is_told_beside_what_it_does_not():
    opened = bad(TlsError.UNKNOWN_ISSUER, intercepted=True)
    shown = exposing.tls(chain_expiry_timestamp=NOW + 90 * DAY, **opened)
    some = [holds(to, tls=shown, via=PROXY) for to in WEB[:3]]
    found = explain(*some, *(holds(to, via=PROXY) for to in WEB[3:]), *map(holds, DB))
    assert [one.counter_evidence for one in found] == [
        ("2 addresses of other rules answer without",)
    ]


def test_a_page_that_a_proxy_shows_for_some_is_not_every_services():
    paged = {"reason": Reason.REJECTED, "stage": Stage.EXCHANGE, "detail": "HTTP 403"}
    shown = [behind_proxy(to, **paged) for to in WEB[:3]]
    found = explain(*shown, holds(WEB[3], via=PROXY))
    assert [one.cause for one in found] == [Cause.SERVICE] * 3


# ---- the path

FIREWALL, ROUTER = "10.0.0.2", "10.0.0.3"


def test_who_refuses_is_one_cause_however_many_he_refuses():
    (one,) = explain(*(prohibited(to, FIREWALL) for to in WEB), *map(holds, DB))
    assert (one.cause, one.subject, one.owner) == (Cause.PATH, FIREWALL, "network")
    assert "every public service" in one.summary


def test_two_that_refuse_are_two_causes():
    found = explain(*(prohibited(to, f"10.0.0.{n}") for n, to in enumerate(WEB)))
    assert {one.subject for one in found} == {f"10.0.0.{n}" for n in range(5)}


def test_a_refuser_that_speaks_from_an_address_of_each_family_is_one():
    def both(to, first):
        v4 = Icmp(3, 13, FIREWALL)
        v6 = Icmp(1, 1, "fd00::2")
        looks = [
            seen("10.1.1.1", Reason.PROHIBITED, origin=Origin.PATH, icmp=v4),
            seen("fd00:1::1", Reason.PROHIBITED, origin=Origin.PATH, icmp=v6),
        ]
        return record(to, *(looks if first else reversed(looks)))

    found = explain(both(WEB[0], True), both(WEB[1], False))
    assert [(one.subject, len(one.targets)) for one in found] == [(FIREWALL, 2)]


def test_silence_of_all_that_is_public_is_the_path():
    found = explain(
        *(silent(to, ["10.0.0.1", FIREWALL]) for to in WEB), *map(holds, DB)
    )
    assert [(one.cause, one.subject, len(one.targets)) for one in found] == [
        (Cause.PATH, FIREWALL, len(WEB))
    ]
    assert "Every public service" in found[0].summary


def test_what_was_not_traced_goes_with_what_it_has_in_common():
    records = [silent(WEB[0], [FIREWALL]), *map(silent, WEB[1:]), *map(holds, DB)]
    (one,) = explain(*records)
    assert (one.cause, one.subject, len(one.targets)) == (Cause.PATH, FIREWALL, 5)


def test_one_port_that_is_silent_on_all_hosts_is_the_path():
    beside = [holds(target(to.destination, 445)) for to in DB]
    (one,) = explain(*(silent(to, [ROUTER]) for to in DB), *beside)
    assert (one.cause, one.subject) == (Cause.PATH, ROUTER)
    assert "port 1433/tcp" in one.summary
    assert any("other ports answer" in said for said in one.counter_evidence)


def test_a_host_that_is_silent_while_others_behind_the_hop_answer_is_that_host():
    more = target(DB[0].destination, 445)
    found = explain(
        silent(DB[0], [ROUTER]), silent(more, [ROUTER]), *map(holds, DB[1:])
    )
    assert told(found) == [("destination", DB[0].destination, [DB[0].destination])]
    assert len(found[0].targets) == 2


def test_silence_where_neighbours_are_passed_on_is_the_path():
    ways = way(DB[1], FIREWALL, ROUTER)
    (one,) = explain(
        silent(DB[0], [FIREWALL]), *map(holds, DB[1:]), answering_paths=ways
    )
    assert (one.cause, one.subject) == (Cause.PATH, FIREWALL)
    assert any(f"behind {FIREWALL} answer" in said for said in one.counter_evidence)


def test_inside_an_organisation_the_nearest_network_is_compared():
    near = target("app.example.ac.uk", 443)
    ways = {"10.13.77.0/24": next(iter(way(near, FIREWALL, ROUTER).values()))}
    assert address_of(DB[0].destination).startswith("10.13.")
    found = explain(silent(DB[0], [FIREWALL]), holds(near), answering_paths=ways)
    assert [(one.cause, one.subject) for one in found] == [(Cause.PATH, FIREWALL)]
    public = record(
        WEB[0],
        seen("198.51.100.1", Reason.TIMEOUT),
        path=silent(DB[0], [FIREWALL]).path,
    )
    ways = {"8.8.8.0/24": next(iter(ways.values()))}
    outside = replace(public.latest.observation, address="8.8.4.4")
    found = explain(
        record(WEB[0], outside, path=public.path), holds(near), answering_paths=ways
    )
    assert [one.cause for one in found] == [Cause.DESTINATION]


def test_silence_behind_the_last_router_of_its_neighbours_is_the_host():
    ways = way(DB[1], FIREWALL, ROUTER)
    (one,) = explain(
        silent(DB[0], [FIREWALL, ROUTER]), *map(holds, DB[1:]), answering_paths=ways
    )
    assert (one.cause, one.subject) == (Cause.DESTINATION, DB[0].destination)


def test_one_port_that_is_silent_on_a_host_that_answers_is_a_service():
    other = target(DB[0].destination, 445)
    (one,) = explain(silent(DB[0]), holds(other), *map(holds, DB[1:]))
    assert (one.cause, one.subject) == (Cause.SERVICE, f"{DB[0].destination}:1433")
    assert one.counter_evidence


def test_names_that_lead_to_one_address_are_one_host():
    names = [target(f"{name}.com", 443) for name in ("one", "two")]
    gone = [record(to, seen("198.51.100.1", Reason.TIMEOUT)) for to in names]
    (one,) = explain(*gone, *map(holds, WEB))
    assert (one.cause, len(one.targets)) == (Cause.DESTINATION, 2)


def test_all_hosts_of_one_vendor_are_one_destination():
    cdn = [target(f"cdn{n}.vendor.com", 443) for n in range(2)]
    (one,) = explain(*(silent(to, [ROUTER]) for to in cdn), *map(holds, WEB))
    assert (one.cause, one.subject) == (Cause.DESTINATION, "vendor.com")


def test_a_router_that_does_not_reach_a_host_says_so_of_that_host():
    gone = prohibited(DB[0], ROUTER, Reason.HOST_UNREACHABLE)
    (one,) = explain(
        gone, *map(holds, DB[1:]), answering_paths=way(DB[1], FIREWALL, ROUTER)
    )
    assert (one.cause, one.subject) == (Cause.DESTINATION, DB[0].destination)


def test_a_router_that_reaches_no_host_is_the_path():
    gone = [prohibited(to, ROUTER, Reason.HOST_UNREACHABLE) for to in DB]
    (one,) = explain(*gone, *map(holds, WEB), answering_paths=way(WEB[0], FIREWALL))
    assert (one.cause, one.subject) == (Cause.PATH, ROUTER)


def test_a_host_that_answers_is_not_unreachable_but_filtered():
    gone = prohibited(DB[0], ROUTER, Reason.HOST_UNREACHABLE)
    (one,) = explain(gone, holds(target(DB[0].destination, 445)))
    assert (one.cause, one.subject) == (Cause.PATH, ROUTER)


def ping(host, **changes):
    return target(host, 0, "icmp", transport=Transport.ICMP, **changes)


def test_a_host_that_answers_no_pings_and_all_else_is_told_without_a_port():
    host = DB[0].destination
    (one,) = explain(silent(ping(host)), *map(holds, DB), *map(holds, WEB))
    assert one.subject == f"{host}/icmp"
    assert f"{host}/icmp" in one.summary
    assert ":0" not in one.summary + one.ask
    assert f"{host} ({address_of(host)}) icmp" in one.ask


def test_pings_that_are_refused_have_their_transport_in_common_and_no_port():
    pings = [ping(one.destination, public=True) for one in WEB]
    (one,) = explain(*map(prohibited, pings), *map(holds, WEB))
    assert "ICMP" in one.summary
    assert " 0" not in one.summary


def test_pings_that_the_kernel_forbids_are_no_fault_of_their_hosts():
    said = "permission to ping (net.ipv4.ping_group_range)"
    gone = [
        record(to, seen(address_of(to.destination), Reason.LOCAL_FAULT, detail=said))
        for to in map(ping, (DB[0].destination, DB[1].destination))
    ]
    (one,) = explain(*gone, *map(holds, WEB))
    assert (one.cause, one.subject) == (Cause.THIS_HOST, said)
    assert one.summary.startswith("This host could not probe for want of permission to")


def test_a_service_that_is_stopped_is_that_service():
    found = explain(refused(DB[0]), holds(target(DB[0].destination, 445)))
    assert told(found) == [
        ("service", f"{DB[0].destination}:1433", [DB[0].destination])
    ]


def test_a_hosts_own_firewall_is_asked_for_what_it_forbids():
    to, icmp = DB[0], Icmp(3, 13, address_of(DB[0].destination))
    facts = {"origin": Origin.DESTINATION, "icmp": icmp}
    no = seen(icmp.sender, Reason.PROHIBITED, **facts)
    (one,) = explain(record(to, no), holds(target(to.destination, 445)))
    assert one.cause is Cause.SERVICE
    assert "in the host's own firewall" in one.ask


def test_a_host_that_offers_nothing_of_what_it_should_is_that_host():
    (one,) = explain(refused(DB[0]), refused(target(DB[0].destination, 445)))
    assert (one.cause, one.subject) == (Cause.DESTINATION, DB[0].destination)


def reset_on_the_way(to, reason=Reason.REFUSED, stage=Stage.CONNECT):
    """A reset that is proven to come from nearer than the host, by nobody's name."""
    one = seen(address_of(to.destination), reason, stage, origin=Origin.PATH)
    return record(to, one)


@pytest.mark.parametrize(
    ("reason", "stage"),
    [
        (Reason.REFUSED, Stage.CONNECT),
        (Reason.RESET, Stage.TLS),
        (Reason.RESET, Stage.EXCHANGE),
    ],
)
def test_a_reset_from_nearer_than_the_host_is_the_path_whenever_it_comes(reason, stage):
    other = holds(target(DB[0].destination, 445))
    (one,) = explain(reset_on_the_way(DB[0], reason, stage), other)
    assert (one.cause, one.owner) == (Cause.PATH, "network")
    assert "resets connections to sql0" in one.summary


def reset_at(to, hop, *, proven):
    """A reset that a trace has met right behind a hop."""
    one = reset_on_the_way(to) if proven else refused(to)
    one.path = Path((Hop(1, hop), Hop(2)), 2, Reason.REFUSED, hop, 1)
    return one


@pytest.mark.parametrize(
    ("port", "hop", "together"),
    [(1433, FIREWALL, True), (1434, FIREWALL, False), (1433, ROUTER, False)],
)
def test_resets_like_one_that_is_a_devices_are_that_devices(port, hop, together):
    shown = reset_at(DB[0], FIREWALL, proven=True)
    like = reset_at(target(DB[1].destination, port), hop, proven=False)
    found = explain(
        *(shown, like, holds(DB[2]), holds(target(DB[0].destination, 445))),
        answering_paths=way(DB[2], FIREWALL, ROUTER),
    )
    causes = [(one.cause, len(one.targets)) for one in found]
    alone = [(Cause.PATH, 1), (Cause.SERVICE, 1)]
    assert sorted(causes) == ([(Cause.PATH, 2)] if together else sorted(alone))


def test_resets_of_nobodys_name_are_one_cause_only_if_they_have_something_in_common():
    apart = [target("one.com", 22), target("two.edu", 443)]
    beside = [target("three.org", 22), target("four.org", 443)]
    found = explain(*map(reset_on_the_way, apart), *map(holds, beside))
    assert [(one.cause, len(one.targets)) for one in found] == [(Cause.PATH, 1)] * 2
    (one,) = explain(*map(reset_on_the_way, WEB), *map(holds, DB))
    assert (one.cause, len(one.targets)) == (Cause.PATH, len(WEB))


def test_hosts_that_are_cut_off_are_cut_off_with_all_their_ports():
    role = [target(f"r{n}.role{n}.edu", p) for n in range(3) for p in (443, 80)]
    beside = [*map(holds, WEB), *map(holds, DB)]
    (one,) = explain(*(silent(to, [FIREWALL]) for to in role), *beside)
    assert (one.cause, one.subject, len(one.targets)) == (Cause.PATH, FIREWALL, 6)
    assert "What goes to 3 hosts" in one.summary


def test_a_host_that_is_down_stays_visible_beside_a_port_that_is_dropped():
    ports = [silent(target(to.destination, 80), [FIREWALL]) for to in DB]
    down = silent(target(DB[0].destination, 445), [FIREWALL])
    alive = [holds(target(to.destination, 445)) for to in DB[1:]]
    found = explain(*ports, down, *alive)
    assert {(one.cause, len(one.targets)) for one in found} == {
        (Cause.PATH, 3),
        (Cause.DESTINATION, 1),
    }


# ---- behind the handshake


def cut(to, reason=Reason.TIMEOUT, **facts):
    return record(to, seen(address_of(to.destination), reason, Stage.TLS, **facts))


@pytest.mark.parametrize(
    ("probe", "stage", "reason", "says", "hint"),
    [
        ("ldaps", Stage.TLS, Reason.RESET, "cuts them off", "without a certificate"),
        ("ldaps", Stage.TLS, Reason.CLOSED, "cuts them off", "without a certificate"),
        ("ldaps", Stage.TLS, Reason.TIMEOUT, "says nothing", ""),
        ("smtp", Stage.EXCHANGE, Reason.TIMEOUT, "says nothing", "implicit_tls"),
        ("imap", Stage.EXCHANGE, Reason.RESET, "cuts them off", "implicit_tls"),
        ("ssh", Stage.EXCHANGE, Reason.CLOSED, "cuts them off", ""),
    ],
)
def test_the_usual_cause_of_a_service_that_cuts_off_is_named(
    probe, stage, reason, says, hint
):
    to = target("mail.uni.example", 4636, probe)
    (one,) = explain(record(to, seen(address_of(to.destination), reason, stage)))
    assert (one.cause, says in one.summary) == (Cause.SERVICE, True)
    hints = [word for word in ("certificate", "implicit_tls") if word in one.ask]
    assert [word for word in hints if word in hint] == hints
    assert hint in one.ask
    assert ("a device on the way" in one.ask) is not bool(hint)


def test_a_path_that_loses_large_packets_is_proven():
    found = explain(cut(WEB[0], small_passes=True), cut(WEB[1]), *map(holds, WEB[2:]))
    assert {(one.cause, one.subject) for one in found} == {
        (Cause.PATH_MTU, WEB[0].destination),
        (Cause.SERVICE, f"{WEB[1].destination}:443"),
    }


def test_public_connections_that_are_all_cut_off_are_the_path():
    (one,) = explain(*(cut(to, Reason.RESET) for to in WEB), *map(holds, DB))
    assert (one.cause, len(one.targets)) == (Cause.PATH, len(WEB))
    assert "cut off" in one.summary


def test_connections_that_are_cut_off_for_one_vendor_are_the_vendors():
    cdn = [target(f"cdn{n}.vendor.com", 443, public=True) for n in range(3)]
    (one,) = explain(*(cut(to, Reason.RESET) for to in cdn), *map(holds, WEB))
    assert (one.cause, one.subject) == (Cause.DESTINATION, "vendor.com")


@pytest.mark.parametrize(
    "reason", [Reason.MALFORMED, Reason.REJECTED, Reason.TLS_ALERT]
)
def test_a_service_that_answers_otherwise_is_that_service(reason):
    (one,) = explain(cut(WEB[0], reason, heard=20), *map(holds, WEB[1:]))
    assert (one.cause, one.subject) == (Cause.SERVICE, f"{WEB[0].destination}:443")


def test_a_certificate_that_has_ended_as_well_is_told_beside_what_fails():
    ended = exposing.tls(**bad(TlsError.EXPIRED, expiry_timestamp=NOW - DAY))
    (one,) = explain(cut(WEB[0], Reason.REJECTED, heard=20, tls=ended))
    assert (one.cause, one.evidence[-1]) == (
        Cause.SERVICE,
        f"{WEB[0].destination}:443/tcp: its certificate has ended as well",
    )
    named = exposing.tls(**bad(TlsError.NAME_MISMATCH))
    (one,) = explain(cut(WEB[0], Reason.REJECTED, heard=20, tls=named))
    assert "its certificate is for another name as well" in one.evidence[-1]
    unverified = replace(WEB[0], rule=replace(WEB[0].rule, tls=TlsPolicy(verify=False)))
    (one,) = explain(cut(unverified, Reason.REJECTED, heard=20, tls=ended))
    assert "certificate" not in one.evidence[-1]


# ---- certificates and clocks


def certified(to, **facts):
    lasting = {"chain_expiry_timestamp": NOW + 90 * DAY}
    return holds(to, tls=exposing.tls(**lasting | facts))


def bad(error, **facts):
    return {
        "verified": False,
        "error": error,
        "trust": Trust.NONE,
        "intercepted": None,
    } | facts


def test_a_certificate_that_ends_soon_is_told_while_all_holds():
    ends = {
        "expiry_timestamp": NOW + 10 * DAY,
        "chain_expiry_timestamp": NOW + 10 * DAY,
    }
    (one,) = explain(certified(WEB[0], **ends), certified(WEB[1]))
    assert (one.cause, one.subject) == (Cause.CERTIFICATE, "CN=web.example.ac.uk")
    assert "in 10 days" in one.summary
    assert one.severity is Severity.WARNING


def test_one_certificate_at_many_places_is_one_cause():
    ended = bad(TlsError.EXPIRED, expiry_timestamp=NOW - 3 * DAY)
    found = explain(*(certified(to, **ended) for to in WEB))
    assert [(one.cause, len(one.targets)) for one in found] == [
        (Cause.CERTIFICATE, len(WEB))
    ]
    assert "3 days ago" in found[0].summary
    assert found[0].since == NOW - 3 * DAY


def test_an_issuer_that_ended_is_one_cause_for_all_certificates_of_it():
    ended = bad(TlsError.ISSUER_EXPIRED, chain_expiry_timestamp=NOW - DAY)
    found = explain(
        *(certified(to, **ended, fingerprint_sha256=to.destination) for to in WEB)
    )
    assert [(one.cause, one.subject) for one in found] == [
        (Cause.CERTIFICATE, "CN=Example CA")
    ]
    assert "CN=Example CA, issuer of" in found[0].summary
    assert "1 day ago" in found[0].summary
    assert "CN=Example CA replaced" in found[0].ask


@pytest.mark.parametrize("error", [TlsError.ISSUER_EXPIRED, TlsError.NONE])
def test_the_issuer_that_ends_is_the_subject_whoever_signed_below_it(error):
    facts = {
        "error": error,
        "verified": not error,
        "expiry_timestamp": NOW + 90 * DAY,
        "chain_expiry_timestamp": NOW - DAY if error else NOW + 5 * DAY,
        "chain_expiry_subject": "CN=Old root",
    }
    signers = [
        {"issuer": f"CN=Issuer {n}", "fingerprint_sha256": str(n)} for n in (1, 2)
    ]
    two = zip(WEB[:2], signers, strict=True)
    found = explain(*(certified(to, **facts, **one) for to, one in two))
    assert [(one.subject, len(one.targets)) for one in found] == [("CN=Old root", 2)]


@pytest.mark.parametrize("error", sorted(set(TlsError) - {TlsError.NONE}))
def test_every_error_of_a_certificate_has_its_words(error):
    ended = {"expiry_timestamp": NOW - DAY, "chain_expiry_timestamp": NOW - DAY}
    (one,) = explain(certified(WEB[0], **bad(error, **ended)))
    assert one.cause is Cause.CERTIFICATE
    assert UNVERIFIED[error] in one.summary or "has ended on" in one.summary


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TlsError.NAME_MISMATCH, "another name"),
        (TlsError.SELF_SIGNED, "its own issuer"),
        (TlsError.UNKNOWN_ISSUER, "nobody here trusts"),
        (TlsError.INCOMPLETE_CHAIN, "without the intermediate"),
        (TlsError.NO_ALTERNATIVE_NAME, "no alternative name"),
        (TlsError.NAME_CONSTRAINT, "may not vouch for this name"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(error, says):
    (one,) = explain(certified(WEB[0], **bad(error)))
    assert one.cause is Cause.CERTIFICATE
    assert says in one.summary


def test_whoever_asks_for_no_verification_hears_of_no_certificate():
    unverified = target("www.vendor.com", 443, tls=type(WEB[0].rule.tls)(verify=False))
    assert explain(certified(unverified, **bad(TlsError.SELF_SIGNED))) == ()


def test_who_opens_connections_is_one_cause_by_issuer():
    issuer = "CN=Zscaler Root CA"
    opened = {"intercepted": True, "issuer": issuer, "verified": False}
    (one,) = explain(*(certified(to, **opened) for to in WEB), *map(holds, DB))
    assert (one.cause, one.subject, one.owner) == (
        Cause.INTERCEPTION,
        issuer,
        "network",
    )
    assert "Zscaler" in one.summary


def test_what_goes_round_in_circles_is_the_routers_doing():
    lost = seen(
        "10.1.1.1",
        Reason.HOST_UNREACHABLE,
        origin=Origin.PATH,
        icmp=Icmp(11, 0, ROUTER),
        detail=f"a device on the path ({ROUTER}) says: time to live exceeded",
    )
    (one,) = explain(record(DB[0], lost))
    assert (one.cause, one.subject, one.owner) == (Cause.PATH, ROUTER, "network")
    assert "in circles" in one.summary


@pytest.mark.parametrize("end", [Reason.REFUSED, Reason.TIMEOUT])
def test_a_public_name_that_leads_here_is_a_matter_of_names(end):
    led = target("api.vendor.example", 443, public=True)
    own = target("127.0.0.1", 443)
    found = explain(*(record(to, seen("127.0.0.1", end)) for to in (led, own)))
    causes = {one.cause: (one.subject, len(one.targets)) for one in found}
    assert causes[Cause.NAME] == ("api.vendor.example", 1)
    assert len(found) == 2


def test_a_clock_that_all_time_servers_differ_from_is_this_hosts():
    times = [
        target(f"{n}.pool.ntp.org", 123, "ntp", transport=Transport.UDP) for n in (0, 1)
    ]
    late = [holds(to, evidence=Evidence(ntp_offset=7200.0)) for to in times]
    early = certified(WEB[0], **bad(TlsError.NOT_YET_VALID))
    found = explain(*late, early)
    assert [(one.cause, one.subject, len(one.targets)) for one in found] == [
        (Cause.CLOCK, "this host", 3)
    ]


def test_a_server_whose_clock_alone_differs_is_that_server():
    times = [
        target(f"{n}.pool.ntp.org", 123, "ntp", transport=Transport.UDP)
        for n in range(3)
    ]
    good = [holds(to, evidence=Evidence(ntp_offset=0.001)) for to in times[1:]]
    (one,) = explain(holds(times[0], evidence=Evidence(ntp_offset=9.0)), *good)
    assert (one.cause, one.subject) == (Cause.CLOCK, "0.pool.ntp.org")


@pytest.mark.parametrize(("latency", "told"), [(0.01, [Cause.CLOCK]), (2.8, [])])
def test_a_late_answer_from_a_time_server_makes_no_clock_wrong(latency, told):
    pool = target("0.pool.ntp.org", 123, "ntp", transport=Transport.UDP)
    late = holds(pool, evidence=Evidence(ntp_offset=-1.4), latency=latency)
    assert [one.cause for one in explain(late)] == told


# ---- what holds, but


def both(to, *, v6=Reason.TIMEOUT, **facts):
    return record(to, seen("10.1.1.1"), seen("fd00::1", v6, **facts))


def test_some_addresses_of_one_host_are_that_hosts():
    other = record(WEB[1], seen("10.1.1.2"), seen("fd00::2"))
    (one,) = explain(both(WEB[0]), other)
    assert (one.cause, one.subject) == (Cause.PARTIAL_ADDRESSES, WEB[0].destination)
    assert one.severity is Severity.WARNING


def test_a_family_over_which_nothing_answers_is_the_path():
    (one,) = explain(*map(both, WEB))
    assert (one.cause, one.subject, len(one.targets)) == (Cause.PATH, "IPv6", len(WEB))


def test_a_family_without_a_route_is_this_hosts():
    (one,) = explain(*(both(to, v6=Reason.NO_ROUTE) for to in WEB))
    assert (one.cause, one.subject) == (Cause.THIS_HOST, "route for IPv6")


@pytest.mark.parametrize(
    ("reason", "cause", "subject"),
    [
        (Reason.TIMEOUT, Cause.PATH, "IPv6"),
        (Reason.NO_ROUTE, Cause.THIS_HOST, "route for IPv6"),
    ],
)
def test_what_has_one_family_alone_goes_with_the_family_that_fails(
    reason, cause, subject
):
    alone = [record(to, seen(f"fd00::{n}", reason)) for n, to in enumerate(DB, 9)]
    for more in (alone[:1], alone):
        (one,) = explain(*(both(to, v6=reason) for to in WEB), *more)
        told = (one.cause, one.subject, len(one.targets))
        assert told == (cause, subject, len(WEB) + len(more))
        assert f"{len(WEB) + len(more)} rules" in one.summary


def test_a_host_of_the_family_that_works_stays_on_its_own():
    found = explain(*map(both, WEB), silent(DB[0]))
    assert {(one.cause, len(one.targets)) for one in found} == {
        (Cause.PATH, len(WEB)),
        (Cause.DESTINATION, 1),
    }


def test_a_device_that_refuses_one_family_is_one_cause():
    said = {"origin": Origin.PATH, "icmp": Icmp(1, 1, FIREWALL)}
    alone = record(DB[0], seen("fd00::9", Reason.PROHIBITED, **said))
    (one,) = explain(*(both(to, v6=Reason.PROHIBITED, **said) for to in WEB), alone)
    assert (one.cause, one.subject, len(one.targets)) == (Cause.PATH, FIREWALL, 6)


def test_what_else_is_wrong_with_a_target_is_told_beside_the_worst():
    ends = {"chain_expiry_timestamp": NOW + 3 * DAY}
    tls = exposing.tls(**ends)
    gone = seen("10.1.1.2", Reason.TIMEOUT)
    (one,) = explain(record(WEB[0], seen("10.1.1.1", tls=tls), gone))
    assert one.cause is Cause.CERTIFICATE
    assert one.evidence[-1].endswith("its address 10.1.1.2 fails as well")
    (one,) = explain(holds(WEB[0], tls=tls, evidence=Evidence(clock_skew=-400.0)))
    assert one.evidence[-1].endswith(
        "its clock and this host's are 400 s apart as well"
    )
    (one,) = explain(cut(WEB[0], Reason.REJECTED, heard=20, tls=tls))
    assert (one.cause, one.evidence[-1]) == (
        Cause.SERVICE,
        f"{WEB[0].destination}:443/tcp: its certificate ends in 3 days as well",
    )
    lasting = exposing.tls(chain_expiry_timestamp=NOW + 90 * DAY)
    (one,) = explain(cut(WEB[0], Reason.REJECTED, heard=20, tls=lasting))
    assert not any("certificate" in said for said in one.evidence)


def test_domain_controllers_that_agree_tell_this_hosts_clock_without_time_servers():
    servers = [target(f"dc{n}.uni.edu", 88, "kerberos") for n in range(3)]
    ahead = [holds(to, evidence=Evidence(clock_skew=400.0)) for to in servers]
    (one,) = explain(*ahead)
    assert (one.cause, one.subject, len(one.targets)) == (Cause.CLOCK, "this host", 3)
    right = [holds(to, evidence=Evidence(clock_skew=0.2)) for to in servers[1:]]
    (one,) = explain(ahead[0], *right)
    assert (one.cause, one.subject) == (Cause.CLOCK, "dc0.uni.edu")
    (one,) = explain(ahead[0])
    assert (one.cause, one.subject) == (Cause.CLOCK, "dc0.uni.edu")


# ---- what is forbidden, and what cannot be told


def forbidden(**changes):
    return target("inside.example.ac.uk", 9999, expect=Expect.DENY, **changes)


def test_a_forbidden_path_is_never_folded():
    opened = record(forbidden(), verdict=Verdict.VIOLATED)
    found = explain(opened, *(prohibited(to, FIREWALL) for to in WEB))
    assert {(one.cause, len(one.targets)) for one in found} == {
        (Cause.FORBIDDEN_PATH, 1),
        (Cause.PATH, len(WEB)),
    }


def test_a_denied_rule_whose_witness_is_silent_goes_with_the_witness():
    witness = target("inside.example.ac.uk", 443)
    denied = forbidden(witness=witness.rule.id)
    quiet = record(
        denied,
        seen(address_of("inside.example.ac.uk"), Reason.TIMEOUT),
        verdict=Verdict.UNKNOWN,
    )
    (one,) = explain(quiet, silent(witness), *map(holds, WEB))
    assert (one.cause, len(one.targets)) == (Cause.DESTINATION, 2)


@pytest.mark.parametrize(
    ("reason", "facts", "cause"),
    [
        (Reason.RESET, {"stage": Stage.TLS}, Cause.SERVICE),
        (
            Reason.TIMEOUT,
            {"stage": Stage.TLS, "small_passes": True},
            Cause.PATH_MTU,
        ),
        (Reason.TIMEOUT, {"via": PROXY}, Cause.PROXY),
    ],
)
def test_a_denied_rule_goes_with_its_witness_whatever_silences_it(reason, facts, cause):
    witness = target("inside.example.ac.uk", 443)
    at = address_of(witness.destination)
    denied = forbidden(witness=witness.rule.id)
    quiet = record(denied, seen(at, Reason.TIMEOUT), verdict=Verdict.UNKNOWN)
    (one,) = explain(quiet, record(witness, seen(at, reason, **facts)), holds(WEB[0]))
    assert (one.cause, len(one.targets)) == (cause, 2)


def test_a_denied_rule_without_proof_is_unproven():
    quiet = record(
        forbidden(), seen("10.1.1.1", Reason.TIMEOUT), verdict=Verdict.UNKNOWN
    )
    (one,) = explain(quiet)
    assert (one.cause, one.severity) == (Cause.UNPROVEN, Severity.INFO)
    assert "witness" in one.subject


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"probe": "udp", "transport": Transport.UDP}, "reply over UDP"),
        ({"unverifiable": "no answer by design"}, "a way to verify it"),
        ({}, "a look at every address"),
    ],
)
def test_what_is_unknown_is_grouped_by_why(changes, subject):
    pair = [target(host, 514, **changes) for host in ("one.com", "two.com")]
    (one,) = explain(*(record(to, seen("10.1.1.1", Reason.UNTESTED)) for to in pair))
    assert (one.cause, len(one.targets)) == (Cause.UNPROVEN, 2)
    assert subject in one.subject


def test_what_never_had_a_verdict_is_told_louder():
    dark = target("one.com", 514, "udp", transport=Transport.UDP)
    (one,) = explain(record(dark, seen("10.1.1.1", Reason.UNTESTED), at=NOW - 7200))
    assert (one.cause, one.severity) == (Cause.NEVER_PROVEN, Severity.WARNING)


def test_handshakes_that_somebody_else_completes_are_a_device():
    doubtful = record(DB[0], seen("10.1.1.1", Reason.UNTESTED))
    latest = doubtful.latest
    placed = Placed("10.1.1.1", 0.0, "nearer")
    case = Case(DB[0].rule, 0.0, ("10.1.1.1",), nearer=(placed,))
    doubtful.latest = type(latest)(
        latest.verdict, latest.observation, latest.addresses, 0.01, NOW, case=case
    )
    (one,) = explain(doubtful)
    assert (one.cause, one.owner, len(one.targets)) == (Cause.MIDDLEBOX, "network", 1)


def test_a_control_that_answers_is_a_device_even_if_nothing_rests_on_handshakes():
    control = Control(target("192.0.2.1", 443), answered=True)
    (one,) = explain(*map(holds, WEB), controls=[control])
    assert (one.cause, one.subject) == (Cause.MIDDLEBOX, "192.0.2.1:443")
    assert explain(*map(holds, WEB), controls=[Control(control.target, False)]) == ()


# ---- lists


def waiting(name="rocky"):
    to = target("mirrors.example.org", 443, feed=name, id=f"{name}-mirrors")
    return type(to)(to.rule, to.destination, to.port, Status.UNSET)


def test_a_list_that_was_never_fetched_is_told_for_each_that_waits():
    (one,) = explain(*map(holds, WEB), waiting=[waiting()])
    assert (one.cause, one.subject, len(one.targets)) == (Cause.FEED, "rocky", 1)


def test_a_list_is_kept_away_by_what_keeps_all_public_services_away():
    urls = {"rocky": "https://mirrors.example.org/mirrorlist"}
    gone = [silent(to, [FIREWALL]) for to in WEB]
    found = explain(*gone, *map(holds, DB), waiting=[waiting()], urls=urls)
    assert [(one.cause, len(one.targets)) for one in found] == [
        (Cause.PATH, len(WEB) + 1)
    ]
    elsewhere = [silent(to, [FIREWALL]) for to in DB]
    beside = [*map(holds, WEB), holds(target(DB[0].destination, 445))]
    found = explain(*elsewhere, *beside, waiting=[waiting()], urls=urls)
    assert {one.cause for one in found} == {Cause.PATH, Cause.FEED}


@pytest.mark.parametrize("url", ["", "ftp://mirrors.example.org/list"])
def test_a_list_that_is_fetched_otherwise_stays_on_its_own(url):
    gone = [silent(to, [FIREWALL]) for to in WEB]
    found = explain(*gone, *map(holds, DB), waiting=[waiting()], urls={"rocky": url})
    assert {one.cause for one in found} == {Cause.PATH, Cause.FEED}


def listed(*, failures=0, last=None):
    rocky = Feed(
        "rocky",
        "Rocky",
        "https://mirrors.example.org/",
        FeedFormat.MIRRORLIST,
        10,
        3600.0,
    )
    return FeedState(rocky, False, failures=failures, last_success_timestamp=last)


def test_a_list_that_is_on_its_way_is_waited_for():
    assert explain(*map(holds, WEB), waiting=[waiting()], feeds=[listed()]) == ()
    (one,) = explain(waiting=[waiting()], feeds=[listed(failures=1)])
    assert one.cause is Cause.FEED


def test_a_list_that_is_old_and_cannot_be_had_anew_is_told():
    old = listed(failures=3, last=NOW - 5 * 3600)
    (one,) = explain(*map(holds, WEB), feeds=[old])
    assert (one.cause, one.subject, one.targets) == (Cause.FEED, "rocky", ())
    assert "5 hours old" in one.summary
    assert explain(feeds=[listed(failures=3, last=NOW - 3 * 3600)]) == ()


def test_a_list_that_no_resolver_helps_to_fetch_is_the_resolvers():
    (one,) = explain(*map(unresolved, WEB), waiting=[waiting()])
    assert (one.cause, len(one.targets)) == (Cause.RESOLVER, len(WEB) + 1)


# ---- what comes of it


def test_muted_targets_are_in_no_finding():
    work = Maintenance(NOW - 10, NOW + 10, "Move")
    moving = replace(WEB[0], maintenance=(work,))
    found = explain(silent(moving), silent(WEB[1]), *map(holds, WEB[2:]))
    assert told(found) == [("destination", WEB[1].destination, [WEB[1].destination])]
    later = [replace(work, start=NOW + 1), replace(work, end=NOW)]
    for one in later:
        (found,) = explain(silent(replace(moving, maintenance=(one,))))
        assert found.targets == (moving.key,)


def test_the_owner_is_the_causes_the_rules_or_the_sites():
    mine = target("sql9.example.ac.uk", owner="dba")
    (one,) = explain(refused(mine))
    assert one.owner == "dba"
    (one,) = explain(refused(mine), owners={Cause.SERVICE: "the desk"})
    assert one.owner == "the desk"
    (one,) = explain(prohibited(mine), owners={Cause.PATH: "firewall team"})
    assert one.owner == "firewall team"


def test_the_request_has_all_that_a_firewall_team_asks_for():
    rules = [
        target("www.vendor.com", port, rows=(f"r{port}",), catalogue="vendor")
        for port in (80, 443)
    ]
    (one,) = explain(
        *(prohibited(to, FIREWALL) for to in rules),
        documents={"vendor": "https://vendor.com/requirements"},
        source=lambda _address: "10.0.0.9",
    )
    lines = one.ask.splitlines()
    assert lines[0] == "Please allow these connections; they are refused on the way."
    assert "From: probe.example.ac.uk (10.0.0.9)" in lines
    assert f"  www.vendor.com ({address_of('www.vendor.com')}) tcp 80, 443" in lines
    assert "Since: 2026-05-28 20:25 UTC" in lines
    assert any(line.startswith("Seen: ") and FIREWALL in line for line in lines)
    assert "Asked for by: https://vendor.com/requirements, rows r80, r443" in lines


def test_a_request_for_many_hosts_stays_short():
    many = [target(f"h{n}.vendor.com", 443) for n in range(300)]
    (one,) = explain(*(prohibited(to, FIREWALL) for to in many))
    assert len(one.ask.splitlines()) < 60
    assert "300 hosts in all" in one.ask


def test_the_worst_comes_first():
    critical = target("one.com", 443, severity=Severity.CRITICAL)
    dark = target("two.com", 514, "udp", transport=Transport.UDP)
    found = explain(
        record(dark, seen("10.1.1.1", Reason.UNTESTED)),
        refused(DB[0]),
        refused(critical),
    )
    assert [one.severity for one in found] == ["critical", "warning", "info"]


def test_a_purpose_that_three_hosts_share_is_the_path():
    dbs = [
        target(name, port, usage=Usage.DATABASE)
        for name, port in (("one.com", 1433), ("two.me.org", 5432), ("three.net", 3306))
    ]
    (one,) = explain(*(silent(to, [FIREWALL]) for to in dbs), *map(holds, WEB))
    assert (one.cause, one.subject) == (Cause.PATH, FIREWALL)
    assert "database" in one.summary
    found = explain(*(silent(to, [FIREWALL]) for to in dbs[:2]), *map(holds, WEB))
    assert [one.cause for one in found] == [Cause.DESTINATION] * 2
