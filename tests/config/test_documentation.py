"""docs/configuration.md against the code: every key is there, every example works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme

from exporter.config.catalogue import load_catalogue
from exporter.config.site import load_site
from exporter.config.site_schema import json_schema
from exporter.model.rule import Status, Usage
from exporter.probes.protocols import PROBERS

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
ALONE, START, FEATURES, OVERRIDES, CONTROLS, MAINTENANCE, CATALOGUE, FEED = EXAMPLES
MODELS = json_schema()["$defs"]
KEYS = {
    key
    for name, model in MODELS.items()
    if name.endswith("Model")
    for key in model["properties"]
}


@pytest.mark.parametrize("word", sorted(KEYS | set(Status) | set(Usage)))
def test_every_key_status_and_usage_is_documented(word):
    assert re.search(rf"`([a-z]+\.)?{word}`", TEXT)


@pytest.mark.parametrize(
    ("port", "transport", "name"),
    [
        (port, transport, name)
        for name, prober in PROBERS.items()
        for port in sorted(prober.default_ports)
        for transport in sorted(prober.transports)
    ],
)
def test_every_port_that_stands_for_a_probe_is_documented(port, transport, name):
    assert re.search(rf"\| ([^|]*, )?{port}/{transport}(, [^|]*)? \| `{name}` \|", TEXT)


def test_the_first_example_names_every_host_its_role_needs(tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "our-ca.pem")
    path = tmp_path / "connectivity.yaml"
    path.write_text(START, encoding="utf-8")
    site = load_site(path)
    assert not site.warnings
    assert Status.ACTIVE in {target.status for target in site.targets}


def test_rules_alone_are_a_site_file(tmp_path):
    path = tmp_path / "connectivity.yaml"
    path.write_text(ALONE, encoding="utf-8")
    site = load_site(path)
    assert not site.warnings
    assert site.roles == ("web",)
    assert [target.port for target in site.targets] == [5432, 25, 587, 123]


def test_the_features_of_the_example_are_written_as_they_should_be(tmp_path):
    path = tmp_path / "connectivity.yaml"
    rule = "{source: a, destination: {host: b}, port: 1, "
    path.write_text(
        f"rules:\n  - {rule} id: x, when: saml}}\n"
        f"  - {rule} id: y, when: high_availability}}\n{FEATURES}",
        encoding="utf-8",
    )
    statuses = [target.status for target in load_site(path).targets]
    assert statuses == [Status.ACTIVE, Status.NOT_APPLICABLE]


def test_the_overrides_of_the_example_are_right(tmp_path):
    path = tmp_path / "connectivity.yaml"
    path.write_text(
        f"catalogues: [appsanywhere]\nroles: [appsanywhere]\n{OVERRIDES}",
        encoding="utf-8",
    )
    rules = {rule.id: rule for rule in load_site(path).rules}
    assert rules["appsanywhere-mssql"].owner == "dba-on-call"


def test_the_controls_of_the_example_are_right(tmp_path):
    path = tmp_path / "connectivity.yaml"
    path.write_text(
        f"catalogues: [appsanywhere]\nroles: [appsanywhere]\n{CONTROLS}",
        encoding="utf-8",
    )
    assert len(load_site(path).controls) == 2


def test_the_maintenance_of_the_example_is_right_but_for_its_names(tmp_path):
    path = tmp_path / "connectivity.yaml"
    known = MAINTENANCE.replace("[analytics]", "[appsanywhere]").replace(
        "analytics-", "appsanywhere-"
    )
    path.write_text(
        f"catalogues: [appsanywhere]\nroles: [appsanywhere]\n{known}",
        encoding="utf-8",
    )
    assert len(load_site(path).maintenance) == 2


def test_the_catalogue_of_the_example_is_right(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(CATALOGUE, encoding="utf-8")
    assert load_catalogue(path).name == "shop"


def test_the_feed_of_the_example_is_right(tmp_path):
    path = tmp_path / "mail.yaml"
    path.write_text(f"catalogue: mail\n{FEED}", encoding="utf-8")
    catalogue = load_catalogue(path)
    assert dict(catalogue.feeds["exchange"].select) == {
        "serviceArea": ("Exchange",),
        "required": ("true",),
    }
    (rule,) = catalogue.definitions
    assert rule.written.destination.feed == "exchange"
