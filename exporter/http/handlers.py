"""What is answered to whom asks: one method a route."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from exporter.http.admission import Admission
from exporter.http.fairness import FairPool
from exporter.http.negotiation import exposition_format, prefers_html
from exporter.http.responses import PLACES, Pages, stream
from exporter.http.web_config import WebConfig
from exporter.present.formats.json import findings_text, rule_text, targets_text
from exporter.present.pages import render
from exporter.present.pages.views import Clock
from exporter.probes.protocols import PROBERS
from exporter.probes.protocols.base import FLOOR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from exporter.metrics.exposition import Exposition
    from exporter.model.finding import Finding
    from exporter.model.ledger import Ledger
    from exporter.model.rule import Rule, Target
    from exporter.monitor.controls import Control
    from exporter.monitor.feed_refresh import FeedState
    from exporter.monitor.store import Record, Store

_FIRST_ROUND = 300.0
"""Seconds of interval beyond which a target's first probe is not waited for."""


def politeness_floor(rule: Rule) -> float:
    """Seconds between two probes of a rule's targets, at the least."""
    return PROBERS[rule.probe].floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the server tells of, and what it may ask for.

    Attributes:
        targets: all targets of the configuration in force, whatever their status.
        reload: loads the configuration anew; returns the problems, none if it is in
            force.
        probe_now: has the targets of a rule probed next; False if that cannot be,
            as when they are being probed.
        next_due: seconds until a target's next probe, None if not scheduled.
        controls: what must not answer, and whether it does.
        ledgers: what became of the requirements of catalogues that keep account.
        feeds: the feeds in use, with what is known of each.
        findings: what explains all that is wrong, the worst first.
        shard: the part of its roles' targets that is probed from here, such as 2/5;
            empty for all of them.
        source: the address that this host sends from to another.
        floor: seconds between two probes of a rule, at the least.
        wall: Unix time.
        admission: who has a place, and who was turned away.
        protection: TLS for the next connection, and users for the next request.
        hosts: names that requests may be for; without any, every name on an address
            that others reach, and none but this host's own on loopback.
    """

    store: Store
    exposition: Exposition
    targets: Callable[[], Sequence[Target]]
    reload: Callable[[], Awaitable[Sequence[str]]]
    probe_now: Callable[[str], Awaitable[bool]]
    next_due: Callable[[Target], float | None] = lambda _target: None
    controls: Callable[[], Sequence[Control]] = lambda: ()
    ledgers: Callable[[], Sequence[Ledger]] = lambda: ()
    feeds: Callable[[], Sequence[FeedState]] = lambda: ()
    findings: Callable[[], Sequence[Finding]] = lambda: ()
    shard: Callable[[], str] = str
    source: Callable[[str], str | None] = lambda _address: None
    floor: Callable[[Rule], float] = politeness_floor
    wall: Callable[[], float] = time.time
    admission: Admission = field(default_factory=Admission)
    protection: Callable[[], WebConfig] = WebConfig
    hosts: Callable[[], Collection[str]] = frozenset


class Handlers:
    """One method a route."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ready = False
        # Scrapes wait for scrapes only, people for people.
        self._scraping = FairPool(PLACES)
        self._drawing = FairPool(PLACES)
        self.pages = Pages(self._drawing)
        self._asked: dict[str, float] = {}

    async def healthy(self, _request: web.Request) -> web.Response:
        """Answers while the event loop turns."""
        return web.Response(text="healthy\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """Says no until the first round is done, and yes from then on.

        Targets that come later, and those that are probed seldom, are not waited for.
        """
        if not self._ready:
            records = self._parts.store.records()
            waited_for = [r for r in records if r.target.rule.interval <= _FIRST_ROUND]
            missing = sum(record.latest is None for record in waited_for)
            if missing:
                text = f"{missing} of {len(records)} targets await their first probe\n"
                return web.Response(status=503, text=text)
            self._ready = True
        return web.Response(text="ready\n")

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """All metrics, in the format and compression asked for."""
        form = exposition_format(",".join(request.headers.getall(hdrs.ACCEPT, [])))
        chunks = self._parts.exposition.chunks(form)
        return await stream(request, form.value, chunks, self._scraping)

    async def targets(self, request: web.Request) -> web.StreamResponse:
        """The state of all active targets as JSON."""
        chunks = targets_text(self._parts.store.records(), self._parts.shard())
        return await stream(request, "application/json", chunks, self._drawing)

    async def findings(self, request: web.Request) -> web.StreamResponse:
        """What explains all that is wrong, as JSON."""
        chunks = findings_text(self._parts.findings(), self._parts.shard())
        return await stream(request, "application/json", chunks, self._drawing)

    async def rule(self, request: web.Request) -> web.StreamResponse:
        """One rule in full as JSON."""
        targets = self._named(request)
        records = self._parts.store.of_rule(targets[0].rule.id)
        chunks = rule_text(targets, records, self._parts.shard())
        return await stream(request, "application/json", chunks, self._drawing)

    async def overview(self, request: web.Request) -> web.Response:
        """The status page."""
        parts, wanted = self._parts, render.Filter.of(request.query)
        return await self.pages.get(
            request,
            wanted,
            lambda: render.overview(
                parts.store.records(),
                parts.targets(),
                wanted,
                Clock(parts.wall(), parts.next_due),
                parts.controls(),
                parts.findings(),
                ledgers=parts.ledgers(),
                feeds=parts.feeds(),
                shard=parts.shard(),
            ),
        )

    async def rule_page(self, request: web.Request) -> web.Response:
        """One rule in full for people."""
        parts = self._parts
        targets = self._named(request)
        name = targets[0].rule.id
        return await self.pages.get(
            request,
            name,
            lambda: render.rule(
                targets,
                parts.store.of_rule(name),
                Clock(parts.wall(), parts.next_due),
                parts.findings(),
                parts.source,
                shard=parts.shard(),
            ),
        )

    async def reload(self, _request: web.Request) -> web.Response:
        """Loads the configuration anew; on problems the old one stays."""
        problems = await self._parts.reload()
        if problems:
            return web.Response(status=500, text="\n".join(problems) + "\n")
        return web.Response(text="configuration reloaded\n")

    async def probe(self, request: web.Request) -> web.Response:
        """Probes a rule's targets now, as often as politeness allows."""
        targets = self._named(request)
        rule = targets[0].rule
        records = self._parts.store.of_rule(rule.id)
        if not records:
            raise web.HTTPConflict(text=f"{rule.id} is not probed from here\n")
        now = self._parts.wall()
        self._insist_on_patience(rule, records, now)
        if not await self._parts.probe_now(rule.id):
            raise web.HTTPConflict(text=f"{rule.id} cannot be probed right now\n")
        self._asked[rule.id] = now
        if prefers_html(request.headers.get(hdrs.ACCEPT, "")):
            raise web.HTTPSeeOther(f"/rules/{rule.id}")
        return web.Response(status=202, text=f"{rule.id} is probed next\n")

    def _insist_on_patience(
        self, rule: Rule, records: Sequence[Record], now: float
    ) -> None:
        latest = [record.latest for record in records if record.latest]
        last = [result.finished_timestamp for result in latest]
        since = now - max([*last, self._asked.get(rule.id, 0.0)])
        floor = self._parts.floor(rule)
        if latest and not any(result.sent for result in latest):
            # The peer was sent nothing: only the resolvers need patience.
            floor = min(floor, FLOOR)
        # A clock set back must not lock anybody out for longer than the floor.
        wait = min(floor - since, floor)
        if wait > 0:
            seconds = str(int(wait) + 1)
            text = f"probed a moment ago: again in {seconds} s\n"
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": seconds})

    def _named(self, request: web.Request) -> list[Target]:
        """All targets of the rule in the path."""
        name = request.match_info["rule"]
        found = [t for t in self._parts.targets() if t.rule.id == name]
        if not found:
            raise web.HTTPNotFound(text="no rule has this id\n")
        return found
