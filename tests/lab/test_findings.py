"""Composite faults: the cause that is told first, and nothing that is not one.

Each fault is put on the real network, a few rules of the lab's own are checked once, and
what explains them must be exactly what was done: the causes in order, each with its
subject, no other beside them.
"""

from __future__ import annotations

import contextlib
import copy
import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab import command, firewall, plan
from tests.lab.cell import LabUnavailableError
from tests.lab.middlebox import Middlebox
from tests.lab.servers import proxy
from tests.lab.site import rule
from tests.lab.warm_checks import WarmChecks, warm_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

CDN_ONE, CDN_TWO = (name for name in plan.NAMES if name.endswith("rackcdn.com"))
ICONS, REGISTRATION, CODE = "api.appsanywhere.com", "api.software2.com", "bitbucket.org"
REMI, RPMS, PULSANT = "cdn.remirepo.net", "rpms.remirepo.net", "mirror.pulsant.com"
FRONT, PAGING, LOOKER = (
    "appsanywhere.uni.edu",
    "cloudpaging.uni.edu",
    "analytics.uni.edu",
)
FIRST, SECOND, THIRD = (f"appsanywhere0{n}.uni.edu" for n in (1, 2, 3))
PROXY = "proxy.uni.edu"
CLOCKS = tuple(
    place.addresses[0] for place in plan.NAMES.values() if place.host == "time"
)
LITERAL = plan.NAMES["parallels.uni.edu"].addresses[0]
# The lab's authority is no public one.
PUBLIC = {"public": True, "tls": {"verify": False}}
CDN = {"usage": "content-delivery", **PUBLIC}
PACKAGES = {"usage": "package-repository", **PUBLIC}
RULES = {
    one["id"]: one
    for one in (
        rule("icons", ICONS, 80, "http", **PUBLIC),
        rule("registration", REGISTRATION, 443, "https", **PUBLIC),
        rule("code", CODE, 443, "https", **PUBLIC),
        rule("cdn-one", CDN_ONE, 443, "https", **CDN),
        rule("cdn-two", CDN_TWO, 443, "https", **CDN),
        rule("remi", REMI, 80, "http", **PACKAGES),
        rule("rpms", RPMS, 80, "http", **PACKAGES),
        rule("pulsant", PULSANT, 443, "https", **PACKAGES),
        rule("front", FRONT, 443, "https"),
        rule("paging", PAGING, 443, "https"),
        rule("paging-plain", PAGING, 80, "http"),
        rule("looker", LOOKER, 9999, {"https": {"path": "/alive"}}),
        rule("literal", LITERAL, 443, "tcp"),
        *(rule(f"ssh-{n}", f"appsanywhere0{n}.uni.edu", 22, "ssh") for n in (1, 2, 3)),
        *(rule(f"web-{n}", f"appsanywhere0{n}.uni.edu", 80, "http") for n in (1, 2, 3)),
        rule("closed", THIRD, 80, "tcp", expect="deny"),
        rule("inspected", REGISTRATION, 443, "https", public=True),
        rule("ended", "expired.uni.edu", 443, "https"),
        rule("misnamed", "wrong-name.uni.edu", 443, "https"),
        rule("unknown", "unknown-ca.uni.edu", 443, "https"),
        rule("nobody", "nobody-1.uni.edu", 9999, "tcp"),
        rule("nobody-ssh", "nobody-1.uni.edu", 22, "ssh"),
        rule("denied", proxy.DENIED, 443, "https", **PUBLIC),
        rule("ssh-literal", plan.NAMES[FIRST].addresses[0], 22, "ssh"),
        rule("open-literal", LITERAL, 443, "tcp", expect="deny"),
        rule("clock-one", CLOCKS[0], 123, "ntp", transport="udp"),
        rule("clock-two", CLOCKS[1], 123, "ntp", transport="udp"),
        rule("below-one", FIRST, 8443, "https"),
        rule("below-two", SECOND, 8444, "https"),
    )
}
FIREWALL, R1 = "10.9.2.2", "10.9.1.1"
RESOLVERS = ", ".join(plan.addresses(10, 2))


@dataclass(frozen=True)
class Case:
    """One composite fault.

    Attributes:
        put: puts it in force.
        rules: ids of those that are checked.
        told: the causes with their subjects, in order.
        site: more keys of the site file.
    """

    name: str
    put: Callable[[Lab], AbstractContextManager[Any]]
    rules: str
    told: tuple[tuple[str, str], ...]
    site: dict[str, Any] = field(default_factory=dict)


def nothing(_lab: Lab) -> AbstractContextManager[Any]:
    return contextlib.nullcontext()


def at(where: str, what: Callable[..., Any], *names: str, **words: Any):
    """The same change for several destinations, on one host."""

    @contextlib.contextmanager
    def put(lab: Lab) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(what(lab.hosts[where], name, **words))
            yield

    return put


def filtered(where: str, *rules: str):
    """Firewall rules on one host."""
    return lambda lab: firewall.change(lab.hosts[where], list(rules))


def together(*faults: Callable[[Lab], AbstractContextManager[Any]]):
    @contextlib.contextmanager
    def put(lab: Lab) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for fault in faults:
                stack.enter_context(fault(lab))
            yield

    return put


def zone(kind: str):
    """What the resolver answers to every question."""
    return lambda lab: lab.dns._zone(".", kind)


def default_route(*words: str):
    """Other default routes of the prober meanwhile, one for each family."""

    @contextlib.contextmanager
    def put(lab: Lab) -> Iterator[None]:
        usual = plan.addresses(plan.PROBER, 1)
        for n, (family, gateway) in enumerate(zip(("-4", "-6"), usual, strict=True)):
            lab.prober.run("ip", family, "route", "del", "default", "via", gateway)
            if words:
                to = ("default", "via", words[n])
                lab.prober.run("ip", family, "route", "add", *to)
        try:
            yield
        finally:
            for family, gateway in zip(("-4", "-6"), usual, strict=True):
                to = ("default", "via", gateway)
                lab.prober.run("ip", family, "route", "replace", *to)

    return put


@contextlib.contextmanager
def device(lab: Lab) -> Iterator[None]:
    """A device completes the handshakes of one host, as it does not speak SSH."""
    with Middlebox(lab, "mute") as box, box.takes(FIRST, 9999):
        yield


@contextlib.contextmanager
def ended_issuer(lab: Lab) -> Iterator[None]:
    """Two services whose certificates are good, and their one issuer's has ended."""
    names = {FIRST: 8443, SECOND: 8444}
    host, running = lab.hosts["web"], []
    for files, port in zip(
        lab.ca.below_an_ended_issuer(*names), names.values(), strict=True
    ):
        words = ("-cert", files.chain, "-cert_chain", files.chain, "-key", files.key)
        serve = ("/usr/bin/openssl", "s_server", "-accept", str(port), "-www", *words)
        running.append(host.start(f"ended-{port}", *serve))
    try:
        for process, port in zip(running, names.values(), strict=True):
            process.wait_until(partial(host.listens, "tcp", port), "listens")
        yield
    finally:
        for process in running:
            process.stop()


@contextlib.contextmanager
def squid(lab: Lab) -> Iterator[None]:
    """The proxy runs; a machine that cannot run it has been told so elsewhere."""
    try:
        lab.add_proxy()
    except LabUnavailableError as error:
        pytest.skip(str(error))
    yield


drop, reject = firewall.drop, firewall.reject
DEAD = plan.addresses(plan.PROBER, 77)
SOME = "front paging ssh-1"
CASES = (
    Case("nothing", nothing, f"{SOME} icons literal", ()),
    # names
    Case(
        "resolver-dead",
        filtered("dns", "udp dport 53 drop", "tcp dport 53 drop"),
        f"{SOME} icons literal",
        (("resolver", RESOLVERS),),
    ),
    Case("resolver-refuses", zone("always_refuse"), SOME, (("resolver", RESOLVERS),)),
    Case(
        "resolver-lies",
        zone("always_nxdomain"),
        "front icons registration code literal",
        (("resolver", RESOLVERS),),
    ),
    Case(
        "one-name",
        lambda lab: lab.dns.servfail(PAGING),
        "paging paging-plain front icons",
        (("name", PAGING),),
    ),
    Case(
        "resolver-behind-the-firewall",
        filtered("fw", "meta l4proto { tcp, udp } drop"),
        "front icons literal ssh-literal",
        (("path", FIREWALL),),
    ),
    Case(
        "nothing-over-udp",
        filtered("fw", "meta l4proto udp drop"),
        "clock-one clock-two literal ssh-literal front",
        (("path", FIREWALL),),
    ),
    # this host
    Case(
        "no-route",
        default_route(),
        f"{SOME} icons literal",
        (("this_host", "route for IPv4"),),
    ),
    Case(
        "gateway-dead",
        default_route(*DEAD),
        f"{SOME} icons literal",
        (("this_host", f"gateway {DEAD[0]}"),),
    ),
    Case(
        "own-firewall",
        at("prober", drop, FRONT, PAGING),
        "front paging paging-plain icons",
        (("this_host", "own firewall"),),
        # The kernel repeats its first packet after a second: by that it is told.
        {"schedule": {"timeout": "2s"}},
    ),
    # the proxy
    Case(
        "proxy-down",
        nothing,
        "icons registration front",
        (("proxy", f"{PROXY}:3129"),),
        {"proxy": f"http://{PROXY}:3129"},
    ),
    Case(
        "firewall-before-the-proxy",
        at("fw", reject, PROXY, with_="admin-prohibited"),
        "icons registration front",
        (("path", FIREWALL),),
        {"proxy": f"http://{PROXY}:{proxy.PORT}"},
    ),
    Case(
        "proxy-wants-a-password",
        squid,
        "code icons registration front",
        (("proxy", f"{PROXY}:{proxy.PORT}"),),
        {"proxy": f"http://{PROXY}:{proxy.PORT}"},
    ),
    Case(
        "proxy-denies-one-and-a-service-is-stopped",
        together(squid, at("web", reject, PAGING, port=443, with_="reset")),
        "denied icons registration paging paging-plain",
        (("proxy", f"{PROXY}:{proxy.PORT}"), ("service", f"{PAGING}:443")),
        {"proxy": f"http://{PROXY}:{proxy.PORT}"},
    ),
    # the path
    Case(
        "one-port",
        filtered("fw", "tcp dport 80 drop"),
        "remi web-1 ssh-1 front",
        (("path", FIREWALL),),
    ),
    Case(
        "one-usage",
        at("fw", reject, REMI, RPMS, PULSANT),
        "remi rpms pulsant icons front",
        (("path", FIREWALL),),
    ),
    Case(
        "all-that-is-public",
        at("fw", drop, ICONS, CODE, CDN_ONE, REMI),
        "icons code cdn-one remi front ssh-1",
        (("path", FIREWALL),),
    ),
    Case(
        "one-host-at-the-firewall",
        at("fw", drop, PAGING),
        "paging paging-plain front icons",
        (("path", FIREWALL),),
    ),
    Case(
        "one-port-of-one-host",
        at("fw", drop, PAGING, port=443),
        "paging paging-plain front",
        (("path", FIREWALL),),
    ),
    Case(
        "reset-on-the-path",
        at("fw", reject, PAGING, port=443, with_="reset"),
        "paging paging-plain front",
        (("path", FIREWALL),),
    ),
    Case(
        "two-firewalls",
        together(at("r1", reject, CODE, ICONS), at("fw", reject, LOOKER)),
        "code icons looker front ssh-1",
        (("path", R1), ("path", FIREWALL)),
    ),
    Case(
        "two-silent-firewalls",
        together(filtered("r1", "tcp dport 22 drop"), at("fw", drop, CODE, ICONS)),
        "code icons ssh-1 ssh-2 web-1 web-2 front",
        (("path", R1), ("path", FIREWALL)),
    ),
    Case(
        "large-packets",
        lambda lab: firewall.mtu_black_hole(lab.fw, REGISTRATION, 576),
        "registration front icons",
        (("path_mtu", REGISTRATION),),
    ),
    Case(
        "one-family",
        filtered("fw", "meta nfproto ipv6 meta l4proto { tcp, udp } drop"),
        f"{SOME} icons",
        (("path", "IPv6"),),
    ),
    # the end
    Case(
        "one-vendor",
        at("web", drop, CDN_ONE, CDN_TWO),
        "cdn-one cdn-two icons front",
        (("destination", "rackcdn.com"),),
    ),
    Case(
        "one-host",
        at("web", drop, PAGING),
        "paging paging-plain front icons",
        (("destination", PAGING),),
    ),
    Case(
        "one-service",
        at("web", reject, PAGING, port=443, with_="reset"),
        "paging paging-plain front",
        (("service", f"{PAGING}:443"),),
    ),
    Case(
        "handshakes-of-a-device",
        device,
        "web-1 front bare",
        (("middlebox", FIRST),),
    ),
    # certificates
    Case("inspection", nothing, "inspected front", (("interception", "Lab"),)),
    Case(
        "certificates",
        nothing,
        "ended misnamed front",
        (("certificate", "expired"), ("certificate", "wrong-name")),
    ),
    Case(
        "ended-issuer-of-several",
        ended_issuer,
        "below-one below-two front",
        (("certificate", "Ended issuer"),),
    ),
    # several at once
    Case(
        "forbidden-during-an-outage",
        at("fw", reject, ICONS, CODE, REMI),
        "closed icons code remi front",
        (("path", FIREWALL), ("forbidden_path", "closed")),
    ),
    Case(
        "ended-during-an-outage",
        at("fw", reject, ICONS, CODE),
        "ended icons code front",
        (("path", FIREWALL), ("certificate", "expired")),
    ),
    Case(
        "a-name-and-a-service",
        together(
            lambda lab: lab.dns.nxdomain(CODE),
            at("web", reject, PAGING, port=443, with_="reset"),
        ),
        "code paging paging-plain front icons",
        (("name", CODE), ("service", f"{PAGING}:443")),
    ),
    Case(
        "resolver-and-service",
        together(
            zone("always_refuse"),
            lambda lab: firewall.reject(lab.hosts["web"], LITERAL, 443, with_="reset"),
        ),
        f"{SOME} literal",
        (("resolver", RESOLVERS), ("service", f"{LITERAL}:443")),
    ),
    Case(
        "forbidden-while-no-name-resolves",
        zone("always_refuse"),
        f"{SOME} open-literal",
        (("resolver", RESOLVERS), ("forbidden_path", "open-literal")),
    ),
    Case(
        "one-vendor-and-a-certificate",
        at("web", drop, CDN_ONE, CDN_TWO),
        "cdn-one cdn-two ended icons front",
        (("destination", "rackcdn.com"), ("certificate", "expired")),
    ),
    Case(
        "one-family-and-a-host",
        together(
            filtered("fw", "meta nfproto ipv6 meta l4proto { tcp, udp } drop"),
            at("web", drop, PAGING),
        ),
        "front ssh-1 icons paging paging-plain",
        (("path", "IPv6"), ("destination", PAGING)),
    ),
    Case(
        "large-packets-and-a-service",
        together(
            lambda lab: firewall.mtu_black_hole(lab.fw, REGISTRATION, 576),
            at("web", reject, PAGING, port=443, with_="reset"),
        ),
        "registration paging paging-plain icons",
        (("service", f"{PAGING}:443"), ("path_mtu", REGISTRATION)),
    ),
)
RULES["bare"] = rule("bare", FIRST, 9999, "tcp")


@pytest.fixture(scope="module")
def checks(lab: Lab) -> Iterator[WarmChecks]:
    """Checks on the prober; an interpreter for each would take as long as its round."""
    with warm_checks(lab) as running:
        yield running


def findings(lab: Lab, checks: WarmChecks, case: Case) -> list[dict[str, Any]]:
    """What explains one round; nothing that this host was too busy for."""
    names = case.rules.split()
    given = [copy.deepcopy(RULES[name]) for name in names]
    more = {"schedule": {"timeout": "1s"}} | case.site
    file = lab.site("findings.yaml", rules=given, **more)
    words = [word for name in names for word in ("--rule", name)]
    for _ in range(5):
        told = checks.check(file, *words)
        if not command.too_busy(told["targets"]):
            break
    found: list[dict[str, Any]] = told["findings"]
    return found


def assert_told(found: list[dict[str, Any]], case: Case) -> None:
    causes = [one["cause"] for one in found]
    first = case.told[0][0] if case.told else None
    assert sorted(causes) == sorted(cause for cause, _ in case.told), found
    assert causes[:1] == ([first] if first else []), found
    for cause, subject in case.told:
        assert any(
            one["cause"] == cause and subject in one["subject"] for one in found
        ), found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_was_done_is_what_is_told(lab, checks, case):
    with case.put(lab):
        found = findings(lab, checks, case)
    assert_told(found, case)


def test_what_the_service_finds_is_told_in_every_place_until_it_is_over(lab):
    names = ["code", "icons", "front"]
    file = lab.site(
        "findings.yaml",
        rules=[copy.deepcopy(RULES[name]) for name in names],
        placeholders={},
        web=command.WEB,
        schedule={"timeout": "1s", "interval": "5s"},
    )

    def found():
        """The finding that both rules are in, if there is one."""
        for one in json.loads(service.get("/api/v1/findings"))["findings"]:
            if {target["rule"] for target in one["targets"]} >= {"code", "icons"}:
                return one
        return None

    with command.serving(lab, file) as service:
        with contextlib.ExitStack() as wall:
            for name in (CODE, ICONS):
                wall.enter_context(firewall.reject(lab.fw, name))
            service.until(lambda: found() is not None)
            one = found()
            assert (one["cause"], one["subject"]) == ("path", FIREWALL)
            name = ("finding", one["finding"])
            service.until(lambda: told_of(name, one, service))
        service.until(lambda: found() is None, seconds=60)


def told_of(name, one, service):
    """Whether the metrics say the same of a finding; they may be a moment behind."""
    numbers = service.values("connectivity_finding")
    infos = service.values("connectivity_rule_info")
    since = service.values("connectivity_finding_since_timestamp_seconds")
    within = {dict(labels)["rule"] for labels in infos if name in labels}
    number = sum(value for labels, value in numbers.items() if name in labels)
    return (
        number == len(one["targets"])
        and within == {target["rule"] for target in one["targets"]}
        and since.get((name,)) == pytest.approx(one["since"])
    )
