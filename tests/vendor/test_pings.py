"""ICMP in a page: a ping is a rule, any other message of it nobody can prove."""

from __future__ import annotations

import pytest

from exporter.vendor.portless import read_ping
from tests.vendor.test_forms import flows

HEAD = "| From | To | Protocol | Port | Use |\n|-|-|-|-|-|\n"
GUESSED = "names no type of ICMP: an echo request is taken"


@pytest.mark.parametrize(
    ("row", "guessed"),
    [
        ("| ICMP | | alive? |", True),
        ("| ICMP | - | alive? |", True),
        ("| ICMP | 7 | alive? |", True),
        ("| ICMPv6 | n/a | is it there |", True),
        ("| ICMP | | Ping |", False),
        ("| ICMP | 8 | alive? |", False),
        ("| ICMP | type 8, code 0 | alive? |", False),
        ("| ICMP | 8/0 | alive? |", False),
        ("| ICMPv6 | 128, 129 | alive? |", False),
        ("| ICMP | echo request / echo reply | alive? |", False),
        ("| ping | | alive? |", False),
        ("| | ICMP (Echo Request) | alive? |", False),
        ("| | Ping | alive? |", False),
    ],
)
def test_a_ping_is_a_rule_without_a_port(page, row, guessed):
    found = page(f"{HEAD}| Poller | d.org {row}\n")
    assert flows(found) == {"A1: poller > d.org icmp/None"}
    assert found.rules[0]["id"] == "poller-d-org-icmp"
    assert [GUESSED in remark for remark in found.remarks] == [True] * guessed


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("| ICMP | type 3, code 4 | x |", "ICMP type 3"),
        ("| ICMP | 11 (time exceeded) | x |", "ICMP type 11 and time exceeded"),
        ("| ICMP | Echo reply | x |", "ICMP echo reply"),
        ("| ICMP | 0 | x |", "ICMP echo reply"),
        ("| ICMP | | Path MTU discovery |", "ICMP Path MTU"),
        ("| ICMP | destination unreachable | x |", "ICMP destination unreachable"),
    ],
)
def test_another_message_of_icmp_is_unprovable(page, row, named):
    found = page(f"{HEAD}| Poller | d.org {row}\n")
    said = f"is a message of ICMP that no probe can ask for, going by {named!r}"
    assert (found.rules, found.fates) == ([], {"A1": ("unprovable", said)})


@pytest.mark.parametrize(
    ("row", "rest"),
    [
        ("| ICMP | 0, 3, 8, 11 | x |", "type 3 and type 11"),
        ("| ICMP | All | x |", "types other than echo"),
        ("| ICMP | | ping and traceroute |", "traceroute"),
        ("| ICMP echo request, time exceeded | | x |", "time exceeded"),
    ],
)
def test_a_ping_among_other_messages_is_a_rule_and_the_rest_is_told(page, row, rest):
    found = page(f"{HEAD}| Poller | d.org {row}\n")
    assert [rule["transport"] for rule in found.rules] == ["icmp"]
    assert [fate for fate, _ in found.fates.values()] == ["rules", "unprovable"]
    assert repr(f"ICMP {rest}") in found.fates["A1.2"][1]


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("| TCP, ICMP | 443 | ping |", {"tcp/443", "icmp/None"}),
        ("| HTTPS, ICMP | 443 | ping |", {"tcp/443", "icmp/None"}),
        ("| | TCP 443, ICMP | ping |", {"tcp/443", "icmp/None"}),
        ("| | TCP 443-445; ICMP type 8 | x |", {"tcp/443-445", "icmp/None"}),
    ],
)
def test_a_ping_beside_ports_is_a_rule_of_its_own(page, row, wanted):
    found = page(f"{HEAD}| App | d.org {row}\n")
    assert flows(found) == {f"A1: app > d.org {one}" for one in wanted}
    assert {fate for fate, _ in found.fates.values()} == {"rules"}


def test_a_ping_or_a_port_are_alternatives(page):
    found = page(f"{HEAD}| App | d.org | ICMP or TCP | 443 | ping |\n")
    assert len(found.rules) == 2
    assert len({rule["any_of"] for rule in found.rules}) == 1


def test_what_else_has_no_ports_is_told_beside_a_ping(page):
    found = page(f"{HEAD}| App | d.org | ICMP, GRE, ESP | | ping |\n")
    assert flows(found) == {"A1: app > d.org icmp/None"}
    assert "'GRE'" in found.remarks[0]
    assert "'ESP'" in found.remarks[1]


def test_pings_to_hosts_that_nobody_names_and_to_networks(page):
    found = page(
        f"{HEAD}| Poller | Core switch | ICMP | | ping |\n"
        "| Poller | 192.0.2.0/24 | ICMP | | ping |\n| Poller | any | ICMP | | ping |\n"
    )
    assert flows(found) == {
        "A1: poller > core-switch icmp/None",
        "A2: poller > 192.0.2.0/24 icmp/None",
    }
    assert found.fates["A3"][0] == "unprovable"


def test_a_summary_of_pings_is_open_where_no_row_names_a_host(page):
    found = page("| From | Protocol | Port |\n|-|-|-|\n| Poller | ICMP | 8 |\n")
    assert found.fates["A1"] == ("open", "sums up ICMP, for which no row names a host")


def test_a_name_that_is_no_icmp_needs_no_type():
    assert not read_ping("PING", "ping").guessed
