"""Feeds kept up to date: which members are in force, since when, and what changed.

Each feed is fetched at start and then at its own slow interval, stretched or
shortened a little by a hash of its name and this host's, so that exporters do not ask
in step. Servers of mirrors shuffle on every request, so the mirrors in force are those
of the last few lists together, the longest known first: they change seldom. Any other
feed means what it says now. A fetch that fails, or brings no feed, changes nothing but
a counter.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.config.feed_formats import UselessFeedError, parse
from exporter.config.feeds import expand, needed
from exporter.model.muting import muted
from exporter.monitor.fetch import PATIENCE, Fetcher, FetchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from exporter.config.feeds import Feed, Member
    from exporter.config.site import Site
    from exporter.model.rule import Target
    from exporter.probes.resolver import Resolver

logger = logging.getLogger(__name__)

FETCHES = 6
"""Good lists after which a mirror that none of them named is gone."""
FORGET = 48 * 3600.0
"""Seconds after which a mirror that no list has named is gone."""
RETRY = 600.0
"""Seconds until a feed that could not be fetched is asked for again."""
_SPREAD = 0.1
"""Share of the interval by which hosts differ, to either side."""


_MOST_NAMED = 20
_LONG = 1 << 16
"""Bytes of a feed from which on reading it would hold up probes."""


@dataclass(frozen=True, slots=True)
class FeedSource:
    """How feeds are fetched: `fetch` takes a URL and raises FetchError.

    `allow_private` also takes members that are not on the Internet.
    """

    fetch: Callable[[str], Awaitable[bytes]]
    allow_private: bool = False

    @classmethod
    def of(
        cls, site: Site, resolver: Resolver, patience: float = PATIENCE
    ) -> FeedSource:
        """Where a site has its feeds from; `patience` is seconds for one of them."""
        fetcher = Fetcher(resolver, site.tls.ca_file, site.proxy, patience)
        return cls(fetcher.fetch, site.feeds.allow_private)


def feeds_for(site: Site, targets: Iterable[Target]) -> list[Feed]:
    """The feeds that some of the targets wait for."""
    return [site.feeds.known[name] for name in sorted(needed([*targets]))]


@dataclass(slots=True)
class Sighting:
    """When a feed has named a member: Unix times, and the number of the last fetch."""

    first_timestamp: float
    last_timestamp: float
    fetch: int


@dataclass(frozen=True, slots=True)
class FeedChange:
    """Other members are in force than before, since a Unix time."""

    timestamp: float
    came: tuple[Member, ...]
    gone: tuple[Member, ...]

    def __str__(self) -> str:
        parts = (("came", self.came), ("gone", self.gone))
        return "; ".join(f"{what}: {_names(who)}" for what, who in parts if who)


def _names(members: Sequence[Member]) -> str:
    """Members by name, not all of many."""
    named = ", ".join(map(str, members[:_MOST_NAMED]))
    more = len(members) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named


@dataclass(slots=True, eq=False)
class FeedState:
    """What is known of one feed.

    Attributes:
        seen: the members of the last fetches, the longest known first.
        fetches: how often it was fetched.
        failures: fetches that brought nothing usable.
        last_success_timestamp: Unix time of the last good fetch.
        changes: how often other members came into force, the first ones apart.
        last_change: the last of these changes, or the first members.
    """

    known: Feed
    allow_private: bool
    seen: dict[Member, Sighting] = field(default_factory=dict)
    fetches: int = 0
    failures: int = 0
    last_success_timestamp: float | None = None
    changes: int = 0
    last_change: FeedChange | None = None

    @property
    def in_force(self) -> tuple[Member, ...]:
        """The members that are probed, or listed."""
        return self.known.in_force(self.seen)

    def take_in(self, members: Iterable[Member], now: float) -> None:
        """Adds what a fetch brought, drops what is named no more."""
        before, first = self.in_force, not self.fetches
        self._see(members, now)
        after = self.in_force
        if before != after or first:
            came = tuple(one for one in after if one not in before)
            gone = tuple(one for one in before if one not in after)
            self.last_change = FeedChange(now, came, gone)
            self.changes += not first

    def _see(self, members: Iterable[Member], now: float) -> None:
        self.fetches += 1
        self.last_success_timestamp = now
        for member in members:
            first = self.seen[member].first_timestamp if member in self.seen else now
            self.seen[member] = Sighting(first, now, self.fetches)
        fetches = FETCHES if self.known.format.shuffled else 1
        for member, sighting in list(self.seen.items()):
            unnamed = self.fetches - sighting.fetch
            if unnamed >= fetches or now - sighting.last_timestamp > FORGET:
                del self.seen[member]


class FeedRefresher:
    """The feeds in use.

    Args:
        source: where feeds come from, to begin with.
        changed: called when other members are in force than before.
        salt: what tells this exporter from its replicas, such as the host name.
        wall: Unix time.
    """

    def __init__(
        self,
        source: FeedSource,
        changed: Callable[[], None] = lambda: None,
        salt: str = "",
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._changed = changed
        self._salt = salt
        self._wall = wall
        self._source = source
        self._states: dict[str, FeedState] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def states(self) -> Sequence[FeedState]:
        """What is known of each feed in use."""
        return list(self._states.values())

    def expand(self, site: Site) -> tuple[Target, ...]:
        """The site's targets, with the members in force of each feed ever fetched."""
        fetched = {
            name: state.in_force
            for name, state in self._states.items()
            if state.fetches
        }
        private = site.feeds.allow_private
        targets = expand(site.targets, fetched, allow_private=private)
        return muted(site.maintenance, targets)

    def use(self, feeds: Iterable[Feed], source: FeedSource) -> None:
        """Makes `feeds` the ones in use; what is known of an unchanged one stays."""
        self._replace(feeds, source)
        for name in [*self._tasks]:
            if name not in self._states:
                self._tasks.pop(name).cancel()
        for name, state in self._states.items():
            if name not in self._tasks:
                task = asyncio.create_task(self._keep(state), name=f"feed {name}")
                self._tasks[name] = task

    async def fetch_once(self, feeds: Iterable[Feed]) -> None:
        """Fetches each of `feeds` now, and not again."""
        self._replace(feeds, self._source)
        await asyncio.gather(*(self._fetch(state) for state in self.states()))

    async def close(self) -> None:
        """Ends fetches under way."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _replace(self, feeds: Iterable[Feed], source: FeedSource) -> None:
        before, self._states = self._states, {}
        self._source = source
        for known in feeds:
            state = before.get(known.name)
            kept = state is not None and state.known == known
            if state is None or not kept or state.allow_private != source.allow_private:
                state = FeedState(known, source.allow_private)
                if (task := self._tasks.pop(known.name, None)) is not None:
                    task.cancel()
            self._states[known.name] = state

    async def _keep(self, state: FeedState) -> None:
        name = f"{self._salt}|{state.known.name}"
        place = zlib.crc32(name.encode()) / 2**32
        stretch = 1 + _SPREAD * (2 * place - 1)
        while True:
            good = await self._fetch(state)
            interval = state.known.interval
            await asyncio.sleep(stretch * (interval if good else min(interval, RETRY)))

    async def _fetch(self, state: FeedState) -> bool:
        known, before = state.known, (state.fetches > 0, state.in_force)
        try:
            content = await self._source.fetch(known.url)
            found = await _parsed(content, state)
        except (FetchError, UselessFeedError) as error:
            state.failures += 1
            logger.warning(
                "feed %s from %s is not usable: %s; %d members stay in force",
                *(known.name, known.url, error, len(state.in_force)),
            )
            return False
        state.take_in(found, self._wall())
        if before != (True, state.in_force):
            logger.info(
                "feed %s has other members: %s; %d are in force",
                *(known.name, state.last_change, len(state.in_force)),
            )
            self._changed()
        return True


async def _parsed(content: bytes, state: FeedState) -> tuple[Member, ...]:
    """The members of a feed; a long one is read beside the event loop.

    Raises:
        UselessFeedError: it is no such feed, or names nothing that may be used.
    """
    feed, private = state.known, state.allow_private
    if len(content) < _LONG:
        return parse(content, feed.format, feed.select, allow_private=private)
    read = functools.partial(parse, allow_private=private)
    return await asyncio.to_thread(read, content, feed.format, feed.select)
