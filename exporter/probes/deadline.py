"""The deadlines of probes and look-ups, and whether this host kept to them itself.

What ends when it should because this host was too busy to listen says nothing about
anybody else: it is this host's own fault.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from exporter.model.outcome import (
    CredentialsWantedError,
    Evidence,
    ProbeError,
    Reason,
)
from exporter.probes import mtu_black_hole
from exporter.probes.transcript import silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.rule import Rule
    from exporter.probes.link import Link
    from exporter.probes.lookup import Resolved
    from exporter.probes.protocols.base import Prober
    from exporter.probes.resolver import Resolver

_LOOK_UP = 15.0
"""Seconds that a look-up may take at the least: one question has five of its own, and a
slow resolver may be asked for several names of a search list. A rule's own timeout may
be shorter, since a peer nearby answers sooner."""
_STALL = 0.1
"""Share of a deadline spent without CPU beyond which silence proves nothing."""
# What a peer that would have answered does to a client that is late.
_IMPATIENT = frozenset(
    {Reason.TIMEOUT, Reason.CLOSED, Reason.RESET, Reason.DNS_FAILURE}
)


class Deadline:
    """Ends what takes too long.

    Args:
        stalled: seconds, ever growing, in which this process did not get to run.
    """

    def __init__(self, stalled: Callable[[], float]) -> None:
        self._stalled = stalled

    async def talk(self, link: Link, prober: Prober) -> Evidence | ProbeError:
        """What a prober learns over a link, or how that ended instead."""
        timeout = link.target.rule.timeout
        if link.small_segments:
            timeout = min(timeout, mtu_black_hole.PATIENCE)
        stalled = self._stalled()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                return await prober.probe(link, link.target)
        except CredentialsWantedError as wanted:
            return Evidence(wanted.detail)
        except ProbeError as error:
            return _excused(error, timeout, self._stalled() - stalled)
        except TimeoutError:
            late = time.perf_counter() - started - timeout
            late += self._stalled() - stalled
            waited = silence(link.talk, timeout, link.overdue)
            return _excused(waited, timeout, late, waited=True)

    async def look_up(self, resolver: Resolver, host: str, rule: Rule) -> Resolved:
        """A host's addresses, within a rule's timeout, or what a look-up needs.

        Raises:
            ProbeError: as the resolver does, and if none answers in time.
        """
        known = resolver.known(host)
        if known is not None:
            return known
        patience = max(rule.timeout, _LOOK_UP)
        stalled = self._stalled()
        try:
            async with asyncio.timeout(patience):
                return await resolver.resolve(host)
        except TimeoutError as error:
            unanswered = ProbeError(Reason.DNS_FAILURE, "no resolver answers in time")
            late = self._stalled() - stalled
            raise _excused(unanswered, patience, late) from error


def _excused(
    error: ProbeError, timeout: float, late: float, *, waited: bool = False
) -> ProbeError:
    """`error`, or our own fault in its place if being late may have caused it.

    `waited` says that the deadline passed, whatever is made of what had come by then.
    """
    impatient = waited or error.reason in _IMPATIENT
    if not impatient or late <= timeout * _STALL:
        return error
    detail = f"this host was too busy: {late:.2f} s of the wait were our own"
    return ProbeError(Reason.LOCAL_FAULT, detail)
