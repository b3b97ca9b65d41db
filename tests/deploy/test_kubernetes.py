"""The fleet kit: what kubectl and Helm make of it is what Kubernetes takes."""

from __future__ import annotations

import json
import re
import shutil
import textwrap

import pytest
import yaml

from deploy.build import KUBERNETES, written
from exporter import __version__
from exporter.cli.options import _PLACES
from exporter.config.sharding import Shard
from exporter.config.site import load_site
from tests.deploy.rendering import (
    CHART,
    KIT,
    NEWEST,
    ROOT,
    VERSION,
    example,
    kustomized,
    named,
    objects,
    of_kind,
    problems,
    run,
    templated,
)

WORKLOADS = ("Deployment", "StatefulSet")
WAYS = pytest.mark.parametrize(
    "found",
    [lambda: kustomized("example"), example],
    ids=["kustomize", "helm"],
)


def container(workload):
    (one,) = workload["spec"]["template"]["spec"]["containers"]
    return one


def test_what_is_made_of_alerts_and_dashboards_is_not_stale():
    for name, text in written().items():
        path = ROOT / name
        assert path.exists(), f"{name}: python -m deploy.build"
        assert path.read_text() == text, f"{name}: python -m deploy.build"
    made = {ROOT / name for name in written()}
    assert set((CHART / "files").rglob("*.*")) <= made


def test_the_chart_is_of_this_release():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == __version__
    text = (KIT / "kubernetes/example/kustomization.yaml").read_text()
    assert f"newTag: {__version__}\n" in text


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


def test_a_service_monitor_is_the_same_but_for_the_label_of_the_service():
    found = templated(
        "--values", CHART / "ci/example.yaml", "--set=monitor.kind=ServiceMonitor"
    )
    (monitor,) = of_kind(found, "ServiceMonitor")
    assert problems(monitor) == []
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint.pop("relabelings") == [{"action": "labeldrop", "regex": "service"}]
    (other,) = of_kind(example(), "PodMonitor")
    assert [endpoint] == other["spec"]["podMetricsEndpoints"]
    services = of_kind(found, "Service")
    chosen = monitor["spec"]["selector"]["matchLabels"].items()
    assert all(chosen <= one["metadata"]["labels"].items() for one in services)


def test_a_chart_without_exporters_has_rules_and_dashboards():
    kinds = {one["kind"] for one in templated()}
    assert kinds == {"PrometheusRule", "ConfigMap", "NetworkPolicy", "PodMonitor"}
    off = ["rules", "dashboards", "networkPolicy"]
    words = [f"--set={name}.enabled=false" for name in off]
    done = run("helm", "template", "it", CHART, "--set=monitor.kind=None", *words)
    assert objects(done) == []


def test_what_a_site_sets_arrives(tmp_path):
    (tmp_path / "mine.yml").write_text("groups: [{name: mine, rules: []}]\n")
    (tmp_path / "values.yaml").write_text(
        yaml.safe_dump(
            {
                "exporters": {
                    "web": {
                        "existingConfigMap": "mine",
                        "args": ["--log.level=debug"],
                        "hostNetwork": True,
                        "port": 9843,
                        "resources": {"requests": {"cpu": "1"}},
                        "nodeSelector": {"zone": "dmz"},
                        "podLabels": {"team": "apps"},
                    }
                },
                "image": {"repository": "r", "tag": "t"},
                "imagePullSecrets": [{"name": "pull"}],
                "web": {"secret": "tls", "password": False, "clientCertificate": True},
                "tolerations": [{"key": "dmz", "operator": "Exists"}],
                "podAnnotations": {"note": "x"},
                "dashboards": {"annotations": {"grafana_folder": "Connectivity"}},
                "networkPolicy": {"from": [{"podSelector": {}}]},
            }
        )
    )
    found = templated(
        "--values",
        tmp_path / "values.yaml",
        f"--set-file=rules.thresholds={tmp_path / 'mine.yml'}",
    )
    assert [problem for one in found for problem in problems(one)] == []
    (workload,) = of_kind(found, "Deployment")
    pod, one = workload["spec"]["template"]["spec"], container(workload)
    assert pod["volumes"][0] == {"name": "site", "configMap": {"name": "mine"}}
    assert "--web.listen-address=:9843" in one["args"]
    assert one["ports"][0]["containerPort"] == 9843
    assert one["livenessProbe"]["exec"]["command"][1] == "127.0.0.1:9843"
    (monitor,) = of_kind(found, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert "basicAuth" not in endpoint
    assert endpoint["tlsConfig"]["keySecret"] == {"name": "tls", "key": "client.key"}
    assert (one["image"], one["args"][-1]) == ("r:t", "--log.level=debug")
    assert (pod["hostNetwork"], pod["nodeSelector"]) == (True, {"zone": "dmz"})
    assert workload["spec"]["strategy"] == {"type": "Recreate"}
    assert pod["tolerations"][0]["key"] == "dmz"
    assert one["resources"] == {"requests": {"cpu": "1"}}
    assert workload["spec"]["template"]["metadata"]["labels"]["team"] == "apps"
    assert workload["spec"]["template"]["metadata"]["annotations"]["note"] == "x"
    thresholds = named(found, "PrometheusRule", "it-connectivity-exporter-thresholds")
    assert thresholds["spec"]["groups"] == [{"name": "mine", "rules": []}]


def test_another_site_file_is_another_pod():
    def checksum(text):
        found = templated(f"--set=exporters.web.site={text}")
        (one,) = of_kind(found, "Deployment")
        return one["spec"]["template"]["metadata"]["annotations"]["checksum/site"]

    assert checksum("roles: [a]") != checksum("roles: [b]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set=exporters.web.site="], "exporters/web"),
        (["--set=exporters.web.shards=2"], "exporters/web"),
        (["--set=exporters.web.site=a", "--set=exporters.web.shards=101"], "maximum"),
        (["--set=exporters.Web.site=a"], "pattern"),
        (["--set=exporters.web.site=a", "--set=exporters.web.shard=2"], "shard"),
        (["--set=exporter.web.site=a"], "exporter"),
        (["--set=monitor.kind=Pod"], "PodMonitor"),
    ],
)
def test_values_that_are_misspelt_are_told(words, said):
    done = run("helm", "template", "it", CHART, *words)
    assert done.returncode != 0
    assert said in done.stderr


def snippets(language):
    text = (ROOT / "docs/deployment.md").read_text()
    return [
        yaml.safe_load(textwrap.dedent(one))
        for one in re.findall(
            rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE
        )
    ]


def test_the_patches_of_the_documentation_do_what_it_says(tmp_path):
    (patches,) = (one for one in snippets("yaml") if "patches" in one)
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


def test_the_values_of_the_documentation_are_right(tmp_path):
    (values,) = (one for one in snippets("yaml") if "exporters" in one)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    found = templated("--values", tmp_path / "mine.yaml")
    assert [problem for one in found for problem in problems(one)] == []
    (workload,) = of_kind(found, "Deployment")
    assert (
        workload["metadata"]["labels"]["app.kubernetes.io/instance"] == "appsanywhere"
    )


def test_the_chart_passes_helms_own_check_and_can_be_packed(tmp_path):
    done = run("helm", "lint", "--strict", CHART, "--values", CHART / "ci/example.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    packed = run("helm", "package", CHART, "--destination", tmp_path, home=tmp_path)
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("*.tgz")
    done = run("helm", "template", "it", archive, "--values", CHART / "ci/example.yaml")
    assert len(objects(done)) == len(example())
