"""docs/findings.md against the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from exporter.diagnose.owners import OWNERS
from exporter.model.finding import Cause, Finding

TEXT = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
)


def test_every_cause_has_its_section_and_nothing_else_has():
    assert sorted(SECTIONS) == sorted(Cause)


@pytest.mark.parametrize("cause", Cause)
def test_each_says_what_it_needs_what_speaks_against_it_and_what_to_ask(cause):
    words = re.findall(r"^- \*\*([^*]+):\*\*", SECTIONS[cause], re.MULTILINE)
    assert words == ["Needs", "Against it", "Ask"]


def test_the_owners_are_those_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|$", TEXT, re.MULTILINE)
    told = {
        cause: owner for owner, causes in rows for cause in re.findall(r"\w+", causes)
    }
    assert told == {str(cause): owner for cause, owner in OWNERS.items()}


def test_every_field_is_told():
    told = re.findall(
        r"^\| `(\w+)` \|", TEXT.partition("## Whose it is")[0], re.MULTILINE
    )
    assert told == [field.name for field in fields(Finding)]
