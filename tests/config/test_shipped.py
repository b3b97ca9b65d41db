"""Every catalogue that is shipped, by itself and beside the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config.catalogue import load_catalogue
from exporter.config.site import load_site
from exporter.model.ledger import Fate
from exporter.model.rule import Status

SHIPPED = sorted(
    file.stem for file in (Path(__file__).parents[2] / "config/catalogues").iterdir()
)


def site(tmp_path, names, role):
    path = tmp_path / "site.yaml"
    path.write_text(f"catalogues: [{', '.join(names)}]\nroles: [{role}]\n")
    return load_site(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_keeps_an_account_of_what_its_document_asks_for(name):
    catalogue = load_catalogue(name)
    assert catalogue.name == name
    told = {entry.row for entry in catalogue.requirements}
    assert len(told) == len(catalogue.requirements) > 0
    elsewhere = {e.why for e in catalogue.requirements if e.fate is Fate.ELSEWHERE}
    assert elsewhere <= set(SHIPPED)


def test_all_of_them_fit_beside_each_other(tmp_path):
    whole = site(tmp_path, SHIPPED, "appsanywhere")
    assert {ledger.catalogue for ledger in whole.ledgers} == set(SHIPPED)


def test_no_farm_is_probed_before_a_site_names_its_hosts(tmp_path):
    farm = site(tmp_path, ["parallels-ras"], "parallels-client")
    statuses = {one.status for one in farm.targets}
    assert statuses == {Status.UNSET, Status.OTHER_ROLE}
    numbers = {int(row) for rule in farm.rules for row in rule.rows}
    others = {5, 9, 18, 27, 31, 38, 40}
    assert numbers | others == set(range(1, 41))
    assert not numbers & others
