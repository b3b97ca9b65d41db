"""The chart: what a site sets arrives, and what is wrong is told before it is installed."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import yaml

from exporter import __version__
from tests.deploy.rendering import (
    CHART,
    KIT,
    WORKLOADS,
    container,
    example,
    named,
    objects,
    of_kind,
    problems,
    run,
    snippets,
    templated,
)

NO_MONITOR = "--set=podMonitor.enabled=false"
SERVICE_MONITOR = (NO_MONITOR, "--set=serviceMonitor.enabled=true")


def test_the_chart_is_of_this_release():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == __version__
    text = (KIT / "kubernetes/example/kustomization.yaml").read_text()
    assert f"newTag: {__version__}\n" in text


def test_a_service_monitor_is_the_same_but_for_the_label_of_the_service():
    found = templated("--values", CHART / "ci/example-values.yaml", *SERVICE_MONITOR)
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
    monitoring = {"PrometheusRule", "ConfigMap", "PodMonitor"}
    assert kinds == {*monitoring, "NetworkPolicy", "ServiceAccount"}
    off = ["prometheusRule", "dashboards", "networkPolicy", "podMonitor"]
    words = [f"--set={name}.enabled=false" for name in off]
    words.append("--set=serviceAccount.create=false")
    done = run("helm", "template", "it", CHART, *words)
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
        f"--set-file=prometheusRule.thresholds={tmp_path / 'mine.yml'}",
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


def test_where_and_as_whom_pods_run_can_be_set(tmp_path):
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    own = {
        "priorityClassName": "high",
        "topologySpreadConstraints": [spread],
        "dnsConfig": {"nameservers": ["192.0.2.53"]},
        "extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    }
    values = own | {
        "exporters": {"web": {"site": "roles: [web]", "dnsPolicy": "None"}},
        "image": {"digest": "sha256:" + "0f" * 32},
        "serviceAccount": {"create": False, "name": "mine"},
        "podSecurityContext": dict.fromkeys(["runAsUser", "runAsGroup", "fsGroup"]),
        "podMonitor": {
            "relabelings": [{"targetLabel": "site", "replacement": "north"}]
        },
        "nameOverride": "paths",
    }
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    found = templated("--values", tmp_path / "values.yaml")
    assert [problem for one in found for problem in problems(one)] == []
    assert not of_kind(found, "ServiceAccount", "PodDisruptionBudget")
    (workload,) = of_kind(found, "Deployment")
    assert workload["metadata"]["name"] == "it-paths-web"
    pod, one = workload["spec"]["template"]["spec"], container(workload)
    for name in ("priorityClassName", "topologySpreadConstraints", "dnsConfig"):
        assert pod[name] == own[name]
    assert (pod["dnsPolicy"], pod["serviceAccountName"]) == ("None", "mine")
    assert set(pod["securityContext"]) == {"runAsNonRoot", "seccompProfile"}
    assert pod["volumes"][-1:] == own["extraVolumes"]
    assert one["volumeMounts"][-1:] == own["extraVolumeMounts"]
    assert one["image"] == f"connectivity-exporter@{values['image']['digest']}"
    (monitor,) = of_kind(found, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["relabelings"] == values["podMonitor"]["relabelings"]


def test_two_releases_in_one_namespace_have_nothing_in_common():
    def known(release):
        words = ("--namespace=n", "--set=exporters.web.site=roles: [web]")
        return objects(run("helm", "template", release, CHART, *words))

    mine, theirs = known("mine"), known("theirs")
    names = [
        {(one["kind"], one["metadata"]["name"]) for one in all_}
        for all_ in (mine, theirs)
    ]
    assert names[0].isdisjoint(names[1])
    (service,) = of_kind(mine, "Service")
    (other,) = of_kind(theirs, "Deployment")
    labels = other["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= labels.items()


@pytest.mark.parametrize("set_", ["roles: [b]", None])
def test_another_site_file_is_another_pod(set_):
    def checksum(*words):
        found = templated("--set=exporters.web.site=roles: [a]", *words)
        (one,) = of_kind(found, "Deployment")
        return one["spec"]["template"]["metadata"]["annotations"]["checksum/site"]

    changed = f"--set=exporters.web.site={set_}"
    if set_ is None:
        changed = r"--set=exporters.web.files.ca\.pem=x"
    assert checksum() != checksum(changed)


def test_an_upgrade_changes_no_selector(tmp_path):
    """Kubernetes refuses another one; the version stands in labels alone."""
    shutil.copytree(CHART, tmp_path / "chart")
    chart = tmp_path / "chart/Chart.yaml"
    text = chart.read_text()
    assert text.count("ersion: 0.1.0") == 2
    chart.write_text(text.replace("ersion: 0.1.0", "ersion: 9.9.9"))
    values = ("--namespace=connectivity", "--values", CHART / "ci/example-values.yaml")
    after = objects(run("helm", "template", "it", tmp_path / "chart", *values))
    for workload in of_kind(example(), *WORKLOADS):
        changed = named(after, workload["kind"], workload["metadata"]["name"])
        for fixed in ("selector", "serviceName", "podManagementPolicy"):
            assert changed["spec"].get(fixed) == workload["spec"].get(fixed)
        assert changed["metadata"]["labels"] != workload["metadata"]["labels"]


def test_the_charts_readme_lists_every_value():
    text = (CHART / "README.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    assert set(values) == set(schema) - {"global"}
    for name, value in values.items():
        assert f"`{name}" in text
        inner = value if isinstance(value, dict) and name != "resources" else {}
        told = schema[name].get("properties", {})
        assert not told or set(inner) == set(told)
        for key in told if "$ref" not in schema[name] else ():
            assert re.search(rf"[.`]{key}\b", text), f"{name}.{key}"


def test_what_helm_says_at_the_end_leads_to_each_role():
    values = ("--values", CHART / "ci/example-values.yaml")
    done = run("helm", "install", "it", CHART, "--dry-run=client", *values)
    assert done.returncode == 0, done.stderr
    notes = done.stdout.rpartition("NOTES:")[2]
    assert "deployment/it-connectivity-exporter-appsanywhere\n" in notes
    assert "statefulset/it-connectivity-exporter-analytics\n" in notes
    assert "pod/it-connectivity-exporter-analytics-1 9842:9842\n" in notes
    assert "https://127.0.0.1:9842/" in notes
    done = run("helm", "install", "it", CHART, "--dry-run=client", NO_MONITOR)
    assert "No exporter yet" in done.stdout
    assert "No PodMonitor and no ServiceMonitor" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set=exporters.web.site="], "exporters/web"),
        (["--set=exporters.web.shards=2"], "exporters/web"),
        (["--set=exporters.web.site=a", "--set=exporters.web.shards=101"], "maximum"),
        (["--set=exporters.Web.site=a"], "pattern"),
        (["--set=exporters.web.site=a", "--set=exporters.web.shard=2"], "shard"),
        (["--set=exporter.web.site=a"], "exporter"),
        (["--set=serviceMonitor.enabled=true"], "enable one of them"),
        (["--set=image.digest=sha256:1"], "pattern"),
        (["--set=podMonitor.interval=9"], "podMonitor"),
        (
            [
                "--set=exporters.a-role-of-the-longest-name.site=a",
                "--set=exporters.a-role-of-the-longest-name.shards=2",
                "--set=fullnameOverride=a-release-of-the-longest-name",
            ],
            "52 characters",
        ),
    ],
)
def test_values_that_are_misspelt_are_told(words, said):
    done = run("helm", "template", "it", CHART, *words)
    assert done.returncode != 0
    assert said in done.stderr


def test_the_values_of_the_documentation_are_right(tmp_path):
    (values,) = (one for one in snippets("yaml") if "exporters" in one)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    found = templated("--values", tmp_path / "mine.yaml")
    assert [problem for one in found for problem in problems(one)] == []
    (workload,) = of_kind(found, "Deployment")
    assert (
        workload["metadata"]["labels"]["app.kubernetes.io/component"] == "appsanywhere"
    )


def test_the_chart_passes_helms_own_check_and_can_be_packed(tmp_path):
    done = run(
        "helm", "lint", "--strict", CHART, "--values", CHART / "ci/example-values.yaml"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    packed = run("helm", "package", CHART, "--destination", tmp_path, home=tmp_path)
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("*.tgz")
    done = run(
        "helm", "template", "it", archive, "--values", CHART / "ci/example-values.yaml"
    )
    assert len(objects(done)) == len(example())
