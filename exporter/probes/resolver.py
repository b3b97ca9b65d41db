"""Names to addresses, as the host's own clients would resolve them.

The hosts file goes first, then A and AAAA are asked at once of the configured servers
(the system's by default). Answers are kept for their TTL, failures hardly longer than
the round that met them, and everybody who wants the same name meanwhile waits for the
same look-up. A failure keeps its kind: a name that does not exist, one without
addresses, and a resolver that does not answer are different people's problems.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.lookup import Found, Resolved, filtered, look_up, named
from exporter.probes.nameserver import NameServer
from exporter.probes.resolvconf import (
    ResolvConf,
    Watched,
    literal,
    parse_hosts,
    parse_resolv_conf,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

logger = logging.getLogger(__name__)

_KEEP_AT_MOST = 300.0
_LOOK_AT_FILES = 2.0
_STALL = 0.3
"""Seconds without CPU in a look-up beyond which its failure proves nothing."""
_CACHE_SIZE = 20_000


@dataclass(frozen=True, slots=True)
class _Cached:
    found: Found
    expires: float


class Resolver:
    """Resolves names for probes.

    Args:
        servers: resolvers as `address` or `address:port`; the system's if empty.
        search: domains that names are completed with; the system's if empty.
        etc: where hosts and resolv.conf lie, which are read again when they change.
        clock: monotonic seconds.

    Attributes:
        stalled: seconds, ever growing, in which this process did not get to run.
    """

    def __init__(
        self,
        servers: Sequence[str] = (),
        search: Sequence[str] = (),
        etc: Path = Path("/etc"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stalled: Callable[[], float] = lambda: 0.0
        self._own_servers = tuple(servers)
        self._own_search = tuple(search)
        self._files = (Watched(etc / "hosts"), Watched(etc / "resolv.conf"))
        self._hosts: Mapping[str, tuple[str, ...]] = {}
        self._conf: ResolvConf | None = None
        self._servers: Sequence[NameServer] = ()
        self._clock = clock
        self._next_look = float("-inf")
        self._cache: dict[str, _Cached] = {}
        self._running: dict[str, asyncio.Task[Found]] = {}

    def servers(self) -> Sequence[str]:
        """The resolvers that are asked at present, as they are written."""
        return self._current().servers

    async def resolve(self, host: str) -> Resolved:
        """All addresses of a host, IPv4 first; an IP literal is its own address.

        IPv6 addresses are left out where this host has no route to them, unless
        there are no others.

        Raises:
            ProbeError: nxdomain, no_address or dns_failure; local_fault if this host
                was in no state to ask.
        """
        if (known := self.known(host)) is not None:
            return known
        if (own := literal(host)) is not None:
            found = Found(Resolved((own,)), float("inf"))
            self._cache[host] = _Cached(found, float("inf"))
            return found.result()
        if listed := self._hosts.get(host.lower().rstrip(".")):
            if not (addresses := named(listed)):
                raise filtered(host)
            return Resolved(addresses)
        running = self._running.get(host)
        if running is None:
            running = asyncio.create_task(self._look_up(host))
            self._running[host] = running
        # Shielded: one waiter giving up must not take the answer from the others.
        return (await asyncio.shield(running)).result()

    def known(self, host: str) -> Resolved | None:
        """What `resolve` would say without asking anybody, None if it must ask."""
        self._current()
        cached = self._cache.get(host)
        if cached is None or cached.expires <= self._clock():
            return None
        return cached.found.result()

    async def retire(self) -> None:
        """Lets look-ups under way end, which takes seconds at most."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Ends look-ups under way."""
        for task in self._running.values():
            task.cancel()
        await self.retire()

    def _current(self) -> ResolvConf:
        """How the host resolves names now; what was found otherwise is forgotten."""
        now = self._clock()
        if self._conf is not None and now < self._next_look:
            return self._conf
        self._next_look = now + _LOOK_AT_FILES
        hosts, system = self._files
        if hosts.changed():
            self._hosts = parse_hosts(hosts.text)
            self._cache.clear()
        if system.changed() or self._conf is None:
            self._adopt(parse_resolv_conf(system.text))
        return self._conf or ResolvConf()

    def _adopt(self, conf: ResolvConf) -> None:
        conf = replace(
            conf,
            servers=self._own_servers or conf.servers,
            search=self._own_search or conf.search,
        )
        if conf == self._conf:
            return
        if self._conf is not None:
            servers, search = " ".join(conf.servers), " ".join(conf.search)
            logger.info("resolvers are now %s, searched is [%s]", servers, search)
        self._conf = conf
        self._servers = [
            NameServer(server, tcp_only=conf.tcp_only) for server in conf.servers
        ]
        self._cache.clear()

    async def _look_up(self, host: str) -> Found:
        conf = self._current()
        stalled = self.stalled()
        try:
            found = await look_up(host, conf, self._servers)
            if _is_failure(found) and self.stalled() - stalled > _STALL:
                detail = "this host was too busy to hear the resolver"
                return Found(ProbeError(Reason.LOCAL_FAULT, detail))
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            # What other servers said is no answer of those in force by now.
            if conf is self._conf:
                keep = min(found.ttl, _KEEP_AT_MOST)
                self._cache[host] = _Cached(found, self._clock() + keep)
            return found
        finally:
            del self._running[host]


def _is_failure(found: Found) -> bool:
    """Whether nobody said anything about the name."""
    end = found.end
    return isinstance(end, ProbeError) and end.reason is Reason.DNS_FAILURE
