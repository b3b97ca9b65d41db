"""From errno and ICMP to the reason and the origin of a refusal.

Pure tables, no sockets. errno alone cannot tell a firewall's "prohibited" from a
dead host (both EHOSTUNREACH), nor a RST from an ICMP port-unreachable (both
ECONNREFUSED); the error queue's ICMP type, code and sender can. So ICMP decides
where there is one, errno only where there is none. What errno means then depends on
the state it came in: of a connection that stands only an ICMP message can say that the
host is unreachable, since this host had a route when it was made.
"""

from __future__ import annotations

import errno
import ipaddress
import os
from enum import Enum
from typing import TYPE_CHECKING

from exporter.model.outcome import Origin, ProbeError, Reason

if TYPE_CHECKING:
    from exporter.model.outcome import Icmp

# RFC 792 and RFC 1812 5.2.7.1 (IPv4), RFC 4443 3.1 (IPv6): (reason, what it says)
_UNREACHABLE_V4 = {
    0: (Reason.NETWORK_UNREACHABLE, "network unreachable"),
    1: (Reason.HOST_UNREACHABLE, "host unreachable"),
    2: (Reason.PORT_UNREACHABLE, "protocol unreachable"),
    3: (Reason.PORT_UNREACHABLE, "port unreachable"),
    6: (Reason.NETWORK_UNREACHABLE, "network unknown"),
    7: (Reason.HOST_UNREACHABLE, "host unknown"),
    9: (Reason.PROHIBITED, "network administratively prohibited"),
    10: (Reason.PROHIBITED, "host administratively prohibited"),
    11: (Reason.NETWORK_UNREACHABLE, "network unreachable for this service"),
    12: (Reason.HOST_UNREACHABLE, "host unreachable for this service"),
    13: (Reason.PROHIBITED, "communication administratively prohibited"),
}
_UNREACHABLE_V6 = {
    0: (Reason.NETWORK_UNREACHABLE, "no route to destination"),
    1: (Reason.PROHIBITED, "communication administratively prohibited"),
    2: (Reason.NETWORK_UNREACHABLE, "beyond scope of source address"),
    3: (Reason.HOST_UNREACHABLE, "address unreachable"),
    4: (Reason.PORT_UNREACHABLE, "port unreachable"),
    5: (Reason.PROHIBITED, "source address failed ingress/egress policy"),
    6: (Reason.NETWORK_UNREACHABLE, "reject route to destination"),
}
_TYPE_UNREACHABLE_V4 = 3
_TYPE_UNREACHABLE_V6 = 1
_TYPE_TIME_EXCEEDED = {4: 11, 6: 3}

_BY_ERRNO = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ECONNRESET: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.EHOSTUNREACH: Reason.NO_ROUTE,
    errno.ENETUNREACH: Reason.NO_ROUTE,
    errno.EAFNOSUPPORT: Reason.NO_ROUTE,
    errno.EINVAL: Reason.NO_ROUTE,  # a route that discards: ip-route(8), blackhole
    errno.EPERM: Reason.PROHIBITED,
    errno.EACCES: Reason.PROHIBITED,
}
_SAYS = {
    Reason.REFUSED: "connection refused by a TCP reset",
    Reason.RESET: "connection reset",
    Reason.TIMEOUT: "no answer before the kernel gave up",
    Reason.NO_ROUTE: "this host has no route to the address",
    Reason.PROHIBITED: "this host's own firewall forbids sending",
}
# Said so that it completes "for want of"; TCP has one errno for it, UDP the other.
_NO_PORT = "a free local port (net.ipv4.ip_local_port_range)"
_SAYS_ITSELF = {
    errno.EADDRNOTAVAIL: _NO_PORT,
    errno.EAGAIN: _NO_PORT,
    errno.EACCES: "this host's own rules forbid sending: a route of type prohibit, or a"
    " security policy",
}
# Of ICMP messages that left no entry in the queue: (reason, what they may have said).
_UNQUEUED = {
    errno.EHOSTUNREACH: (Reason.HOST_UNREACHABLE, "host unreachable"),
    errno.ENETUNREACH: (Reason.NETWORK_UNREACHABLE, "network unreachable"),
    errno.ECONNREFUSED: (Reason.PORT_UNREACHABLE, "port unreachable"),
    errno.EACCES: (Reason.PROHIBITED, "prohibited"),
}
SOFT = frozenset(_UNQUEUED)
"""Errors that a connection which stands lives with (RFC 1122 4.2.3.9)."""
# Over IPv4 prohibitions share these; ICMPv6's have EACCES to themselves.
_SHARED_V4 = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH})


class State(Enum):
    """What a socket was at when a call on it failed."""

    UNSENT = "nothing had been sent: the kernel itself speaks"
    SENT = "what was sent was under way"
    STANDING = "the connection stood, or a datagram was waited for"


def refusal(
    err: int,
    icmp: Icmp | None,
    *,
    peer: str,
    own: str,
    state: State = State.UNSENT,
) -> ProbeError:
    """The error a failed socket call means.

    Args:
        err: errno of the call, or SO_ERROR.
        icmp: the error queue's entry, if it held one.
        peer: the probed address.
        own: the socket's local address, empty if it had none yet.
        state: what the socket was at.
    """
    if icmp is not None:
        return _from_icmp(icmp, peer=peer, own=own)
    reset = state is State.SENT and err == errno.ECONNREFUSED
    if state is not State.UNSENT and err in _UNQUEUED and not reset:
        reason, says = _UNQUEUED[err]
        return ProbeError(reason, f"an ICMP message says: {says}")
    reason = _BY_ERRNO.get(err, Reason.LOCAL_FAULT)
    detail = _SAYS_ITSELF.get(err) or _SAYS.get(reason) or os.strerror(err)
    origin = Origin.SELF if reason is Reason.PROHIBITED else Origin.NOBODY
    return ProbeError(reason, detail, origin=origin)


def outlived(err: int, silence: ProbeError, *, peer: str) -> ProbeError:
    """`silence` after an ICMP error that the connection lived with until then.

    Its errno names the reason where only one ICMP message can stand behind it.

    Args:
        err: the error, one of `SOFT`.
        silence: how it ended.
        peer: the probed address.
    """
    reason, says = _UNQUEUED[err]
    if ":" not in peer and err in _SHARED_V4:
        reason = silence.reason
        says = f"{says}, or prohibited"
    detail = f"{silence.detail}; before it an ICMP message said: {says}"
    return ProbeError(reason, detail, evidence=silence.evidence)


def is_exceeded(icmp: Icmp, peer: str) -> bool:
    """Whether a router says that the time to live of a packet to `peer` ended there."""
    return icmp.type == _TYPE_TIME_EXCEEDED[ipaddress.ip_address(peer).version]


def origin_of(sender: str, *, peer: str, own: str) -> Origin:
    """Who an ICMP sender is, seen from a probe of `peer`."""
    if sender == peer:
        return Origin.DESTINATION
    if sender == own:
        return Origin.SELF
    return Origin.PATH


def _from_icmp(icmp: Icmp, *, peer: str, own: str) -> ProbeError:
    version = ipaddress.ip_address(peer).version
    reason, says = _meaning(icmp, version)
    origin = origin_of(icmp.sender, peer=peer, own=own)
    who = {Origin.DESTINATION: "the destination", Origin.SELF: "this host"}
    detail = f"{who.get(origin, 'a device on the path')} ({icmp.sender}) says: {says}"
    return ProbeError(reason, detail, origin=origin, icmp=icmp)


def _meaning(icmp: Icmp, version: int) -> tuple[Reason, str]:
    if icmp.type == _TYPE_TIME_EXCEEDED[version]:
        return Reason.HOST_UNREACHABLE, "time to live exceeded (routing loop?)"
    unreachable = (
        (_TYPE_UNREACHABLE_V4, _UNREACHABLE_V4)
        if version == 4  # noqa: PLR2004 - the IP version's own name
        else (_TYPE_UNREACHABLE_V6, _UNREACHABLE_V6)
    )
    fallback = (Reason.HOST_UNREACHABLE, f"ICMP type {icmp.type} code {icmp.code}")
    if icmp.type != unreachable[0]:
        return fallback
    return unreachable[1].get(icmp.code, fallback)
