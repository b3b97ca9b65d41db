"""One firewall change at a time, taken back at the end of its `with` block.

Every function takes the host that changes (a router, the prober itself, a server)
and the traffic meant: a destination (a name of the plan means both its addresses),
a port (None is all ports, "1000-1999" a range) and a transport. Each change is an nftables table of its
own, so changes do not know of one another.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

from tests.lab import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.net import Host

Ports = int | str | None
_tables = itertools.count(1)
_V4 = {
    kind: f"icmp type {kind}"
    for kind in (
        "admin-prohibited",
        "host-prohibited",
        "net-prohibited",
        "host-unreachable",
        "net-unreachable",
        "port-unreachable",
    )
}
# ICMPv6 has no words of its own for the two other prohibitions (RFC 4443 3.1).
_V6 = {
    "admin-prohibited": "icmpv6 type admin-prohibited",
    "host-unreachable": "icmpv6 type addr-unreachable",
    "net-unreachable": "icmpv6 type no-route",
    "port-unreachable": "icmpv6 type port-unreachable",
}
REJECTIONS = ("reset", *_V4)
REJECTION_WORDS = {"ip": _V4, "ip6": _V6}


@contextlib.contextmanager
def change(
    host: Host, rules: list[str], hook: str | None = None, kind: str = "filter"
) -> Iterator[None]:
    """Puts nftables rules in force, at the host's hook unless another is named."""
    table = f"inet change{next(_tables)}"
    chain = f"type {kind} hook {hook or host.hook} priority 0; policy accept;"
    lines = [f"table {table} {{", "chain c {", chain, *rules, "}", "}", ""]
    host.run("nft", "-f", "-", text="\n".join(lines))
    try:
        yield
    finally:
        host.run("nft", f"delete table {table}")


def drop(host: Host, to: str, port: Ports = None, transport: str = "tcp"):
    """Silence."""
    return change(host, [f"{match} drop" for match in _matches(to, port, transport)])


def reject(
    host: Host,
    to: str,
    port: Ports = None,
    transport: str = "tcp",
    with_: str = "admin-prohibited",
):
    """A refusal that is told, in one of the words of `REJECTIONS`.

    A word that a family does not have leaves that family's traffic alone.
    """
    rules = []
    for match in _matches(to, port, transport):
        words = _V6 if match.startswith("ip6") else _V4
        if with_ == "reset":
            rules.append(f"{match} reject with tcp reset")
        elif with_ in words:
            rules.append(f"{match} reject with {words[with_]}")
    return change(host, rules)


def drop_after_syn(host: Host, to: str, port: int):
    """Lets the handshake pass and drops what the client says after it."""
    return change(host, [f"{match} drop" for match in _data(to, port)])


def reset_on_data(host: Host, to: str, port: int):
    """Lets the handshake pass and resets when the client says something."""
    return change(host, [f"{match} reject with tcp reset" for match in _data(to, port)])


def refuse_long(
    host: Host, to: str, port: int, with_: str = "admin-prohibited", only: str = ""
):
    """Lets the handshake pass and refuses long packets by ICMP, or `only` some."""
    rules = []
    for match in _matches(to, port, "tcp"):
        words = _V6 if match.startswith("ip6") else _V4
        rules.append(f"{match} meta length > 150 {only} reject with {words[with_]}")
    return change(host, rules)


def lose_long(host: Host, longest: int):
    """Drops longer packets, both ways and without a word."""
    return change(host, [f"meta length > {longest} drop"])


def redirect(host: Host, to: str, port: Ports, here: int, transport: str = "tcp"):
    """Turns connections to a destination to a port of the host that does it.

    Args:
        host: the router that does it.
        to: a name or address of the plan, or any other address.
        port: None is all ports.
        here: the port that something listens on, over both families.
        transport: of the connections, or of the datagrams.
    """
    matches = _matches(to, port, transport)
    rules = [f"{match} redirect to :{here}" for match in matches]
    return change(host, rules, "prerouting", "nat")


@contextlib.contextmanager
def reject_as(
    host: Host,
    to: str,
    port: Ports,
    sender: str,
    transport: str = "tcp",
    with_: str = "admin-prohibited",
) -> Iterator[None]:
    """A refusal that is told in the name of another sender.

    Args:
        host: who refuses.
        to: an address, or a name of the plan.
        port: see above.
        sender: the address in whose name it is told, of the same family.
        transport: see above.
        with_: one of the words of `REJECTIONS`, but not a reset.
    """
    family = "ip6" if ":" in sender else "ip"
    kinds = "icmpv6 type" if ":" in sender else "icmp type"
    name = f"{kinds} destination-unreachable {family} saddr set {sender}"
    with change(host, [name], "output"), reject(host, to, port, transport, with_):
        yield


def mtu_black_hole(host: Host, source: str, largest: int):
    """Drops larger packets on their way back from `source`, without a word.

    Args:
        host: the router that does it.
        source: a name or address of the plan.
        largest: bytes, with the IP header, of what still passes.
    """
    rules = []
    for address in plan.addresses_of(source):
        family = "ip6" if ":" in address else "ip"
        rules.append(f"{family} saddr {address} meta length > {largest} drop")
    return change(host, rules)


def _matches(to: str, port: Ports, transport: str) -> Iterator[str]:
    ports = f"{transport} dport {port}" if port else f"meta l4proto {transport}"
    for address in plan.addresses_of(to):
        family = "ip6" if ":" in address else "ip"
        yield f"{family} daddr {address} {ports}"


def _data(to: str, port: int) -> Iterator[str]:
    # The last segment of whatever a client writes carries PSH, a bare handshake
    # never does; earlier segments of a long write are known by their size.
    for match in _matches(to, port, "tcp"):
        yield f"{match} tcp flags & psh == psh"
        yield f"{match} meta length > 200"
