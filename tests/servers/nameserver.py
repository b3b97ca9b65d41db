"""A name server with a script, over UDP and TCP, in threads of its own.

A script is a function of a `Query`; it returns the answer, None to stay silent, or a
pair of seconds and the answer to come that late.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
import time
from dataclasses import dataclass

A, CNAME, AAAA = 1, 5, 28
TRUNCATED = 0x0200


def wire_name(name):
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(one)]) + one.encode() for one in labels) + b"\0"


def record(owner, kind, data, ttl=60):
    return wire_name(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def address_record(owner, address, ttl=60):
    packed = ipaddress.ip_address(address).packed
    return record(owner, A if len(packed) == 4 else AAAA, packed, ttl)


@dataclass(frozen=True)
class Query:
    """A question as it came, by `transport` udp or tcp."""

    data: bytes
    transport: str = "udp"

    @property
    def name(self):
        at, labels = 12, []
        while size := self.data[at]:
            labels.append(self.data[at + 1 : at + 1 + size].decode())
            at += 1 + size
        return ".".join(labels)

    @property
    def section(self):
        return self.data[12 : 12 + len(wire_name(self.name)) + 4]

    @property
    def kind(self):
        return struct.unpack("!H", self.section[-4:-2])[0]

    @property
    def additional(self):
        return struct.unpack_from("!H", self.data, 10)[0]

    def answer(self, *records, rcode=0, flags=0, count=None):
        """A response with the given records as its answer section."""
        count = len(records) if count is None else count
        head = struct.pack("!HHHHH", 0x8180 | flags | rcode, 1, count, 0, 0)
        return self.data[:2] + head + self.section + b"".join(records)

    def addresses(self, *addresses, ttl=60):
        """Those of the addresses that are of the family asked for."""
        kinds = {A: 4, AAAA: 6}
        own = [
            a for a in addresses if ipaddress.ip_address(a).version == kinds[self.kind]
        ]
        return self.answer(*(address_record(self.name, a, ttl) for a in own))


class NameServer:
    """The running server; `asked` lists the queries in the order in which they came."""

    def __init__(self, script, *, tcp=True, host="127.0.0.1"):
        self.asked = []
        self._script = script
        self._udp, self._listener, self.port = _sockets(host, tcp)
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._threads = []
        self._closing = threading.Event()
        self._start(self._serve_udp)
        if tcp:
            self._start(self._serve_tcp)

    def count(self, name, kind=None):
        """How often a name was asked for."""
        return sum(
            one.name == name and kind in {None, one.kind} for one in list(self.asked)
        )

    def close(self):
        self._closing.set()
        # Nothing else wakes who waits on a socket without a peer.
        self._udp.sendto(b"", self._udp.getsockname())
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a scripted name server did not end"
        self._udp.close()
        if self._listener is not None:
            self._listener.close()

    def _start(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _said(self, query):
        """The answer, once it is due; None for silence."""
        self.asked.append(query)
        said = self._script(query)
        if isinstance(said, tuple):
            late, said = said
            self._closing.wait(late)
        return None if self._closing.is_set() else said

    def _serve_udp(self):
        while not self._closing.is_set():
            try:
                data, peer = self._udp.recvfrom(4096)
            except OSError:
                return
            if data:
                self._start(self._reply, Query(data), peer)

    def _reply(self, query, peer):
        said = self._said(query)
        if said is not None:
            with contextlib.suppress(OSError):
                self._udp.sendto(said, peer)

    def _serve_tcp(self):
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._talk, connection)

    def _talk(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            size = connection.recv(2, socket.MSG_WAITALL)
            data = connection.recv(int.from_bytes(size), socket.MSG_WAITALL)
            if data and (said := self._said(Query(data, "tcp"))) is not None:
                connection.sendall(len(said).to_bytes(2) + said)
            else:
                self._closing.wait(10)


@contextlib.contextmanager
def scripted_names(script, **options):
    """Runs a `NameServer` with a script."""
    with contextlib.closing(NameServer(script, **options)) as server:
        yield server


def _sockets(host, tcp):
    """A UDP socket and a listener on one port; without `tcp` that one refuses."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(50):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        port = udp.getsockname()[1]
        try:
            listener = socket.create_server((host, port), family=family)
        except OSError:
            udp.close()
            time.sleep(0.01)
            continue
        if not tcp:
            listener.close()
            listener = None
        return udp, listener, port
    raise AssertionError("no port is free for UDP and TCP")
