"""What this host's own network can do: routes, neighbours, devices, descriptors.

The kernel tells of all of it to any process, over netlink or by a call that sends
nothing. On other systems everything here is a quiet no-op with less evidence.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.probes.wire import rtnetlink

if TYPE_CHECKING:
    from exporter.probes.wire.rtnetlink import Device, Route

_LINUX = sys.platform == "linux"


def has_route(address: str) -> bool:
    """Whether this host knows a way to an address; sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
    except OSError:
        return False
    return True


def route_to(address: str) -> Route | None:
    """How packets to an address leave this host; None if that is not known."""
    return rtnetlink.read_route(_ask_tables(rtnetlink.ask_route(address)))


def neighbour_answers(address: str, device: int) -> bool | None:
    """Whether an address answers on a device's own network; None if not known."""
    question = rtnetlink.ask_neighbour(address, device)
    return rtnetlink.read_neighbour(_ask_tables(question))


def device(index: int) -> Device | None:
    """A network device; None if it is not known."""
    return rtnetlink.read_device(_ask_tables(rtnetlink.ask_device(index)))


def _ask_tables(question: bytes) -> bytes:
    """The kernel's answer, which is there at once; empty if it gives none."""
    if not _LINUX:
        return b""
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    try:
        with socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE) as sock:
            sock.send(question)
            return sock.recv(rtnetlink.LIMIT)
    except OSError:
        return b""


def has_global_ipv6(interfaces: Path = Path("/proc/self/net/if_inet6")) -> bool:
    """Whether this host has an IPv6 address that goes beyond its link; sends nothing."""
    try:
        lines = interfaces.read_text("ascii", "replace").splitlines()
    except OSError:
        return not _LINUX
    # Per line: address, interface number, prefix length, scope (0: global), flags, name.
    return any(line.split()[3:4] == ["00"] for line in lines)


def can_open_socket() -> bool:
    """Whether a file descriptor is left for one more socket."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True
