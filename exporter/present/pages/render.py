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
import platform
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exporter import __version__
from exporter.diagnose.explanation import counted
from exporter.model.outcome import Verdict
from exporter.model.rule import Status
from exporter.present.humanize import folded, moment
from exporter.present.pages import facts, selection, views
from exporter.present.pages.cards import cards
from exporter.present.pages.feeds import feed_words
from exporter.present.pages.selection import Filter, State, Summary
from exporter.present.verdicts import MARKS, WORST_FIRST
from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from exporter.model.finding import Finding
    from exporter.model.ledger import Ledger
    from exporter.model.rule import Target
    from exporter.monitor.controls import Control
    from exporter.monitor.feed_refresh import FeedState
    from exporter.monitor.store import Record
    from exporter.present.pages.facts import Source
    from exporter.present.pages.views import Clock

__all__ = ["CONTENT_SECURITY_POLICY", "Filter", "overview", "rule"]

PAGE_SIZE = 100
REFRESH = 30
"""Seconds after which the status page loads itself anew."""
_ROLES_ROOM = 60
"""Characters for the roles that this host plays."""
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
    finalize=lambda value: visible(value, "\n") if type(value) is str else value,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _urlencode(words: str | Mapping[str, object]) -> str:
    """For an address; what UTF-8 cannot carry becomes a question mark."""
    if isinstance(words, str):
        return quote(words, errors="replace")
    return urlencode(words, errors="replace")


_ENVIRONMENT.filters["urlencode"] = _urlencode


async def overview(  # noqa: PLR0913 - one for each part of the page
    records: Sequence[Record],
    targets: Sequence[Target],
    wanted: Filter,
    clock: Clock,
    controls: Sequence[Control] = (),
    findings: Sequence[Finding] = (),
    *,
    ledgers: Sequence[Ledger] = (),
    feeds: Sequence[FeedState] = (),
    shard: str = "",
) -> str:
    """The status page; `shard` is what part of the targets it shows, empty for all."""
    summary = Summary(findings, wanted, clock)
    for index, record in enumerate(records):
        summary.add(record)
        if index % _STEP == 0:
            await asyncio.sleep(0)
    found = summary.in_order()
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(wanted.page, 1), pages)
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    elsewhere = sum(target.status is Status.OTHER_SHARD for target in targets)
    at_work = {Status.ACTIVE, Status.OTHER_SHARD}
    idle = [target for target in targets if target.status not in at_work]
    return await _draw(
        "overview.html",
        clock,
        targets,
        headline=_headline(summary),
        counts=[
            (str(one), summary.states[one]) for one in State if summary.states[one]
        ],
        findings=cards(findings, clock),
        findings_total=len(findings),
        refresh_seconds=REFRESH if wanted.refresh else 0,
        interval=REFRESH,
        **_matrix(summary),
        states=list(State),
        filter=wanted,
        groups=selection.groups(shown, lambda record: views.row(record, clock)),
        found=len(found),
        total=len(records),
        page=page,
        pages=pages,
        idle=[views.idle_row(target) for target in idle[:PAGE_SIZE]],
        idle_total=len(idle),
        controls=[views.control_row(control) for control in controls],
        ledgers=[ledger.sentence for ledger in ledgers],
        feeds=[feed_words(state, clock) for state in feeds],
        shard=shard,
        elsewhere=counted(elsewhere, "target"),
    )


async def rule(
    targets: Sequence[Target],
    records: Sequence[Record],
    clock: Clock,
    findings: Sequence[Finding] = (),
    source: Source = lambda _address: None,
    *,
    shard: str = "",
) -> str:
    """The page of one rule.

    Args:
        targets: the rule's, at least one, whatever their status.
        records: those of the targets that are probed.
        clock: the time to draw it at.
        findings: what explains targets, this rule's among them.
        source: the address that this host sends from to another.
        shard: the part of its roles' targets that is probed from here, empty for all.
    """
    the_rule = targets[0].rule
    idle = [target for target in targets if target.status is not Status.ACTIVE]
    its_own = {target.key for target in targets}
    explaining = [one for one in findings if not its_own.isdisjoint(one.targets)]
    return await _draw(
        "rule.html",
        clock,
        [target for target in targets if target.status is Status.ACTIVE],
        rule=the_rule,
        refresh_seconds=0,
        shard=shard,
        findings=cards(explaining, clock),
        facts=facts.rule_facts(targets[0]),
        views=[views.view(record, clock, source) for record in records[:PAGE_SIZE]],
        idle=[views.idle_row(target) for target in idle[:PAGE_SIZE]],
    )


def _headline(summary: Summary) -> str:
    counts = summary.counts
    if not counts:
        return "Nothing is probed from here"
    found = len(summary.findings)
    causes = f"{counted(found, 'finding')}: " if found else ""
    if counts[Verdict.VIOLATED]:
        return f"{causes}{counts[Verdict.VIOLATED]} of {counts.total()} violated"
    if counts[Verdict.UNKNOWN]:
        unknown = f"{counts[Verdict.UNKNOWN]} of {counts.total()} unknown"
        return f"{causes}None violated, {unknown}"
    concerns = summary.states[State.BUT]
    but = f", {concerns} of them with a concern" if concerns else ""
    return f"{causes}All {counts.total()} hold{but}"


def _matrix(summary: Summary) -> dict[str, object]:
    roles = sorted({role for role, _ in summary.cells})
    usages = sorted({usage for _, usage in summary.cells})
    cells = {place: _cell(counts) for place, counts in summary.cells.items()}
    matrix = [
        (role, [(usage, cells.get((role, usage))) for usage in usages])
        for role in roles
    ]
    return {"roles_shown": roles, "usages": usages, "matrix": matrix}


def _cell(counts: Counter[Verdict]) -> dict[str, str]:
    """The worst verdict, and how many there are of each."""
    there = [verdict for verdict in WORST_FIRST if counts[verdict]]
    text = " ".join(f"{MARKS[verdict]} {counts[verdict]}" for verdict in there)
    return {"verdict": there[0], "text": text}


async def _draw(
    template: str, clock: Clock, targets: Sequence[Target], **values: object
) -> str:
    active = (t.rule.source for t in targets if t.status is Status.ACTIVE)
    pieces: list[str] = []
    drawn = _ENVIRONMENT.get_template(template).generate(
        **values,
        style=Markup(_STYLE),  # noqa: S704 - our own file, and it must not be escaped
        version=__version__,
        host=platform.node(),
        roles=folded(list(dict.fromkeys(active)), _ROLES_ROOM),
        now=moment(clock.now),
    )
    for piece in drawn:
        pieces.append(piece)
        if len(pieces) % _STEP == 0:
            await asyncio.sleep(0)
    return "".join(pieces)
