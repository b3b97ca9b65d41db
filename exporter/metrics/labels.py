"""Labels: those of every target's series, and how a value is written.

A new label of every target is a row in `FLOW` of `model/facts.py`; a new one of
`connectivity_rule_info` is a row of the same file that is shown there, with its name in
`target_families.py`; one of any other metric stands in its family and its sampler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.facts import FLOW
from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from exporter.model.rule import Target

COMMON_LABELS = tuple(fact.name for fact in FLOW)
"""The labels of every target's series."""
MAX_LABEL = 256
"""Characters of a label value; certificates carry whatever their owner likes."""
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def bounded(value: str) -> str:
    """A label's value: of bounded length, and of visible characters only."""
    value = visible(value[: MAX_LABEL + 1], keep="\n")
    return value if len(value) <= MAX_LABEL else value[: MAX_LABEL - 1] + "…"


def label(name: str, value: str) -> str:
    """`,name="value"`, escaped and bounded."""
    return f',{name}="{bounded(value).translate(_ESCAPES)}"'


def common_labels(target: Target) -> str:
    """The labels every series of a target carries, without a leading comma."""
    labels = (label(fact.name, fact.text(target)) for fact in FLOW)
    return "".join(labels).removeprefix(",")
