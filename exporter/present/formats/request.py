"""Requests, ready to be pasted into tickets: one for each owner and cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.present.formats import blocks, layout
from exporter.present.verdicts import in_order, worst_first
from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.present.formats.interface import CheckOutcome

_NOBODY = "(no owner named)"


def check(outcome: CheckOutcome) -> str:
    """All requests, those of one owner together, the worst first."""
    tickets: dict[str, list[str]] = {}
    for owner, text in _tickets(outcome):
        tickets.setdefault(owner or _NOBODY, []).append(text)
    told = [
        f"=== For {visible(owner)}, {number} of {len(texts)} ===\n{text.rstrip()}\n"
        for owner, texts in tickets.items()
        for number, text in enumerate(texts, start=1)
    ]
    return visible("\n".join(told), keep="\n") or "Nothing is to be asked for.\n"


def _tickets(outcome: CheckOutcome) -> Iterator[tuple[str, str]]:
    explained = {key for one in outcome.findings for key in one.targets}
    for one in outcome.findings:
        asked = visible(one.ask, keep="\n")
        yield one.owner, f"Subject: {visible(one.summary)}\n\n{asked}"
    for record in worst_first(outcome.records):
        if not in_order(record) and record.target.key not in explained:
            told = blocks.unexplained(record, layout.WIDTH)
            text = "\n".join(visible(line.plain) for line in told)
            yield record.target.rule.owner, f"Subject: {text}"
