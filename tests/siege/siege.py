"""A real exporter under attack: its clients, its peers, its files and its signals.

`python -m tests.siege` besieges one for an hour (`make soak`); `test_siege.py` does so
for some seconds. Both look at what must stay as it is: scrapes and health are answered,
verdicts do not move, and memory, descriptors and threads are bounded.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bcrypt

from tests.servers.process import free_port
from tests.siege import attacks

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD = "a password of the scrape"
_ME = "127.0.0.77"
"""Where scrapes and health checks come from; nobody else does."""
_MUTE = 64
"""Connections that a mute peer keeps."""
_ODD_PEERS = ("endless", "mute", "resets", "babbles")


@dataclass
class Seen:
    """What was seen during a siege.

    Attributes:
        health: seconds that each health check took.
        scrapes: seconds until each scrape was had, refusals included.
        refused: how often either was turned away.
        wrong: samples of targets that hold and were said not to.
        hold: of those targets, the part that was said to hold, in each scrape.
        rss: MiB.
    """

    health: list[float] = field(default_factory=list)
    scrapes: list[float] = field(default_factory=list)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    hold: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    metrics: str = ""

    def health_percentile(self, part: float) -> float:
        """Seconds within which that part of the health checks was answered."""
        return sorted(self.health)[int(len(self.health) * part)]

    def told(self) -> str:
        """All of it in a line or two."""
        return (
            f"{len(self.scrapes)} scrapes, at most {max(self.scrapes):.2f} s; "
            f"{len(self.health)} health checks, 90 % within "
            f"{self.health_percentile(0.9):.3f} s, 99 % within "
            f"{self.health_percentile(0.99):.3f} s; at most {max(self.rss):.0f} MiB, "
            f"{max(self.descriptors)} descriptors, {max(self.threads)} threads; "
            f"asked again {self.refused} times; at least {min(self.hold):.0%} held"
        )


@contextlib.contextmanager
def peers() -> Iterator[dict[str, int]]:
    """Ports of loopback: of a peer that answers on every address, and of odd ones."""
    with contextlib.ExitStack() as stack:
        ports = {}
        for kind in ("good", *_ODD_PEERS):
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("0.0.0.0", 0))  # noqa: S104 - all of loopback, for the test
            listener.listen(1024)
            ports[kind] = listener.getsockname()[1]
            threading.Thread(target=_accept, args=(listener, kind), daemon=True).start()
        yield ports


def _accept(listener: socket.socket, kind: str) -> None:
    kept: deque[socket.socket] = deque()
    with contextlib.suppress(OSError):  # the listener is closed in the end
        while True:
            connection, _ = listener.accept()
            kept.append(connection)
            if kind != "mute" or len(kept) > _MUTE:
                with kept.popleft() as one, contextlib.suppress(OSError):
                    one.settimeout(1.0)
                    _behave(one, kind)
    for one in kept:
        one.close()


def _behave(connection: socket.socket, kind: str) -> None:
    if kind == "endless":
        for _ in range(64):
            connection.sendall(b"A" * 65536)
    elif kind == "babbles":
        connection.sendall(os.urandom(4000))
    elif kind == "resets":
        linger = b"\1\0\0\0\0\0\0\0"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


class Exporter:
    """A `serve` of its own with `count` targets that hold, and some odd ones."""

    def __init__(
        self, folder: Path, count: int, ports: dict[str, int], *, users: bool
    ) -> None:
        self.folder, self.count = folder, count
        self.port = free_port()
        self.catalogue = folder / "catalogue.yaml"
        self.web = folder / "web.yaml"
        rules = [
            _rule(f"good-{i}", _host(i), ports["good"], "tcp") for i in range(count)
        ]
        rules += [
            _rule(f"{kind}-{probe}", _host(1), ports[kind], probe)
            for kind in _ODD_PEERS
            for probe in ("ssh", "http", "smtp", "tls")
        ]
        self.good = json.dumps(
            {
                "catalogue": "siege",
                "title": "Siege",
                "roles": {"here": {"title": "This host"}},
                "rules": rules,
            }
        )
        self.catalogue.write_text(self.good)
        site = folder / "site.yaml"
        resolver = f"127.0.0.1:{free_port()}"  # nobody else's may be asked
        site.write_text(
            "catalogues: [./catalogue.yaml]\nroles: [here]\n"
            f"schedule: {{interval: 5s, timeout: 4s}}\ndns: {{servers: ['{resolver}']}}\n"
        )
        hashed = bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(8)).decode()
        self.users = f"basic_auth_users: {{prometheus: {hashed!r}}}\n" if users else ""
        self.web.write_text(self.users)
        self._argv = [
            *(sys.executable, "-m", "exporter", "serve", "--config", str(site)),
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.config.file={self.web}",
            "--log.level=error",
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process; it must end by itself when told to."""
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(self._argv, stdout=log, stderr=log)
            try:
                yield process
                process.terminate()
                assert process.wait(30) == 0
            finally:
                process.kill()
                process.wait()

    async def ask(self, path: str, patience: float) -> tuple[int, str]:
        """Status and text; (0, "") without an answer."""
        word = base64.b64encode(f"prometheus:{WORD}".encode()).decode()
        writer = None
        try:
            async with asyncio.timeout(patience):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, local_addr=(_ME, 0)
                )
                line = attacks.Line(self.port, reader, writer)
                line.ask(path, f"Authorization: Basic {word}", "Connection: close")
                whole = await reader.read(-1)
        except (OSError, TimeoutError):
            return 0, ""
        finally:
            if writer is not None:
                writer.transport.abort()
        head, _, body = whole.partition(b"\r\n\r\n")
        status = head.split(b" ", 2)[1:2]
        return (int(status[0]), body.decode(errors="replace")) if status else (0, "")

    def satisfied(self, metrics: str) -> int:
        """How many of the good targets hold, as a scrape tells it."""
        found = re.findall(
            r'^connectivity_rule_satisfied\{rule="good-.* 1$', metrics, re.MULTILINE
        )
        return len(found)


def _rule(name: str, host: str, port: int, probe: str) -> dict[str, object]:
    return {
        "id": name,
        "source": "here",
        "destination": {"host": host},
        "port": port,
        "transport": "tcp",
        "probe": probe,
        "usage": "application-services",
        "description": f"Rule {name}",
    }


def _host(number: int) -> str:
    return f"127.1.{number // 250}.{1 + number % 250}"


async def settled(exporter: Exporter, patience: float = 60.0) -> None:
    """Returns once all good targets hold."""
    async with asyncio.timeout(patience):
        while True:
            _, text = await exporter.ask("/metrics", 10)
            if exporter.satisfied(text) >= exporter.count:
                return
            await asyncio.sleep(0.2)


async def besieged(
    exporter: Exporter, process: subprocess.Popen[bytes], seconds: float
) -> Seen:
    """Attacks for so long; gives what was seen meanwhile."""
    await settled(exporter)
    seen = Seen()
    argv = [*(sys.executable, "-m", "tests.siege.attacks"), str(exporter.port)]
    attackers = await asyncio.create_subprocess_exec(
        *argv, str(seconds + 60), stderr=asyncio.subprocess.DEVNULL
    )
    watchers = [
        asyncio.create_task(watch)
        for watch in (
            _health(exporter, seen),
            _scrapes(exporter, process, seen),
            _files_and_signals(exporter, process),
        )
    ]
    await asyncio.sleep(seconds)
    assert attackers.returncode is None
    attackers.kill()
    await attackers.wait()
    for task in watchers:
        task.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    for task in watchers:
        assert task.cancelled(), task.exception()
    exporter.catalogue.write_text(exporter.good)
    exporter.web.write_text(exporter.users)
    process.send_signal(signal.SIGHUP)
    await settled(exporter)
    return seen


async def _health(exporter: Exporter, seen: Seen) -> None:
    while True:
        began = time.monotonic()
        status, _ = await exporter.ask("/-/healthy", 30)
        if status == 200:
            seen.health.append(time.monotonic() - began)
        else:
            seen.refused += 1
        await asyncio.sleep(0.1)


async def _scrapes(
    exporter: Exporter, process: subprocess.Popen[bytes], seen: Seen
) -> None:
    began = time.monotonic()
    while True:
        status, text = await exporter.ask("/metrics", 30)
        if status != 200:
            seen.refused += 1
            await asyncio.sleep(0.1)
            continue
        seen.scrapes.append(time.monotonic() - began)
        seen.metrics = text
        seen.hold.append(exporter.satisfied(text) / exporter.count)
        seen.wrong += re.findall(
            r'^connectivity_rule_satisfied\{rule="good-.* 0$', text, re.MULTILINE
        )
        _look(process.pid, seen)
        await asyncio.sleep(1.0)
        began = time.monotonic()


def _look(pid: int, seen: Seen) -> None:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    facts = dict(re.findall(r"^(\w+):\s+(\d+)", status, re.MULTILINE))
    seen.rss.append(int(facts["VmRSS"]) / 1024)
    seen.threads.append(int(facts["Threads"]))
    seen.descriptors.append(len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208 - a count


async def _files_and_signals(
    exporter: Exporter, process: subprocess.Popen[bytes]
) -> None:
    """Files that are broken and mended in turn, and a storm of signals about it."""
    broken = ("rules: [", "\0", '{"catalogue": 5}', exporter.good[:-40])
    for turn in range(1 << 30):
        exporter.catalogue.write_text(broken[turn % len(broken)])
        exporter.web.write_text(
            f"{exporter.users}tls_server_config: {{cert_file: /}}\n"
        )
        for _ in range(20):
            process.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.005)
        exporter.web.write_text(exporter.users)
        exporter.catalogue.write_text(exporter.good)
        process.send_signal(signal.SIGHUP)
        await asyncio.sleep(2.0)
