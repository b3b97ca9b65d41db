"""Bad weather and odd ways: what any client lives with, a rule lives with too.

All of it is in force at once, each on a destination of its own, and looked at in one
round.
"""

from __future__ import annotations

import contextlib

import pytest

from tests.lab import command, firewall, plan
from tests.lab.site import rule

pytestmark = pytest.mark.lab

WEB = [
    "api.software2.com",
    "files.software2.com",
    "files.appsanywhere.com",
    "bitbucket.org",
    "license.looker.com",
    "mirrors.rockylinux.org",
    "mirrors.fedoraproject.org",
    "ask4.mm.fcix.net",
    "packages.microsoft.com",
    "appsanywhere.uni.edu",
]
NTP = "0.centos.pool.ntp.org"
_TWO_OF_THREE = "numgen inc mod 3 < 2 drop"
_ONE_OF_FIVE = "numgen inc mod 5 == 0 drop"
_ONE_OF_TWO = "numgen inc mod 2 == 0 drop"
_SYN = "tcp flags & (syn | ack) == syn"
_SYN_ACK = "tcp flags & (syn | ack) == (syn | ack)"
_STRIP = " ".join(
    f"reset tcp option {one}" for one in ("sack-perm", "timestamp", "window", "maxseg")
)


def to(address, words):
    return f"{_family(address)} daddr {address} {words}"


def back(address, words):
    return f"{_family(address)} saddr {address} {words}"


def _family(address):
    return "ip6" if ":" in address else "ip"


# What the firewall does to packets there and back, and how the rule ends.
WEATHER = {
    "two-of-three-syns-are-lost": ([to], f"{_SYN} {_TWO_OF_THREE}"),
    "two-of-three-answers-to-syns-are-lost": ([back], f"{_SYN_ACK} {_TWO_OF_THREE}"),
    "one-of-five-packets-is-lost": ([to, back], f"meta l4proto tcp {_ONE_OF_FIVE}"),
    "every-second-long-packet-is-lost": ([to], f"meta length > 150 {_ONE_OF_TWO}"),
    "every-second-long-answer-is-lost": ([back], f"meta length > 600 {_ONE_OF_TWO}"),
    "options-are-stripped": ([to, back], f"{_SYN} {_STRIP}"),
}
PLACES = dict(zip(WEATHER, WEB, strict=False))


@pytest.fixture(scope="module", params=[4, 6])
def told(lab, request):
    """One round over one family."""

    def own(name):
        return plan.NAMES[name].addresses[request.param == 6]

    rules = [
        rule(name, own(place), 443, "https") | {"timeout": "15s"}
        for name, place in PLACES.items()
    ]
    rules.append(rule("clock", own(NTP), 123, "ntp", transport="udp"))
    changes = [
        way(own(PLACES[name]), words)
        for name, (ways, words) in WEATHER.items()
        for way in ways
    ]
    changes.append(to(own(NTP), f"udp dport 123 {_ONE_OF_TWO}"))
    site = lab.site("weather.yaml", rules=rules, schedule={"timeout": "5s"})
    with contextlib.ExitStack() as stack:
        for one in changes:
            stack.enter_context(firewall.change(lab.fw, [one]))
        return command.check(lab, site, *(one["id"] for one in rules))


@pytest.mark.parametrize("name", [*WEATHER, "clock"])
def test_what_any_client_lives_with_fails_no_rule(told, name):
    target = told[name]
    assert (target["verdict"], target["reason"]) == ("holds", "answered")
