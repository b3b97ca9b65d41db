"""The fleet kit: what kubectl and Helm make of it is what Kubernetes takes."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from deploy.build import KUBERNETES, written
from exporter.cli.options import _PLACES
from exporter.config.sharding import Shard
from exporter.config.site import load_site
from tests.deploy.rendering import (
    CHART,
    KIT,
    NEWEST,
    ROOT,
    VERSION,
    WORKLOADS,
    container,
    example,
    kustomized,
    named,
    objects,
    of_kind,
    problems,
    run,
    snippets,
    templated,
)

WAYS = pytest.mark.parametrize(
    "found",
    [lambda: kustomized("example"), example],
    ids=["kustomize", "helm"],
)


def test_what_is_made_of_alerts_and_dashboards_is_not_stale():
    for name, text in written().items():
        path = ROOT / name
        assert path.exists(), f"{name}: python -m deploy.build"
        assert path.read_text() == text, f"{name}: python -m deploy.build"
    made = {ROOT / name for name in written()}
    assert set((CHART / "files").rglob("*.*")) <= made


@WAYS
@pytest.mark.parametrize("version", [VERSION, NEWEST])
def test_every_object_is_what_the_published_schemas_take(found, version):
    for one in found():
        assert problems(one, version) == [], one["metadata"]["name"]


@pytest.mark.parametrize("folder", ["exporter", "monitoring"])
def test_every_part_is_whole_by_itself(folder):
    assert [problem for one in kustomized(folder) for problem in problems(one)] == []


def test_the_schemas_refuse_what_is_misspelt():
    for one in example():
        if one["kind"] in {*WORKLOADS, "NetworkPolicy", "PodMonitor", "PrometheusRule"}:
            assert problems({**one, "spec": {**one["spec"], "selektor": {}}})
    workload = json.loads(json.dumps(of_kind(example(), "Deployment")[0]))
    container(workload)["readinessProbe"]["periodSecond"] = 1
    assert problems(workload)


@WAYS
def test_each_role_has_its_own_of_everything(found):
    kinds = [one["kind"] for one in found()]
    for kind, number in {
        "Deployment": 1,
        "StatefulSet": 1,
        "Service": 2,
        "PodMonitor": 1,
        "PrometheusRule": 3,
        "ConfigMap": 6,
    }.items():
        assert kinds.count(kind) == number, kind
    assert "NetworkPolicy" in kinds
    selectors = [
        one["spec"]["selector"]["matchLabels"] for one in of_kind(found(), *WORKLOADS)
    ]
    assert len({json.dumps(one, sort_keys=True) for one in selectors}) == len(selectors)


@WAYS
def test_pods_are_restricted(found):
    for workload in of_kind(found(), *WORKLOADS):
        pod, one = workload["spec"]["template"]["spec"], container(workload)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 65534
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(pod) & {"hostNetwork", "hostPID", "hostIPC"} == set()
        assert {"requests", "limits"} <= set(one["resources"])
        assert "cpu" not in one["resources"]["limits"]
        allowed = {"configMap", "secret"}
        assert all(set(one) - {"name"} <= allowed for one in pod["volumes"])


@WAYS
def test_labels_lead_from_one_object_to_the_other(found):
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"].items()
        for one in of_kind(found(), *WORKLOADS)
    }
    for workload in of_kind(found(), *WORKLOADS):
        name = workload["metadata"]["name"]
        assert workload["spec"]["selector"]["matchLabels"].items() <= pods[name]
    for service in of_kind(found(), "Service"):
        chosen = service["spec"]["selector"].items()
        assert [name for name, labels in pods.items() if chosen <= labels] == [
            service["metadata"]["name"]
        ]
    (monitor,) = of_kind(found(), "PodMonitor")
    chosen = monitor["spec"]["selector"]["matchLabels"].items()
    assert all(chosen <= labels for labels in pods.values())
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for workload in of_kind(found(), *WORKLOADS):
        (port,) = container(workload)["ports"]
        assert (port["name"], port["containerPort"]) == (endpoint["port"], 9842)
    # One job for all roles: its label is the same in each of them.
    assert (
        len({dict(labels)[monitor["spec"]["jobLabel"]] for labels in pods.values()})
        == 1
    )
    policies = of_kind(found(), "NetworkPolicy")
    for labels in pods.values():
        assert any(
            one["spec"]["podSelector"]["matchLabels"].items() <= labels
            for one in policies
        )
    for policy in policies:
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        (ingress,) = policy["spec"]["ingress"]
        assert ingress["from"]


@WAYS
def test_a_divided_role_is_covered(found):
    (workload,) = of_kind(found(), "StatefulSet")
    spec, one = workload["spec"], container(workload)
    variables = {one["name"]: one.get("value") for one in one["env"]}
    (written_as,) = (one for one in one["args"] if one.startswith("--shard="))
    count = spec["replicas"]
    assert spec["ordinals"] == {"start": 1}
    assert workload["metadata"]["name"] == spec["serviceName"]
    shards = []
    for index in range(spec["ordinals"]["start"], spec["ordinals"]["start"] + count):
        text = written_as.removeprefix("--shard=").replace("$(SHARD)", str(index))
        shards.append(
            Shard.parse(text.replace("$(SHARDS)", variables.get("SHARDS") or ""))
        )
    assert shards == [Shard(number, count) for number in range(1, count + 1)]


@WAYS
def test_a_site_file_is_where_it_is_looked_for_and_right(found, tmp_path):
    for workload in of_kind(found(), *WORKLOADS):
        pod, one = workload["spec"]["template"]["spec"], container(workload)
        (config,) = (one for one in one["args"] if one.startswith("--config="))
        assert config == f"--config={_PLACES[1]}"
        (mounted,) = (one for one in one["volumeMounts"] if one["name"] == "site")
        assert config == f"--config={mounted['mountPath']}/connectivity.yaml"
        (volume,) = (one for one in pod["volumes"] if one["name"] == "site")
        site = named(found(), "ConfigMap", volume["configMap"]["name"])
        # As the kubelet lays it: every file is a link through a link.
        folder = tmp_path / workload["metadata"]["name"]
        (folder / "..1").mkdir(parents=True)
        (folder / "..data").symlink_to("..1")
        for name, text in site["data"].items():
            (folder / "..1" / name).write_text(text)
            (folder / name).symlink_to(f"..data/{name}")
        loaded = load_site(folder / "connectivity.yaml")
        assert any(target.status == "active" for target in loaded.targets)


@WAYS
def test_rules_and_dashboards_are_the_shipped_ones(found):
    shipped = {
        one.name: yaml.safe_load(one.read_text())
        for one in (ROOT / "alerts").glob("connectivity.*.yml")
    }
    rules = [one["spec"] for one in of_kind(found(), "PrometheusRule")]
    assert sorted(rules, key=str) == sorted(shipped.values(), key=str)
    boards = {
        name: json.loads(text)
        for one in of_kind(found(), "ConfigMap")
        if one["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
        for name, text in one["data"].items()
    }
    assert boards == {
        one.name: json.loads(one.read_text())
        for one in (ROOT / "dashboards").glob("*.json")
    }
    for one in found():
        assert len(json.dumps(one)) < KUBERNETES, one["metadata"]["name"]


@WAYS
def test_probes_ask_what_the_server_answers_with_a_password(found):
    for workload in of_kind(found(), *WORKLOADS):
        one = container(workload)
        assert "--web.config.file=/etc/connectivity-web/web.yaml" in one["args"]
        place = "127.0.0.1:9842"
        command = ["healthcheck", place, "--credentials=/etc/connectivity-web"]
        assert one["livenessProbe"]["exec"] == {"command": command}
        assert one["readinessProbe"]["exec"] == {
            "command": [*command, "--path=/-/ready"]
        }
        (web,) = (
            one
            for one in workload["spec"]["template"]["spec"]["volumes"]
            if one["name"] == "web"
        )
        assert web["secret"] == {"secretName": "connectivity-web", "defaultMode": 0o440}
    (monitor,) = of_kind(found(), "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["scheme"] == "https"
    assert endpoint["basicAuth"]["password"]["name"] == "connectivity-web"
    assert endpoint["tlsConfig"]["serverName"] == "connectivity-exporter"


def test_probes_ask_plainly_without_one():
    (plain,) = of_kind(kustomized("exporter"), "Deployment")
    (charted,) = of_kind(
        templated("--set=exporters.web.site=roles: [web]"), "Deployment"
    )
    for workload in (plain, charted):
        one = container(workload)
        for probe, path in (("livenessProbe", "healthy"), ("readinessProbe", "ready")):
            got = {"path": f"/-/{path}", "port": "http", "scheme": "HTTP"}
            assert one[probe]["httpGet"] == got
        assert not any(one.startswith("--web.config") for one in one["args"])


@WAYS
def test_a_drained_node_takes_one_shard_at_a_time(found):
    (budget,) = of_kind(found(), "PodDisruptionBudget")
    (divided,) = of_kind(found(), "StatefulSet")
    chosen = budget["spec"]["selector"]["matchLabels"]
    assert chosen == divided["spec"]["selector"]["matchLabels"]
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.fixture(scope="module")
def as_components(tmp_path_factory):
    """The example with a ServiceMonitor, and both roles on their nodes' network."""
    folder = tmp_path_factory.mktemp("kit")
    for name in ("deploy", "dashboards"):
        shutil.copytree(ROOT / name, folder / name)
    fleet = folder / "deploy/kubernetes/example"
    for place, added in (
        ("", "../servicemonitor"),
        ("appsanywhere", "../../hostnetwork"),
        ("analytics", "../../hostnetwork"),
    ):
        path = fleet / place / "kustomization.yaml"
        content = yaml.safe_load(path.read_text())
        content["components"] = [added, *content.get("components", ())]
        path.write_text(yaml.safe_dump(content))
    return objects(run("kubectl", "kustomize", fleet))


def test_components_may_be_added(as_components):
    assert [problem for one in as_components for problem in problems(one)] == []
    assert not of_kind(as_components, "PodMonitor")


def test_a_service_monitor_asks_as_the_pod_monitor_does(as_components):
    (monitor,) = of_kind(as_components, "ServiceMonitor")
    (endpoint,) = monitor["spec"].pop("endpoints")
    assert endpoint.pop("relabelings") == [{"action": "labeldrop", "regex": "service"}]
    (other,) = of_kind(kustomized("example"), "PodMonitor")
    assert [endpoint] == other["spec"].pop("podMetricsEndpoints")
    assert monitor["spec"] == other["spec"]
    chosen = monitor["spec"]["selector"]["matchLabels"].items()
    services = of_kind(as_components, "Service")
    assert all(chosen <= one["metadata"]["labels"].items() for one in services)


def test_on_the_nodes_network_one_pod_goes_before_the_next_comes(as_components):
    for workload in of_kind(as_components, *WORKLOADS):
        pod = workload["spec"]["template"]["spec"]
        assert (pod["hostNetwork"], pod["dnsPolicy"]) == (True, "Default")
        assert workload["spec"].get("strategy") in (None, {"type": "Recreate"})


def test_the_patches_of_the_documentation_do_what_it_says(tmp_path):
    patches, ports = (one for one in snippets("yaml") if "patches" in one)
    patches["patches"] += ports["patches"]
    for name in ("deploy", "dashboards"):
        shutil.copytree(ROOT / name, tmp_path / name)
    mine = tmp_path / "deploy/kubernetes/mine"
    shutil.copytree(KIT / "kubernetes/example", mine)
    kustomization = yaml.safe_load((mine / "kustomization.yaml").read_text())
    (rule,) = (one for one in snippets("yaml") if one.get("kind") == "PrometheusRule")
    (mine / "thresholds.yaml").write_text(yaml.safe_dump(rule))
    patches["patches"].append({"path": "thresholds.yaml"})
    (mine / "kustomization.yaml").write_text(yaml.safe_dump(kustomization | patches))
    found = objects(run("kubectl", "kustomize", mine))
    assert [problem for one in found for problem in problems(one)] == []
    for one in of_kind(found, "PodMonitor", "PrometheusRule"):
        assert one["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    changed = named(found, "PrometheusRule", "connectivity-thresholds")
    assert changed["spec"] == rule["spec"]
    (shipped,) = (one for one in (ROOT / "alerts").glob("*.thresholds.yml"))
    known = {
        one["record"]
        for group in yaml.safe_load(shipped.read_text())["groups"]
        for one in group["rules"]
    }
    assert {one["record"] for one in rule["spec"]["groups"][0]["rules"]} <= known
    for policy in of_kind(found, "NetworkPolicy"):
        (who,) = policy["spec"]["ingress"][0]["from"]
        assert who["namespaceSelector"]["matchLabels"] == {
            "kubernetes.io/metadata.name": "observability"
        }
