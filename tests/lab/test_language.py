"""Rules that say more than one host and port, proven on a real network and no further."""

from __future__ import annotations

import json

import pytest

from tests.lab import firewall, plan
from tests.lab.lab import PYTHON
from tests.lab.site import rule

pytestmark = pytest.mark.lab

HOST = "mirror.pulsant.com"  # answers 80 and 443, and nothing else
OTHER = "api.software2.com"  # answers 443
FIRST, LAST = 6000, 6002


@pytest.fixture(params=[4, 6])
def address(request):
    return plan.NAMES[HOST].addresses[request.param == 6]


@pytest.fixture
def check(lab):
    """Checks rules; gives the exit code, and each target by rule, host and port."""

    def run(*rules, **more):
        schedule = {"timeout": "1500ms"}
        site = lab.site("language.yaml", rules=rules, schedule=schedule, **more)
        words = [word for one in rules for word in ("--rule", one["id"])]
        done = lab.prober.run(
            *(PYTHON, "-m", "exporter", "check", "--config", site, "--format=json"),
            *words,
            unprivileged=True,
            check=False,
            timeout=300,
        )
        targets = json.loads(done.stdout)["targets"]
        keys = ("rule", "destination", "port")
        told = {tuple(one[key] for key in keys): one for one in targets}
        return done.returncode, told

    return run


def ranged(address, transport="tcp"):
    whole = rule("range", address, 1, transport, transport=transport)
    del whole["port"]
    return whole | {"ports": [f"{FIRST}-{LAST}"]}


def beside(address):
    return rule("beside", address, 80, "http")


def ends(told, name="range"):
    return {
        port: (one["verdict"], one["reason"], one["origin"])
        for (rule_id, _, port), one in told.items()
        if rule_id == name
    }


def test_a_range_on_which_nothing_listens_is_open_where_the_host_refuses(
    check, address
):
    _, told = check(ranged(address), beside(address))
    every = range(FIRST, LAST + 1)
    assert ends(told) == dict.fromkeys(every, ("holds", "refused", "destination"))
    assert "nothing listens" in told["range", address, FIRST]["detail"]


def test_a_range_is_violated_where_a_firewall_resets_or_is_silent(lab, check, address):
    with (
        firewall.reject(lab.fw, address, FIRST, with_="reset"),
        firewall.drop(lab.fw, address, LAST),
    ):
        code, told = check(ranged(address), beside(address))
    assert code == 1
    assert ends(told) == {
        FIRST: ("violated", "refused", "path"),
        FIRST + 1: ("holds", "refused", "destination"),
        LAST: ("violated", "timeout", ""),
    }


def test_whose_a_reset_is_stays_open_while_nothing_else_answers_there(check, address):
    code, told = check(ranged(address))
    assert code == 3
    assert {end[0] for end in ends(told).values()} == {"unknown"}


def test_a_range_of_datagrams_is_open_where_the_host_says_that_nothing_listens(
    check, address
):
    _, told = check(ranged(address, "udp"), beside(address))
    assert {end[0] for end in ends(told).values()} == {"holds"}


def test_of_a_network_what_answers_and_what_is_refused_on_the_path_is_told(lab, check):
    address, other = (plan.NAMES[name].addresses[0] for name in (HOST, OTHER))
    nobody = plan.addresses(plan.SERVERS["web"], 250)[0]

    def network(name, whole):
        lead = {"network": f"{whole}/32"}
        return rule(name, "unread", 443, "tcp") | {"destination": lead}

    rules = [network("there", address), network("refused", other)]
    with firewall.reject(lab.fw, other, 443):
        code, told = check(*rules, network("nobody", nobody))
    assert code == 1
    verdicts = {key[0]: one["verdict"] for key, one in told.items()}
    assert verdicts == {"there": "holds", "refused": "violated", "nobody": "unknown"}


def test_one_of_several_is_enough_until_it_fails_too(lab, check):
    rules = [
        rule("first", HOST, 443, "https", any_of="mirror"),
        rule("second", OTHER, 443, "https", any_of="mirror"),
    ]
    with firewall.drop(lab.fw, HOST, 443):
        code, told = check(*rules)
        first = told["first", HOST, 443]
        assert (code, first["verdict"], first["instead"]) == (0, "unknown", "second")
        with firewall.drop(lab.fw, OTHER, 443):
            code, told = check(*rules)
    assert code == 1
    assert {one["verdict"] for one in told.values()} == {"violated"}
