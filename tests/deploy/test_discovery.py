"""Service discovery, the agent and the ruler, as far as Prometheus' own tools read them."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
import yaml

from tests.alerts.shipped import RULE_FILES, load
from tests.deploy.rendering import KIT
from tests.servers.process import binary


@pytest.fixture
def folder(tmp_path):
    """The examples, with the files of passwords and certificates that they name."""
    shutil.copytree(KIT / "discovery", tmp_path, dirs_exist_ok=True)
    shutil.copy(KIT / "mimir/agent.yml", tmp_path)
    for name in ("ca.pem", "password"):
        (tmp_path / name).write_text("secret\n")
    for file in tmp_path.glob("*.yml"):
        text = file.read_text()
        for name in ("site-ca.pem", "connectivity.password", "mimir.password"):
            kind = name.rpartition("-")[2] if "ca" in name else "password"
            text = text.replace(f"/etc/prometheus/{name}", str(tmp_path / kind))
        file.write_text(text)
    return tmp_path


def check(folder, *words):
    return subprocess.run(
        [binary("promtool"), "check", "config", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [("prometheus.yml",), ("--agent", "agent.yml")])
def test_prometheus_takes_the_example(folder, words):
    done = check(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pods_of_the_exporter_are_scraped_and_no_others(folder):
    """Debian's Prometheus cannot ask Kubernetes, so a list stands in for what it says."""
    config = yaml.safe_load((folder / "kubernetes.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs")[0]["role"] == "pod"
    job["static_configs"] = [
        pod("it-1", "connectivity-exporter", "http"),
        pod("it-2", "connectivity-exporter", "debug"),
        pod("other-1", "grafana", "http"),
    ]
    (folder / "kubernetes.yml").write_text(yaml.safe_dump(config))
    assert check(folder, "kubernetes.yml").returncode == 0
    done = subprocess.run(
        [
            *(binary("promtool"), "check", "service-discovery"),
            *("--timeout=1s", "kubernetes.yml", job["job_name"]),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    kept = [one["labels"] for one in json.loads(done.stdout) if one.get("labels")]
    assert [(one["pod"], one["namespace"]) for one in kept] == [
        ("it-1", "connectivity")
    ]


def pod(name, label, port):
    """A pod as discovery tells it."""
    meta = "__meta_kubernetes_"
    labels = {
        f"{meta}pod_label_app_kubernetes_io_name": label,
        f"{meta}pod_container_port_name": port,
        f"{meta}namespace": "connectivity",
        f"{meta}pod_name": name,
    }
    return {"targets": [f"{name}:9842"], "labels": labels}


def test_prometheus_reads_the_file_of_hosts(folder):
    (folder / "hosts/connectivity.yml").write_text("- {target: [a]}\n")
    assert check(folder, "prometheus.yml").returncode != 0


def test_the_inventory_answers_as_http_discovery_wants_it(folder):
    """A file that Prometheus takes for file_sd, which is of the same form."""
    config = yaml.safe_load((folder / "prometheus.yml").read_text())
    config["scrape_configs"][0]["file_sd_configs"] = [{"files": ["inventory.json"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    done = check(folder, "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    for group in json.loads((folder / "inventory.json").read_text()):
        assert set(group) == {"targets", "labels"}
        assert all(isinstance(one, str) for one in group["labels"].values())


def test_a_site_is_named_where_the_rules_expect_it():
    agent = yaml.safe_load((KIT / "mimir/agent.yml").read_text())
    assert set(agent["global"]["external_labels"]) == {"site"}
    for group in yaml.safe_load((KIT / "discovery/hosts/connectivity.yml").read_text()):
        assert "site" in group["labels"]


def test_the_rulers_limits_are_above_the_largest_group():
    limits = yaml.safe_load((KIT / "mimir/mimir.yaml").read_text())["limits"]
    groups = [group for file in RULE_FILES for group in load(file)["groups"]]
    assert len(groups) <= limits["ruler_max_rule_groups_per_tenant"]
    largest = max(len(group["rules"]) for group in groups)
    assert largest <= limits["ruler_max_rules_per_rule_group"]


def test_mimirtool_gets_a_namespace_of_each_file():
    """It refuses what it does not know, and names a namespace after its file."""
    assert all(set(load(file)) == {"groups"} for file in RULE_FILES)
    assert len({file.stem for file in RULE_FILES}) == len(RULE_FILES)
