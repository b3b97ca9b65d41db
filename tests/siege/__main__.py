"""`python -m tests.siege [SECONDS]`: a long siege, told as it goes (`make soak`)."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from tests.siege import siege

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR = 3600.0
COUNT = 2000
RSS = 250.0
GROWTH = 1.1
"""By what memory may grow from the second quarter to the last: the history is full then."""
MORE = 1.3
"""Likewise descriptors, of which clients and peers hold now more, now fewer."""


def main(seconds: float) -> int:
    """Besieges an exporter; 0 if it held."""
    with tempfile.TemporaryDirectory() as folder, siege.peers() as ports:
        exporter = siege.Exporter(Path(folder), COUNT, ports, users=True)
        with exporter.running() as process:
            seen = asyncio.run(siege.besieged(exporter, process, seconds))
    quarter = len(seen.rss) // 4
    second, last = _quarters(seen.rss)
    open_before, open_now = _quarters(seen.descriptors)
    held = {
        "no verdict moved": not seen.wrong and min(seen.hold) > 0.99,
        "every scrape within 5 s": max(seen.scrapes) < 5,
        "99 % of health checks within 0.5 s": seen.health_percentile(0.99) < 0.5,
        f"at most {RSS:.0f} MiB": max(seen.rss) < RSS,
        "memory is flat": last < GROWTH * second,
        "descriptors are bounded": max(seen.descriptors) < 600,
        "descriptors are constant": open_now < MORE * open_before,
        "threads are constant": max(seen.threads) - min(seen.threads[quarter:]) < 10,
    }
    print(f"{seen.told()}; {second:.0f} MiB and then {last:.0f}")
    for said in seen.wrong[:5]:
        print(said)
    for what, is_so in held.items():
        print("held" if is_so else "BROKEN", what)
    return 0 if all(held.values()) else 1


def _quarters(values: Sequence[float]) -> tuple[float, float]:
    """Means of the second quarter and of the last."""
    size = len(values) // 4
    return fmean(values[size : 2 * size]), fmean(values[-size:])


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else HOUR))
