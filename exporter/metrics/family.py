"""A metric family: one name with its type, help text and labels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The metric types in use, as the TYPE line spells them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric; `labels` are those besides the ones every family of its kind has."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
