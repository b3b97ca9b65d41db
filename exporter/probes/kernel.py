"""What the Linux kernel tells about a socket, read without privileges.

The error queue (ip(7), IP_RECVERR) keeps the ICMP message behind a failed call
with the address of the device that sent it; TCP_INFO has the handshake as the
kernel timed it, unmoved by a busy event loop; SO_TIMESTAMPNS stamps datagrams on
arrival. All sockets that probe are opened here. On other systems everything here is a
quiet no-op with less evidence.
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
_NONBLOCKING = getattr(socket, "SOCK_NONBLOCK", 0)
"""What lets a socket never block from the start, where there is such a thing."""

# linux/in.h, linux/in6.h, asm-generic/socket.h: Python names not all of them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_IP_RECVTTL = 12
_IPV6_RECVHOPLIMIT = 51
_IP_TTL = 2
_IPV6_HOPLIMIT = 52
_IP_MINTTL = 21
_IPV6_MINHOPCOUNT = 73
_SO_BINDTODEVICE = 25
_SO_TIMESTAMPNS = 35
_MSG_ERRQUEUE = 0x2000

# struct sock_extended_err (linux/errqueue.h): errno, origin, type, code, pad, info, data
_EXTENDED_ERR = struct.Struct("=IBBBBII")
_ORIGIN_ICMP = frozenset({2, 3})
# struct tcp_info (linux/tcp.h): eight bytes, the first of them the state, then u32
# fields; number 7 is the retransmits under way, number 15 the smoothed round trip in
# microseconds, number 23 the retransmits tried so far.
_TCP_INFO_UNDER_WAY = 8 + 7 * 4
_TCP_INFO_RTT = 8 + 15 * 4
_TCP_INFO_RETRANS = 8 + 23 * 4
_TCP_INFO_SIZE = _TCP_INFO_RETRANS + 4
_SYN_SENT = 2
_STANDING = frozenset({1, 8})  # ESTABLISHED, CLOSE_WAIT
_SMALL = 536
"""What every IPv4 host can take in a segment (RFC 9293 3.7.1)."""
_U32 = struct.Struct("=I")
_TIMESPEC = struct.Struct("=qq")
_QUEUES = frozenset(
    {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}
)
_TIMES_TO_LIVE = frozenset(
    {(socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)}
)


def tcp_socket(address: str) -> Socket:
    """A TCP socket for an address, which never blocks and keeps its ICMP errors.

    Raises:
        OSError: there is no descriptor left.
    """
    sock = _socket(address, socket.SOCK_STREAM)
    # Else a second small write waits for the peer's delayed ACK, 40 ms that would be
    # told as the peer's.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def udp_socket(address: str) -> Socket:
    """A UDP socket for an address, which never blocks and keeps its ICMP errors.

    Raises:
        OSError: there is no descriptor left.
    """
    return _socket(address, socket.SOCK_DGRAM)


def ping_socket(address: str) -> Socket:
    """A socket for echo requests, which never blocks and keeps its ICMP errors.

    Raises:
        OSError: there is no descriptor left; as PermissionError, this process may not ping
            (icmp(7): `net.ipv4.ping_group_range`, for both families).
    """
    v6 = ":" in address
    number = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    return _socket(address, socket.SOCK_DGRAM, number)


def connected_udp_socket(address: str, port: int) -> Socket:
    """A UDP socket to one peer alone.

    Raises:
        OSError: there is no descriptor left, or no route.
    """
    sock = udp_socket(address)
    try:
        sock.connect((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _socket(address: str, kind: socket.SocketKind, number: int = 0) -> Socket:
    v6 = ":" in address
    family = socket.AF_INET6 if v6 else socket.AF_INET
    sock = socket.socket(family, kind | _NONBLOCKING, number)
    try:
        if not _NONBLOCKING:
            sock.setblocking(False)
        queue_errors(sock, v6=v6)
    except OSError:
        sock.close()
        raise
    return sock


def queue_errors(sock: socket.socket, *, v6: bool) -> None:
    """Asks the kernel to keep ICMP errors, and to report each at once.

    Each comes with what was left of its own time to live, and so does each datagram.
    """
    if not _LINUX:
        return
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)


def endure_errors(sock: socket.socket, *, v6: bool) -> None:
    """Lets TCP live with ICMP errors as it does by itself (RFC 1122 4.2.3.9)."""
    if not _LINUX:
        return
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 0)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 0)


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


def limit_segments(sock: socket.socket) -> None:
    """Makes both ends send small segments only."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SMALL)


def drain_errors(sock: socket.socket) -> Icmp | None:
    """The first ICMP error in the queue, which is emptied."""
    found: Icmp | None = None
    while _LINUX:
        try:
            _, ancillary, _, _ = sock.recvmsg(512, 512, _MSG_ERRQUEUE)
        except OSError:
            break
        left = left_to_live(ancillary)
        for level, kind, data in ancillary:
            if (level, kind) in _QUEUES and found is None:
                found = _parse_extended_error(data, left)
    return found


def left_to_live(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    """What was left of the time to live of a packet when it arrived."""
    for level, kind, data in ancillary:
        if (level, kind) in _TIMES_TO_LIVE:
            return int.from_bytes(data, sys.byteorder)
    return None


def hops_of(left: int) -> int:
    """How many hops away a packet began, by what is left of its time to live.

    Systems let live what they send 64 hops (Linux), 128 (Windows) or 255.
    """
    return next(start for start in (64, 128, 255) if left <= start) - left + 1


def handshake(sock: socket.socket) -> tuple[float | None, int] | None:
    """The TCP handshake: (round trip in seconds if timed, SYNs sent again).

    None for a socket that is not TCP.
    """
    info = _tcp_info(sock)
    if info is None:
        return None
    round_trip: int = _U32.unpack_from(info, _TCP_INFO_RTT)[0]
    retransmits: int = _U32.unpack_from(info, _TCP_INFO_RETRANS)[0]
    return (round_trip / 1e6 if round_trip else None), retransmits


def stands(sock: socket.socket) -> bool:
    """Whether a TCP connection stands, whatever error was reported of it."""
    info = _tcp_info(sock)
    return info is not None and info[0] in _STANDING


def discard(sock: socket.socket, size: int) -> None:
    """Drops what was left unread, up to `size` bytes, so that closing sends no RST."""
    try:
        sock.recv(size)
    except OSError:
        return


def kept_back(sock: socket.socket) -> bool | None:
    """Whether the SYNs that were sent again never left this host; None until one was.

    The kernel counts each as tried, but as under way only if nothing on this host
    dropped it. One that is lost on the path is under way.
    """
    info = _tcp_info(sock)
    if info is None or info[0] != _SYN_SENT:
        return False
    tried: int = _U32.unpack_from(info, _TCP_INFO_RETRANS)[0]
    under_way: int = _U32.unpack_from(info, _TCP_INFO_UNDER_WAY)[0]
    return not under_way if tried else None


def pending_error(sock: socket.socket) -> int:
    """What is wrong with a socket, as errno; 0 if nothing is. The kernel tells it once.

    Of a TCP connection that stands it is the ICMP error that it lived with last, until
    what the peer acknowledges after it makes the kernel forget it.
    """
    try:
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except OSError:
        return 0


def confine(sock: socket.socket) -> bool:
    """Keeps what is sent inside this host, though its firewall's output rules see it.

    Returns:
        Whether that is possible: over IPv4, on Linux since 5.7.
    """
    if not _LINUX or sock.family != socket.AF_INET:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"lo\0")
    except OSError:
        return False
    return True


def _tcp_info(sock: socket.socket) -> bytes | None:
    if not _LINUX:
        return None
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
    except OSError:
        return None


def receive_time(ancillary: Iterable[tuple[int, int, bytes]]) -> float:
    """The Unix time at which the kernel received a datagram."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds) + int(nanoseconds) / 1e9
    return time.time()


def _parse_extended_error(data: bytes, left: int | None) -> Icmp | None:
    _, origin, kind, code, _, _, _ = _EXTENDED_ERR.unpack_from(data)
    if origin not in _ORIGIN_ICMP:
        return None
    # SO_EE_OFFENDER: a sockaddr right behind the structure.
    offender = data[_EXTENDED_ERR.size :]
    family = int.from_bytes(offender[:2], sys.byteorder)
    if family == socket.AF_INET:
        return Icmp(kind, code, socket.inet_ntop(family, offender[4:8]), left)
    if family == socket.AF_INET6:
        sender = ipaddress.IPv6Address(offender[8:24])
        return Icmp(kind, code, str(sender.ipv4_mapped or sender), left)
    return None
