from __future__ import annotations

from exporter.metrics.histogram import Histogram


def test_a_value_counts_up_to_each_bound_that_is_not_below_it():
    seen = Histogram((0.1, 1.0))
    for value in (0.0, 0.1, 0.2, 1.0, 5.0):
        seen.observe(value)
    assert seen.buckets() == [("0.1", 2), ("1.0", 4), ("+Inf", 5)]
    assert seen.total == 6.3


def test_without_values_all_counts_are_nought():
    assert Histogram((0.5,)).buckets() == [("0.5", 0), ("+Inf", 0)]
