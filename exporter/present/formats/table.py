"""The table that a person reads: worst first, with what to ask for.

A reader who stops after the first line has seen what matters most.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exporter.model.outcome import Verdict
from exporter.present import explain
from exporter.present.verdicts import MARKS, worst_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from exporter.model.outcome import Observation
    from exporter.model.rule import Target
    from exporter.monitor.store import Record
    from exporter.present.formats.interface import CheckOutcome, Traced

_STYLES = {
    Verdict.VIOLATED: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.HOLDS: "green",
}
_PIPE_WIDTH = 240
"""Columns where no terminal bounds a line, so that lines stay whole."""


def check(outcome: CheckOutcome) -> str:
    """The results, then what is to be said of those that do not simply hold."""
    records = worst_first(outcome.records)
    counts = Counter(record.verdict for record in records)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
    concerns = sum(bool(_concern(record)) for record in records)
    concerned = f" ({concerns} of them with a concern)" if concerns else ""
    return _rendered(
        _results(records),
        "",
        *(
            explanation(record)
            for record in records
            if record.verdict is not Verdict.HOLDS or _concern(record)
        ),
        Text(f"{len(records)} targets: {told}{concerned}"),
        *map(Text, _not_probed(outcome)),
    )


def rules(targets: Sequence[Target]) -> str:
    """One line a target, in the order of the catalogue."""
    return _rendered(_rules_table(targets))


def trace(traces: Sequence[Traced]) -> str:
    """Hop by hop, one block per address."""
    return _rendered(*map(_traced, traces))


def _rendered(*parts: RenderableType) -> str:
    """As a terminal shows it, or plain and wide where there is none."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = None if terminal else _PIPE_WIDTH
    console = Console(highlight=False, width=width)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()


def _concern(record: Record) -> str:
    seen = record.latest.observation if record.latest else None
    holds = record.verdict is Verdict.HOLDS
    return explain.concern(record.target.rule, seen) if seen and holds else ""


def _not_probed(outcome: CheckOutcome) -> Iterator[str]:
    if outcome.without_list:
        yield (
            f"{len(outcome.without_list)} rules lead to mirror lists that could not be "
            f"fetched (see the warnings)"
        )
    if outcome.unset:
        yield (
            f"{outcome.unset} more are not probed because their placeholders have no "
            f"value (see `connectivity-exporter validate`)"
        )


def _results(records: Sequence[Record]) -> Table:
    """One line a target."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("verdict", "rule", "from", "destination", "usage", "seen", "took"):
        table.add_column(heading, overflow="fold")
    for record in records:
        target, seen = record.target, _observation(record)
        said = "holds, but" if _concern(record) else str(record.verdict)
        style = "yellow" if _concern(record) else _STYLES[record.verdict]
        table.add_row(
            Text(f"{MARKS[record.verdict]} {said}", style),
            Text(target.rule.id),
            Text(target.rule.source),
            Text(target.place),
            Text(target.rule.usage),
            Text(f"{seen.reason} at {seen.stage}"),
            Text("" if seen.latency is None else f"{seen.latency * 1000:.1f} ms"),
        )
    return table


def explanation(record: Record) -> Text:
    """What was seen of a rule that does not hold, who refused, what to ask for."""
    target, seen = record.target, _observation(record)
    concern = _concern(record)
    said = "holds, but" if concern else str(record.verdict)
    text = Text(f"{MARKS[record.verdict]} {said}  ", _STYLES[record.verdict])
    text.append(f"{target.rule.id}", "bold").append(f"  {explain.flow(target)}\n")
    facts = {
        "but": concern,
        "seen": explain.seen(seen),
        "detail": seen.detail,
        "refused by": explain.refused_by(seen),
        "address": seen.address,
        "path": explain.stops(record.path) if record.path else "",
        "ask": "" if concern else explain.ask(target, seen),
        "owner": target.rule.owner,
        "rows": ", ".join(target.rule.rows),
    }
    for name, value in facts.items():
        if value:
            text.append(f"    {name:<11}", "dim").append(f"{value}\n")
    return text


def _rules_table(targets: Sequence[Target]) -> Table:
    """One line a target, in the order of the catalogue."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    headings = ("status", "rule", "from", "destination", "probe", "usage", "rows")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for target in targets:
        rule = target.rule
        cells = (
            *(target.status, rule.id, rule.source, target.place),
            *(rule.probe, rule.usage, " ".join(rule.rows)),
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _traced(one: Traced) -> Text:
    text = Text()
    if one.error:
        text.append(f"{one.target.rule.id}", "bold")
        text.append(f"  {explain.flow(one.target)}: {one.error}\n")
    for address, path in one.paths.items():
        text.append(f"{one.target.rule.id}", "bold")
        text.append(f"  {explain.flow(one.target)} ({address})\n")
        for hop in path.hops:
            took = "" if hop.round_trip is None else f"{hop.round_trip * 1000:.1f} ms"
            text.append(f"  {hop.ttl:>3}  {hop.address or '*':<40} {took}\n")
        text.append(f"       {explain.stops(path)}\n")
    return text


def _observation(record: Record) -> Observation:
    if record.latest is None:
        message = f"{record.target} has not been probed"
        raise ValueError(message)
    return record.latest.observation
