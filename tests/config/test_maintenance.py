"""Announced work in a site file: what it mutes, from when until when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporter.config.diagnostics import ConfigError
from exporter.config.maintenance import moment
from exporter.config.site import load_site

SITE = """\
catalogues: [shop.yaml]
roles: [till, office]
"""
SHOP = """\
catalogue: shop
title: Shop
roles: {till: {title: Till}, office: {title: Office}}
rules:
  - {id: till-bank, source: till, destination: {host: bank.example.com}, port: 443, transport: tcp, usage: mail, description: d}
  - {id: till-time, source: till, destination: {host: time.example.com}, port: 443, transport: tcp, usage: mail, description: d}
  - {id: office-bank, source: office, destination: {host: bank.example.com}, port: 443, transport: tcp, usage: mail, description: d}
"""
WINTER = 'until: "2026-01-10T06:00Z", why: Move'
NOON = datetime(2026, 1, 9, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


@pytest.fixture
def load(tmp_path):
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")

    def load(*entries):
        path = tmp_path / "site.yaml"
        windows = "".join(f"  - {{{entry}}}\n" for entry in entries)
        path.write_text(f"{SITE}maintenance:\n{windows}", encoding="utf-8")
        return load_site(path)

    return load


def muted(site, now=NOON):
    return {one.rule.id for one in site.targets if one.muted(now)}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("rules: [till-time]", {"till-time"}),
        ("destinations: [BANK.example.com]", {"till-bank", "office-bank"}),
        ("roles: [till]", {"till-bank", "till-time"}),
        ("roles: [till], destinations: [bank.example.com]", {"till-bank"}),
        ("rules: [till-bank, till-time], roles: [office]", set()),
    ],
)
def test_a_window_mutes_what_it_names(load, names, expected):
    assert muted(load(f"{names}, {WINTER}")) == expected


def test_it_begins_and_ends_by_itself(load):
    site = load(
        'roles: [till], from: "2026-01-09T13:00+01:00", until: "2026-01-09T14:00+01:00", why: w'
    )
    assert not muted(site, NOON - 1)
    assert (
        muted(site, NOON) == muted(site, NOON + HOUR - 1) == {"till-bank", "till-time"}
    )
    assert not muted(site, NOON + HOUR)


def test_of_several_windows_the_longest_is_told(load):
    site = load(
        f"roles: [till], {WINTER}",
        'rules: [till-bank], until: "2026-02-01T00:00Z", why: Long',
    )
    bank = next(one for one in site.targets if one.rule.id == "till-bank")
    assert str(bank.muted(NOON)) == "until 2026-02-01 00:00 UTC: Long"


def test_work_is_no_part_of_what_a_target_is(load):
    before = load().targets
    assert load(f"roles: [till], {WINTER}").targets == before


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (WINTER, "maintenance[0]: must name rules, destinations or roles"),
        (f"rules: [till-bnak], {WINTER}", "did you mean 'till-bank'"),
        (f"roles: [cellar], {WINTER}", "maintenance[0].roles[0]: unknown role 'cellar'"),
        ("roles: [till], why: w", "maintenance[0].until: is required"),
        ('roles: [till], until: "2026-01-10T06:00Z"', "maintenance[0].why: is required"),
        ('roles: [till], until: "tomorrow", why: w', "must be a date and time with its zone"),
        ('roles: [till], until: "2026-01-10T06:00", why: w', "'2026-01-10T06:00' has none"),
        ("roles: [till], until: 2026-01-10, why: w", "must be a date and time with its zone"),
        ("roles: [till], until: 6, why: w", "not the number 6"),
        (f'roles: [till], from: "2026-01-10T06:00Z", {WINTER}', "must be later than from"),
        (f"roles: [till], since: x, {WINTER}", "allowed: destinations, from, roles, rules, until, why"),
    ],
)  # fmt: skip
def test_a_slip_is_told_where_it_stands(load, entry, said):
    with pytest.raises(ConfigError) as error:
        load(entry)
    assert said in str(error.value)


def test_a_window_that_hides_nothing_or_everything_is_warned_of(load):
    site = load(
        f"destinations: [gone.example.com], {WINTER}",
        f"roles: [till, office], {WINTER}",
        f"roles: [till], {WINTER}",
    )
    assert site.warnings == (
        "maintenance until 2026-01-10 06:00 UTC: Move: mutes nothing that is probed from here",
        "maintenance until 2026-01-10 06:00 UTC: Move: mutes everything that is probed from here",
    )


def test_moments_are_read_in_their_zone():
    assert moment("2026-01-09T12:00Z") == moment("2026-01-09T13:00:00+01:00") == NOON
