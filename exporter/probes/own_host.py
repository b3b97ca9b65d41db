"""What this host itself did to a probe, proven from its own tables and sockets.

A gateway that nobody answers for, a cable that is out, a firewall rule on the way out:
each looks like silence or a refusal on the path, and is nobody else's business. The
kernel tells of each to any process. Where it does not, nothing is claimed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.outcome import Origin, ProbeError, Reason
from exporter.probes import host_network, kernel
from exporter.probes.refusal import is_exceeded

if TYPE_CHECKING:
    from collections.abc import Iterable

_PAUSE = 0.01
"""Seconds between two looks."""
_INSIDE, _NEXT_DOOR = 2, 10
"""Looks for what comes from this host itself, or from the router next to it."""
_SECOND_SYN = 120
"""Looks until a SYN has been sent again, a second after the first (RFC 6298 2.1)."""
_RESET = errno.ECONNREFUSED
_UNUSED = 33434
"""Where traces by datagrams go by custom (traceroute(8)); no service is there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of this host that is at fault, and how that shows."""

    broken: str
    detail: str


def fault_towards(address: str) -> Fault | None:
    """What keeps packets to an address from leaving; None if nothing is known to."""
    route = host_network.route_to(address)
    if route is None or route.local:
        return None
    device = host_network.device(route.device)
    if device is not None and not device.carrier:
        name = f"network device {device.name}"
        return Fault(name, f"this host's {name} has no carrier")
    if (
        host_network.neighbour_answers(route.gateway or address, route.device)
        is not False
    ):
        return None
    on = f" on {device.name}" if device is not None else ""
    if route.gateway is None:
        detail = f"nobody in this host's own network{on} answers for the address"
        return Fault("", detail)
    name = f"gateway {route.gateway}"
    return Fault(name, f"this host's {name} does not answer{on}: nothing gets out")


def unreachable(address: str, error: ProbeError) -> ProbeError | None:
    """`error`, told as this host's own fault if it is proven to be one."""
    fault = fault_towards(address)
    if fault is None:
        return None
    return ProbeError(
        Reason.HOST_UNREACHABLE,
        fault.detail,
        origin=Origin.SELF,
        icmp=error.icmp,
        evidence=error.evidence,
        broken=fault.broken,
    )


def confined(address: str, source: str, error: ProbeError) -> ProbeError | None:
    """`error`, told as this host's want of an IPv6 address, if it is proven to be that.

    No router passes on what comes from an address of the link (RFC 4291 2.5.6).
    """
    own = ipaddress.ip_address(source or address)
    route = host_network.route_to(address) if own.is_link_local else None
    if route is None or route.gateway is None:
        return None
    detail = f"this host has no IPv6 address that leads beyond its link: it has {own}"
    return ProbeError(Reason.NO_ROUTE, detail, evidence=error.evidence)


async def _keeps_back(sockets: Iterable[kernel.Socket]) -> bool:
    """Whether this host's own firewall drops the SYNs that some sockets send.

    Only the second SYN can tell, so a deadline before it is followed by a wait for it.
    """
    for sock in sockets:
        for _ in range(_SECOND_SYN):
            if (kept := kernel.kept_back(sock)) is not None:
                break
            await asyncio.sleep(_PAUSE)
        if kept:
            return True
    return False


def _kept_back() -> ProbeError:
    """What it means that this host drops its own SYNs."""
    detail = "this host's own firewall drops what is sent: no SYN got out"
    return ProbeError(Reason.PROHIBITED, detail, origin=Origin.SELF)


async def silence(
    address: str, source: str, sockets: Iterable[kernel.Socket], error: ProbeError
) -> ProbeError:
    """`error` after silence, told as what this host is proven to have done.

    Args:
        address: the probed one.
        source: this host's own; empty if none was chosen.
        sockets: those of the probe.
        error: that nothing came.
    """
    own = unreachable(address, error) or confined(address, source, error)
    if own is None and await _keeps_back(sockets):
        return _kept_back()
    return own or error


async def resets(address: str, port: int) -> bool:
    """Whether this host's own firewall resets connections to a port.

    Either a connection that is kept inside this host is reset: only an output rule can
    do that. Or one whose packets die at the first router is, while that router says so
    of others. Of an address of this host's own neither would tell anything.
    """
    route = host_network.route_to(address)
    if route is None or route.local:
        return False
    v6 = ":" in address
    with contextlib.suppress(OSError), kernel.tcp_socket(address) as sock:
        if kernel.confine(sock) and await _end(sock, address, port, _INSIDE) == _RESET:
            return True
    if route.gateway is None:
        return False
    with contextlib.suppress(OSError), kernel.tcp_socket(address) as sock:
        kernel.limit_hops(sock, 1, v6=v6)
        if await _end(sock, address, port, _NEXT_DOOR) == _RESET:
            return await _first_router_speaks(address, v6=v6)
    return False


async def _first_router_speaks(address: str, *, v6: bool) -> bool:
    with contextlib.suppress(OSError), kernel.udp_socket(address) as sock:
        kernel.limit_hops(sock, 1, v6=v6)
        sock.connect((address, _UNUSED))
        sock.send(b"")
        if await _error(sock, _NEXT_DOOR):
            icmp = kernel.drain_errors(sock)
            return icmp is not None and is_exceeded(icmp, address)
    return False


async def _end(sock: kernel.Socket, address: str, port: int, looks: int) -> int:
    """How a connection fails, as errno; 0 if it does not at once."""
    code = sock.connect_ex((address, port))
    return await _error(sock, looks) if code == errno.EINPROGRESS else code


async def _error(sock: kernel.Socket, looks: int) -> int:
    for _ in range(looks):
        if code := kernel.pending_error(sock):
            return code
        await asyncio.sleep(_PAUSE)
    return kernel.pending_error(sock)


def own_reset() -> ProbeError:
    """What a reset is that never left this host."""
    detail = "reset by this host's own firewall: nothing of it left this host"
    return ProbeError(Reason.REFUSED, detail, origin=Origin.SELF)
