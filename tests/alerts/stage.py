"""Everything between a dropped packet and a page, running in the lab.

    prober   exporter of role `web`, Prometheus, Alertmanager, webhook receiver
    r1       exporter of role `batch`, so that each role has an address of its own

All with the shipped files (see scaled.py) and the lab's servers behind the firewall.
"""

from __future__ import annotations

import json
import time
import urllib.parse

import yaml

from tests.alerts import scaled
from tests.lab import plan
from tests.lab.cell import require
from tests.lab.lab import PYTHON

PROMETHEUS, ALERTMANAGER, WEBHOOK, EXPORTER = 19090, 19093, 19099, 19842
WEB = f"127.0.0.1:{EXPORTER}"
BATCH = f"{plan.addresses(plan.PROBER, 1)[0]}:{EXPORTER}"
PATIENCE = 90.0

RULES = {
    "web": (
        ("web-api", "api.software2.com", 443, "vendor-api", "critical", "vendor"),
        ("web-app", "api.appsanywhere.com", 80, "vendor-api", "critical", "vendor"),
        ("web-licence", "license.looker.com", 443, "licensing", "critical", "vendor"),
        ("web-portal", "appsanywhere.uni.edu", 443, "user-access", "critical", "dba"),
    ),
    "batch": (
        ("batch-licence", "license.looker.com", 443, "licensing", "critical", "vendor"),
        ("batch-git", "bitbucket.org", 443, "vendor-api", "critical", "vendor"),
        ("batch-files", "files.appsanywhere.com", 443, "file-share", "warning", ""),
        ("batch-rocky", "mirrors.rockylinux.org", 443, "os-updates", "warning", ""),
        ("batch-vinters", "mirrors.vinters.com", 80, "os-updates", "warning", ""),
    ),
}
"""By role: rule, destination, port, usage, severity and owner."""
CLOSED = ("cloudpaging.uni.edu", 80)
"""What the role web must not reach; somebody has to close it first."""


class Stage:
    """The running stage; `expect` and `quiet` follow the notifications in order."""

    def __init__(self, lab):
        require("prometheus prometheus-alertmanager curl")
        self.lab = lab
        self.folder = lab.folder / "paging"
        self.folder.mkdir()
        self._notes = self.folder / "notifications"
        self._notes.touch()
        self._read = 0
        self.processes = {}
        self._start(
            "webhook", PYTHON, "-m", "tests.alerts.webhook", WEBHOOK, self._notes
        )
        scaled.write_alertmanager(self.folder / "alertmanager.yml", WEBHOOK)
        self.start_alertmanager()
        self.start_exporter("web")
        self.start_exporter("batch")
        self._start_prometheus()

    def close(self):
        for process in self.processes.values():
            process.stop()

    def start_alertmanager(self):
        self._start(
            *("alertmanager", "prometheus-alertmanager"),
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager",
            f"--web.listen-address=127.0.0.1:{ALERTMANAGER}",
            "--cluster.listen-address=",
        )
        self._until_listens("alertmanager", ALERTMANAGER)

    def start_exporter(self, role):
        host = self.lab.prober if role == "web" else self.lab.r1
        site = self._write_site(role)
        self._start(
            *(role, PYTHON, "-m", "exporter", "serve", "--config", site),
            host=host,
            unprivileged=True,
        )
        self._until_listens(role, EXPORTER, host)

    def stop(self, name):
        self.processes.pop(name).stop()

    def query(self, promql):
        """The result of an instant query: (labels, value) pairs."""
        words = urllib.parse.urlencode({"query": promql})
        url = f"http://127.0.0.1:{PROMETHEUS}/api/v1/query?{words}"
        done = self.lab.prober.run("curl", "-sS", "--max-time", "10", url)
        found = json.loads(done.stdout)["data"]["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def until(self, promql, count=None):
        """Waits until a query has results, or just so many."""
        self._wait(lambda: _as_many(self.query(promql), count), promql)

    def notifications(self):
        """All so far, the watchdog's left out: (receiver, status, alerts)."""
        lines = map(json.loads, self._notes.read_text().splitlines())
        return [
            (line["receiver"], line["body"]["status"], line["body"]["alerts"])
            for line in lines
            if line["receiver"] != "deadman"
        ]

    def watchdog_arrives(self):
        return '"receiver": "deadman"' in self._notes.read_text()

    def expect(self, *wanted):
        """Waits for the next notifications and compares them whole, in any order.

        Each is (receiver, status, labels of its only alert).
        """
        self._wait(
            lambda: len(self.notifications()) >= self._read + len(wanted),
            f"{wanted}, while there came {self.told()}",
        )
        told = self.told()
        assert sorted(told, key=str) == sorted(wanted, key=str)
        self._read += len(wanted)

    def quiet(self, seconds):
        """Nothing is told for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.told() == []
            time.sleep(0.5)

    def told(self):
        """What came since the last `expect`: (receiver, status, labels)."""
        return [
            (receiver, status, alert["labels"])
            for receiver, status, alerts in self.notifications()[self._read :]
            for alert in alerts
        ]

    def _start(self, name, *command, host=None, unprivileged=False):
        self.processes[name] = (host or self.lab.prober).start(
            f"paging-{name}", *map(str, command), unprivileged=unprivileged
        )

    def _until_listens(self, name, port, host=None):
        self.processes[name].wait_until(
            lambda: (host or self.lab.prober).listens("tcp", port), "listens", 30
        )

    def _start_prometheus(self):
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        alertmanager = {"targets": [f"127.0.0.1:{ALERTMANAGER}"]}
        scrape = {
            "job_name": "connectivity",
            "static_configs": [{"targets": [WEB, BATCH]}],
        }
        content = {
            "global": {**every, "external_labels": {"site": "lab"}},
            "rule_files": scaled.write_rules(self.folder),
            "alerting": {"alertmanagers": [{"static_configs": [alertmanager]}]},
            "scrape_configs": [scrape],
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(content))
        self._start(
            *("prometheus", "prometheus", "--rules.alert.resend-delay=1s"),
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{PROMETHEUS}",
        )
        ready = ["curl", "-sf", f"http://127.0.0.1:{PROMETHEUS}/-/ready"]
        self.processes["prometheus"].wait_until(
            lambda: not self.lab.prober.run(*ready, check=False).returncode,
            "is ready",
            30,
        )

    def _write_site(self, role):
        rules = [_rule(role, words) for words in RULES[role]]
        if role == "web":
            words = ("web-closed", *CLOSED, "analytics", "warning", "")
            rules.append({**_rule(role, words), "expect": "deny"})
        catalogue = {
            "catalogue": f"paging-{role}",
            "title": "Paging",
            "roles": {role: {"title": role}},
            "rules": rules,
        }
        (self.folder / f"{role}.yaml").write_text(yaml.safe_dump(catalogue))
        return self.lab.site(
            f"paging/{role}-site.yaml",
            roles=[role],
            catalogues=[f"{role}.yaml"],
            placeholders={},
            schedule={"interval": "5s", "timeout": "1s"},
            web={"listen": WEB if role == "web" else BATCH},
        )

    def _wait(self, fact, what):
        end = time.monotonic() + PATIENCE
        while not fact():
            logs = {name: process.tail(5) for name, process in self.processes.items()}
            assert time.monotonic() < end, f"not in time: {what}\n{logs}"
            time.sleep(0.3)


def _as_many(found, count):
    return bool(found) if count is None else len(found) == count


def _rule(role, words):
    name, host, port, usage, severity, owner = words
    more = {"owner": owner} if owner else {}
    return {
        "id": name,
        "source": role,
        "destination": {"host": host},
        "port": port,
        "transport": "tcp",
        "usage": usage,
        "severity": severity,
        **more,
        "description": f"For {usage}",
    }
