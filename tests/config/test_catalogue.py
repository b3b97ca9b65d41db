"""Catalogues by name and by path, and how much is said of a thoroughly wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import catalogue
from exporter.config.catalogue import load_catalogue
from exporter.config.diagnostics import ENOUGH, ConfigError
from exporter.config.rule_schema import RuleModel
from tests.config.standins import STEADY

GOOD = Path(__file__).parent / "good" / "catalogue.yaml"
HEAD = "catalogue: c\ntitle: C\nroles: {till: {title: Till}}\nrules:\n"


def test_a_shipped_catalogue_is_found_by_its_name():
    found = load_catalogue("appsanywhere")
    assert found.name == "appsanywhere"
    assert len(found.definitions) > 60


def test_an_installed_package_carries_its_catalogues_inside(tmp_path, monkeypatch):
    (tmp_path / "inside.yaml").write_text(GOOD.read_text(encoding="utf-8"))
    monkeypatch.setattr(catalogue, "_SHIPPED", (tmp_path, tmp_path / "no-checkout"))
    assert load_catalogue("inside").name == "shop"


def test_a_catalogue_is_found_by_its_path():
    found = load_catalogue(GOOD)
    assert found.title == "What the shop needs"
    assert [note.rows for note in found.notes] == [("N1",), ()]


def test_a_catalogue_that_is_not_shipped_is_told_with_those_that_are():
    with pytest.raises(ConfigError) as caught:
        load_catalogue("apsanywhere")
    assert str(caught.value) == (
        "apsanywhere:1: unknown catalogue 'apsanywhere'; did you mean 'appsanywhere'? "
        "allowed: active-directory, appsanywhere, cloudpaging, looker, microsoft-365, "
        "parallels-ras; "
        "or a path ending in .yaml"
    )


@pytest.mark.parametrize(
    "flood",
    [
        HEAD + "  - [" + "no, " * 50_000 + "]\n",
        HEAD + "  - {}\n" * 50_000,
        HEAD + "  - {" + ", ".join(f"k{i}: 1" for i in range(20_000)) + "}\n",
        HEAD + "".join(f"a{i}: &a{i} 1\n" for i in range(20_000)),
    ],
    ids=["words", "rules", "keys", "anchors"],
)
def test_a_flood_of_mistakes_is_told_up_to_where_nobody_reads_on(flood, tmp_path):
    path = tmp_path / "flood.yaml"
    path.write_text(flood, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)
    assert ENOUGH <= len(caught.value.problems) <= ENOUGH + 10


def test_a_rule_with_a_mistake_still_counts_as_a_witness(tmp_path):
    path = tmp_path / "witness.yaml"
    place = "source: till, destination: {host: a.example}, transport: tcp, usage: mail"
    path.write_text(
        HEAD
        + f"  - {{id: one, {place}, port: ssh, description: One}}\n"
        + f"  - {{id: two, {place}, port: 1, description: Two, expect: deny,"
        + " witness: one}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)
    [problem] = caught.value.problems
    assert problem.path == "rules[0].port"


@pytest.mark.parametrize(
    "wrong",
    [
        *("5: x", "null: x", "~: x", "2024-07-01: x", "<<: {source: till}", "yes: x"),
        *("010: x", "1:30: x", "0x1F: x", "port: 010", "port: 2024-07-01", "usage: no"),
        *("tls: {5: x}", "destination: {null: x}", "probe: {5: {}}", "rows: [5, ~]"),
    ],
)
def test_what_yaml_reads_in_its_own_way_beside_a_missing_key_is_told_at_its_line(
    wrong, tmp_path
):
    path = tmp_path / "keys.yaml"
    path.write_text(f"{HEAD}  - id: a\n    {wrong}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)
    assert any(f"{path}:6: " in str(one) for one in caught.value.problems)


@STEADY
@given(
    written=st.dictionaries(
        st.sampled_from([*RuleModel.model_fields, "5", "null", "<<", "2024-07-01"]),
        st.sampled_from(
            [
                "x",
                "5",
                "0",
                "010",
                "null",
                "no",
                "[]",
                "{}",
                "{a: b}",
                "[~]",
                "2024-07-01",
            ]
        ),
        min_size=1,
    )
)
def test_any_keys_of_a_rule_are_read_or_refused(written, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "any.yaml"
    keys = "\n    ".join(f"{key}: {value}" for key, value in written.items())
    path.write_text(f"{HEAD}  - {keys}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)
    assert min(one.line for one in caught.value.problems) >= 1
