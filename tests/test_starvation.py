"""Our own overload is never a rule's failure: a starved process, seen from outside.

A real service probes many peers on loopback that take their time. It is stopped and
continued in the middle of it, or left without descriptors, or given a slow resolver;
whatever /metrics says then, no rule to a peer that answers is ever violated, and the
one to a peer that does not answer still is. Only real time can starve a process.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.process import free_port
from tests.servers.threaded import mute, scripted

RULES = 120
STOPS = 4
STOPPED = 2.5
"""Seconds without a turn: more than the timeout of any rule."""
TIMEOUT = 1.5
SLOW = 0.4
"""Seconds that a peer takes, so that some probes are always under way."""
IMPATIENT = 1.0
"""Seconds without a request after which a peer hangs up, as many servers do."""


def answers_slowly(sock):
    sock.settimeout(IMPATIENT)
    sock.recv(65536)
    time.sleep(SLOW)
    sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


class SlowDns:
    """Says that every name is this host, for a second, after a while."""

    def __init__(self, delay):
        self._delay = delay

    def __enter__(self):
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join(5)

    def _serve(self):
        timers = []
        with contextlib.suppress(OSError):
            while True:
                query, client = self._sock.recvfrom(512)
                if not client:
                    break
                timer = threading.Timer(self._delay, self._answer, (query, client))
                timer.start()
                timers.append(timer)
        for timer in timers:
            timer.cancel()

    def _answer(self, query, client):
        # RFC 1035 4.1: the question again, and for type A one record that points to it
        end = query.index(b"\0", 12) + 5
        found = query[end - 4 : end - 2] == b"\0\1"
        head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + bytes(4)
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if found else b""
        with contextlib.suppress(OSError):
            self._sock.sendto(head + query[12:end] + record, client)


def rule(name, host, port, probe="http"):
    return (
        f"  - {{id: {name}, source: web, destination: {{host: {host}}}, port: {port}, "
        f"transport: tcp, probe: {probe}, usage: vendor-api, description: A peer}}\n"
    )


class Service:
    """The service over a folder's files, as a process; what it says of itself."""

    def __init__(self, folder, rules, more="", limit=None):
        self._port = free_port()
        (folder / "catalogue.yaml").write_text(
            "catalogue: test\ntitle: T\nroles: {web: {title: W}}\nrules:\n" + rules
        )
        (folder / "site.yaml").write_text(
            f"catalogues: [catalogue.yaml]\nroles: [web]\n"
            f"schedule: {{interval: 5s, timeout: {int(TIMEOUT * 1000)}ms}}\n"
            f'web: {{listen: "127.0.0.1:{self._port}"}}\n{more}'
        )
        words = [sys.executable, "-m", "exporter", "serve"]
        self._command = [*words, "--config", str(folder / "site.yaml")]
        if limit is not None:
            exec_limited = f'ulimit -n {limit}; exec "$@"'
            self._command = ["bash", "-c", exec_limited, "bash", *self._command]
        self._log = folder / "log"

    def __enter__(self):
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stderr=log)
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()

    def starve(self):
        """Stops it for a while."""
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED)
        self._process.send_signal(signal.SIGCONT)

    def samples(self):
        """The per-target samples of a scrape; waits for one that succeeds."""
        end = time.monotonic() + 30
        while True:
            try:
                url = f"http://127.0.0.1:{self._port}/metrics"
                with urllib.request.urlopen(url, timeout=10) as answer:
                    text = answer.read().decode()
                break
            except (OSError, urllib.error.URLError):
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < end, self._log.read_text()
                time.sleep(0.1)
        return [
            sample
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if "rule" in sample.labels
        ]

    def until(self, fact, seconds=60):
        """Waits until the samples show a fact; gives them."""
        end = time.monotonic() + seconds
        while not fact(samples := self.samples()):
            assert time.monotonic() < end, self._log.read_text()[-4000:]
            time.sleep(0.3)
        return samples


def values(samples, metric):
    name = f"connectivity_rule_{metric}"
    return {s.labels["rule"]: s.value for s in samples if s.name == name}


def reasons(samples):
    name = "connectivity_rule_failure"
    return {s.labels["rule"]: s.labels["reason"] for s in samples if s.name == name}


def all_hold(samples):
    good = {k: v for k, v in values(samples, "satisfied").items() if k != "dead"}
    return len(good) == RULES and set(good.values()) == {1}


def violated(samples):
    """The rules that were ever found violated, by their own counters."""
    counted = values(samples, "probe_failures_total")
    assert counted
    return {name for name, failures in counted.items() if failures}


@pytest.fixture
def peer():
    with scripted(answers_slowly) as port:
        yield port


def test_a_process_that_is_stopped_again_and_again_blames_nobody(tmp_path, peer):
    names = "".join(rule(f"r{n}", f"h{n}.test", peer) for n in range(RULES))
    with SlowDns(SLOW) as dns, scripted(mute) as dead:
        more = f"dns: {{servers: ['127.0.0.1:{dns.port}']}}\n"
        rules = names + rule("dead", "127.0.0.1", dead)
        with Service(tmp_path, rules, more) as service:
            service.until(all_hold)
            own_faults = set()
            for _ in range(STOPS):
                service.starve()
                samples = service.samples()
                assert violated(samples) <= {"dead"}, reasons(samples)
                own_faults |= set(reasons(samples).values())
                time.sleep(1)
            # The dead peer's own round may just have been called our fault: wait for
            # one that ran undisturbed, which nothing but it may have failed.
            samples = service.until(lambda now: all_hold(now) and violated(now))
    assert violated(samples) == {"dead"}
    assert "local_fault" in own_faults


def test_a_process_without_descriptors_blames_nobody(tmp_path, peer):
    names = "".join(rule(f"r{n}", f"h{n}.test", peer) for n in range(RULES))
    with SlowDns(SLOW) as dns:
        more = f"dns: {{servers: ['127.0.0.1:{dns.port}']}}\n"
        with Service(tmp_path, names, more, limit=26) as service:
            own_faults = service.until(lambda s: "local_fault" in reasons(s).values())
            time.sleep(6)  # a whole round more
            samples = service.samples()
    assert violated(own_faults) == violated(samples) == set()
    assert set(reasons(samples).values()) <= {"local_fault"}


@pytest.mark.parametrize(
    ("delay", "reason"), [(1.0, None), (2.0, None), (8.0, "dns_failure")]
)
def test_a_resolver_is_slow_only_when_its_own_patience_ends(
    tmp_path, peer, delay, reason
):
    # A host that starves the resolver makes it slower than meant: then it is asked anew.
    for _ in range(3):
        with SlowDns(delay) as dns:
            more = f"dns: {{servers: ['127.0.0.1:{dns.port}']}}\n"
            with Service(tmp_path, rule("slow", "h.test", peer), more) as service:
                samples = service.until(lambda s: "slow" in values(s, "satisfied"))
        if reasons(samples).get("slow") == reason:
            break
    assert reasons(samples).get("slow") == reason
    assert values(samples, "satisfied") == {"slow": 0 if reason else 1}
