"""What a report needs, asked of Prometheus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.report.availability import grouped, incidents, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.report.availability import Group, Incident, Measured
    from exporter.report.prometheus import Prometheus

_STEP = 60.0
_MOST_SAMPLES = 5000
"""A series' samples; Prometheus refuses more than 11 000."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says; times are Unix times.

    Attributes:
        start: of the span.
        end: likewise.
        step: seconds between the samples that it rests on.
        by: what the groups share.
        groups: of the rules that allow.
        incidents: in the order in which they began.
        denials: the rules that deny: what must stay shut.
        catalogues: name and SHA-256 of each catalogue that was in force.
    """

    start: float
    end: float
    step: float
    by: str
    groups: Sequence[Group]
    incidents: Sequence[Incident]
    denials: Sequence[Measured]
    catalogues: Sequence[tuple[str, str]]


async def gather(server: Prometheus, start: float, end: float, by: str) -> Report:
    """Asks for everything.

    Raises:
        ApiError: a question was not answered.
    """
    step = max(_STEP, math.ceil((end - start) / _MOST_SAMPLES))
    span = (start, end, step)
    satisfied = await server.over("connectivity_rule_satisfied", *span)
    window = f"[{math.ceil(end - start)}s]"
    info = await server.instant(f"last_over_time(connectivity_rule_info{window})", end)
    found = await server.over("connectivity_finding", *span)
    catalogues = await server.instant(
        f"last_over_time(connectivity_catalogue_info{window})", end
    )
    targets = measured(satisfied, info, math.floor((end - start) / step) + 1)
    deny = [one for one in targets if one.labels.get("expect") == "deny"]
    allow = [one for one in targets if one.labels.get("expect") != "deny"]
    return Report(
        start=start,
        end=end,
        step=step,
        by=by,
        groups=grouped(allow, by),
        incidents=incidents(found, end, step),
        denials=deny,
        catalogues=sorted(
            {
                (one.labels.get("catalogue", ""), one.labels.get("sha256", ""))
                for one in catalogues
            }
        ),
    )
