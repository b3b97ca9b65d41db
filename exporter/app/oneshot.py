"""One round or one trace, now: what the commands of a person run."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from exporter.app.diagnosis_loop import DiagnosisLoop
from exporter.app.factories import (
    engine_of,
    known_of,
    limits_of,
    resolver_of,
    runner_of,
)
from exporter.config.ports import rotated
from exporter.diagnose.diagnosis import Diagnosis
from exporter.monitor.comparison_traces import ComparisonTraces
from exporter.monitor.controls import Controls
from exporter.monitor.feed_refresh import FeedRefresher, FeedSource, feeds_for
from exporter.monitor.loop_lag import LoopLag
from exporter.monitor.rounds import Rounds
from exporter.monitor.single_round import run_once
from exporter.monitor.store import Store
from exporter.probes.address_selection import next_ones, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from exporter.config.site import Site
    from exporter.diagnose.known import Known
    from exporter.model.finding import Finding
    from exporter.model.network_path import Path
    from exporter.model.rule import Target
    from exporter.monitor.controls import Control
    from exporter.monitor.scheduler import Limits
    from exporter.monitor.store import Record


_CHECK_PATIENCE = 10.0
"""Seconds that somebody who waits for a check waits for a feed."""


_SECOND_LOOKS = 64
"""Failures confirmed in a row after which the others of one round are believed."""


@dataclass(frozen=True, slots=True)
class Report:
    """One round.

    Attributes:
        records: what is known of each target.
        findings: what explains all that is wrong, the worst first.
        controls: what must not answer, and whether it does.
    """

    records: Sequence[Record]
    findings: Sequence[Finding]
    controls: Sequence[Control] = ()


class Onlooker:
    """Who watches a check; hears of nothing unless it says so."""

    @property
    def is_seen(self) -> bool:
        """Whether it is of use to tell what was found so far."""
        return False

    def done(self, record: Record) -> None:
        """A target was probed."""

    def tracing(self) -> None:
        """All are probed, and the paths of what failed are traced."""

    def found(self, findings: Sequence[Finding]) -> None:
        """What explains all that was seen so far; more may be known later."""


async def with_feeds(site: Site, rules: Collection[str] | None = None) -> Site:
    """The site as it is probed now: members of feeds as targets, ports whose turn it is.

    Args:
        site: as it was loaded.
        rules: ids of the rules that need their feeds, all if None.
    """
    waiting = [t for t in site.targets if rules is None or t.rule.id in rules]
    site = replace(site, targets=rotated(site.targets, time.time()))
    needed = feeds_for(site, waiting)
    if not needed:
        return site
    resolver = resolver_of(site)
    try:
        feeds = FeedRefresher(FeedSource.of(site, resolver, _CHECK_PATIENCE))
        await feeds.fetch_once(needed)
    finally:
        await resolver.close()
    return replace(site, targets=feeds.expand(site))


async def check(
    site: Site,
    targets: Sequence[Target],
    onlooker: Onlooker,
    waiting: Sequence[Target] = (),
) -> Report:
    """Probes `targets` once, now.

    What explains them is looked for at the end, when all that failed has been traced.
    Whoever will not wait is told what was seen so far: of targets that were probed.

    Args:
        site: as it was loaded, with members of feeds.
        targets: those to probe.
        onlooker: hears how far it is, and what explains what was seen so far.
        waiting: targets whose feed could not be fetched.
    """
    store = Store()
    store.replace(targets)
    store.listeners.append(onlooker.done)
    async with LoopLag() as lag, contextlib.AsyncExitStack() as ending:
        resolver = resolver_of(site, lag)
        ending.push_async_callback(resolver.close)
        controls = Controls()
        runner = runner_of(site, engine_of(site), resolver, store, lag, controls)
        runner.only_round = True

        rounds = Rounds(runner, store, second_looks=_SECOND_LOOKS)
        ending.push_async_callback(rounds.close)
        await controls.look()
        comparisons = ComparisonTraces(runner, store)

        def known() -> Known:
            found = known_of(site, store, resolver, controls, comparisons)
            probed = [one for one in store.records() if one.latest is not None]
            return replace(found, records=probed, once=True, waiting=waiting)

        if onlooker.is_seen:
            so_far = _telling(known, onlooker)
            store.listeners.append(so_far.hear)
            so_far.keep_explaining()
            ending.push_async_callback(so_far.close)
        await _as_long_as_wanted(_round(targets, rounds, limits_of(site), onlooker))
        await _as_long_as_wanted(comparisons.look())
        told = known()
        return Report(told.records, Diagnosis().update(told), controls.states())


def _telling(known: Callable[[], Known], onlooker: Onlooker) -> DiagnosisLoop:
    """Tells what explains what was seen so far, as long as it is not closed."""

    async def nothing_more() -> bool:
        return False

    async def tell(findings: Sequence[Finding]) -> None:
        onlooker.found(findings)

    return DiagnosisLoop(known, nothing_more, tell)


async def _round(
    targets: Sequence[Target], rounds: Rounds, limits: Limits, onlooker: Onlooker
) -> None:
    await run_once(targets, rounds.run, limits)
    onlooker.tracing()
    await rounds.wait_for_traces()


async def _as_long_as_wanted(work: Coroutine[Any, Any, object]) -> None:
    """Until it is done, or somebody presses Ctrl-C: what was seen by then is told."""
    try:
        await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


async def trace(site: Site, target: Target) -> dict[str, Path]:
    """The path to each address of a target, now.

    Raises:
        ProbeError: the name has no address.
    """
    async with LoopLag() as lag, contextlib.AsyncExitStack() as ending:
        resolver = resolver_of(site, lag)
        ending.push_async_callback(resolver.close)
        runner = runner_of(site, engine_of(site), resolver, Store(), lag, Controls())
        addresses = (await resolver.resolve(target.destination)).addresses
        left_out = refused(target, addresses)
        chosen = next_ones([a for a in addresses if a not in left_out], {})
        paths = await asyncio.gather(*(runner.trace(target, a) for a in chosen))
        return dict(zip(chosen, paths, strict=True))
