"""Faults that look like others, and several at once: what is told, and why that.

Each scene is what an exporter would know; what explains it is argued in its docstring.
All findings must be those of the scene, no other beside them, and every target that is
not in order must be in one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from exporter.config.feeds import Feed, FeedFormat
from exporter.model.network_path import Hop, Path
from exporter.model.outcome import (
    Evidence,
    Icmp,
    Origin,
    Reason,
    Stage,
    Verdict,
)
from exporter.model.rule import AddressPolicy, Expect, Status, Transport, Usage
from exporter.model.tls_facts import TlsError, Trust
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

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.monitor.store import Record

DAY = 86400.0
EDGE, CORE, BRANCH = "10.0.0.1", "10.0.0.2", "10.0.0.9"
PROXY = "proxy.example.ac.uk:3128"
VENDORS = [target(f"www{n}.vendor{n}.com", 443, public=True) for n in range(5)]
INSIDE = [target(f"app{n}.example.ac.uk", 443) for n in range(3)]


@dataclass(frozen=True)
class Told:
    """What must be told: the cause, a part of its subject, and how much it explains."""

    cause: str
    subject: str
    targets: int


@dataclass(frozen=True)
class Combination:
    """A scene with what must be told of it."""

    build: Callable[[], tuple[list[Record], dict[str, Any]]]
    told: tuple[Told, ...]

    def __str__(self) -> str:
        return self.build.__name__


SCENES: list[Combination] = []


def means(*expected: tuple[str, str, int]):
    """Enters a scene with what explains it."""

    def enter(build):
        SCENES.append(Combination(build, tuple(Told(*one) for one in expected)))
        return build

    return enter


def times(*hosts: str):
    return [target(one, 123, "ntp", transport=Transport.UDP) for one in hosts]


def differs(to, by: float):
    return holds(to, evidence=Evidence(ntp_offset=by))


def skewed(to, by: float):
    return holds(to, evidence=Evidence(clock_skew=by))


def shows(to, **facts):
    """It holds, with a certificate of these facts."""
    lasting = {"chain_expiry_timestamp": NOW + 90 * DAY}
    return holds(to, tls=exposing.tls(**lasting | facts))


def unverified(to, error, **facts):
    """It holds, with a certificate of its own that does not verify."""
    wrong = {"verified": False, "error": error, "trust": Trust.NONE}
    own = {"fingerprint_sha256": to.destination, "issuer": f"CN=CA of {to.destination}"}
    return shows(to, **{"intercepted": None} | wrong | own | facts)


def ended(to, days_ago: float, **facts):
    end = NOW - days_ago * DAY
    dates = {"expiry_timestamp": end, "chain_expiry_timestamp": end}
    return unverified(to, TlsError.EXPIRED, **dates | facts)


def dropped(to, at: str, behind=(EDGE,), reason=Reason.TIMEOUT, **facts):
    """Silence of one address; the routers that spoke, in order."""
    hops = tuple(Hop(n, one) for n, one in enumerate(behind, 1))
    path = Path(hops, None, None, behind[-1], len(behind)) if behind else None
    return record(to, seen(at, reason, **facts), path=path)


def proxied(to, reason, detail, **facts):
    return record(to, seen("10.1.1.1", reason, via=PROXY, detail=detail, **facts))


def reports(to, reason, says):
    """What a proxy that is reached says of its own connection."""
    detail = f"the proxy {PROXY} cannot reach the destination: {says}"
    return proxied(to, reason, detail, latency=0.001)


def both(to, v6, v4="10.1.1.1", reason=Reason.TIMEOUT, **facts):
    """One address of each family, of which that of IPv6 fails."""
    return record(to, seen(v4), seen(v6, reason, **facts))


def wrong(to, detail, reason=Reason.REJECTED, **facts):
    at = address_of(to.destination)
    return record(
        to, seen(at, reason, Stage.EXCHANGE, detail=detail, heard=90, **facts)
    )


def waits(name="rocky"):
    to = target("mirrors.rocky.example", 443, feed=name, id=f"{name}-mirrors")
    return type(to)(to.rule, to.destination, to.port, Status.UNSET)


def fetched(host="mirrors.rocky.example", **changes):
    """A list that was asked for in vain, where it is, and what waits for it."""
    url = f"https://{host}/list"
    rocky = Feed("rocky", "Rocky", url, FeedFormat.MIRRORLIST, 10, 3600.0)
    state = FeedState(rocky, False, failures=2)
    return {"waiting": [waits()], "feeds": [state], "urls": {"rocky": url}} | changes


# ---- clocks


@means(("clock", "ntp.one.org", 1))
def one_time_server_differs():
    """Either clock may be wrong; whoever reads it must not set a clock that is right."""
    return [differs(times("ntp.one.org")[0], 30.0), *map(holds, INSIDE)], {}


@means(("clock", "ntp.one.org", 2))
def one_time_server_is_asked_by_two_rules():
    """It agrees with itself, which proves nothing."""
    twice = [
        target("ntp.one.org", 123, "ntp", transport=Transport.UDP, id=f"time-{n}")
        for n in (1, 2)
    ]
    return [*(differs(one, 30.0) for one in twice), *map(holds, INSIDE)], {}


@means(("clock", "this host", 2))
def two_time_servers_agree():
    """Two strangers that tell the same time are right."""
    return [differs(one, -90.0) for one in times("ntp.one.org", "ntp.two.org")], {}


@means(("clock", "ntp.one.org", 1), ("clock", "ntp.two.org", 1))
def two_time_servers_disagree():
    """At the most one is right, and nothing says which."""
    one, two = times("ntp.one.org", "ntp.two.org")
    return [differs(one, 300.0), differs(two, 30.0)], {}


@means(("clock", "this host", 3))
def one_time_server_differs_and_certificates_are_not_valid_yet():
    """Nobody installs certificates of tomorrow: the server's time is right."""
    late = [unverified(one, TlsError.NOT_YET_VALID) for one in VENDORS[:2]]
    return [differs(times("ntp.one.org")[0], 3 * DAY), *late], {}


@means(("clock", "this host", 2))
def a_time_server_and_a_domain_controller_agree():
    """They serve the time in different ways and say the same."""
    controller = target("dc1.example.ac.uk", 88, "kerberos")
    return [differs(times("ntp.one.org")[0], 600.0), skewed(controller, 600.0)], {}


@means(("clock", "dc1.example.ac.uk", 1))
def a_domain_controller_differs_and_time_servers_do_not():
    """This host's clock is right by its time servers."""
    controller = target("dc1.example.ac.uk", 88, "kerberos")
    right = [differs(one, 0.01) for one in times("ntp.one.org", "ntp.two.org")]
    return [skewed(controller, 400.0), *right], {}


@means(("clock", "this host", 3))
def certificates_of_strangers_are_not_valid_yet_and_no_server_tells_the_time():
    """Three strangers do not all install certificates of tomorrow."""
    late = [unverified(one, TlsError.NOT_YET_VALID) for one in VENDORS[:3]]
    return [*late, shows(VENDORS[3]), shows(VENDORS[4])], {}


@means(("clock", "this host", 5))
def every_certificate_has_ended():
    """Not one of four strangers has renewed: this host lives in the future."""
    return [
        ended(one, days) for one, days in zip(VENDORS, (3, 90, 9, 40, 2), strict=True)
    ], {}


@means(("certificate", "www0", 1), ("certificate", "www1", 1))
def two_certificates_have_ended_and_others_verify():
    """The clock that finds others valid is right."""
    gone = [
        ended(one, 3 + n, subject=f"CN={one.destination}")
        for n, one in enumerate(VENDORS[:2])
    ]
    return [*gone, *map(shows, VENDORS[2:])], {}


# ---- names


@means(("path", EDGE, 4 + 2))
def nothing_passes_the_firewall_and_the_resolver_is_behind_it():
    """What is next door answers; nothing comes from beyond the first router."""
    outside = [target(f"198.51.100.{n}", 22) for n in (1, 2)]
    local = [target(f"10.0.0.{n}", 445) for n in (20, 21)]
    own = {"source_address": "10.0.0.7"}
    gone = [
        *map(unresolved, VENDORS[:4]),
        *(dropped(one, one.destination, (EDGE,), **own) for one in outside),
    ]
    near = [holds(one, **own) for one in local]
    return [*gone, *near], {"source": lambda _address: "10.0.0.7"}


@means(("resolver", SERVERS[0], 4), ("destination", "198.51.100.1", 1))
def a_host_is_down_beside_the_resolver():
    """Another host behind the same router answers: the router passes things on."""
    down, up = target("198.51.100.1", 22), target("203.0.113.5", 443)
    gone = [*map(unresolved, VENDORS[:4]), silent(down, [EDGE])]
    facts = {
        "source": lambda _address: "10.0.0.7",
        "answering_paths": way(up, EDGE, CORE),
    }
    return [*gone, holds(up)], facts


@means(("path", "UDP", 3 + 4))
def nothing_passes_over_udp():
    """Names are asked for over UDP; over TCP the same resolvers answer."""
    udp = [
        target("198.51.100.1", 123, "ntp", transport=Transport.UDP),
        target("203.0.113.1", 88, "kerberos", transport=Transport.UDP),
        target("192.0.2.99", 1434, "sqlbrowser", transport=Transport.UDP),
    ]
    tcp = [target(f"203.0.113.{n}", 443) for n in (1, 2)]
    watched = {(one, Transport.UDP): False for one in SERVERS}
    watched |= {(one, Transport.TCP): True for one in SERVERS}
    gone = [*map(silent, udp), *map(unresolved, VENDORS[:4])]
    return [*gone, *map(holds, tcp)], {"resolvers": watched}


@means(("resolver", SERVERS[0], 4))
def the_resolvers_answer_for_our_own_domain_alone():
    """Four strangers' name servers do not fail at once: nothing is forwarded."""
    says = "192.0.2.53 says SERVFAIL"
    gone = [unresolved(one, detail=says) for one in VENDORS[:4]]
    return [*gone, *map(holds, INSIDE)], {}


@means(("resolver", SERVERS[0], 4))
def the_resolvers_deny_whatever_is_not_ours():
    """Four strangers' names exist elsewhere."""
    gone = [unresolved(one, Reason.NXDOMAIN) for one in VENDORS[:4]]
    return [*gone, *map(holds, INSIDE)], {}


@means(("name", "vendor.com", 3))
def one_domain_gets_no_answer():
    """Its own name servers: all others are answered."""
    gone = [
        unresolved(target(f"{n}.vendor.com"), detail="192.0.2.53 says SERVFAIL")
        for n in "abc"
    ]
    return [*gone, *map(holds, VENDORS[:3])], {}


@means(("resolver", SERVERS[0], 2), ("service", "10.1.1.1:22", 1))
def names_are_missed_inside_and_the_proxy_needs_none():
    """What goes through the proxy holds; the proxy's own SSH is another matter."""
    through = [holds(one, via=PROXY) for one in VENDORS[:2]]
    shut = record(target("10.1.1.1", 22), seen("10.1.1.1", Reason.REFUSED))
    return [*map(unresolved, INSIDE[:2]), *through, shut], {}


@means(("proxy", PROXY, 3))
def the_proxy_resolves_no_name():
    """It gets through to one that it remembers; three strangers' names do exist."""
    says = "it cannot resolve the name (HTTP 503, ERR_DNS_FAIL 0)"
    gone = [reports(one, Reason.DNS_FAILURE, says) for one in VENDORS[:3]]
    return [*gone, holds(VENDORS[3], via=PROXY)], {}


@means(("name", VENDORS[0].destination, 1))
def the_proxy_does_not_find_one_name():
    """It finds others: the name it is, and nobody knows of a host that is down."""
    says = "it cannot resolve the name (HTTP 503, ERR_DNS_FAIL 0)"
    gone = reports(VENDORS[0], Reason.DNS_FAILURE, says)
    return [gone, *(holds(one, via=PROXY) for one in VENDORS[1:])], {}


@means(("path", EDGE, 3 + 2))
def nothing_passes_the_firewall_and_the_proxy_is_behind_it():
    """Nobody answers at all, and all silence begins at one router."""
    gone = [silent(one, [EDGE]) for one in INSIDE]
    through = [
        proxied(one, Reason.TIMEOUT, f"the proxy {PROXY} is not reached: no answer")
        for one in VENDORS[:2]
    ]
    return [*gone, *through], {}


# ---- this host


@means(("this_host", "route for IPv4", 5))
def the_default_route_is_gone_and_next_door_answers():
    """The kernel says so itself; what is next door needs no route."""
    gone = [dropped(one, "198.51.100.9", (), Reason.NO_ROUTE) for one in VENDORS]
    return [*gone, *map(holds, INSIDE)], {}


@means(("this_host", "route for IPv4", 4))
def the_default_route_is_gone_and_the_resolver_was_beyond_it():
    """No name can be asked for; no resolver is to blame."""
    fault = ("route for IPv4", "this host has no route to it")
    outside = dropped(target("198.51.100.9", 22), "198.51.100.9", (), Reason.NO_ROUTE)
    local = holds(target("10.0.0.20", 445))
    gone = [*map(unresolved, VENDORS[:3]), outside]
    return [*gone, local], {"fault": lambda _address: fault}


@means(("this_host", "route for IPv4", 3 + 1))
def the_default_route_is_gone_and_a_list_waits():
    """The list is as far away as all that is public."""
    gone = [dropped(one, "198.51.100.9", (), Reason.NO_ROUTE) for one in VENDORS[:3]]
    return [*gone, *map(holds, INSIDE)], fetched()


# ---- the path


@means(("path", CORE, 4))
def a_link_behind_one_router_is_down():
    """Four networks that share nothing but it are gone, and nothing passes it."""
    far = [target(f"site{n}.branch{n}.net", 440 + n) for n in range(4)]
    gone = [dropped(one, f"10.{50 + n}.0.9", (EDGE, CORE)) for n, one in enumerate(far)]
    beside = [
        holds(target(f"x{n}.other{n}.net", 440 + n, usage=Usage.VENDOR_API))
        for n in range(4)
    ]
    return [*gone, *beside], {"answering_paths": way(beside[0].target, EDGE, BRANCH)}


@means(("destination", "site0", 1), ("destination", "site1", 1))
def two_strangers_are_down_behind_a_router_that_passes_others():
    """Where silence begins says little: a third passes the same router."""
    far = [target(f"site{n}.branch{n}.net", 440 + n) for n in range(2)]
    gone = [dropped(one, f"10.{50 + n}.0.9", (EDGE, CORE)) for n, one in enumerate(far)]
    beside = [holds(target(f"x{n}.other{n}.net", 440 + n)) for n in range(2)]
    return [*gone, *beside], {
        "answering_paths": way(beside[0].target, EDGE, CORE, BRANCH)
    }


@means(("path", EDGE, 5), ("path", BRANCH, 2))
def two_firewalls_drop_different_things():
    """One drops all that is public, the other one port; each is known by its place."""
    public = [silent(one, [EDGE]) for one in VENDORS]
    port = [silent(target(one.destination, 22), [CORE, BRANCH]) for one in INSIDE[:2]]
    return [*public, *port, *map(holds, INSIDE)], {}


@means(("path", EDGE, 4))
def a_firewall_that_drops_both_families_speaks_from_two_addresses():
    """The same hop is silent about all that is public: one device, one request."""
    v4 = [dropped(one, f"198.51.{n}.9", (EDGE,)) for n, one in enumerate(VENDORS[:2])]
    v6 = [
        dropped(one, f"2001:db8:{n}::9", ("fd00::1",))
        for n, one in enumerate(VENDORS[2:4])
    ]
    inside = [
        record(one, seen(f"10.3.{n}.1"), seen(f"fd00:3:{n}::1"))
        for n, one in enumerate(INSIDE)
    ]
    return [*v4, *v6, *inside], {}


@means(("path", "IPv6", 3))
def ipv6_is_broken_towards_the_internet_alone():
    """Inside it works, so the family itself is in order; no vendor is to blame."""
    gone = [both(one, f"2001:db8:{n}::9") for n, one in enumerate(VENDORS[:3])]
    inside = [
        record(one, seen("10.3.0.1"), seen(f"fd00:3::{n}"))
        for n, one in enumerate(INSIDE, 1)
    ]
    return [*gone, *inside], {}


@means(("path", "IPv6", 3), ("destination", INSIDE[0].destination, 1))
def ipv6_is_broken_and_a_host_of_ipv4_is_down():
    """A host that has no address of the family cannot fail by it."""
    gone = [both(one, f"2001:db8:{n}::9") for n, one in enumerate(VENDORS[:3])]
    return [*gone, silent(INSIDE[0], [CORE]), *map(holds, INSIDE[1:])], {}


@means(("path", EDGE, 3))
def one_port_is_dropped_across_vendors():
    """The same vendors answer on another port, and nobody on this one."""
    gone = [
        silent(target(one.destination, 8443, public=True), [EDGE])
        for one in VENDORS[:3]
    ]
    return [*gone, *map(holds, VENDORS)], {}


@means(("path", "587", 3))
def one_port_is_reset_across_vendors():
    """Three strangers do not stop one service at once: something resets for them."""
    mail = [target(one.destination, 587, public=True) for one in VENDORS[:3]]
    return [*map(refused, mail), *map(holds, VENDORS)], {}


@means(*(("service", f"app{n}", 1) for n in range(3)))
def one_service_of_our_own_is_stopped_on_three_hosts():
    """Hosts of one domain are run by the same people, who stop things together."""
    own = [target(one.destination, 8443) for one in INSIDE]
    return [*map(refused, own), *map(holds, INSIDE)], {}


@means(("path", EDGE, 2), ("path_mtu", "www2", 1))
def a_firewall_refuses_some_and_large_packets_are_lost_to_another():
    """Two different things, each proven by itself."""
    at = address_of(VENDORS[2].destination)
    small = record(VENDORS[2], seen(at, Reason.TIMEOUT, Stage.TLS, small_passes=True))
    gone = [prohibited(one, EDGE) for one in VENDORS[:2]]
    return [*gone, small, *map(holds, VENDORS[3:])], {}


@means(("path", EDGE, 3 + 1))
def a_list_is_behind_the_proxy_or_the_firewall_like_all_that_is_public():
    """It is fetched from a public server on the port that is refused."""
    gone = [prohibited(one, EDGE) for one in VENDORS[:3]]
    return [*gone, *map(holds, INSIDE)], fetched()


@means(("proxy", PROXY, 3 + 1))
def the_proxy_is_down_and_a_list_waits():
    """Lists are fetched through the proxy as well."""
    down = [
        proxied(one, Reason.TIMEOUT, f"the proxy {PROXY} is not reached: no answer")
        for one in VENDORS[:3]
    ]
    return [*down, *map(holds, INSIDE)], fetched()


@means(("destination", "mirrors.rocky.example", 1 + 1))
def the_server_of_a_list_is_down():
    """A rule to the same host says what keeps the list away."""
    same = target("mirrors.rocky.example", 443, public=True)
    return [silent(same), *map(holds, VENDORS)], fetched()


@means(("name", "mirrors.rocky.example", 1 + 1))
def the_server_of_a_list_has_no_name():
    """Without its name it cannot be fetched either."""
    same = target("mirrors.rocky.example", 443, public=True)
    gone = unresolved(same, Reason.NXDOMAIN)
    return [gone, *map(holds, VENDORS)], fetched()


@means(("feed", "rocky", 1), ("path", EDGE, 2))
def a_list_is_broken_beside_a_port_that_is_refused():
    """The port of the list is not the one that is refused."""
    mail = [
        prohibited(target(one.destination, 587, public=True), EDGE)
        for one in VENDORS[:2]
    ]
    return [*mail, *map(holds, VENDORS)], fetched()


# ---- the end


@means(("partial_addresses", "cdn.vendor.com", 3))
def one_address_that_several_names_share_does_not_answer():
    """It is one machine, whatever leads to it."""
    names = [
        target(f"{name}.vendor.com", 443) for name in ("cdn", "downloads", "images")
    ]
    bad = {"reason": Reason.TIMEOUT}
    gone = [
        record(one, seen("198.51.100.1"), seen("198.51.100.2", **bad)) for one in names
    ]
    return [*gone, *map(holds, VENDORS)], {}


@means(("partial_addresses", "sql.example.ac.uk", 1))
def one_address_of_a_rule_about_all_does_not_answer():
    """The service runs: it answers at its other address."""
    all_of = target("sql.example.ac.uk", addresses=AddressPolicy.ALL)
    looks = (seen("10.2.0.2", Reason.TIMEOUT), seen("10.2.0.1"))
    return [record(all_of, *looks), *map(holds, INSIDE)], {}


@means(("service", "app0", 1), ("destination", "app1", 1))
def a_service_is_stopped_and_another_host_is_down():
    """The one refuses by itself, the other says nothing."""
    stopped = refused(target(INSIDE[0].destination, 1433))
    return [stopped, holds(INSIDE[0]), silent(INSIDE[1], [CORE]), holds(INSIDE[2])], {}


@means(("service", "ac.uk:22", 1), ("service", "ac.uk:443", 1))
def one_port_of_a_host_is_silent_and_another_refuses():
    """What sends resets, or takes a connection, is not down."""
    host = INSIDE[0].destination
    return [silent(target(host, 22)), refused(target(host, 443)), *_but_app0()], {}


@means(("service", "ac.uk:22", 1), ("service", "ac.uk:443", 1))
def one_port_of_a_host_is_silent_and_another_answers_wrongly():
    """It is up, whatever is wrong with it."""
    host = INSIDE[0].destination
    says = wrong(target(host, 443, "https"), "not HTTP", Reason.MALFORMED)
    return [silent(target(host, 22)), says, *_but_app0()], {}


def _but_app0():
    return map(holds, INSIDE[1:])


def closed(at="10.2.2.2"):
    """The host itself says that nothing listens there."""
    said = {"origin": Origin.DESTINATION, "icmp": Icmp(3, 3, at)}
    return seen(at, Reason.PORT_UNREACHABLE, **said)


@means(("service", "ntp.one.org:123", 1))
def a_time_server_has_stopped():
    """That its host says so is no answer of it."""
    (one,) = times("ntp.one.org")
    return [record(one, closed()), *map(holds, INSIDE)], {}


@means(("service", "ntp.one.org:123", 1), ("service", "ntp.one.org:22", 1))
def a_time_server_has_stopped_and_another_port_of_it_is_silent():
    (one,) = times("ntp.one.org")
    other = target(one.destination, 22)
    gone = record(other, seen("10.2.2.2", Reason.TIMEOUT))
    return [record(one, closed()), gone, *map(holds, INSIDE)], {}


@means(("partial_addresses", "ntp.one.org", 1))
def one_address_of_a_time_server_has_stopped():
    (one,) = times("ntp.one.org")
    good, bad = seen("10.1.1.1"), closed()
    return [record(one, bad, good), *map(holds, INSIDE)], {}


# ---- devices that answer for others


@means(("middlebox", "", 3))
def a_portal_answers_for_everybody():
    """Three strangers do not send everyone to the same page."""
    says = "HTTP 302 to http://portal.uni.example/login"
    gone = [
        wrong(target(one.destination, 80, "http", public=True), says)
        for one in VENDORS[:3]
    ]
    return [*gone, *map(holds, VENDORS)], {}


@means(*(("service", f"www{n}", 1) for n in range(3)))
def strangers_answer_otherwise_each_in_its_own_way():
    """One forbids, one is down, one has moved: no device says all that."""
    says = ("HTTP 403, server: nginx", "HTTP 503, via: x", "HTTP 301, location: /")
    plain = [target(one.destination, 80, "http", public=True) for one in VENDORS[:3]]
    gone = [wrong(one, said) for one, said in zip(plain, says, strict=True)]
    return [*gone, *map(holds, VENDORS[:3])], {}


@means(*(("service", f"www{n}", 1) for n in range(2)))
def two_services_answer_otherwise_and_a_third_does_not():
    """Plain HTTP is answered by a third: nothing answers for all."""
    plain = [target(one.destination, 80, "http", public=True) for one in VENDORS[:3]]
    gone = [wrong(one, f"HTTP 50{n}") for n, one in enumerate(plain[:2])]
    return [*gone, holds(plain[2]), *map(holds, VENDORS)], {}


@means(("interception", "", 2))
def some_hosts_are_inspected():
    """By one product, which signs for each cloud with another authority."""
    opened = {"intercepted": True, "verified": False, "error": TlsError.UNKNOWN_ISSUER}
    some = [
        shows(one, issuer=f"CN=Zscaler Intermediate Root CA (zscaler{n}.net)", **opened)
        for n, one in enumerate(VENDORS[:2])
    ]
    return [*some, *map(shows, VENDORS[2:])], {}


@means(("interception", "portal", 3))
def a_portal_shows_its_own_good_certificate_for_everybody():
    """Three strangers do not show one certificate for a fourth name."""
    own = {
        "trust": Trust.PUBLIC,
        "intercepted": False,
        "named": False,
        "fingerprint_sha256": "aa",
        "subject": "CN=portal.uni.example",
    }
    gone = [unverified(one, TlsError.NAME_MISMATCH, **own) for one in VENDORS[:3]]
    return [*gone, *map(shows, VENDORS[3:])], {}


@means(("certificate", "cdn", 2))
def two_names_of_one_vendor_show_a_certificate_for_a_third():
    """It is the vendor's to install another."""
    own = {"fingerprint_sha256": "aa", "subject": "CN=cdn.vendor.com", "named": False}
    names = [target(f"{n}.vendor.com", 443, public=True) for n in "ab"]
    gone = [unverified(one, TlsError.NAME_MISMATCH, **own) for one in names]
    return [*gone, *map(shows, VENDORS)], {}


@means(("forbidden_path", "closed", 1), ("path", EDGE, 5), ("certificate", "app0", 1))
def a_forbidden_path_an_outage_and_a_certificate():
    """Three things, none of which explains another."""
    closed = target("app9.example.ac.uk", 9999, expect=Expect.DENY, id="closed")
    opened = record(closed, verdict=Verdict.VIOLATED)
    bad = ended(INSIDE[0], 3, subject="CN=app0")
    gone = [prohibited(one, EDGE) for one in VENDORS]
    return [*gone, opened, bad, *map(shows, INSIDE[1:])], {}


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_what_happened_is_what_is_told(scene):
    records, facts = scene.build()
    found = explain(*records, **facts)
    expected = [(one.cause, one.subject, one.targets) for one in scene.told]
    shown = [(str(one.cause), one.subject, len(one.targets)) for one in found]
    assert len(shown) == len(expected), told(found)
    for cause, subject, number in expected:
        assert any(cause == c and subject in s and number == n for c, s, n in shown), [
            *shown,
            *(one.summary for one in found),
        ]
