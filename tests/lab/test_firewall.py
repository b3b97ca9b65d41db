"""Every firewall change does to a plain socket what it is known to do, and heals.

Each case is asked over TCP and UDP in both families: what the socket says, and
what its error queue holds with the address of the device that refused.
"""

from __future__ import annotations

import contextlib

import pytest

from tests.lab import firewall, plan

pytestmark = pytest.mark.lab

WEB, TIME = "api.appsanywhere.com", "2.rocky.pool.ntp.org"
TLS = "api.software2.com"
DOORS = [
    *(("tcp", own, 80) for own in plan.NAMES[WEB].addresses),
    *(("udp", own, 123) for own in plan.NAMES[TIME].addresses),
]
OPEN = [
    {"end": "open", "queue": []},
    {"end": "open", "queue": []},
    {"end": "reply", "queue": []},
    {"end": "reply", "queue": []},
]
SILENT = [{"end": "timeout", "queue": []}] * 4

# What a rejection is on the wire: (errno, ICMP type, code) over IPv4 and IPv6.
WORDS = {
    "admin-prohibited": (("EHOSTUNREACH", 3, 13), ("EACCES", 1, 1)),
    "host-unreachable": (("EHOSTUNREACH", 3, 1), ("EHOSTUNREACH", 1, 3)),
    "net-unreachable": (("ENETUNREACH", 3, 0), ("ENETUNREACH", 1, 0)),
    "port-unreachable": (("ECONNREFUSED", 3, 3), ("ECONNREFUSED", 1, 4)),
    "host-prohibited": (("EHOSTUNREACH", 3, 10), None),
    "net-prohibited": (("ENETUNREACH", 3, 9), None),
}


def rejection(word, *senders):
    """What the four doors say when these senders, IPv4 and IPv6 each, refuse so."""
    expected = []
    for number, sender in enumerate(senders):
        facts = WORDS[word][number % 2]
        if facts is None:
            expected.append(OPEN[number])
        else:
            end, kind, code = facts
            expected.append({"end": end, "queue": [["icmp", kind, code, sender]]})
    return expected


@contextlib.contextmanager
def both(change, host, **more):
    """One change for each of the two transports."""
    with (
        change(host, WEB, 80, "tcp", **more),
        change(host, TIME, 123, "udp", **more),
    ):
        yield


@contextlib.contextmanager
def healing(knock):
    """The doors are open before and after."""
    assert knock(*DOORS) == OPEN
    yield
    assert knock(*DOORS) == OPEN


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("router", ["r1", "fw", "r3"])
def test_a_router_rejects_in_its_own_name(lab, knock, router, word):
    host = lab.hosts[router]
    with healing(knock), both(firewall.reject, host, with_=word):
        assert knock(*DOORS) == rejection(word, *host.addresses, *host.addresses)


@pytest.mark.parametrize("router", ["r1", "fw", "r3"])
def test_a_router_drops_in_silence(lab, knock, router):
    with healing(knock), both(firewall.drop, lab.hosts[router]):
        assert knock(*DOORS) == SILENT


def test_a_router_resets_and_leaves_no_name(lab, knock):
    refused = {"end": "ECONNREFUSED", "queue": []}
    with healing(knock), firewall.reject(lab.fw, WEB, 80, with_="reset"):
        assert knock(*DOORS) == [refused, refused, *OPEN[2:]]


def test_a_server_rejects_in_the_name_of_the_destination(lab, knock):
    senders = plan.NAMES[WEB].addresses + plan.NAMES[TIME].addresses
    word = "admin-prohibited"
    with (
        healing(knock),
        firewall.reject(lab.hosts["web"], WEB, 80, with_=word),
        firewall.reject(lab.hosts["time"], TIME, 123, "udp", with_=word),
    ):
        assert knock(*DOORS) == rejection(word, *senders)


def test_a_server_drops_in_silence(lab, knock):
    with healing(knock), firewall.drop(lab.hosts["web"], WEB, 80):
        assert knock(*DOORS) == [*SILENT[:2], *OPEN[2:]]


def test_the_prober_drops_its_own(lab, knock):
    forbidden = {"end": "EPERM", "queue": []}
    with healing(knock), both(firewall.drop, lab.prober):
        assert knock(*DOORS) == [*SILENT[:2], forbidden, forbidden]


def test_the_prober_rejects_its_own_in_its_own_name(lab, knock):
    v4, v6 = lab.prober.addresses
    queue4, queue6 = [["icmp", 3, 13, v4]], [["icmp", 1, 1, v6]]
    with healing(knock), both(firewall.reject, lab.prober):
        assert knock(*DOORS) == [
            {"end": "EHOSTUNREACH", "queue": queue4},
            {"end": "EACCES", "queue": queue6},
            {"end": "EPERM", "queue": queue4},
            {"end": "EPERM", "queue": queue6},
        ]


def test_a_change_hits_one_destination_and_port_only(lab, knock):
    other = ("tcp", plan.NAMES["mirror.pulsant.com"].addresses[0])
    with firewall.drop(lab.fw, "mirror.pulsant.com", 80):
        answers = knock((*other, 80), (*other, 443), *DOORS)
    assert answers == [SILENT[0], OPEN[0], *OPEN]


def test_a_change_can_mean_a_single_address(lab, knock):
    with firewall.drop(lab.fw, plan.NAMES[WEB].addresses[1], 80):
        assert knock(*DOORS) == [OPEN[0], SILENT[1], *OPEN[2:]]


def test_a_change_without_a_port_means_every_port(lab, knock):
    v4, _ = plan.NAMES["mirror.pulsant.com"].addresses
    with firewall.drop(lab.fw, v4):
        assert knock(("tcp", v4, 80), ("tcp", v4, 443)) == SILENT[:2]


def test_a_closed_port_answers_by_itself(lab, knock):
    v4, v6 = plan.NAMES[WEB].addresses
    answers = knock(*((kind, own, 81) for kind in ("tcp", "udp") for own in (v4, v6)))
    assert answers == [
        {"end": "ECONNREFUSED", "queue": []},
        {"end": "ECONNREFUSED", "queue": []},
        *rejection("port-unreachable", v4, v6),
    ]


def test_the_last_router_tells_that_no_machine_has_the_address(lab, knock):
    doors = [("tcp", own, 80) for own in plan.NAMES["nobody-home.uni.edu"].addresses]
    gateway = plan.addresses(plan.FW_R3, 2)
    assert knock(*doors, seconds=6) == rejection("host-unreachable", *gateway)


def test_this_host_tells_that_no_neighbour_has_the_address(lab, knock):
    doors = [("tcp", own, 80) for own in plan.addresses(plan.PROBER, 99)]
    own = lab.prober.addresses
    assert knock(*doors, seconds=6) == rejection("host-unreachable", *own)


def fetch(lab, family, patience=10):
    """Asks for a page over TLS; curl's exit code."""
    words = [
        "curl",
        f"-{family}",
        "-s",
        "-m",
        str(patience),
        "--cacert",
        lab.ca.root_file,
    ]
    url = f"https://{TLS}/"
    done = lab.prober.run(*words, url, unprivileged=True, check=False)
    return done.returncode


TIMED_OUT, TLS_FAILED = 28, 35


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda fw: firewall.drop_after_syn(fw, TLS, 443), TIMED_OUT),
        (lambda fw: firewall.reset_on_data(fw, TLS, 443), TLS_FAILED),
        (lambda fw: firewall.mtu_black_hole(fw, TLS, 1200), TIMED_OUT),
    ],
    ids=["drop-after-syn", "reset-on-data", "mtu-black-hole"],
)
def test_a_connection_stops_only_when_data_flows(lab, knock, family, change, code):
    door = ("tcp", plan.NAMES[TLS].addresses[family == 6], 443)
    assert fetch(lab, family) == 0
    with change(lab.fw):
        assert knock(door) == OPEN[:1]
        assert fetch(lab, family, patience=1.5) == code
    assert fetch(lab, family) == 0


def test_small_answers_pass_an_mtu_black_hole(lab):
    words = ["curl", "-sS", "-m", "10", f"http://{WEB}/"]
    with firewall.mtu_black_hole(lab.fw, WEB, 1200):
        assert lab.prober.run(*words, unprivileged=True).stdout == f"{WEB}\n"


def test_icmp_errors_can_be_rate_limited_as_linux_does(lab, knock):
    doors = [("tcp", plan.NAMES[WEB].addresses[0], 80)] * 12
    with lab.fw.icmp_rate_limit(1000), firewall.reject(lab.fw, WEB, 80):
        limited = [answer["end"] for answer in knock(*doors)]
    with firewall.reject(lab.fw, WEB, 80):
        free = [answer["end"] for answer in knock(*doors)]
    assert set(limited) == {"EHOSTUNREACH", "timeout"}
    assert set(free) == {"EHOSTUNREACH"}
