"""Debian's prometheus-blackbox-exporter as the thing measured, and its client.

The client speaks over kept connections, as Prometheus does, in this process, so
that what it costs is not counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import httptools

from tests.bench.peers import ADDRESSES, DOMAIN
from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
modules:
  tcp: {{prober: tcp, timeout: 5s, tcp: {{preferred_ip_protocol: ip4}}}}
  http: {{prober: http, timeout: 5s, http: {{preferred_ip_protocol: ip4}}}}
  tls:
    prober: tcp
    timeout: 5s
    tcp:
      preferred_ip_protocol: ip4
      tls: true
      tls_config: {{ca_file: {ca_file}, server_name: {domain}}}
"""
_CONNECTIONS = 32
_TICKS = os.sysconf("SC_CLK_TCK")


class Blackbox:
    """Asks for probes and tells what they took."""

    def __init__(self, pid, port):
        self._pid = pid
        self._port = port

    def cpu(self):
        """Seconds, user and system, of the whole process (proc(5))."""
        text = Path(f"/proc/{self._pid}/stat").read_text()
        user, system = text.rsplit(") ", 1)[1].split()[11:13]
        return (int(user) + int(system)) / _TICKS

    def drive(self, module, port, seconds, rate=None):
        """Asks for `rate` probes a second, or as many as it can do.

        Returns:
            Probes, and seconds of CPU they took.
        """
        before = self.cpu()
        probes = asyncio.run(self._drive(module, port, seconds, rate))
        return probes, self.cpu() - before

    async def _drive(self, module, port, seconds, rate):
        loop = asyncio.get_running_loop()
        begin = loop.time()
        count = 0

        async def keep_asking():
            nonlocal count
            _, client = await loop.create_connection(
                lambda: _Client(loop), "127.0.0.1", self._port
            )
            with contextlib.closing(client):
                while loop.time() < begin + seconds:
                    number, count = count, count + 1
                    if rate is not None:
                        await asyncio.sleep(begin + number / rate - loop.time())
                    address = ADDRESSES[number % len(ADDRESSES)]
                    await client.ask(f"/probe?module={module}&target={address}:{port}")

        await asyncio.gather(*(keep_asking() for _ in range(_CONNECTIONS)))
        return count


class _Client(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, loop):
        self._loop = loop

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._parser.feed_data(data)

    def on_body(self, body):
        self._body += body

    def on_message_complete(self):
        self._answered.set_result(None)

    async def ask(self, path):
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)
        self._answered = self._loop.create_future()
        self._transport.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        await self._answered
        if b"\nprobe_success 1\n" not in self._body:
            raise RuntimeError(f"{path} failed:\n{self._body.decode()}")

    def close(self):
        self._transport.close()


@contextlib.contextmanager
def blackbox(folder, ca_file):
    """Runs it."""
    config = folder / "blackbox.yaml"
    config.write_text(_CONFIG.format(ca_file=ca_file, domain=DOMAIN))
    port = free_port()
    argv = [
        binary("prometheus-blackbox-exporter"),
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    ready = lambda: listens(port)  # noqa: E731 - one word for a name
    with running(argv, ready, folder / "blackbox.log") as process:
        yield Blackbox(process.pid, port)
