"""What the Linux kernel tells about a socket, read without privileges.

The error queue (ip(7), IP_RECVERR) keeps the ICMP message behind a failed call
with the address of the device that sent it; TCP_INFO has the handshake as the
kernel timed it, unmoved by a busy event loop; SO_TIMESTAMPNS stamps datagrams on
arrival. On other systems everything here is a quiet no-op with less evidence.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.outcome import Icmp

if TYPE_CHECKING:
    from collections.abc import Iterable

Socket: TypeAlias = socket.socket
"""What `datagram_socket` opens, for those who need not know sockets otherwise."""

_LINUX = sys.platform == "linux"

# linux/in.h, linux/in6.h, asm-generic/socket.h: Python names not all of them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_IP_MINTTL = 21
_IPV6_MINHOPCOUNT = 73
_SO_TIMESTAMPNS = 35
_MSG_ERRQUEUE = 0x2000

# struct sock_extended_err (linux/errqueue.h): errno, origin, type, code, pad, info, data
_EXTENDED_ERR = struct.Struct("=IBBBBII")
_ORIGIN_ICMP = frozenset({2, 3})
# struct tcp_info (linux/tcp.h): eight bytes, then u32 fields; number 15 is the
# smoothed round trip in microseconds, number 23 the retransmits so far.
_TCP_INFO_RTT = 8 + 15 * 4
_TCP_INFO_RETRANS = 8 + 23 * 4
_TCP_INFO_SIZE = _TCP_INFO_RETRANS + 4
_U32 = struct.Struct("=I")
_TIMESPEC = struct.Struct("=qq")
_QUEUES = frozenset(
    {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}
)


def queue_errors(sock: socket.socket, *, v6: bool) -> None:
    """Asks the kernel to keep ICMP errors, and to report each at once."""
    if not _LINUX:
        return
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def limit_hops(sock: socket.socket, ttl: int, *, v6: bool) -> None:
    """Lets what is sent live for `ttl` hops."""
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def require_hops(sock: socket.socket, least: int, *, v6: bool) -> None:
    """Hears only what arrives with at least so much to live (RFC 5082)."""
    if not _LINUX:
        return
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, least)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, least)


def stamp_datagrams(sock: socket.socket) -> None:
    """Asks the kernel to stamp every datagram with its time of arrival."""
    if _LINUX:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def drain_errors(sock: socket.socket) -> Icmp | None:
    """The first ICMP error in the queue, which is emptied."""
    found: Icmp | None = None
    while _LINUX:
        try:
            _, ancillary, _, _ = sock.recvmsg(512, 512, _MSG_ERRQUEUE)
        except OSError:
            break
        for level, kind, data in ancillary:
            if (level, kind) in _QUEUES and found is None:
                found = _parse_extended_error(data)
    return found


def handshake(sock: socket.socket) -> tuple[float | None, int] | None:
    """The TCP handshake: (round trip in seconds if timed, SYNs sent again).

    None for a socket that is not TCP.
    """
    if not _LINUX:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
    except OSError:
        return None
    round_trip: int = _U32.unpack_from(info, _TCP_INFO_RTT)[0]
    retransmits: int = _U32.unpack_from(info, _TCP_INFO_RETRANS)[0]
    return (round_trip / 1e6 if round_trip else None), retransmits


def receive_time(ancillary: Iterable[tuple[int, int, bytes]]) -> float:
    """The Unix time at which the kernel received a datagram."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds) + int(nanoseconds) / 1e9
    return time.time()


def _parse_extended_error(data: bytes) -> Icmp | None:
    _, origin, kind, code, _, _, _ = _EXTENDED_ERR.unpack_from(data)
    if origin not in _ORIGIN_ICMP:
        return None
    # SO_EE_OFFENDER: a sockaddr right behind the structure.
    offender = data[_EXTENDED_ERR.size :]
    family = int.from_bytes(offender[:2], sys.byteorder)
    if family == socket.AF_INET:
        return Icmp(kind, code, socket.inet_ntop(family, offender[4:8]))
    if family == socket.AF_INET6:
        sender = ipaddress.IPv6Address(offender[8:24])
        return Icmp(kind, code, str(sender.ipv4_mapped or sender))
    return None


def has_route(address: str) -> bool:
    """Whether this host knows a way to an address; sends nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
    except OSError:
        return False
    return True


def datagram_socket(address: str, port: int) -> Socket:
    """A UDP socket to one peer alone, which never blocks and keeps its ICMP errors.

    Raises:
        OSError: there is no descriptor left, or no route.
    """
    v6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        queue_errors(sock, v6=v6)
        sock.connect((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def can_open_socket() -> bool:
    """Whether a file descriptor is left for one more socket."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True
