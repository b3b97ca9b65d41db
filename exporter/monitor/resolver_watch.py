"""The host's resolvers, each watched by itself: does it answer over UDP, and over TCP?

A look-up asks them in turn and is content with one, so a resolver may be gone for weeks
before its fellow's end takes every name along. Here each of those in use, and nobody
else, is asked for the name servers of the root, which every one of them has at hand.
Any answer will do, a refusal too: what it says of names is the business of their rules.
c-ares asks, over a fresh channel each time; that it shares no code with look-ups makes it
their control.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiodns
import pycares

from exporter.model.rule import Transport
from exporter.probes import host_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

logger = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between two looks at a resolver that answers."""
INTERVAL_DOWN = 15.0
"""Seconds between two looks at one that does not: somebody waits for its recovery."""
_NOTICE = 5.0
"""Seconds within which a new resolver is noticed, and one that is left forgotten."""
_PATIENCE = 2.5
"""Seconds for each of two tries."""
_TRIES = 2
_SECOND_LOOK = 1.0
"""Seconds after which a failure is confirmed: a resolver that restarts is no outage."""
_STALL = 0.3
"""Seconds without CPU beyond which silence proves nothing."""

# Without these c-ares takes a refusal for no answer, and sends EDNS(0).
_FLAGS = pycares.ARES_FLAG_NOCHECKRESP | pycares.ARES_FLAG_PRIMARY
_DOWN = frozenset(
    {
        pycares.errno.ARES_ETIMEOUT,
        pycares.errno.ARES_ECONNREFUSED,
        pycares.errno.ARES_EBADRESP,
    }
)
_ANSWERED = frozenset(
    {
        *(pycares.errno.ARES_ENODATA, pycares.errno.ARES_EFORMERR),
        *(pycares.errno.ARES_ESERVFAIL, pycares.errno.ARES_ENOTFOUND),
        *(pycares.errno.ARES_ENOTIMP, pycares.errno.ARES_EREFUSED),
    }
)


class ResolverWatch:
    """Looks at resolvers, one question a transport a minute.

    Args:
        servers: those in use, as `address`, `address:port` or `[address]:port`.
        stalled: seconds, ever growing, in which this process did not get to run.
    """

    def __init__(
        self,
        servers: Callable[[], Sequence[str]],
        stalled: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._servers = servers
        self._stalled = stalled
        self._up: dict[tuple[str, Transport], bool] = {}
        self._due: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def states(self) -> Mapping[tuple[str, Transport], bool]:
        """Whether each answers, by resolver and transport; those not yet known left out."""
        return dict(self._up)

    def keep_looking(self) -> None:
        """Looks at the resolvers in use from now on, until closed."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep())

    async def look(self) -> None:
        """Looks at each resolver whose time has come."""
        now = asyncio.get_running_loop().time()
        servers = tuple(dict.fromkeys(self._servers()))
        self._up = {key: up for key, up in self._up.items() if key[0] in servers}
        self._due = {one: at for one, at in self._due.items() if one in servers}
        due = [one for one in servers if self._due.get(one, now) <= now]
        self._due.update((one, now + INTERVAL) for one in due)
        await asyncio.gather(*map(self._look_at, due))

    async def close(self) -> None:
        """Stops looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_NOTICE)

    async def _look_at(self, server: str) -> None:
        # One after the other: each takes some file descriptors for a moment.
        for transport in (Transport.UDP, Transport.TCP):
            up = await self._answers(server, transport)
            # It may have been replaced meanwhile.
            if up is None or server not in self._due:
                continue
            before = self._up.get((server, transport))
            self._up[server, transport] = up
            if up is not before and not (up and before is None):
                said = "answers again" if up else "does not answer"
                level = logging.INFO if up else logging.WARNING
                logger.log(level, "resolver %s %s over %s", server, said, transport)
            if not up:
                soon = asyncio.get_running_loop().time() + INTERVAL_DOWN
                self._due[server] = min(self._due[server], soon)

    async def _answers(self, server: str, transport: Transport) -> bool | None:
        """Whether it answers; None if this host was in no state to tell."""
        stalled = self._stalled()
        up = await _asked(server, transport)
        if up is False:
            await asyncio.sleep(_SECOND_LOOK)
            up = await _asked(server, transport)
        late = self._stalled() - stalled
        return None if up is False and late > _STALL else up


async def _asked(server: str, transport: Transport) -> bool | None:
    tcp = pycares.ARES_FLAG_USEVC if transport is Transport.TCP else 0
    try:
        channel = aiodns.DNSResolver(
            nameservers=[server], timeout=_PATIENCE, tries=_TRIES, flags=_FLAGS | tcp
        )
    except pycares.AresError:
        return None
    try:
        await channel.query_dns(".", "NS")
    except aiodns.error.DNSError as error:
        code = error.args[0]
        if code in _DOWN and host_network.can_open_socket():
            return False
        return True if code in _ANSWERED else None
    finally:
        await channel.close()
    return True
