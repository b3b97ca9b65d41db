"""docs/probes.md has a section for every probe, with its true options and floor."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from exporter.probes.protocols import PROBERS

PAGE = Path(__file__).parents[3] / "docs" / "probes.md"
ROWS = [
    "sends",
    "the answer",
    "proves",
    "cannot prove",
    "options",
    "over",
    "at the most every",
    "in the log",
    "source",
]


@pytest.fixture
def sections():
    parts = re.split(r"^## `(\w+)`$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(params=PROBERS)
def described(request, sections):
    """A prober and its section's table: row title to text."""
    rows = re.findall(
        r"^\| ([a-z][\w ]*) \| (.+) \|$", sections[request.param], re.MULTILINE
    )
    return PROBERS[request.param], dict(rows)


def test_there_is_a_section_for_every_probe_and_no_other(sections):
    assert sorted(sections) == sorted(PROBERS)


def test_every_section_answers_every_question(described):
    _, rows = described
    assert list(rows) == ROWS


def test_the_options_are_the_probers_with_their_defaults(described):
    prober, rows = described
    told = dict(re.findall(r"`(\w+)` \(default:? ?`?([^`):,]*)", rows["options"]))
    fields = {field.name: field.default for field in dataclasses.fields(prober)}
    assert sorted(told) == sorted(fields)
    for name, default in fields.items():
        # None stands for a default that needs a sentence.
        if default is not None:
            yaml = (
                default if default and isinstance(default, str) else json.dumps(default)
            )
            assert told[name] == yaml


def test_the_floor_is_the_probers(described):
    prober, rows = described
    assert rows["at the most every"].startswith(f"{prober.floor:g} s")


def test_the_transports_are_the_probers(described):
    prober, rows = described
    told = set(re.findall(r"TCP|UDP|ICMP\b", rows["over"]))
    assert told == {transport.upper() for transport in prober.transports}
