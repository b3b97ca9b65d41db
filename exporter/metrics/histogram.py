"""Counts of seconds by size, cheap to add to.

The client library's own histogram takes two locks and walks its bounds at each value,
of which there are two a probe.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Histogram:
    """How many values there were up to each bound.

    Args:
        bounds: in seconds, ascending; what is beyond the last is counted too.

    Attributes:
        total: the sum of all values, in seconds.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Takes in one value."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Each bound as the label `le` has it, and how many values are up to it."""
        bounds = (*map(str, self._bounds), "+Inf")
        return list(zip(bounds, accumulate(self._counts), strict=True))
