"""A host behind the web server, to which that one forwards a port of its own.

    with backend.forwards(lab, "10.9.20.52", 4444):
        ...

What answers there is a hop farther away than the host that has the address.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab import firewall
from tests.lab.lab import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.lab import Lab

NAME, FRONT = "backend", "web"
_LINK, _PORT = 7, 7099
_V4, _V6 = f"10.9.{_LINK}", f"fd09:0:0:{_LINK}:"
_BUILD = f"""
ip netns add {NAME}
ip link add link{_LINK} netns {FRONT} type veth peer name link{_LINK} netns {NAME}
for place in "{FRONT} 1" "{NAME} 2"
do
  set -- $place
  ip -n $1 link set link{_LINK} up
  ip -n $1 addr add {_V4}.$2/24 dev link{_LINK}
  ip -n $1 addr add {_V6}:$2/64 dev link{_LINK} nodad
done
ip -n {NAME} route add default via {_V4}.1
ip -n {NAME} -6 route add default via {_V6}:1
"""


@contextlib.contextmanager
def forwards(lab: Lab, address: str, port: int) -> Iterator[None]:
    """Meanwhile a port of an address of the web server is the backend's."""
    cell, front = lab.cell, lab.hosts[FRONT]
    cell.run("sh", "-e", text=_BUILD)
    family, to = ("ip6", f"[{_V6}:2]") if ":" in address else ("ip", f"{_V4}.2")
    rule = f"{family} daddr {address} tcp dport {port} dnat {family} to {to}:{_PORT}"
    words = (PYTHON, "-m", "tests.lab.middlebox", "mute", str(_PORT))
    server = cell.start(NAME, *words, net=NAME)
    try:
        front.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
        listens = ("ss", "-Hlnt", f"sport = :{_PORT}")
        server.wait_until(
            lambda: bool(cell.run(*listens, net=NAME).stdout), "listens", 30
        )
        with firewall.change(front, [rule], "prerouting", "nat"):
            yield
    finally:
        front.sysctl(net__ipv4__ip_forward=0, net__ipv6__conf__all__forwarding=0)
        server.stop()
        # The kernel takes a namespace away in its own time, and the link with it.
        front.run("ip", "link", "del", f"link{_LINK}")
        cell.run("ip", "netns", "del", NAME)
