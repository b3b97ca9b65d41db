"""This exporter as the thing measured: a worker process, and orders to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

_SITE = """
catalogues: [appsanywhere]
roles: [appsanywhere]
dns: {{servers: ["127.0.0.1:9"]}} # none: names are not resolved, and nobody is asked
tls: {{ca_file: {ca_file}}}
"""
_PART = 1 << 17
_LATENCY = re.compile(rb"^connectivity_rule_latency_seconds\{.*\} (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Scrape:
    """One scrape: seconds from request to last byte, bytes on the wire, the body."""

    seconds: float
    size: int
    body: bytes


class Ours:
    """Talks to one worker."""

    def __init__(self, process):
        self._process = process
        self._port = 0

    def demand(self, **order):
        """Puts targets in force; see `Worker.demand`."""
        self._port = self._ask("demand", **order)["port"]

    def state(self):
        """See `Worker.state`."""
        return self._ask("state")

    def watch(self):
        self._ask("watch")

    def stall(self):
        return self._ask("stall")["stall"]

    def scrape(self, encoding="identity"):
        """One scrape, as a client on this host sees it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Accept-Encoding": encoding}
        with contextlib.closing(connection):
            began = time.perf_counter()
            connection.request("GET", "/metrics", headers=headers)
            response = connection.getresponse()
            # As it comes: what reading it all at once costs the client is not ours.
            parts = list(iter(lambda: response.read1(_PART), b""))
            seconds = time.perf_counter() - began
        body = b"".join(parts)
        if response.status != 200:
            raise RuntimeError(f"scrape: HTTP {response.status}")
        return Scrape(seconds, len(body), body)

    def latency(self):
        """Median of the TCP round trips it reports, in seconds."""
        return statistics.median(map(float, _LATENCY.findall(self.scrape().body)))

    def _ask(self, do, **words):
        self._process.stdin.write(json.dumps({"do": do, **words}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the worker ended")
        return json.loads(answer)


@contextlib.contextmanager
def ours(folder, ca_file, checkout=None):
    """Runs a worker, of another checkout if one is named."""
    site = folder / "site.yaml"
    site.write_text(_SITE.format(ca_file=ca_file))
    argv = [sys.executable, "-m", "tests.bench.worker", str(site)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(argv, cwd=checkout, text=True, **pipes)
    try:
        yield Ours(process)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)
