"""Times, lengths of time and lists as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LAST_YEAR = 253402300799.0
"""Unix time of the end of the year 9999, the last one that is written plainly."""


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit, to be read at a glance."""
    whole = max(int(seconds), 0)
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def latency(seconds: float | None) -> str:
    """What a network took, to three digits: `184 µs`, `2.41 ms`, `1.2 s`; empty for None."""
    if seconds is None:
        return ""
    for size, unit in ((1e-6, "µs"), (1e-3, "ms")):
        if float(f"{seconds / size:.3g}") < 1000:  # noqa: PLR2004 - the next unit is as large
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"  # noqa: PLR2004 - likewise


def folded(names: Sequence[str], room: int) -> str:
    """As many names as there is room for, and how many are left; at least one."""
    told = ", ".join(names)
    # No name is shorter than one character, so no more than these have room.
    for count in range(min(len(names) - 1, max(room, 1)), 0, -1):
        if len(told) <= room:
            break
        told = f"{', '.join(names[:count])} and {len(names) - count} more"
    return told


def moment(timestamp: float | None) -> str:
    """A Unix time as `2026-06-01 12:00:00 UTC`; empty for None."""
    if timestamp is None or not 0 <= timestamp <= _LAST_YEAR:
        return "" if timestamp is None else f"{timestamp:.0f}"
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC"
