"""The network of plan.py: hosts, three routers, links in both families.

r1 and r3 are plain routers, fw is the one with the firewall. Whatever lies outside
the plan has no route at fw, which says so by ICMP. ICMP errors are not rate limited
unless asked for, so that tests need not wait for one another.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab import plan

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.cell import Cell
    from tests.lab.process import Process

ROUTERS = ("r1", "fw", "r3")


class Host:
    """One network namespace.

    Attributes:
        name: as `ip netns` inside the cell knows it.
        hook: where its firewall meets the traffic of the lab (nftables).
        addresses: its first IPv4 and IPv6 address.
    """

    def __init__(self, cell: Cell, name: str, addresses: tuple[str, str]) -> None:
        self.cell = cell
        self.name = name
        self.addresses = addresses
        kinds = dict.fromkeys(ROUTERS, "forward") | {"prober": "output"}
        self.hook = kinds.get(name, "input")

    def run(
        self,
        *command: str | Path,
        unprivileged: bool = False,
        text: str = "",
        check: bool = True,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on this host; see `Cell.run`."""
        return self.cell.run(
            *command,
            net=self.name,
            unprivileged=unprivileged,
            text=text,
            check=check,
            timeout=timeout,
        )

    def start(
        self, name: str, *command: str | Path, unprivileged: bool = False
    ) -> Process:
        """Starts a server on this host; see `Cell.start`."""
        return self.cell.start(name, *command, net=self.name, unprivileged=unprivileged)

    def listens(self, transport: str, port: int, *, v6: bool = False) -> bool:
        """Whether something on this host listens on a port, of IPv6 if it must."""
        kind = "-lnt" if transport == "tcp" else "-lnu"
        family = ("-6",) if v6 else ()
        return bool(
            self.run("ss", "-H", *family, kind, f"sport = :{port}").stdout.strip()
        )

    def sysctl(self, **settings: int) -> None:
        """Sets kernel parameters; write `__` for the dot in their names."""
        words = [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
        self.run("sysctl", "-qw", *words)

    @contextlib.contextmanager
    def icmp_rate_limit(self, milliseconds: int) -> Iterator[None]:
        """Meanwhile sends ICMP errors to one peer only so often, as Linux does."""
        self.sysctl(**_icmp_rate(milliseconds))
        try:
            yield
        finally:
            self.sysctl(**_icmp_rate(0))


def build(cell: Cell, *, icmp_rate_limit: int = 0) -> dict[str, Host]:
    """Makes all hosts of the plan and the links between them.

    Args:
        cell: where to make them.
        icmp_rate_limit: milliseconds between ICMP errors of one host to one peer;
            0 is no limit, the kernel's own default is 1000.

    Returns:
        The hosts by name.
    """
    first = {
        "prober": plan.addresses(plan.PROBER, 2),
        "r1": plan.addresses(plan.PROBER, 1),
        "fw": plan.addresses(plan.R1_FW, 2),
        "r3": plan.addresses(plan.FW_R3, 2),
    }
    first |= {name: plan.addresses(link, 2) for name, link in plan.SERVERS.items()}
    hosts = {name: Host(cell, name, own) for name, own in first.items()}
    cell.run("sh", "-e", text="\n".join(_script()))
    for host in hosts.values():
        host.sysctl(**_icmp_rate(icmp_rate_limit))
    return hosts


def _icmp_rate(milliseconds: int) -> dict[str, int]:
    return {
        "net__ipv4__icmp_ratelimit": milliseconds,
        "net__ipv6__icmp__ratelimit": milliseconds,
    }


def _script() -> Iterator[str]:
    for name in ("prober", *ROUTERS, *plan.SERVERS):
        yield from _host(name)
    yield from _link(plan.PROBER, ("r1", 1), ("prober", 2))
    yield from _link(plan.R1_FW, ("r1", 1), ("fw", 2))
    yield from _link(plan.FW_R3, ("fw", 1), ("r3", 2))
    for name, link in plan.SERVERS.items():
        yield from _link(link, ("r3", 1), (name, 2))
        yield from _default(name, link, 1)
        for place in plan.living_at(name).values():
            if place.ports:
                yield from _address(name, link, place.number)
    yield from _default("prober", plan.PROBER, 1)
    yield from _default("r1", plan.R1_FW, 2)
    yield from _route("fw", plan.PROBER, via=(plan.R1_FW, 1))
    for link in plan.SERVERS.values():
        yield from _route("fw", link, via=(plan.FW_R3, 2))
    for link in (plan.PROBER, plan.R1_FW):
        yield from _route("r3", link, via=(plan.FW_R3, 1))


def _host(name: str) -> Iterator[str]:
    yield f"ip netns add {name}"
    yield f"ip -n {name} link set lo up"
    settings = "net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0"
    if name in ROUTERS:
        settings += " net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
    yield f"nsenter --net=/run/netns/{name} sysctl -qw {settings}"


def _link(number: int, near: tuple[str, int], far: tuple[str, int]) -> Iterator[str]:
    (a, _), (b, _) = near, far
    device = f"link{number}"
    yield f"ip link add {device} netns {a} type veth peer name {device} netns {b}"
    for host, own in (near, far):
        yield f"ip -n {host} link set {device} up"
        yield from _address(host, number, own)


def _address(host: str, link: int, number: int) -> Iterator[str]:
    v4, v6 = plan.addresses(link, number)
    yield f"ip -n {host} addr add {v4}/24 dev link{link}"
    yield f"ip -n {host} addr add {v6}/64 dev link{link} nodad"


def _default(host: str, link: int, number: int) -> Iterator[str]:
    for family, gateway in zip((4, 6), plan.addresses(link, number), strict=True):
        yield f"ip -n {host} -{family} route add default via {gateway}"


def _route(host: str, link: int, via: tuple[int, int]) -> Iterator[str]:
    v4, v6 = plan.addresses(*via)
    yield f"ip -n {host} route add 10.9.{link}.0/24 via {v4}"
    yield f"ip -n {host} route add fd09:0:0:{link}::/64 via {v6}"
