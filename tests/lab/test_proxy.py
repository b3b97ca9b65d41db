"""Public rules through a real Squid: whose no it was, and what stands without it.

Nothing of this goes past the proxy: the firewall lets the prober reach no web server
by itself, so whatever holds has gone through it.
"""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.lab import command, firewall, plan
from tests.lab.lab import PYTHON
from tests.lab.servers import proxy

pytestmark = pytest.mark.lab

PROXY = "proxy.uni.edu"
HTTP, TLS = "api.appsanywhere.com", "api.software2.com"
RULES = {
    HTTP: ("appsanywhere", "appsanywhere-icon-api", 80),
    TLS: ("appsanywhere", "appsanywhere-registration-api", 443),
    proxy.DENIED: ("analytics", "analytics-looker-license", 443),
    proxy.LOCKED: ("analytics", "analytics-bitbucket", 443),
}


@pytest.fixture(scope="module")
def squid(lab, proxied_lab):
    with contextlib.ExitStack() as walls:
        for name, (_, _, port) in RULES.items():
            wall = firewall.drop(lab.prober, name, port)
            walls.enter_context(wall)
        yield proxied_lab.servers["proxy"]


@pytest.fixture
def check(lab, squid):
    """Checks the rule of a destination through the proxy; gives the target."""

    def run(destination, **more):
        role, rule, _ = RULES[destination]
        site = lab.site(
            "proxied.yaml", roles=[role], proxy=f"http://{PROXY}:{proxy.PORT}", **more
        )
        (target,) = command.check(lab, site, rule).values()
        return target

    return run


def ends(target):
    return {(a["stage"], a["reason"], a["origin"]) for a in target["addresses"]}


def logged(lab):
    return (lab.folder / "proxy" / "access.log").read_text()


@pytest.mark.parametrize("destination", [HTTP, TLS])
def test_a_rule_holds_through_the_proxy_that_resolves_the_name_itself(
    lab, check, destination
):
    target = check(destination)
    assert target["verdict"] == "holds"
    assert ends(target) == {("exchange", "answered", "")}
    told = [address["address"] for address in target["addresses"]]
    assert told == [*plan.NAMES[PROXY].addresses]
    assert f"CONNECT {destination}:{RULES[destination][2]}" in logged(lab)
    if destination == TLS:
        assert target["tls"]["verified"]


def test_a_name_that_the_proxy_cannot_resolve_is_told_by_it(lab, check):
    with lab.dns.nxdomain(HTTP):
        target = check(HTTP)
    assert ends(target) == {("connect", "host_unreachable", "")}
    assert "it finds no such name, or no way there (HTTP 500" in target["detail"]


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        (proxy.DENIED, "does not allow this connection (HTTP 403, ERR_ACCESS_DENIED"),
        (proxy.LOCKED, "wants a password, and the exporter has none (HTTP 407"),
    ],
)
def test_a_no_of_the_proxy_is_its_own(check, destination, told):
    target = check(destination)
    assert target["verdict"] == "violated"
    assert ends(target) == {("connect", "rejected", "path")}
    assert told in target["detail"]


def test_a_destination_that_refuses_is_told_from_a_proxy_that_does(lab, check):
    nobody = plan.addresses(plan.SERVERS["time"], 10)[0]
    with lab.dns.resolves_to(HTTP, nobody):
        target = check(HTTP)
    assert target["verdict"] == "violated"
    assert ends(target) == {("connect", "refused", "destination")}
    assert "ERR_CONNECT_FAIL 111" in target["detail"]


def test_a_destination_that_is_silent_behind_the_proxy_is_told_by_it(lab, check):
    nobody = plan.NAMES["nobody-home.uni.edu"].addresses[0]
    with (
        lab.dns.resolves_to(TLS, nobody),
        firewall.drop(lab.r3, nobody, 443),
    ):
        target = check(TLS)
    assert ends(target) == {("connect", "timeout", "")}
    assert f"the proxy {PROXY}:{proxy.PORT} cannot reach" in target["detail"]


def test_a_proxy_that_says_nothing_is_blamed_itself(lab, check):
    with firewall.drop_after_syn(lab.fw, PROXY, proxy.PORT):
        target = check(HTTP, schedule={"timeout": "1s"})
    assert ends(target) == {("connect", "timeout", "")}
    assert "took the connection, and then: no answer within 1 s" in target["detail"]
    assert target["path"] is None


def test_a_firewall_before_the_proxy_is_named(lab, check):
    with firewall.reject(lab.fw, PROXY, proxy.PORT, with_="admin-prohibited"):
        target = check(HTTP)
    assert ends(target) == {("connect", "prohibited", "path")}
    senders = [address["icmp"]["from"] for address in target["addresses"]]
    assert senders == [*plan.addresses(plan.R1_FW, 2)]
    assert f"the proxy {PROXY}:{proxy.PORT} is not reached" in target["detail"]


def test_a_proxy_without_a_name_is_told_as_such(lab, check):
    with lab.dns.nxdomain(PROXY):
        target = check(HTTP)
    assert (target["stage"], target["reason"]) == ("resolve", "nxdomain")
    assert target["detail"].startswith(f"the proxy {PROXY}:{proxy.PORT} is not found")


def test_a_proxy_that_is_down_is_not_a_destination_that_refuses(lab, check):
    # Another port of its host, where nothing listens.
    elsewhere = f"http://{PROXY}:3129"
    assert check(HTTP)["verdict"] == "holds"
    role, rule, _ = RULES[HTTP]
    site = lab.site("down.yaml", roles=[role], proxy=elsewhere)
    words = ["check", "--config", site, "--rule", rule]
    done = lab.prober.run(
        *(PYTHON, "-m", "exporter", *words), unprivileged=True, check=False
    )
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert said.startswith(f"✗ The proxy {PROXY}:3129 refuses connections")
    assert "is not reached: connection refused by a TCP reset" in said


def test_rules_that_are_not_public_go_by_themselves(lab, squid):
    site = lab.site(
        "inside.yaml", proxy=f"http://{PROXY}:{proxy.PORT}", roles=["appsanywhere"]
    )
    words = ["check", "--config", site, "--rule", "appsanywhere-parallels-https"]
    done = lab.prober.run(
        *(PYTHON, "-m", "exporter", *words, "--format", "json"), unprivileged=True
    )
    (target,) = json.loads(done.stdout)["targets"]
    told = [address["address"] for address in target["addresses"]]
    assert told == [*plan.NAMES["parallels.uni.edu"].addresses]
