"""A SQL Server that lets nobody in: PRELOGIN, TLS inside TDS, login error, Browser.

It is our own because none can be installed; foreign clients prove that it speaks as
they expect (test_sqlserver.py). It keeps the TLS of the standard library, so that it
shares nothing with the code it tests.

    python -m tests.servers.sqlserver --listen 127.0.0.1 --cert c.pem --key k.pem
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

OFF, ON, NOT_SUPPORTED, REQUIRED = range(4)
PRELOGIN, RESPONSE, LOGIN7 = 0x12, 0x04, 0x10
VERSION = bytes([16, 0, 0x10, 0x68, 0, 0])  # 16.0.4200
LOGIN_FAILED = 18456


# [MS-TDS] 2.2.6.5: what the server says, by its setting and by what is asked.
_ANSWERS = {
    (OFF, OFF): OFF,
    (OFF, ON): ON,
    (OFF, NOT_SUPPORTED): NOT_SUPPORTED,
    (ON, OFF): REQUIRED,
    (ON, ON): ON,
    (ON, NOT_SUPPORTED): REQUIRED,
}


@dataclass
class SqlServer:
    """What it is set to, and what it saw.

    `encryption` is OFF (where the client wishes), ON (always) or NOT_SUPPORTED;
    `events` holds one word per event: prelogin, tls (or the protocol agreed on by
    ALPN), login, closed.
    """

    context: ssl.SSLContext | None = None
    encryption: int = ON
    instances: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    async def serve(self, reader, writer):
        """One TDS 7 connection: TLS inside packets."""
        said = await self._prelogin(reader, writer)
        if said == NOT_SUPPORTED:
            await self._login(reader.readexactly, writer.write)
            return
        tunnel = _Tunnel(self.context, reader, writer)
        await tunnel.handshake()
        self.events.append("tls")
        # Where both sides say "off", only the login itself is encrypted.
        await self._login(tunnel.read, writer.write if said == OFF else tunnel.write)
        await writer.drain()

    async def serve_strict(self, reader, writer):
        """One TDS 8 connection, already inside TLS."""
        agreed = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        self.events.append(agreed or "tls")
        await self._prelogin(reader, writer)
        await self._login(reader.readexactly, writer.write)
        await writer.drain()

    def browse(self, data):
        """The Browser's datagrams in answer to one."""
        names = list(self.instances)
        if data[:1] == b"\x04":
            wanted = data[1:].rstrip(b"\0").decode("ascii", "replace").upper()
            names = [name for name in names if name == wanted]
        elif data not in {b"\x02", b"\x03"}:
            names = []
        text = "".join(map(self._entry, names)).encode("ascii")
        return [b"\x05" + struct.pack("<H", len(text)) + text] if names else []

    def _entry(self, name):
        return (
            f"ServerName;SQL01;InstanceName;{name};IsClustered;No;"
            f"Version;16.0.4200.1;tcp;{self.instances[name]};;"
        )

    async def _prelogin(self, reader, writer):
        kind, payload = await _message(reader.readexactly)
        if kind != PRELOGIN:
            raise ConnectionError(f"packet type {kind:#x} where PRELOGIN is due")
        self.events.append("prelogin")
        asked = _asked_encryption(payload)
        said = _ANSWERS.get((self.encryption, asked), NOT_SUPPORTED)
        writer.write(_packet(RESPONSE, _options(said)))
        return said

    async def _login(self, read, write):
        try:
            kind, _ = await _message(read)
        except asyncio.IncompleteReadError:
            self.events.append("closed")
            return
        self.events.append("login" if kind == LOGIN7 else f"packet {kind:#x}")
        write(_packet(RESPONSE, _login_failed()))


class _Tunnel:
    """The server's end of TLS: inside packets for the handshake, bare after it."""

    def __init__(self, context, reader, writer):
        self._reader, self._writer = reader, writer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    async def handshake(self):
        while True:
            try:
                with contextlib.suppress(ssl.SSLWantReadError):
                    self._tls.do_handshake()
                    return
            finally:
                self._flush_packet()  # an alert too
            _, records = await _message(self._reader.readexactly)
            self._in.write(records)

    async def read(self, count):
        data = b""
        while len(data) < count:
            try:
                piece = self._tls.read(count - len(data))
            except ssl.SSLWantReadError:
                piece = None
            if piece == b"":
                raise asyncio.IncompleteReadError(data, count)
            if piece is None:
                await self._feed(data, count)
            data += piece or b""
        return data

    def write(self, data):
        self._tls.write(data)
        self._writer.write(self._out.read())

    async def _feed(self, data, count):
        records = await self._reader.read(65536)
        if not records:
            raise asyncio.IncompleteReadError(data, count)
        self._in.write(records)

    def _flush_packet(self):
        if records := self._out.read():
            self._writer.write(_packet(PRELOGIN, records))


async def _message(read):
    payload = b""
    while True:
        kind, status, size = struct.unpack(">BBH4x", await read(8))
        payload += await read(size - 8)
        if status & 1:
            return kind, payload


def _packet(kind, payload):
    return struct.pack(">BBHHBB", kind, 1, len(payload) + 8, 0, 1, 0) + payload


def _options(encryption):
    values = {0: VERSION, 1: bytes([encryption]), 2: b"\0", 3: b"", 4: b"\0"}
    offset, table = 5 * len(values) + 1, b""
    for token, value in values.items():
        table += struct.pack(">BHH", token, offset, len(value))
        offset += len(value)
    return table + b"\xff" + b"".join(values.values())


def _asked_encryption(payload):
    for at in range(0, len(payload), 5):
        if payload[at] == 1:
            return payload[struct.unpack_from(">H", payload, at + 1)[0]]
    return NOT_SUPPORTED


def _login_failed():
    """ERROR and DONE tokens."""
    said, name = "Login failed for user.", "SQL01"
    body = struct.pack("<IBBH", LOGIN_FAILED, 1, 14, len(said))
    body += said.encode("utf-16-le") + bytes([len(name)]) + name.encode("utf-16-le")
    body += b"\0" + struct.pack("<I", 1)
    error = b"\xaa" + struct.pack("<H", len(body)) + body
    return error + b"\xfd" + struct.pack("<HHQ", 2, 0, 0)


def tls_context(cert, key, *, strict=False):
    """What the server needs for its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if strict:
        context.set_alpn_protocols(["tds/8.0"])
    else:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Browser(asyncio.DatagramProtocol):
    def __init__(self, server):
        self._server = server

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        for reply in self._server.browse(data):
            self._transport.sendto(reply, address)


async def run(listen, port, browser_port, server, strict):
    """Serves on all addresses of `listen` until cancelled."""
    loop = asyncio.get_running_loop()
    for address in listen:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        await loop.create_datagram_endpoint(
            lambda: _Browser(server), local_addr=(address, browser_port), family=family
        )

    async def accepted(reader, writer):
        session = replace(server, events=[])
        treat = session.serve_strict if strict else session.serve
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            await treat(reader, writer)
        print(*session.events, flush=True)  # noqa: T201 - its log
        writer.close()

    tls = server.context if strict else None
    listening = await asyncio.start_server(accepted, listen, port, ssl=tls)
    await listening.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", nargs="+", default=["127.0.0.1"])
    parser.add_argument("--port", type=int, default=1433)
    parser.add_argument("--browser-port", type=int, default=1434)
    parser.add_argument("--cert", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--encryption", type=int, default=ON)
    parser.add_argument("--strict", action="store_true")
    told = parser.parse_args()
    context = tls_context(told.cert, told.key, strict=told.strict)
    server = SqlServer(context, told.encryption, {"MSSQLSERVER": told.port})
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(told.listen, told.port, told.browser_port, server, told.strict))


if __name__ == "__main__":
    main()
