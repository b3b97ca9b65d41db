"""What a person reads: findings first, then a summary, and rows on request.

A reader who stops after the first line has seen what matters most.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from exporter.diagnose.explanation import counted
from exporter.model.outcome import Verdict
from exporter.present import explain
from exporter.present.formats import blocks, layout
from exporter.present.formats.interface import Rows
from exporter.present.humanize import latency
from exporter.present.verdicts import (
    BUT,
    MARKS,
    SPARED,
    STYLES,
    concern,
    in_order,
    said,
    worst_first,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.model.rule import Target
    from exporter.monitor.store import Record
    from exporter.present.formats.interface import CheckOutcome, Traced

_HEADINGS = ("verdict", "rule", "from", "destination", "usage", "seen", "took")
_CONCERNED = "yellow"


def check(outcome: CheckOutcome) -> str:
    """Findings, what none of them explains, the rows asked for, and a summary."""
    screen = layout.Screen.standard()
    records = {record.target.key: record for record in outcome.records}
    parts = [blocks.finding(one, records, screen.width) for one in outcome.findings]
    explained = {key for one in outcome.findings for key in one.targets}
    parts += [
        blocks.unexplained(record, screen.width)
        for record in worst_first(outcome.records)
        if not in_order(record) and record.target.key not in explained
    ]
    shown = [one for one in worst_first(outcome.records) if _is_asked_for(one, outcome)]
    if shown:
        parts.append(_results(shown, screen))
    parts.append(list(map(Text, _summary(outcome))))
    lines: list[Text] = []
    for part in parts:
        lines += [Text(), *part] if lines else part
    return layout.rendered(lines)


def rules(targets: Sequence[Target]) -> str:
    """One line a target, in the order of the catalogue."""
    headings = ("status", "rule", "from", "destination", "probe", "usage", "rows")
    rows = [
        [
            *map(Text, (one.status, one.rule.id, one.rule.source, one.place)),
            *map(Text, (one.rule.probe, one.rule.usage, " ".join(one.rule.rows))),
        ]
        for one in targets
    ]
    optional = ("probe", "usage", "from", "rows")
    screen = layout.Screen.standard()
    return layout.rendered(layout.columns(headings, rows, screen, optional=optional))


def trace(traces: Sequence[Traced]) -> str:
    """Hop by hop, one block per address."""
    lines = [line for one in traces for line in _traced(one)]
    return layout.rendered(lines)


def _is_asked_for(record: Record, outcome: CheckOutcome) -> bool:
    if outcome.rows is Rows.FAILED:
        return not in_order(record)
    return outcome.rows is Rows.ALL


def _summary(outcome: CheckOutcome) -> Iterator[str]:
    needed = [record for record in outcome.records if not record.spared]
    counts = Counter(record.verdict for record in needed)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
    others = len(outcome.records) - len(needed)
    told += f", {others} {SPARED}" if others else ""
    concerns = sum(bool(concern(record)) for record in outcome.records)
    concerned = f' ({concerns} of them "{BUT}")' if concerns else ""
    summary = f"{counted(len(outcome.records), 'target')}: {told}{concerned}"
    hint = outcome.findings and outcome.rows is Rows.NONE
    yield f"{summary}. More: --all, --format request" if hint else summary
    lists = {target.rule.feed for target in outcome.without_feed}
    not_probed = [
        (outcome.missing, "interrupted"),
        (len(outcome.without_feed), f"without {counted(len(lists), 'feed')}"),
        (outcome.unset, "without a value"),
    ]
    missing = [f"{count} {why}" for count, why in not_probed if count]
    if missing:
        yield f"not probed: {', '.join(missing)}"


def _results(records: Sequence[Record], screen: layout.Screen) -> list[Text]:
    """One line a target."""
    rows = []
    for record in records:
        target, seen = record.target, blocks.observed(record)
        style = _CONCERNED if concern(record) else STYLES[record.verdict]
        cells = (
            *(target.rule.id, target.rule.source, target.place, target.rule.usage),
            *(f"{seen.reason} at {seen.stage}", latency(seen.latency)),
        )
        verdict = Text(f"{MARKS[record.verdict]} {said(record)}", style)
        rows.append([verdict, *map(Text, cells)])
    return layout.columns(_HEADINGS, rows, screen, optional=("usage", "from"))


def _traced(one: Traced) -> Iterator[Text]:
    title = Text(one.target.rule.id, "bold")
    flow = explain.flow(one.target)
    if one.error:
        yield title.append(f"  {flow}: {one.error}", "not bold")
        yield Text()
    for address, path in one.paths.items():
        yield title.copy().append(f"  {flow} ({address})", "not bold")
        for hop in path.hops:
            took = latency(hop.round_trip)
            yield Text(f"  {hop.ttl:>3}  {hop.address or '*':<40} {took}".rstrip())
        yield Text(f"       {explain.stops(path)}")
        yield Text()
