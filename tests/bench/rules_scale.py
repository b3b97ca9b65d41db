"""Measures what the shipped rules cost a Prometheus, for docs/scaling.md.

    python -m tests.bench.rules_scale [TARGETS ...]

A real Prometheus scrapes so many targets' series, as this exporter renders them, from
one stand-in for every ten thousand targets, and evaluates the shipped rules. After
some minutes it is asked for its series, its memory and the time each group took. One
target in a hundred is violated, which makes alerts whose texts must be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from exporter.model.outcome import Stage
from exporter.model.rule import Severity, Usage
from tests import make
from tests.alerts.shipped import RULE_FILES
from tests.exposing import Scene, answered, prohibited, tls
from tests.servers.process import binary, free_port, listens, running

PER_EXPORTER = 10_000
ROLES = 5
SCRAPE = 30
MINUTES = 6
_PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
_START, _END = "<!-- measured -->", "<!-- /measured -->"
_SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.WARNING, Severity.INFO)


def payload(count):
    """What an exporter with so many targets says, all probed a moment ago."""
    now = time.time()
    facts = tls(
        expiry_timestamp=now + 90 * 86400, chain_expiry_timestamp=now + 90 * 86400
    )
    usages = list(Usage)
    scene = Scene(*(_target(number, usages) for number in range(count)))
    for number, record in enumerate(scene.store.records()):
        if number % 101 == 7:
            record.add(answered(at=now - 60, phases=_PHASES))
            seen = prohibited(at=now)
        else:
            seen = answered(at=now, tls=facts if number % 2 else None, phases=_PHASES)
        record.add(seen)
    return asyncio.run(scene.scrape()).encode()


_PHASES = {Stage.RESOLVE: 0.001, Stage.CONNECT: 0.01, Stage.EXCHANGE: 0.02}


def _target(number, usages):
    host = f"host{number // 2:05}.example.org"
    return make.target(
        destination=host,
        port=443 if number % 2 else 80,
        id=f"role-{number % ROLES}-rule-{number:05}",
        source=f"role-{number % ROLES}",
        usage=usages[number // ROLES % len(usages)],
        severity=_SEVERITIES[number % len(_SEVERITIES)],
        owner="network",
        description="A connection that the vendor's page requires",
    )


def _of_shard(body, shard):
    """Roles and destinations of its own."""
    mark = b"s%d-" % shard
    return body.replace(b'"role-', b'"' + mark + b"role-").replace(
        b'"host', b'"' + mark + b"host"
    )


@contextlib.contextmanager
def serving(body):
    """Serves one body to whoever asks; yields the port."""

    class Say(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Nothing to say."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Say)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def measure(targets):
    """A row of the table."""
    base = payload(min(targets, PER_EXPORTER))
    with contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(serving(_of_shard(base, shard)))
            for shard in range(max(1, targets // PER_EXPORTER))
        ]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(_prometheus(folder, ports))
        time.sleep(60 * MINUTES)
        return _row(port, targets)


@contextlib.contextmanager
def _prometheus(folder, ports):
    port = free_port()
    scrape = {
        "job_name": "connectivity",
        "scrape_timeout": f"{SCRAPE}s",
        "static_configs": [{"targets": [f"127.0.0.1:{each}" for each in ports]}],
    }
    itself = {
        "job_name": "prometheus",
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
    }
    every = {"scrape_interval": f"{SCRAPE}s", "evaluation_interval": f"{SCRAPE}s"}
    content = {
        "global": every,
        "rule_files": [str(path) for path in RULE_FILES],
        "scrape_configs": [scrape, itself],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(content))
    command = [
        binary("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, lambda: listens(port), folder / "log"):
        yield port


def _row(port, targets):
    took = {name: _value(port, _TOOK % name) for name in _GROUPS}
    firing = _value(port, 'count(ALERTS{alertstate="firing", scope="rule"})')
    own = '{job="prometheus"}'
    series = _value(port, f"prometheus_tsdb_head_series{own}")
    memory = _value(port, f"process_resident_memory_bytes{own}")
    scraped = _value(port, 'sum(scrape_samples_scraped{job="connectivity"})')
    cpu = _value(port, f"rate(process_cpu_seconds_total{own}[3m])")
    return [
        f"{targets:,}".replace(",", " "),
        f"{scraped / targets:.1f}",
        f"{series / 1000:,.0f}".replace(",", " "),
        f"{memory / 2**30:.2f}",
        f"{cpu:.2f}",
        f"{firing:.0f}",
        *(f"{took[name]:.2f}" for name in _GROUPS),
    ]


_GROUPS = (
    *("state", "seen", "slow", "slo", "paths", "unproven"),
    *("tls", "trends", "burn", "exporter"),
)
_TOOK = (
    "quantile_over_time(0.5, prometheus_rule_group_last_duration_seconds"
    '{rule_group=~".*connectivity.%s"}[4m])'
)
_HEAD = (
    *("targets", "samples a target", "series, thousands", "memory, GiB", "cores"),
    *("rule alerts firing", *(f"{name}, s" for name in _GROUPS)),
)


def _value(port, promql):
    found = _ask(port, "query?" + urllib.parse.urlencode({"query": promql}))["result"]
    return float(found[0]["value"][1]) if found else 0.0


def _ask(port, path):
    url = f"http://127.0.0.1:{port}/api/v1/{path}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)["data"]


def main():
    counts = [int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000]
    rows = [_HEAD, ["--:"] * len(_HEAD)]
    for count in counts:
        rows.append(measure(count))
        sys.stdout.write(f"{rows[-1]}\n")
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = _PAGE.read_text()
    before, after = text.partition(_START)[0], text.partition(_END)[2]
    _PAGE.write_text(f"{before}{_START}\n\n{table}\n\n{_END}{after}")


if __name__ == "__main__":
    main()
