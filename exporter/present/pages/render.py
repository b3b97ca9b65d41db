"""The two pages for people: everything at a glance, and one rule in full.

The templates in pages/ lay out the values of `views.py`, with every value escaped.
Nothing comes from elsewhere and no script runs, which the content security policy
holds browsers to. With thousands of targets both counting and drawing give way to
the event loop, and the table is paged.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exporter import __version__
from exporter.model.outcome import Verdict
from exporter.model.rule import Severity, Status
from exporter.present.pages import views
from exporter.present.verdicts import MARKS, WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model.rule import Target
    from exporter.monitor.controls import Control
    from exporter.monitor.store import Record
    from exporter.present.pages.views import Clock

PAGE_SIZE = 100
_STEP = 512
"""Records, or pieces of a page, between two turns of the event loop."""
_PAGES = Path(__file__).parent
_STYLE = (_PAGES / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_PAGES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which targets the table shows; empty words let everything through."""

    role: str = ""
    usage: str = ""
    verdict: str = ""
    text: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filter:
        """From the words after `?`; a page that is no number is the first."""
        page = query.get("page", "")[:6]
        return cls(
            role=query.get("role", ""),
            usage=query.get("usage", ""),
            verdict=query.get("verdict", ""),
            text=query.get("text", "").strip().lower()[:100],
            page=int(page) if page.isdecimal() else 1,
        )

    def at(self, page: int) -> dict[str, str | int]:
        """The words for the same table at another page."""
        words = {
            name: getattr(self, name) for name in ("role", "usage", "verdict", "text")
        }
        return {name: word for name, word in words.items() if word} | {"page": page}

    def lets_through(self, record: Record) -> bool:
        """Whether the table shows a record."""
        rule = record.target.rule
        return (
            self.role in ("", rule.source)
            and self.usage in ("", rule.usage)
            and self.verdict in ("", record.verdict)
            and (self.text in rule.id or self.text in record.target.destination)
        )


@dataclass(slots=True)
class _Summary:
    """Counts of all targets, and those to be shown by how bad they are."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    cells: defaultdict[tuple[str, str], Counter[Verdict]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    found: defaultdict[tuple[Verdict, Severity], list[Record]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, record: Record, wanted: Filter) -> None:
        verdict, rule = record.verdict, record.target.rule
        self.counts[verdict] += 1
        self.cells[rule.source, rule.usage][verdict] += 1
        if wanted.lets_through(record):
            self.found[verdict, rule.severity].append(record)

    def worst_first(self) -> list[Record]:
        """By verdict, then by severity, then in the order of the configuration."""
        order = ((verdict, grade) for verdict in WORST_FIRST for grade in Severity)
        return [record for place in order for record in self.found[place]]


async def overview(
    records: Sequence[Record],
    targets: Sequence[Target],
    wanted: Filter,
    clock: Clock,
    controls: Sequence[Control] = (),
) -> str:
    """The status page."""
    summary = _Summary()
    for index, record in enumerate(records):
        summary.add(record, wanted)
        if index % _STEP == 0:
            await asyncio.sleep(0)
    found = summary.worst_first()
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(wanted.page, 1), pages)
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    idle = [target for target in targets if target.status is not Status.ACTIVE]
    return await _draw(
        "overview.html",
        clock,
        headline=_headline(summary.counts),
        **_matrix(summary),
        verdicts=WORST_FIRST,
        filter=wanted,
        rows=[views.row(record, clock) for record in shown],
        found=len(found),
        total=len(records),
        page=page,
        pages=pages,
        idle=[views.idle_row(target) for target in idle[:PAGE_SIZE]],
        idle_total=len(idle),
        controls=[views.control_row(control) for control in controls],
    )


async def rule(
    targets: Sequence[Target], records: Sequence[Record], clock: Clock
) -> str:
    """The page of one rule.

    Args:
        targets: the rule's, at least one, whatever their status.
        records: those of the targets that are probed.
        clock: the time to draw it at.
    """
    the_rule = targets[0].rule
    idle = [target for target in targets if target.status is not Status.ACTIVE]
    return await _draw(
        "rule.html",
        clock,
        rule=the_rule,
        facts=views.rule_facts(targets[0]),
        views=[views.view(record, clock) for record in records[:PAGE_SIZE]],
        idle=[views.idle_row(target) for target in idle[:PAGE_SIZE]],
    )


def _headline(counts: Counter[Verdict]) -> str:
    if not counts:
        return "Nothing is probed from here"
    if counts[Verdict.VIOLATED]:
        return f"{counts[Verdict.VIOLATED]} of {counts.total()} violated"
    if counts[Verdict.UNKNOWN]:
        return f"None violated, {counts[Verdict.UNKNOWN]} of {counts.total()} unknown"
    return f"All {counts.total()} hold"


def _matrix(summary: _Summary) -> dict[str, object]:
    roles = sorted({role for role, _ in summary.cells})
    usages = sorted({usage for _, usage in summary.cells})
    cells = {place: _cell(counts) for place, counts in summary.cells.items()}
    matrix = [
        (role, [(usage, cells.get((role, usage))) for usage in usages])
        for role in roles
    ]
    return {"roles": roles, "usages": usages, "matrix": matrix}


def _cell(counts: Counter[Verdict]) -> dict[str, str]:
    """The worst verdict, and how many there are of each."""
    there = [verdict for verdict in WORST_FIRST if counts[verdict]]
    text = " ".join(f"{MARKS[verdict]} {counts[verdict]}" for verdict in there)
    return {"verdict": there[0], "text": text}


async def _draw(template: str, clock: Clock, **values: object) -> str:
    pieces: list[str] = []
    drawn = _ENVIRONMENT.get_template(template).generate(
        **values,
        style=Markup(_STYLE),  # noqa: S704 - our own file, and it must not be escaped
        version=__version__,
        now=views.moment(clock.now),
    )
    for piece in drawn:
        pieces.append(piece)
        if len(pieces) % _STEP == 0:
            await asyncio.sleep(0)
    return "".join(pieces)
