"""Peers that do one thing wrong, over TCP and UDP.

    async with peer(mute) as (host, port):
        ...

A TCP behaviour is a coroutine of a reader and a writer: when it returns, the
connection is closed orderly. A UDP behaviour maps a datagram to its answers. On a
host of the lab the same peers run as a process of their own:

    lab.web.start("mute", PYTHON, "-m", "tests.lab.misbehave", "mute", address, "7001")
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[bytes], Iterable[bytes]]

_MOMENT = 0.3
_LINGER_ZERO = struct.pack("ii", 1, 0)


async def mute(reader, writer) -> None:
    """Takes everything, says nothing, until the client leaves."""
    while await reader.read(65536):
        pass


async def closing(reader, writer) -> None:
    """Closes at once."""


async def closing_on_data(reader, writer) -> None:
    """Closes when the client said something."""
    await reader.read(65536)


async def resetting(reader, writer) -> None:
    """Resets at once."""
    reset(writer)


async def resetting_on_data(reader, writer) -> None:
    """Resets when the client said something."""
    await reader.read(65536)
    reset(writer)


async def endless(reader, writer) -> None:
    """Sends one line without an end, as fast as it is taken."""
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_lines(reader, writer) -> None:
    """Sends short lines for ever."""
    while True:
        writer.write(b"250-and so on\r\n" * 1000)
        await writer.drain()


async def garbage(reader, writer) -> None:
    """Answers in a protocol that nobody speaks, then closes."""
    await reader.read(65536)
    writer.write(bytes(range(255, -1, -1)))


async def speaking_ssh(reader, writer) -> None:
    """Greets as an SSH server, whatever was asked, then stays silent."""
    await banner(b"SSH-2.0-OpenSSH_9.2p1\r\n")(reader, writer)


async def closing_soon(reader, writer) -> None:
    """Closes after a moment, whoever is to speak first."""
    await asyncio.sleep(_MOMENT)


async def resetting_soon(reader, writer) -> None:
    """Resets after a moment, whoever is to speak first."""
    await asyncio.sleep(_MOMENT)
    reset(writer)


async def alerting(reader, writer) -> None:
    """Refuses any TLS handshake: handshake_failure (RFC 8446 6.2)."""
    await reader.read(65536)
    writer.write(b"\x15\x03\x03\0\2\2\x28")
    await mute(reader, writer)


async def mail_alerting(reader, writer) -> None:
    """A mail server that offers TLS, then refuses any handshake."""
    await _mail_until_tls(reader, writer)
    await alerting(reader, writer)


async def mail_mute(reader, writer) -> None:
    """A mail server that offers TLS, then says nothing more."""
    await _mail_until_tls(reader, writer)
    await mute(reader, writer)


async def _mail_until_tls(reader, writer) -> None:
    writer.write(b"220 mail\r\n")
    await reader.readline()
    writer.write(b"250-mail\r\n250 STARTTLS\r\n")
    await reader.readline()
    writer.write(b"220 go ahead\r\n")


async def database_alerting(reader, writer) -> None:
    """A SQL Server that wants TLS, then refuses any handshake."""
    await _database_until_tls(reader, writer)
    await reader.read(65536)
    writer.write(b"\x12\1\0\x0f\0\0\0\0\x15\3\3\0\2\2\x28")
    await mute(reader, writer)


async def database_mute(reader, writer) -> None:
    """A SQL Server that wants TLS, then says nothing more."""
    await _database_until_tls(reader, writer)
    await mute(reader, writer)


async def _database_until_tls(reader, writer) -> None:
    """Answers a PRELOGIN: version 16, encryption on ([MS-TDS] 2.2.6.5)."""
    await reader.read(65536)
    options = b"\0\0\x0b\0\6\1\0\x11\0\1\xff" + b"\x10\0\0\0\0\0" + b"\1"
    writer.write(b"\4\1\0" + bytes([8 + len(options)]) + bytes(4) + options)


async def mailbox_alerting(reader, writer) -> None:
    """A mail store that offers TLS, then refuses any handshake (RFC 9051 6.2.1)."""
    for line in (b"* OK mail\r\n", b"* CAPABILITY STARTTLS\r\na1 OK\r\n", b"a2 OK\r\n"):
        writer.write(line)
        await reader.readline()
    await alerting(reader, writer)


async def desktop_alerting(reader, writer) -> None:
    """A desktop that chooses TLS, then refuses it ([MS-RDPBCGR] 2.2.1.2.1)."""
    await reader.read(65536)
    writer.write(b"\3\0\0\x13\x0e\xd0\0\0\0\0\0\2\0\x08\0\1\0\0\0")
    await alerting(reader, writer)


async def desktop_without_tls(reader, writer) -> None:
    """A desktop from before the negotiation of security."""
    await reader.read(65536)
    writer.write(b"\3\0\0\x0b\6\xd0\0\0\0\0\0")
    await mute(reader, writer)


async def row_store_alerting(reader, writer) -> None:
    """A PostgreSQL that offers TLS, then refuses any handshake."""
    await reader.read(65536)
    writer.write(b"S")
    await alerting(reader, writer)


async def row_store_without_tls(reader, writer) -> None:
    """A PostgreSQL that has no TLS."""
    await reader.read(65536)
    writer.write(b"N")
    await mute(reader, writer)


async def no_directory(reader, writer) -> None:
    """A directory that ends the session: unavailable (RFC 4511 4.4.1)."""
    await reader.read(65536)
    notice = b"\x0a\1\x34\4\0\4\0\x8a\x16" + b"1.3.6.1.4.1.1466.20036"
    writer.write(b"\x30\x24\2\1\0\x78" + bytes([len(notice)]) + notice)


async def block_page(reader, writer) -> None:
    """Answers any HTTP request as a filter does that forbids the page."""
    await _http(reader, writer, b"403 Forbidden", b"Via: 1.1 filter.uni.edu\r\n")


async def portal(reader, writer) -> None:
    """Answers any HTTP request as a captive portal does: sign in elsewhere first."""
    there = b"Location: http://portal.uni.edu/login\r\n"
    await _http(reader, writer, b"302 Found", there)


async def portal_page(reader, writer) -> None:
    """Answers any HTTP request with a page of its own: sign in here first."""
    await _http(reader, writer, b"200 OK", b"Content-Type: text/html\r\n")


async def _http(reader, writer, status: bytes, headers: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    head = b"HTTP/1.1 " + status + b"\r\nServer: filter\r\n" + headers
    writer.write(head + b"Content-Length: 0\r\n\r\n")


def banner(text: bytes) -> Behaviour:
    """Sends a greeting, then nothing more."""

    async def behave(reader, writer) -> None:
        writer.write(text)
        await mute(reader, writer)

    return behave


def dripping(text: bytes, seconds: float = 0.2) -> Behaviour:
    """Sends one byte every so often, then nothing more."""

    async def behave(reader, writer) -> None:
        for position in range(len(text)):
            writer.write(text[position : position + 1])
            await writer.drain()
            await asyncio.sleep(seconds)
        await mute(reader, writer)

    return behave


def script(*lines: bytes) -> Behaviour:
    """Sends the first text, then one for each time the client said something."""

    async def behave(reader, writer) -> None:
        for line in lines:
            writer.write(line)
            await writer.drain()
            if not await reader.read(65536):
                return

    return behave


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    writer.transport.abort()


@contextlib.asynccontextmanager
async def peer(
    behaviour: Behaviour,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[str, int]]:
    """A TCP server that behaves so, over TLS if told to; yields where it listens."""
    talks: set[asyncio.Task[None]] = set()

    async def serve(reader, writer) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        talks.add(talk)
        # a client that leaves in the middle of a misbehaviour is what is wanted
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                await behaviour(reader, writer)
            finally:
                writer.close()
                talks.discard(talk)
                await writer.wait_closed()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def silent(datagram: bytes) -> Iterable[bytes]:
    """Takes datagrams, answers none."""
    return ()


def echoing(datagram: bytes) -> Iterable[bytes]:
    """Sends every datagram back."""
    return (datagram,)


def babbling(datagram: bytes) -> Iterable[bytes]:
    """Answers every datagram with many that mean nothing."""
    return (bytes([number]) * 48 for number in range(64))


def asking_for_peace(datagram: bytes) -> Iterable[bytes]:
    """A time server that is asked too often: a kiss-o'-death (RFC 5905 7.4)."""
    head = b"\xe4\0\6\xec" + bytes(8) + b"RATE" + bytes(8)
    return (head + datagram[40:48] + bytes(16),)


def answering(*answers: bytes) -> Answer:
    """Answers every datagram with these."""
    return lambda _: answers


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def connection_made(self, transport) -> None:
        self._transport = transport

    def datagram_received(self, data, addr) -> None:
        for answer in self._answer(data):
            self._transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def udp_peer(
    answer: Answer, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[str, int]]:
    """A UDP server that answers so; yields where it listens."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(answer), local_addr=(host, port)
    )
    try:
        yield transport.get_extra_info("sockname")[:2]
    finally:
        transport.close()


TCP: dict[str, Behaviour] = {
    "mute": mute,
    "closing": closing,
    "closing-on-data": closing_on_data,
    "resetting": resetting,
    "resetting-on-data": resetting_on_data,
    "endless": endless,
    "endless-lines": endless_lines,
    "garbage": garbage,
    "ssh": speaking_ssh,
    "closing-soon": closing_soon,
    "resetting-soon": resetting_soon,
    "alerting": alerting,
    "gibberish": banner(bytes(range(256)) * 40),
    "no-mail": banner(b"554 no mail here\r\n"),
    "mail-alerting": mail_alerting,
    "mail-mute": mail_mute,
    "database-alerting": database_alerting,
    "database-mute": database_mute,
    "mailbox-alerting": mailbox_alerting,
    "no-mailbox": banner(b"* BYE no mailboxes here\r\n"),
    "desktop-alerting": desktop_alerting,
    "desktop-without-tls": desktop_without_tls,
    "row-store-alerting": row_store_alerting,
    "row-store-without-tls": row_store_without_tls,
    "no-directory": no_directory,
    "block-page": block_page,
    "portal": portal,
    "portal-page": portal_page,
}
UDP: dict[str, Answer] = {
    "silent": silent,
    "echoing": echoing,
    "babbling": babbling,
    "asking-for-peace": asking_for_peace,
}


async def main(name: str, host: str, *ports: str) -> None:
    """Runs one peer, by its name in `TCP` or `UDP`, on each port until it is killed."""
    async with contextlib.AsyncExitStack() as stack:
        for port in map(int, ports):
            at = host, port
            where = peer(TCP[name], *at) if name in TCP else udp_peer(UDP[name], *at)
            await stack.enter_async_context(where)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
