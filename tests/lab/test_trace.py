"""Where on the path it stops, found without privileges on a real network."""

from __future__ import annotations

import json

import pytest

from tests.lab import command, detour, firewall, plan
from tests.lab.lab import PYTHON

pytestmark = pytest.mark.lab

# Two rules of this host exist, so each can measure the distance for the other.
HOST = "appsanywhereresources.blob.core.windows.net"
HTTPS, HTTP = "appsanywhere-console-https", "appsanywhere-console-http"
ALONE, ALONE_HOST = "appsanywhere-icon-api", "api.appsanywhere.com"
NTP, NTP_HOST = "appsanywhere-ntp", "2.rocky.pool.ntp.org"
ROUTERS = [
    tuple(addresses)
    for addresses in zip(
        plan.addresses(plan.PROBER, 1),
        plan.addresses(plan.R1_FW, 2),
        plan.addresses(plan.FW_R3, 2),
        strict=True,
    )
]


@pytest.fixture
def site(lab):
    return lab.site("trace.yaml", schedule={"timeout": "1500ms"})


@pytest.fixture
def check(lab, site):
    """Checks rules; gives the target of the first."""
    return lambda *rules: command.check(lab, site, *rules)[rules[0]]


def hops(path):
    return [hop["address"] for hop in path["hops"]]


@pytest.mark.parametrize(("rule", "host"), [(HTTP, HOST), (NTP, NTP_HOST)])
def test_a_healthy_path_is_told_hop_by_hop_when_asked_for(lab, site, rule, host):
    words = (PYTHON, "-m", "exporter", "trace", rule, "--config", site)
    done = lab.prober.run(*words, "--format=json", unprivileged=True)
    [told] = json.loads(done.stdout)["targets"]
    paths = told["paths"]
    for routers, address in zip(ROUTERS, plan.NAMES[host].addresses, strict=True):
        assert hops(paths[address]) == [*routers, address]
        assert paths[address]["answered_ttl"] == 4
        assert all(hop["rtt_seconds"] > 0 for hop in paths[address]["hops"])


@pytest.mark.parametrize(("number", "router"), [(1, "r1"), (2, "fw"), (3, "r3")])
@pytest.mark.parametrize(
    ("rule", "flow"),
    [(ALONE, (ALONE_HOST, 80, "tcp")), (NTP, (NTP_HOST, 123, "udp"))],
)
def test_a_drop_is_right_behind_the_last_router_that_spoke(
    lab, check, number, router, rule, flow
):
    with firewall.drop(lab.hosts[router], *flow):
        target = check(rule)
    path = target["path"]
    assert (target["reason"], path["answered_ttl"]) == ("timeout", None)
    family = ":" in target["addresses"][0]["address"]
    assert (path["last_hop"], path["last_ttl"]) == (
        ROUTERS[family][number - 1],
        number,
    )
    assert hops(path) == list(ROUTERS[family][:number])


@pytest.mark.parametrize(("number", "router"), [(1, "r1"), (2, "fw"), (3, "r3")])
@pytest.mark.parametrize(
    ("rule", "flow"),
    [(ALONE, (ALONE_HOST, 80, "tcp")), (NTP, (NTP_HOST, 123, "udp"))],
)
def test_a_firewall_that_refuses_is_told_with_its_hop(
    lab, check, number, router, rule, flow
):
    with firewall.reject(lab.hosts[router], *flow, with_="admin-prohibited"):
        target = check(rule)
    path = target["path"]
    family = ":" in target["addresses"][0]["address"]
    assert (target["reason"], target["origin"]) == ("prohibited", "path")
    assert (path["last_hop"], path["last_ttl"]) == (
        ROUTERS[family][number - 1],
        number,
    )


@pytest.mark.parametrize(("number", "router"), [(1, "r1"), (2, "fw"), (3, "r3")])
def test_a_reset_by_a_firewall_is_told_from_the_hosts_own(lab, check, number, router):
    with firewall.reject(lab.hosts[router], HOST, 443, with_="reset"):
        target = check(HTTPS, HTTP)
    assert (target["reason"], target["origin"]) == ("refused", "path")
    assert target["path"]["answered_ttl"] == number + 1
    family = ":" in target["addresses"][0]["address"]
    assert target["path"]["last_hop"] == ROUTERS[family][number - 1]


def test_a_hosts_own_reset_is_not_blamed_on_the_path(lab, check):
    with firewall.reject(lab.hosts["web"], HOST, 443, with_="reset"):
        target = check(HTTPS, HTTP)
    assert (target["reason"], target["origin"]) == ("refused", "")
    assert target["path"]["answered_ttl"] == 4


OFTEN = """
import asyncio, sys
from pathlib import Path
from exporter.model.outcome import Reason
from exporter.probes.resolver import Resolver
from exporter.probes.protocols import PROBERS
from exporter.probes.runner import Runner
from exporter.config.site import load_site
async def main():
    site = load_site(Path(sys.argv[1]))
    wanted = {target.rule.id: target for target in site.targets}
    runner = Runner(Resolver(site.dns.servers), None)
    for _ in range(int(sys.argv[2])):
        distance = await runner.distance(wanted[sys.argv[3]], sys.argv[5])
        nearer = runner.nearer(wanted[sys.argv[4]], sys.argv[5], distance, Reason.REFUSED)
        print(distance.hops, await nearer)
asyncio.run(main())
"""


@pytest.mark.parametrize("address", plan.NAMES[HOST].addresses)
def test_ways_of_different_length_do_not_lay_a_hosts_reset_to_the_path(lab, address):
    site = lab.site("often.yaml")

    def told():
        words = (PYTHON, "-c", OFTEN, site, "5", HTTP, HTTPS, address)
        done = lab.prober.run(*words, unprivileged=True)
        hops, on_path = zip(*map(str.split, done.stdout.splitlines()), strict=True)
        return {*map(int, hops)}, set(on_path)

    with detour.shares_the_load(lab):
        with firewall.reject(lab.hosts["web"], HOST, 443, with_="reset"):
            hops, on_path = told()
        assert hops <= {4, 5}
        assert "False" in on_path
        assert "True" not in on_path
        with firewall.reject(lab.fw, HOST, 443, with_="reset"):
            on_path = told()[1]
        assert "True" in on_path
        assert "False" not in on_path


def test_a_drop_behind_ways_that_share_the_load_is_still_found(lab, check):
    with detour.shares_the_load(lab), firewall.drop(lab.r3, ALONE_HOST, 80):
        target = check(ALONE)
    family = ":" in target["addresses"][0]["address"]
    assert target["path"]["last_hop"] == ROUTERS[family][2]
    assert target["path"]["last_ttl"] in {3, 4}


def test_without_another_rule_a_reset_names_nobody(lab, check):
    with firewall.reject(lab.fw, ALONE_HOST, 80, with_="reset"):
        target = check(ALONE)
    assert (target["reason"], target["origin"]) == ("refused", "")
    assert target["path"]["answered_ttl"] == 3


def test_routers_that_never_speak_do_not_hide_those_behind(lab, check):
    own = {
        "ip": "ip protocol icmp drop",
        "ip6": "icmpv6 type time-exceeded drop",
    }
    with (
        firewall.change(lab.r1, list(own.values()), hook="output"),
        firewall.drop(lab.fw, ALONE_HOST, 80),
    ):
        target = check(ALONE)
    family = ":" in target["addresses"][0]["address"]
    assert hops(target["path"]) == [None, ROUTERS[family][1]]
    assert target["path"]["last_ttl"] == 2


def test_what_this_host_forbids_itself_is_not_traced(lab, check):
    with firewall.reject(lab.prober, ALONE_HOST, 80, with_="admin-prohibited"):
        target = check(ALONE)
    assert (target["reason"], target["origin"]) == ("prohibited", "self")
    assert target["path"] is None


def test_a_rule_that_holds_is_never_traced(lab, check):
    target = check(ALONE)
    assert target["verdict"] == "holds"
    assert target["path"] is None
