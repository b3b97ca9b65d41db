"""The table of facts: whatever a rule says is shown somewhere."""

from __future__ import annotations

import dataclasses

import pytest

from exporter.model.facts import RULE_FACTS, Shown, shown_in
from exporter.model.maintenance import Maintenance
from exporter.model.rule import (
    AddressPolicy,
    Denial,
    Expect,
    Rule,
    Severity,
    Status,
    Target,
    TlsPolicy,
    Transport,
    Usage,
)
from tests import make

OTHER = {
    "port": None,  # the target's, which a mirror or a base URL may give another
    "transport": Transport.UDP,
    "usage": Usage.MAIL,
    "options": {"path": "/alive"},
    "expect": Expect.DENY,
    "denial": frozenset({Denial.RESET}),
    "severity": Severity.INFO,
    "interval": 7.0,
    "timeout": 3.0,
    "unsent_interval": 8.0,
    "public": True,
    "tls": TlsPolicy(verify=False, server_name="other"),
    "addresses": AddressPolicy.ALL,
    "rows": ("Z9",),
    "advisory": True,
}
UNSHOWN = {"port"}
"""Fields of a rule that no output shows, and why: see the notes above."""


def told(target):
    return [fact.get(target) for fact in RULE_FACTS]


@pytest.mark.parametrize(
    "field", [f.name for f in dataclasses.fields(Rule) if f.name not in UNSHOWN]
)
def test_a_fact_shows_every_field_of_a_rule(field):
    rule = make.rule()
    other = dataclasses.replace(rule, **{field: OTHER.get(field, "another")})
    assert told(Target(rule, "a", 1)) != told(Target(other, "a", 1))


@pytest.mark.parametrize(
    ("field", "value"), [("destination", "b"), ("port", 2), ("status", Status.UNSET)]
)
def test_a_fact_shows_what_is_a_targets_own(field, value):
    target = Target(make.rule(), "a", 1)
    assert told(target) != told(dataclasses.replace(target, **{field: value}))


def test_a_fact_shows_what_mutes_a_target_until_it_is_over():
    muted = next(fact for fact in RULE_FACTS if fact.name == "muted")
    target = Target(make.rule(), "a", 1)
    work = [Maintenance(0, end, "Move") for end in (1, 1e11)]
    assert muted.get(dataclasses.replace(target, maintenance=tuple(work[:1]))) is None
    told = muted.get(dataclasses.replace(target, maintenance=tuple(work)))
    assert told == "until 5138-11-16 09:46 UTC: Move"


def test_each_fact_has_one_name_and_one_heading():
    for part in ("name", "words"):
        names = [getattr(fact, part) for fact in RULE_FACTS]
        assert len(names) == len(set(names))
    assert all(shown_in(where) for where in Shown)
