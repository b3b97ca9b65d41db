"""CSV: one line a target, with a heading; safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from exporter.model.facts import FLOW, RULE_FACTS, Shown
from exporter.model.rule import Expect
from exporter.present.verdicts import worst_first
from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.model.rule import Target
    from exporter.monitor.store import Record
    from exporter.present.formats.interface import CheckOutcome, Flow

_RESULT = (
    *("expect", "verdict", "stage", "reason", "origin", "latency_seconds", "detail"),
)
_ASKED = tuple(
    fact
    for fact in RULE_FACTS
    if Shown.MARKDOWN in fact.shown and fact not in FLOW[2:5]
)
_FLOWS = (
    *("source", "source_address", "destination", "destination_address"),
    *("protocol", "port", "action", "via", *(fact.name for fact in _ASKED)),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell (OWASP, CSV injection)."""


def check(outcome: CheckOutcome) -> str:
    """The results, worst first."""
    columns = [*(fact.name for fact in FLOW), *_RESULT]
    return table(columns, map(_result, worst_first(outcome.records)))


def rules(targets: Sequence[Target]) -> str:
    """All that each rule says."""
    columns = [fact.name for fact in RULE_FACTS]
    return table(columns, ([fact.text(one) for fact in RULE_FACTS] for one in targets))


def flows(all_flows: Iterable[Flow]) -> str:
    """Flows as a firewall team imports them: an address to an address, one a line."""
    return table(_FLOWS, (line for one in all_flows for line in _flow(one)))


def _flow(flow: Flow) -> Iterator[list[str]]:
    target = flow.target
    action = "allow" if target.rule.expect is Expect.ALLOW else "deny"
    asked = [fact.text(target) for fact in _ASKED]
    for source, destination in _pairs(flow):
        yield [
            *(flow.source, source, flow.destination, destination),
            *(str(target.rule.transport), str(flow.port or ""), action, flow.via),
            *asked,
        ]


def _pairs(flow: Flow) -> Iterator[tuple[str, str]]:
    """Addresses of one family; a side that is not known is empty."""
    for destination in flow.destination_addresses or ("",):
        family = [
            source
            for source in flow.source_addresses
            if not destination or (":" in source) == (":" in destination)
        ]
        for source in family or [""]:
            yield source, destination


def _result(record: Record) -> list[str]:
    target = record.target
    cells = [fact.text(target) for fact in FLOW]
    cells += [str(target.rule.expect), str(record.verdict)]
    seen = record.latest.observation if record.latest else None
    if seen is None:
        return cells + [""] * 5
    latency = "" if seen.latency is None else f"{seen.latency:.6f}"
    return [*cells, seen.stage, seen.reason, seen.origin, latency, seen.detail]


def table(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Any table, its cells as a spreadsheet may have them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, and no terminal for an order."""
    formula = cell.startswith(_FORMULA)
    return f"'{visible(cell)}" if formula else visible(cell)
