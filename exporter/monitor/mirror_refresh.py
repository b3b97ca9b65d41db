"""Mirror lists kept up to date: which mirrors are in force, and since when.

Each list is fetched at start and then at its own slow interval, stretched or
shortened a little by a hash of its name and this host's, so that exporters do not ask
in step. Servers shuffle on every request, so the mirrors in force are those of the
last few lists together, the longest known first: they change seldom. A fetch that
fails, or brings no list, changes nothing but a counter.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.config.maintenance import muted
from exporter.config.mirror_list import UselessListError, expand, needed, parse
from exporter.monitor.list_fetch import PATIENCE, Fetcher, FetchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from exporter.config.mirror_list import MirrorList
    from exporter.config.site import Site
    from exporter.model.endpoint import Endpoint
    from exporter.model.rule import Target
    from exporter.probes.resolver import Resolver

logger = logging.getLogger(__name__)

FETCHES = 6
"""Good lists after which a mirror that none of them named is gone."""
FORGET = 48 * 3600.0
"""Seconds after which a mirror that no list has named is gone."""
RETRY = 600.0
"""Seconds until a list that could not be fetched is asked for again."""
_SPREAD = 0.1
"""Share of the interval by which hosts differ, to either side."""


@dataclass(frozen=True, slots=True)
class ListSource:
    """How lists are fetched: `fetch` takes a URL and raises FetchError.

    `allow_private` also takes mirrors that are not on the Internet.
    """

    fetch: Callable[[str], Awaitable[bytes]]
    allow_private: bool = False

    @classmethod
    def of(
        cls, site: Site, resolver: Resolver, patience: float = PATIENCE
    ) -> ListSource:
        """Where a site has its lists from; `patience` is seconds for one of them."""
        fetcher = Fetcher(resolver, site.tls.ca_file, site.proxy, patience)
        return cls(fetcher.fetch, site.mirrors.allow_private)


def lists_for(site: Site, targets: Iterable[Target]) -> list[MirrorList]:
    """The lists that some of the targets wait for."""
    return [site.mirrors.lists[name] for name in sorted(needed(targets))]


@dataclass(slots=True)
class Sighting:
    """When lists have named a mirror: Unix times, and the number of the last list."""

    first_timestamp: float
    last_timestamp: float
    fetch: int


@dataclass(slots=True, eq=False)
class ListState:
    """What is known of one list.

    Attributes:
        seen: the mirrors of the last lists, the longest known first.
        fetches: lists fetched.
        failures: fetches that brought none.
        last_success_timestamp: Unix time of the last list fetched.
    """

    known: MirrorList
    allow_private: bool
    seen: dict[Endpoint, Sighting] = field(default_factory=dict)
    fetches: int = 0
    failures: int = 0
    last_success_timestamp: float | None = None

    @property
    def in_force(self) -> tuple[Endpoint, ...]:
        """The mirrors that are probed."""
        return tuple(self.seen)[: self.known.limit]

    def take_in(self, mirrors: Iterable[Endpoint], now: float) -> None:
        """Adds what a list named, drops what none has named for long."""
        self.fetches += 1
        self.last_success_timestamp = now
        for mirror in mirrors:
            first = self.seen[mirror].first_timestamp if mirror in self.seen else now
            self.seen[mirror] = Sighting(first, now, self.fetches)
        for mirror, sighting in list(self.seen.items()):
            unnamed = self.fetches - sighting.fetch
            if unnamed >= FETCHES or now - sighting.last_timestamp > FORGET:
                del self.seen[mirror]


class MirrorRefresher:
    """The lists in use.

    Args:
        source: where lists come from, to begin with.
        changed: called when other mirrors are in force than before.
        salt: what tells this exporter from its replicas, such as the host name.
        wall: Unix time.
    """

    def __init__(
        self,
        source: ListSource,
        changed: Callable[[], None] = lambda: None,
        salt: str = "",
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._changed = changed
        self._salt = salt
        self._wall = wall
        self._source = source
        self._states: dict[str, ListState] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def states(self) -> Sequence[ListState]:
        """What is known of each list in use."""
        return list(self._states.values())

    def expand(self, site: Site) -> tuple[Target, ...]:
        """The site's targets, with the mirrors in force of each list ever fetched."""
        fetched = {
            name: state.in_force
            for name, state in self._states.items()
            if state.fetches
        }
        private = site.mirrors.allow_private
        targets = expand(site.targets, fetched, allow_private=private)
        return muted(site.maintenance, targets)

    def use(self, lists: Iterable[MirrorList], source: ListSource) -> None:
        """Makes `lists` the ones in use; what is known of an unchanged one stays."""
        self._replace(lists, source)
        for name in [*self._tasks]:
            if name not in self._states:
                self._tasks.pop(name).cancel()
        for name, state in self._states.items():
            if name not in self._tasks:
                task = asyncio.create_task(self._keep(state), name=f"list {name}")
                self._tasks[name] = task

    async def fetch_once(self, lists: Iterable[MirrorList]) -> None:
        """Fetches each of `lists` now, and not again."""
        self._replace(lists, self._source)
        await asyncio.gather(*(self._fetch(state) for state in self.states()))

    async def close(self) -> None:
        """Ends fetches under way."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _replace(self, lists: Iterable[MirrorList], source: ListSource) -> None:
        before, self._states = self._states, {}
        self._source = source
        for known in lists:
            state = before.get(known.name)
            kept = state is not None and state.known == known
            if state is None or not kept or state.allow_private != source.allow_private:
                state = ListState(known, source.allow_private)
                if (task := self._tasks.pop(known.name, None)) is not None:
                    task.cancel()
            self._states[known.name] = state

    async def _keep(self, state: ListState) -> None:
        name = f"{self._salt}|{state.known.name}"
        place = zlib.crc32(name.encode()) / 2**32
        stretch = 1 + _SPREAD * (2 * place - 1)
        while True:
            good = await self._fetch(state)
            interval = state.known.interval
            await asyncio.sleep(stretch * (interval if good else min(interval, RETRY)))

    async def _fetch(self, state: ListState) -> bool:
        known, before = state.known, (state.fetches > 0, state.in_force)
        try:
            content = await self._source.fetch(known.url)
            found = parse(content, known.format, allow_private=state.allow_private)
        except (FetchError, UselessListError) as error:
            state.failures += 1
            logger.warning(
                "mirror list %s from %s is not usable: %s; %d mirrors stay in force",
                *(known.name, known.url, error, len(state.in_force)),
            )
            return False
        state.take_in(found, self._wall())
        if before != (True, state.in_force):
            names = ", ".join(map(str, state.in_force))
            logger.info("mirror list %s: in force are now %s", known.name, names)
            self._changed()
        return True
