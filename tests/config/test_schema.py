"""The JSON Schema for editors, and options taken from prober dataclasses."""

from __future__ import annotations

import json

import pytest

from exporter.config import probe_options
from exporter.config.site import load_site
from exporter.config.site_schema import json_schema
from exporter.model.rule import Transport, Usage
from exporter.probes.protocols import PROBERS, default_probe


def test_both_files_are_described_key_by_key():
    schema = json_schema()
    definitions = schema["$defs"]
    assert [one["$ref"] for one in schema["anyOf"]] == [
        "#/$defs/CatalogueModel",
        "#/$defs/SiteModel",
    ]
    for name in ("RuleModel", "RoleModel", "PlaceholderModel", "OverrideModel"):
        for key, described in definitions[name]["properties"].items():
            assert described.get("description"), f"{name}.{key}"
        assert definitions[name]["additionalProperties"] is False
    assert definitions["Usage"]["enum"] == list(Usage)


def test_defaults_are_shown_as_they_are_written():
    shown = json_schema()["$defs"]
    assert shown["ScheduleModel"]["properties"]["interval"]["default"] == "60s"
    assert shown["ScheduleModel"]["properties"]["rate"]["default"] == "200/s"
    assert shown["WebModel"]["properties"]["listen"]["default"] == "127.0.0.1:9842"


@pytest.mark.usefixtures("stand_ins")
def test_every_prober_is_offered_with_its_options_and_their_meaning():
    names, calls = json_schema()["$defs"]["Probe"]["anyOf"]
    assert names["enum"] == sorted(PROBERS)
    assert calls["properties"]["https"]["properties"]["path"] == {
        "default": "/",
        "description": "what is asked for, beginning with a slash.",
        "title": "Path",
        "type": "string",
    }
    assert calls["properties"]["named"]["required"] == ["account"]


def test_the_schema_of_the_real_probers_is_json_and_every_reference_leads_somewhere():
    schema = json_schema()
    text = json.dumps(schema)
    used = {part.partition('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert used <= set(schema["$defs"])


def test_a_section_of_comments_alone_is_right_in_an_editor_too():
    properties = json_schema()["$defs"]["SiteModel"]["properties"]
    for name in ("placeholders", "overrides", "rules"):
        assert "null" in properties[name]["type"]


def test_a_ports_own_protocol_is_the_default_only_where_it_is_spoken():
    assert default_probe(443, Transport.TCP) == "https"
    assert default_probe(443, Transport.UDP) == "udp"
    assert default_probe(1433, Transport.TCP) == "mssql"
    assert default_probe(1433, Transport.UDP) == "udp"
    assert default_probe(88, Transport.UDP) == default_probe(88, Transport.TCP)
    assert default_probe(9999, Transport.TCP) == "tcp"


def test_no_port_is_claimed_twice():
    claimed = [
        (port, transport)
        for prober in PROBERS.values()
        for port in prober.default_ports
        for transport in prober.transports
    ]
    assert len(claimed) == len(set(claimed)) > 10


def test_the_real_probers_options_can_all_be_derived():
    for prober in PROBERS.values():
        assert (
            probe_options.options_model(prober).model_json_schema()["type"] == "object"
        )


@pytest.mark.parametrize(
    ("port", "tls", "due"),
    [
        (443, "", True),
        (3389, "", False),
        (5432, "", False),
        (3389, ", tls: {verify: true}", True),
        (5432, ", tls: {server_name: db.example}", False),
        (3389, ", probe: tls", True),
        (443, ", tls: {verify: false}", False),
    ],
)
def test_what_clients_do_not_verify_is_not_unless_it_is_asked_for(
    tmp_path, port, tls, due
):
    file = tmp_path / "connectivity.yaml"
    flow = f"id: x, source: a, destination: {{host: b.example}}, port: {port}"
    file.write_text(f"rules:\n  - {{{flow}{tls}}}\n", encoding="utf-8")
    (target,) = load_site(file).targets
    assert target.rule.tls.verify is due
