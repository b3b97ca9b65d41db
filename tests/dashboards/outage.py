"""Pictures of a real outage in the lab, as the dashboards show it.

    python -m tests.dashboards.outage FOLDER

Runs the exporter on the lab's prober with a Prometheus beside it that has the shipped
rules, lets all be well for a while, then changes the lab's firewall: SQL Server is cut
off in silence, LDAPS refused, a vendor's site reset by inspection, time dropped. What
Prometheus saw stays in FOLDER; with a FOLDER that has it, only the pictures are taken
anew. Takes ten minutes, needs root and a machine with nothing else to do (one that is
too busy to wait for an answer proves nothing), and is no part of the tests.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
import time
from pathlib import Path

import yaml

from tests.dashboards import drawing
from tests.dashboards.history import History
from tests.lab import firewall
from tests.lab.lab import PYTHON, Lab
from tests.lab.test_feeds import FILES, LISTS
from tests.servers.process import binary

ROOT = Path(__file__).parents[2]
ROLES = (
    "appsanywhere",
    "appsanywhere01",
    "analytics-rocky",
    "client-device",
    "jump-host",
)
WELL, BROKEN = 240, 280  # seconds
OLD = {"ajax.googleapis.com": 5, "analytics.uni.edu": 16}
"""Days until the certificates end that nobody has renewed in time."""
SCRAPE = 5
CHOSEN = {
    "overview": {},
    "role": {"source_role": "appsanywhere"},
    "rule": {"rule": "appsanywhere-mssql"},
    "exporter": {},
}


def record(folder: Path) -> None:
    """Lets the outage happen; leaves Prometheus' data and the time of it."""
    with Lab() as lab:
        lab.complete()
        _furnish(lab)
        data = lab.folder / "prometheus"
        began = time.time()
        prometheus = _watch(lab, data)
        time.sleep(WELL)
        with contextlib.ExitStack() as faults:
            for fault in (
                firewall.drop(lab.fw, "mssql.uni.edu", 1433),
                firewall.reject(lab.fw, "ad.uni.edu", 636),
                firewall.reset_on_data(lab.fw, "api.software2.com", 443),
                firewall.drop(lab.fw, "2.rocky.pool.ntp.org", 123, "udp"),
            ):
                faults.enter_context(fault)
            time.sleep(BROKEN)
            ended = time.time()
        prometheus.stop()
        shutil.copytree(data, folder / "data")
    (folder / "span.json").write_text(json.dumps([began, ended]))


def _furnish(lab):
    """What the pictures show besides: feeds, and certificates about to end."""
    for host, text in LISTS.items():
        file = lab.folder / "web/www" / host / FILES[host]
        file.parent.mkdir(parents=True)
        file.write_text(text)
    for name, days in OLD.items():
        lab.ca.write(name, days)
    lab.servers["web"].send(signal.SIGHUP)


def _watch(lab, data):
    site = lab.site(
        "outage.yaml",
        roles=ROLES,
        schedule={"interval": "10s", "timeout": "5s"},
        feeds={"allow_private": True},
        controls=[{"host": "192.0.2.1", "port": 443}],
    )
    config = lab.folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {
                    "scrape_interval": f"{SCRAPE}s",
                    "evaluation_interval": f"{SCRAPE}s",
                },
                "rule_files": [str(ROOT / "alerts/*.yml")],
                "scrape_configs": [
                    {
                        "job_name": "connectivity",
                        "static_configs": [{"targets": ["127.0.0.1:9842"]}],
                    }
                ],
            }
        )
    )
    exporter = lab.prober.start(
        *("outage", PYTHON, "-m", "exporter", "serve", "--config", site),
        unprivileged=True,
    )
    exporter.wait_until(lambda: lab.prober.listens("tcp", 9842), "listens", 60)
    _probe_once(lab)
    return lab.prober.start(
        "prometheus",
        binary("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--web.listen-address=127.0.0.1:9090",
    )


def _probe_once(lab):
    """Asks for each rule, since some would wait for minutes before their first turn."""
    curl = ("curl", "-sS", "--max-time", "30")
    base = "http://127.0.0.1:9842/api/v1"
    told = json.loads(lab.prober.run(*curl, f"{base}/targets").stdout)
    for rule in sorted({target["rule"] for target in told["targets"]}):
        lab.prober.run(*curl, "-X", "POST", f"{base}/rules/{rule}/probe")


def draw(folder: Path) -> None:
    """Takes the pictures, as wide as a laptop's screen."""
    span = json.loads((folder / "span.json").read_text())
    shots = [
        drawing.shot(
            ROOT / f"dashboards/{name}.json",
            folder / f"dashboard-{name}.png",
            span=span,
            scrape=SCRAPE,
            **variables,
        )
        for name, variables in CHOSEN.items()
    ]
    with History(folder).served() as url:
        for shot, seen in zip(shots, drawing.drawn(url, shots), strict=True):
            complaints = seen["errors"] + seen["missing"]
            sys.stdout.write(f"{shot['png']} {complaints}\n")


def main() -> None:
    """Records, unless that was done, and draws."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "span.json").exists():
        record(folder)
    draw(folder)


if __name__ == "__main__":
    main()
