"""A second way between r1 and fw, one hop longer, that takes its share of the load.

    with detour.shares_the_load(lab):
        ...

r1 chooses by addresses and ports, as routers do: each connection keeps to one way, and
the next may take the other. What comes back takes the shorter one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.lab import Lab

NAME = "side"
R1_SIDE, SIDE_FW = 4, 5

_BUILD = f"""
ip netns add {NAME}
ip -n {NAME} link set lo up
ip link add link{R1_SIDE} netns r1 type veth peer name link{R1_SIDE} netns {NAME}
ip link add link{SIDE_FW} netns {NAME} type veth peer name link{SIDE_FW} netns fw
for place in "r1 {R1_SIDE} 1" "{NAME} {R1_SIDE} 2" "{NAME} {SIDE_FW} 1" "fw {SIDE_FW} 2"
do
  set -- $place
  ip -n $1 link set link$2 up
  ip -n $1 addr add 10.9.$2.$3/24 dev link$2
  ip -n $1 addr add fd09:0:0:$2::$3/64 dev link$2 nodad
done
ip -n {NAME} route add default via 10.9.{SIDE_FW}.2
ip -n {NAME} -6 route add default via fd09:0:0:{SIDE_FW}::2
ip -n {NAME} route add 10.9.{plan.PROBER}.0/24 via 10.9.{R1_SIDE}.1
ip -n {NAME} -6 route add fd09:0:0:{plan.PROBER}::/64 via fd09:0:0:{R1_SIDE}::1
"""
_SETTINGS = (
    "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 "
    "net.ipv6.icmp.ratelimit=0 net.ipv4.fib_multipath_hash_policy=1 "
    "net.ipv6.fib_multipath_hash_policy=1 net.ipv4.conf.all.rp_filter=0"
)
_V4 = ("10.9.2.2", f"10.9.{R1_SIDE}.2")
_V6 = ("fd09:0:0:2::2", f"fd09:0:0:{R1_SIDE}::2")


@contextlib.contextmanager
def shares_the_load(lab: Lab) -> Iterator[None]:
    """Puts the second way up, and takes it down in the end."""
    cell = lab.cell
    cell.run("sh", "-e", text=_BUILD)
    try:
        for host in ("r1", NAME, "fw"):
            cell.run("sysctl", "-qw", *_SETTINGS.split(), net=host)
            devices = f"net.ipv4.conf.link{R1_SIDE if host != 'fw' else SIDE_FW}"
            cell.run("sysctl", "-qw", f"{devices}.rp_filter=0", net=host)
        for family, ways in (("-4", _V4), ("-6", _V6)):
            hops = [word for way in ways for word in ("nexthop", "via", way)]
            lab.r1.run("ip", family, "route", "replace", "default", *hops)
        yield
    finally:
        for family, (way, _) in (("-4", _V4), ("-6", _V6)):
            lab.r1.run("ip", family, "route", "replace", "default", "via", way)
        cell.run("ip", "netns", "del", NAME)
