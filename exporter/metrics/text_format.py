"""The text formats of an exposition: Prometheus' own and OpenMetrics."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from exporter.metrics.labels import label

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from exporter.metrics.family import Family


class ExpositionFormat(Enum):
    """The exposition formats, by their content types."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def header(family: Family, form: ExpositionFormat) -> str:
    """The lines that describe a family, before its samples."""
    name, text = family.name, family.help.replace("\\", r"\\").replace("\n", r"\n")
    if form is ExpositionFormat.OPENMETRICS:
        name = name.removesuffix("_total")
        text = text.replace('"', r"\"")
    return f"# HELP {name} {text}\n# TYPE {name} {family.kind}\n"


def sample_lines(metric: Metric, labels: str) -> str:
    """The samples of a metric; `labels` are led by a comma, and added to their own."""
    lines: list[str] = []
    for sample in metric.samples:
        text = labels + "".join(label(*pair) for pair in sample.labels.items())
        braced = f"{{{text[1:]}}}" if text else ""
        lines.append(f"{sample.name}{braced} {_plain(float(sample.value))}\n")
    return "".join(lines)


def _plain(value: float) -> str:
    """A number without an exponent."""
    return str(int(value)) if value.is_integer() else f"{value:.9f}"
