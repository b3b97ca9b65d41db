"""Everything between a dropped packet and a page, running in the lab.

Exporters, one for each role, with Prometheus, Alertmanager and a webhook receiver of
their own on the prober; all with the shipped files (see scaled.py) and the lab's
servers behind the firewall. Several stages can play at the same time, as long as they
share no destination that one of them breaks.
"""

from __future__ import annotations

import json
import time
import urllib.parse

import yaml

from tests.alerts import scaled
from tests.lab.cell import require
from tests.lab.lab import PYTHON

PATIENCE = 90.0


def rule(name, host, port, usage, severity, **more):
    """A rule of a catalogue over TCP, whose source is the role it is given to."""
    return {
        "id": name,
        "destination": {"host": host},
        "port": port,
        "transport": "tcp",
        "usage": usage,
        "severity": severity,
        "description": f"For {usage}",
        **more,
    }


class Stage:
    """The running stage; `expect` and `quiet` follow the notifications in order.

    Args:
        lab: the network it plays in.
        name: of its folder and logs.
        first_port: the first of the few that it takes on its hosts.
        cast: by role, the host of the lab its exporter runs on, and its rules.

    Attributes:
        instances: by role, the address its exporter is scraped at.
    """

    def __init__(self, lab, name, first_port, cast):
        require("prometheus prometheus-alertmanager curl")
        self.lab = lab
        self.name = name
        self.cast = cast
        self.prometheus, self.alertmanager, webhook = range(first_port, first_port + 3)
        self.instances = {
            role: f"{host.addresses[0]}:{port}"
            for port, (role, (host, _)) in enumerate(cast.items(), first_port + 3)
        }
        self.folder = lab.folder / name
        self.folder.mkdir()
        self._notes = self.folder / "notifications"
        self._notes.touch()
        self._read = 0
        self.processes = {}
        self._start(
            "webhook", PYTHON, "-m", "tests.alerts.webhook", webhook, self._notes
        )
        scaled.write_alertmanager(self.folder / "alertmanager.yml", webhook)
        self.start_alertmanager()
        for role in cast:
            self.start_exporter(role)
        for role, instance in self.instances.items():
            self._until_ready(role, instance)
        self._start_prometheus()

    def close(self):
        for process in self.processes.values():
            process.stop()

    def start_alertmanager(self):
        self._start(
            *("alertmanager", "prometheus-alertmanager"),
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager",
            f"--web.listen-address=127.0.0.1:{self.alertmanager}",
            "--cluster.listen-address=",
        )
        self._until_ready("alertmanager", f"127.0.0.1:{self.alertmanager}")

    def start_exporter(self, role):
        host, _ = self.cast[role]
        self._start(
            *(role, PYTHON, "-m", "exporter", "serve"),
            *("--config", self._write_site(role)),
            host=host,
            unprivileged=True,
        )

    def stop(self, name):
        self.processes.pop(name).stop()

    def query(self, promql):
        """The result of an instant query: (labels, value) pairs."""
        words = urllib.parse.urlencode({"query": promql})
        found = self._get(self.prometheus, f"/api/v1/query?{words}")["data"]["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def until(self, promql, count=None):
        """Waits until a query has results, or just so many."""
        self._wait(lambda: _as_many(self.query(promql), count), promql)

    def until_alertmanager_knows(self, alertname):
        """Waits until it was sent an alert, whether it tells anybody or not."""
        words = urllib.parse.urlencode({"filter": f"alertname={alertname}"})
        path = f"/api/v2/alerts?{words}"
        self._wait(lambda: self._get(self.alertmanager, path), alertname)

    def notifications(self):
        """All so far: (receiver, status, alerts).

        Left out are the watchdog's, and what an exporter rightly says of a machine that
        has many other tests to run: that there was too little CPU time for it.
        """
        written = self._notes.read_text().rpartition("\n")[0].splitlines()
        return [
            (line["receiver"], line["body"]["status"], line["body"]["alerts"])
            for line in map(json.loads, written)
            if line["receiver"] != "deadman"
            and not all(map(_is_of_a_busy_machine, line["body"]["alerts"]))
        ]

    def watchdog_arrives(self):
        return '"receiver": "deadman"' in self._notes.read_text()

    def expect(self, *wanted):
        """Waits for the next notifications and compares them whole, in any order.

        Each is (receiver, status, labels of its only alert).

        Returns:
            Their descriptions.
        """
        enough = self._read + len(wanted)
        self._wait(lambda: len(self.notifications()) >= enough, wanted)
        told = self.told()
        assert sorted(told, key=str) == sorted(wanted, key=str), f"told: {told}"
        texts = [
            alert["annotations"]["description"]
            for *_, alerts in self.notifications()[self._read : enough]
            for alert in alerts
        ]
        self._read = enough
        return texts

    def quiet(self, seconds):
        """Nothing is told for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told = self.told()
            assert told == [], f"told: {told}"
            time.sleep(0.5)

    def told(self):
        """What came since the last `expect`: (receiver, status, labels)."""
        return [
            (receiver, status, alert["labels"])
            for receiver, status, alerts in self.notifications()[self._read :]
            for alert in alerts
        ]

    def _get(self, port, path):
        url = f"http://127.0.0.1:{port}{path}"
        done = self.lab.prober.run("curl", "-sS", "--max-time", "10", url)
        return json.loads(done.stdout)

    def _start(self, name, *command, host=None, unprivileged=False):
        self.processes[name] = (host or self.lab.prober).start(
            f"{self.name}-{name}", *map(str, command), unprivileged=unprivileged
        )

    def _until_ready(self, name, address):
        ready = ["curl", "-sf", "--max-time", "10", f"http://{address}/-/ready"]
        self.processes[name].wait_until(
            lambda: not self.lab.prober.run(*ready, check=False).returncode,
            "is ready",
            PATIENCE,
        )

    def _start_prometheus(self):
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        alertmanager = {"targets": [f"127.0.0.1:{self.alertmanager}"]}
        scrape = {
            "job_name": "connectivity",
            "static_configs": [{"targets": list(self.instances.values())}],
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
            f"--web.listen-address=127.0.0.1:{self.prometheus}",
        )
        self._until_ready("prometheus", f"127.0.0.1:{self.prometheus}")

    def _write_site(self, role):
        _, rules = self.cast[role]
        catalogue = {
            "catalogue": f"{self.name}-{role}",
            "title": "Paging",
            "roles": {role: {"title": role}},
            "rules": [{"source": role, **each} for each in rules],
        }
        (self.folder / f"{role}.yaml").write_text(yaml.safe_dump(catalogue))
        return self.lab.site(
            f"{self.name}/{role}-site.yaml",
            roles=[role],
            catalogues=[f"{role}.yaml"],
            placeholders={},
            schedule={"interval": "5s", "timeout": "2s"},
            web={"listen": self.instances[role]},
        )

    def _wait(self, fact, what):
        end = time.monotonic() + PATIENCE
        while not fact():
            assert time.monotonic() < end, f"{what}: not in time; told: {self.told()}"
            time.sleep(0.3)


def _as_many(found, count):
    return bool(found) if count is None else len(found) == count


def _is_of_a_busy_machine(alert):
    labels = alert["labels"]
    return labels.get("cause") == "this_host" and labels.get("subject") == "CPU time"
