"""Results and rules as a person reads them: tables, CSV, Markdown, JUnit.

Builds text and rich renderables, prints nothing. Worst first: a reader who stops
after the first line has seen what matters most.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # only writes XML, so nothing hostile is parsed

from rich.table import Table
from rich.text import Text

from exporter.model.outcome import Verdict
from exporter.present import explain
from exporter.present.documents import path_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.model.outcome import Observation, Path
    from exporter.model.rule import Target
    from exporter.monitor.store import Record

_ORDER = {Verdict.VIOLATED: 0, Verdict.UNKNOWN: 1, Verdict.HOLDS: 2}
_SHOWN = {
    Verdict.VIOLATED: ("✗ violated", "bold red"),
    Verdict.UNKNOWN: ("? unknown", "yellow"),
    Verdict.HOLDS: ("✓ holds", "green"),
}
_SEVERITIES = ["critical", "warning", "info"]
_COLUMNS = (
    *("rule", "source_role", "destination", "port", "protocol", "usage"),
    *("expect", "verdict", "stage", "reason", "origin", "latency_seconds", "detail"),
)
RULE_COLUMNS = (
    *("rule", "source_role", "destination", "port", "protocol", "usage", "probe"),
    *("expect", "status", "severity", "owner", "catalogue", "section", "rows"),
    *("description", "notes"),
)
_MARKDOWN_COLUMNS = (
    *("status", "rule", "source_role", "destination", "port", "protocol", "usage"),
    *("owner", "section", "rows", "description"),
)


def worst_first(records: Iterable[Record]) -> list[Record]:
    """Violated before unknown before holding; then by severity, then by rule."""
    return sorted(
        records,
        key=lambda record: (
            _ORDER[record.verdict],
            _SEVERITIES.index(record.target.rule.severity),
            record.target.rule.id,
        ),
    )


def check_table(records: Sequence[Record]) -> Table:
    """One line a target."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("verdict", "rule", "from", "destination", "usage", "seen", "took"):
        table.add_column(heading, overflow="fold")
    for record in worst_first(records):
        target, seen = record.target, _observation(record)
        mark, style = _SHOWN[record.verdict]
        table.add_row(
            Text(mark, style),
            Text(target.rule.id),
            Text(target.rule.source),
            Text(_destination(target)),
            Text(target.rule.usage),
            Text(f"{seen.reason} at {seen.stage}"),
            Text("" if seen.latency is None else f"{seen.latency * 1000:.1f} ms"),
        )
    return table


def explanation(record: Record) -> Text:
    """What was seen of a rule that does not hold, who refused, what to ask for."""
    target, seen = record.target, _observation(record)
    mark, style = _SHOWN[record.verdict]
    text = Text(f"{mark}  ", style)
    text.append(f"{target.rule.id}", "bold").append(f"  {explain.flow(target)}\n")
    facts = {
        "seen": explain.seen(seen),
        "detail": seen.detail,
        "refused by": explain.refused_by(seen),
        "address": seen.address,
        "path": explain.stops(record.path) if record.path else "",
        "ask": explain.ask(target, seen),
        "owner": target.rule.owner,
        "rows": ", ".join(target.rule.rows),
    }
    for name, value in facts.items():
        if value:
            text.append(f"    {name:<11}", "dim").append(f"{value}\n")
    return text


def check_csv(records: Sequence[Record]) -> str:
    """One line a target, worst first, with a heading."""
    rows = []
    for record in worst_first(records):
        rule, seen = record.target.rule, _observation(record)
        latency = "" if seen.latency is None else f"{seen.latency:.6f}"
        rows.append(
            (
                *(rule.id, rule.source, record.target.destination, record.target.port),
                *(rule.transport, rule.usage, rule.expect, record.verdict),
                *(seen.stage, seen.reason, seen.origin, latency, seen.detail),
            )
        )
    return _csv(_COLUMNS, rows)


def check_junit(records: Sequence[Record]) -> str:
    """A JUnit report: violated rules fail, unknown ones are skipped."""
    count = dict.fromkeys(Verdict, 0)
    suite = ET.Element("testsuite", name="connectivity")
    for record in worst_first(records):
        count[record.verdict] += 1
        target, seen = record.target, _observation(record)
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"{target.rule.source}.{target.rule.usage}",
            name=f"{target.rule.id} {_destination(target)}",
            time=f"{record.latest.duration if record.latest else 0:.3f}",
        )
        message = f"{seen.reason} at {seen.stage}: {seen.detail}"
        if record.verdict is Verdict.VIOLATED:
            failure = ET.SubElement(case, "failure", message=message)
            failure.text = f"{explain.seen(seen)} {explain.ask(target, seen)}"
        elif record.verdict is Verdict.UNKNOWN:
            ET.SubElement(case, "skipped", message=message)
    suite.set("tests", str(sum(count.values())))
    suite.set("failures", str(count[Verdict.VIOLATED]))
    suite.set("skipped", str(count[Verdict.UNKNOWN]))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def rules_table(targets: Sequence[Target]) -> Table:
    """One line a target, in the order of the catalogue."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    headings = ("status", "rule", "from", "destination", "probe", "usage", "rows")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for target in targets:
        rule = target.rule
        cells = (
            *(target.status, rule.id, rule.source, _destination(target)),
            *(rule.probe, rule.usage, " ".join(rule.rows)),
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def rules_csv(targets: Sequence[Target]) -> str:
    """All that is known of each target, with a heading."""
    return _csv(RULE_COLUMNS, [_rule_cells(target) for target in targets])


def rules_markdown(targets: Sequence[Target]) -> str:
    """A table for a ticket or a wiki page."""
    chosen = [RULE_COLUMNS.index(name) for name in _MARKDOWN_COLUMNS]
    cells = ([_rule_cells(target)[place] for place in chosen] for target in targets)
    lines = [_MARKDOWN_COLUMNS, ["---"] * len(chosen), *cells]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


def trace_text(target: Target, paths: Mapping[str, Path]) -> Text:
    """Hop by hop, one block per address."""
    text = Text()
    for address, path in paths.items():
        text.append(f"{target.rule.id}", "bold")
        text.append(f"  {explain.flow(target)} ({address})\n")
        for hop in path.hops:
            took = "" if hop.round_trip is None else f"{hop.round_trip * 1000:.1f} ms"
            text.append(f"  {hop.ttl:>3}  {hop.address or '*':<40} {took}\n")
        text.append(f"       {explain.stops(path)}\n")
    return text


def trace_document(target: Target, paths: Mapping[str, Path]) -> dict[str, object]:
    """The same for programs."""
    told = {address: path_entry(path) for address, path in paths.items()}
    return {"rule": target.rule.id, "destination": target.destination, "paths": told}


def _rule_cells(target: Target) -> list[str]:
    rule = target.rule
    return [
        *(rule.id, rule.source, target.destination, str(target.port), rule.transport),
        *(rule.usage, rule.probe, rule.expect, target.status, rule.severity),
        *(rule.owner, rule.catalogue, rule.section, " ".join(rule.rows)),
        *(rule.description, rule.notes),
    ]


def _csv(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _destination(target: Target) -> str:
    host = target.destination
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{target.port}/{target.rule.transport}"


def _observation(record: Record) -> Observation:
    if record.latest is None:
        message = f"{record.target} has not been probed"
        raise ValueError(message)
    return record.latest.observation
