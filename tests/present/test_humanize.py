"""Lengths of time and lists are read at a glance."""

from __future__ import annotations

import pytest

from exporter.present import humanize


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, ""),
        (0.0, "0 µs"),
        (0.0000184, "18.4 µs"),
        (0.0009996, "1 ms"),
        (0.00241, "2.41 ms"),
        (0.184, "184 ms"),
        (0.9999, "1 s"),
        (1.25, "1.25 s"),
        (1500.0, "1500 s"),
    ],
)
def test_a_latency_is_told_in_a_unit_that_shows_something(seconds, told):
    assert humanize.latency(seconds) == told


def test_names_are_folded_into_the_room_there_is():
    names = ["alpha", "beta", "gamma"]
    assert humanize.folded(names, 18) == "alpha, beta, gamma"
    assert humanize.folded(names, 17) == "alpha and 2 more"
    assert humanize.folded(names, 23) == "alpha, beta, gamma"
    assert humanize.folded(["alpha", "beta", "gamma-delta"], 18) == "alpha and 2 more"
    assert humanize.folded(["a", "b", "c" * 20], 15) == "a, b and 1 more"
    assert humanize.folded(names, 0) == "alpha and 2 more"
    assert humanize.folded([], 10) == ""
