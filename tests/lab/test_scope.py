"""Evidence on a real network: of which address it is, and how long it is worth anything."""

from __future__ import annotations

import contextlib
import time

import pytest

from tests.lab import command, firewall, plan
from tests.lab.middlebox import Middlebox

pytestmark = pytest.mark.lab

HOST, OTHER = "parallels.uni.edu", "appsanywhere.uni.edu"
V4, V6 = plan.NAMES[HOST].addresses
MANY = [f"10.9.20.{number}" for number in range(130, 193)]
CLOSED = 9561
"""A port at which the host has nothing, so that it resets by itself."""
WEB = {"https": {"path": "/"}}


def rule(identifier, port, probe="tcp", **more):
    return {
        "id": identifier,
        "source": "appsanywhere",
        "destination": {"host": HOST},
        "port": port,
        "transport": "tcp",
        "probe": probe,
        "usage": "vendor-api",
        "description": "Something at the host",
        **more,
    }


def shut(identifier="shut", port=CLOSED, **more):
    return rule(identifier, port, expect="deny", **more)


NEIGHBOUR = rule("web", 443, WEB)
WITNESSED = shut(witness="web")


def write(lab, *rules, **more):
    return lab.site(
        "scope.yaml",
        rules=list(rules),
        placeholders={},
        schedule={"interval": "5s", "timeout": "1500ms"},
        **more,
    )


def look(lab, *rules):
    return command.check(lab, write(lab, *rules), *(one["id"] for one in rules))


def ends(target):
    return target["verdict"], target["reason"], target["origin"]


@pytest.mark.parametrize("reachable", ["deny", "allow"])
def test_one_address_of_many_is_looked_at_before_all_are_said_to_be_alike(
    lab, reachable
):
    addresses = [*MANY[:40], V4, *MANY[40:]]
    with lab.dns.resolves_to(HOST, *addresses), contextlib.ExitStack() as refused:
        for one in MANY:
            change = firewall.reject(lab.fw, one, 443, with_="admin-prohibited")
            refused.enter_context(change)
        alike = {"expect": "deny"} if reachable == "deny" else {"addresses": "all"}
        told = look(lab, rule("one", 443, **alike))["one"]
        assert len(told["addresses"]) == 64
        assert (told["verdict"], told["untested"]) == ("violated", [])
        site = write(lab, rule("one", 443, **alike), web=command.WEB)
        with command.serving(lab, site) as service:
            satisfied = set()

            def violated():
                satisfied.add(service.of_rule("connectivity_rule_satisfied", "one"))
                return 0 in satisfied

            service.until(violated, 60)
            assert 1 not in satisfied


def test_a_witness_at_one_address_says_nothing_of_another(lab):
    with firewall.drop(lab.fw, HOST, CLOSED):
        assert ends(look(lab, WITNESSED, NEIGHBOUR)["shut"])[0] == "holds"
        with firewall.drop(lab.fw, V6):
            told = look(lab, WITNESSED, NEIGHBOUR)
    assert ends(told["shut"]) == ("unknown", "timeout", "")
    verdicts = {one["address"]: one["verdict"] for one in told["shut"]["addresses"]}
    assert verdicts == {V4: "holds", V6: "unknown"}
    assert told["web"]["verdict"] == "holds"


def test_a_witness_is_asked_even_where_it_is_not_checked_itself(lab):
    site = write(lab, WITNESSED, NEIGHBOUR)
    with firewall.drop(lab.fw, HOST, CLOSED):
        assert ends(command.check(lab, site, "shut")["shut"])[0] == "holds"
        with firewall.drop(lab.fw, HOST, 443):
            assert ends(command.check(lab, site, "shut")["shut"])[0] == "unknown"


def test_a_witness_that_shows_another_names_certificate_is_none(lab):
    elsewhere = plan.NAMES[OTHER].addresses
    with lab.dns.resolves_to(HOST, *elsewhere), firewall.drop(lab.fw, OTHER, CLOSED):
        told = look(lab, WITNESSED, NEIGHBOUR)
    assert told["web"]["tls"]["error"] == "name_mismatch"
    assert ends(told["shut"]) == ("unknown", "timeout", "")


def test_a_host_that_died_is_noticed_whenever_its_witness_is_due(lab):
    seldom = NEIGHBOUR | {"interval": "60s"}
    site = write(lab, WITNESSED, seldom, web=command.WEB)
    with (
        contextlib.ExitStack() as death,
        firewall.drop(lab.fw, HOST, CLOSED),
        command.serving(lab, site) as service,
    ):

        def satisfied():
            return service.of_rule("connectivity_rule_satisfied", "shut")

        service.until(lambda: satisfied() == 1)
        death.enter_context(firewall.drop(lab.fw, HOST))
        service.until(lambda: satisfied() is None, 15)
        death.close()
        service.until(lambda: satisfied() == 1, 15)


def test_a_firewall_that_was_opened_does_not_hold_by_what_it_said_before(lab):
    site = write(lab, shut(), NEIGHBOUR, web=command.WEB)
    with command.serving(lab, site) as service:

        def satisfied():
            return service.of_rule("connectivity_rule_satisfied", "shut")

        for _ in range(2):
            with firewall.reject(lab.fw, HOST, CLOSED, with_="reset"):
                service.until(lambda: satisfied() == 1)
                time.sleep(6)
                assert satisfied() == 1
            service.until(lambda: satisfied() is None, 17)


def test_who_was_probed_first_changes_nothing(lab):
    rules = [
        shut("a-shut"),
        NEIGHBOUR | {"id": "m-web"},
        shut("z-shut", CLOSED + 1),
    ]
    with firewall.reject(lab.fw, HOST, f"{CLOSED}-{CLOSED + 1}", with_="reset"):
        for turn in range(4):
            told = look(lab, *rules[:: 1 if turn % 2 else -1])
            for name in ("a-shut", "z-shut"):
                assert ends(told[name]) == ("holds", "refused", "path")
    told = look(lab, *rules)
    assert ends(told["a-shut"]) == ("unknown", "refused", "")


@pytest.mark.parametrize("expect", ["allow", "deny"])
def test_a_device_that_completes_handshakes_is_known_by_its_distance(lab, expect):
    bare = rule("bare", CLOSED, expect=expect)
    with Middlebox(lab, "mute") as box, box.takes(HOST, CLOSED):
        told = look(lab, bare, NEIGHBOUR)["bare"]
    assert ends(told)[:2] == ("unknown", "untested")
    assert "nearer" in told["detail"]


@pytest.mark.parametrize("turn", [1, -1])
def test_a_handshake_from_nearer_is_no_witness_whoever_was_probed_first(lab, turn):
    rules = [rule("bare", CLOSED), shut(port=CLOSED + 1, witness="bare"), NEIGHBOUR]
    dropped = firewall.drop(lab.fw, HOST, CLOSED + 1)
    with Middlebox(lab, "mute") as box, box.takes(HOST, CLOSED), dropped:
        told = look(lab, *rules[::turn])
    assert ends(told["shut"]) == ("unknown", "timeout", "")
    assert ends(told["bare"])[:2] == ("unknown", "untested")


@pytest.mark.parametrize("how", ["mute", "resetting-on-data"])
def test_nor_is_a_block_broken_by_the_handshakes_of_a_device(lab, how):
    rules = [shut(name, probe=name) for name in ("https", "ssh", "smtp")]
    with Middlebox(lab, how) as box, box.takes(HOST, CLOSED):
        told = look(lab, *rules, NEIGHBOUR)
        for name in ("https", "ssh", "smtp"):
            assert ends(told[name])[:2] == ("unknown", "untested")
            assert "nearer" in told[name]["detail"]
        assert ends(look(lab, rule("https", CLOSED, "https"))["https"])[0] == "violated"


def test_a_handshake_of_the_hosts_own_is_believed(lab):
    told = look(lab, rule("bare", 443), NEIGHBOUR)["bare"]
    assert ends(told)[:2] == ("holds", "answered")


def test_the_certificate_of_each_address_is_told_and_the_worst_stands_for_all(lab):
    wrong = plan.NAMES["expired.uni.edu"].addresses[0]
    with lab.dns.resolves_to(HOST, V4, wrong):
        told = look(lab, NEIGHBOUR | {"addresses": "all"})["web"]
    assert told["verdict"] == "holds"
    verified = {one["address"]: one["tls"]["verified"] for one in told["addresses"]}
    assert verified == {V4: True, wrong: False}
    assert told["tls"]["verified"] is False
    assert told["tls"]["expiry"] < time.time()
