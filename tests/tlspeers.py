"""Servers on loopback that speak TLS, and ways to reach them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess

import pytest

from exporter.model.outcome import ProbeError
from exporter.probes.link import Link
from tests import make
from tests.certificates import authority, server

NAME = "web.uni.example"
ROOT = authority("Root")
INTERMEDIATE = authority("Intermediate", ROOT)
GOOD = server(INTERMEDIATE, NAME)


@contextlib.asynccontextmanager
async def serving(talk, tls=None):
    """A server on loopback whose side of a connection is `talk`; gives its port."""
    tasks = []

    async def accepted(reader, writer):
        tasks.append(asyncio.current_task())
        with contextlib.suppress(OSError, ssl.SSLError):
            try:
                await talk(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    listening = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listening.wait_closed()


async def echo(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()


def link_to(port, engine, name=NAME, **policy):
    return Link(make.target("tls", name, port, **policy), "127.0.0.1", engine)


async def open_tls(link, alpn=(), **variation):
    return await link.start_tls(await link.connect(), alpn, **variation)


async def failure(link, **variation):
    with pytest.raises(ProbeError) as caught:
        await open_tls(link, **variation)
    return caught.value


@contextlib.contextmanager
def s_server(tmp_path, *arguments):
    (tmp_path / "key.pem").write_bytes(GOOD.key_pem)
    (tmp_path / "leaf.pem").write_bytes(GOOD.pem)
    (tmp_path / "others.pem").write_bytes(INTERMEDIATE.pem)
    command = [
        *("/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:0"),
        *("-key", tmp_path / "key.pem", "-cert", tmp_path / "leaf.pem"),
        *("-cert_chain", tmp_path / "others.pem", *arguments),
    ]
    # Packets, because s_server takes what one read gives it for one command.
    keyboard, stdin = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with keyboard, stdin, subprocess.Popen(command, text=True, **pipes) as process:
        try:
            line = next(line for line in process.stdout if line.startswith("ACCEPT"))
            yield int(line.rpartition(":")[2]), keyboard
        finally:
            process.kill()
