"""Knocks on doors and tells what the kernel says: the lab's own eyes.

    python -m tests.lab.knock SECONDS TRANSPORT ADDRESS PORT [TRANSPORT ADDRESS PORT ...]

prints one JSON list, in the order of the arguments: how the attempt ended (an errno
name, "open", "reply" or "timeout") and what the error queue held, as
`ICMP type, code, sender`. Uses nothing of the exporter, so that the lab can be
trusted to judge it. UDP doors are asked as an NTP server is.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

# linux/in.h, linux/in6.h, linux/socket.h, linux/errqueue.h
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_MSG_ERRQUEUE = 0x2000
_EXTENDED_ERR = struct.Struct("=IBBBBII")
_ORIGINS = {1: "local", 2: "icmp", 3: "icmp"}
_NTP_REQUEST = b"\x23" + bytes(47)


def knock(transport: str, address: str, port: int, seconds: float) -> dict[str, object]:
    """One attempt: {"end": ..., "queue": [[origin, type, code, sender], ...]}."""
    v6 = ":" in address
    family = socket.AF_INET6 if v6 else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as sock:
        level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
        sock.setsockopt(level, _IPV6_RECVERR if v6 else _IP_RECVERR, 1)
        sock.setblocking(False)
        attempt = _tcp if transport == "tcp" else _udp
        try:
            end = attempt(sock, (address, port), seconds)
        except OSError as error:
            end = errno.errorcode[error.errno or errno.EIO]
        # only now: reading the queue first would clear the socket's error
        return {"end": end, "queue": list(_drain(sock))}


def _tcp(sock: socket.socket, peer: tuple[str, int], seconds: float) -> str:
    sock.connect_ex(peer)
    if not select.select([], [sock], [], seconds)[1]:
        return "timeout"
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode[code] if code else "open"


def _udp(sock: socket.socket, peer: tuple[str, int], seconds: float) -> str:
    sock.connect(peer)
    sock.send(_NTP_REQUEST)
    if not select.select([sock], [], [], seconds)[0]:
        return "timeout"
    sock.recv(512)
    return "reply"


def _drain(sock: socket.socket):
    while True:
        try:
            _, ancillary, _, _ = sock.recvmsg(512, 512, _MSG_ERRQUEUE)
        except OSError:
            return
        for _, _, data in ancillary:
            _, origin, kind, code, _, _, _ = _EXTENDED_ERR.unpack_from(data)
            yield [_ORIGINS.get(origin, ""), kind, code, _sender(data)]


def _sender(data: bytes) -> str:
    address = data[_EXTENDED_ERR.size :]
    if int.from_bytes(address[:2], sys.byteorder) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, address[4:8])
    return socket.inet_ntop(socket.AF_INET6, address[8:24])


def main(seconds: str, *words: str) -> None:
    """Knocks on all doors at once."""
    doors = [words[i : i + 3] for i in range(0, len(words), 3)]
    with ThreadPoolExecutor(len(doors)) as pool:
        answers = pool.map(
            lambda d: knock(d[0], d[1], int(d[2]), float(seconds)), doors
        )
        sys.stdout.write(json.dumps(list(answers)))


if __name__ == "__main__":
    main(*sys.argv[1:])
