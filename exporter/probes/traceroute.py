"""Where on the path it stops: a trace on the rule's own port, without privileges.

The rule's own request is sent with a rising time to live. Each router that has to
drop it says so from its own address, and the kernel keeps that in the socket's error
queue. The first time to live that brings an answer is the distance of whoever
answers; silence after the last router that spoke puts the drop right behind it.

A reset bears no name; distance.py tells whether it came from nearer than the host.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.model.network_path import Hop, Path
from exporter.model.outcome import ProbeError, Reason
from exporter.model.rule import Transport
from exporter.probes import host_network
from exporter.probes.link import Link
from exporter.probes.protocols.tcp import Tcp
from exporter.probes.refusal import is_exceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from exporter.model.rule import Target
    from exporter.probes.link import Secure
    from exporter.probes.protocols.base import Prober

MAX_HOPS = 30
PATIENCE = 1.0
"""Seconds for a hop to speak; routers answer at once or not at all."""
_SILENT_HOPS = 5
"""Silent hops in a row after which a path that nobody answers is taken to end."""
_AGAIN = 2
_STALL = 0.5
"""Share of a hop's patience spent without CPU beyond which its silence is ours."""
_TRIES = 3
# Requests under way at once. A datagram service answers each one that reaches it, so
# few go at a time; a SYN that arrives only opens and closes a connection.
_AT_ONCE = {Transport.TCP: 6, Transport.UDP: 2, Transport.ICMP: 2}

TRACEABLE = frozenset(
    {
        Reason.TIMEOUT,
        Reason.REFUSED,
        Reason.PROHIBITED,
        Reason.PORT_UNREACHABLE,
        Reason.HOST_UNREACHABLE,
        Reason.NETWORK_UNREACHABLE,
    }
)
"""The reasons whose place on the path a trace tells."""
# Without an ICMP message these come from a device without a name, or from this host.
_UNNAMED = frozenset({Reason.REFUSED, Reason.NO_ROUTE, Reason.PROHIBITED})


@dataclass(frozen=True, slots=True)
class TraceTarget:
    """What a trace follows: a target's own port at one of its addresses.

    `prober` is the rule's own; over TCP only the handshake is made. `secure` is the
    TLS engine, for links.
    """

    target: Target
    address: str
    prober: Prober
    secure: Secure

    def link(self, ttl: int | None = None) -> Link:
        """A way to the address, for what lives `ttl` hops."""
        return Link(self.target, self.address, self.secure, ttl=ttl)


async def trace(traced: TraceTarget, stalled: Callable[[], float]) -> Path:
    """Traces the path to one address of a target.

    Args:
        traced: what to trace.
        stalled: seconds, ever growing, in which this process did not get to run.

    Raises:
        ProbeError: local_fault if time and again a hop was silent only because this
            host could not listen to it, or not even send.
    """
    for _ in range(_TRIES):
        tracer = _Tracer(traced, stalled)
        hops = await tracer.run()
        if not tracer.disturbed:
            return _summary(hops, tracer.answered, traced.address)
    raise ProbeError(Reason.LOCAL_FAULT, "this host was too busy to trace the path")


class _Tracer:
    def __init__(self, traced: TraceTarget, stalled: Callable[[], float]) -> None:
        # A hop's patience bounds the wait, however long the rule's own timeout is.
        rule = replace(traced.target.rule, timeout=PATIENCE)
        self._target = replace(traced.target, rule=rule)
        self._traced = traced
        self._prober = Tcp() if rule.transport is Transport.TCP else traced.prober
        self._stalled = stalled
        self.answered: dict[int, Reason] = {}
        self.disturbed = False

    async def run(self) -> list[Hop]:
        """The hops up to the first answer, or to the last router that spoke.

        The farthest goes first: if it answers, no number of silent hops is the end.
        """
        width = _AT_ONCE[self._target.rule.transport]
        farthest, *hops = await self._ask([MAX_HOPS, *range(1, width)])
        answers = MAX_HOPS in self.answered
        while not any(hop.ttl in self.answered for hop in hops):
            silent = not answers and _all_silent(hops[-_SILENT_HOPS:])
            first = len(hops) + 1
            if silent or first == MAX_HOPS:
                break
            hops += await self._ask(range(first, min(first + width, MAX_HOPS)))
        if len(hops) == MAX_HOPS - 1:
            hops.append(farthest)
        hops = await self._listen_again(hops)
        return hops[: min(self.answered, default=_last_spoken(hops))]

    async def _listen_again(self, hops: Sequence[Hop]) -> list[Hop]:
        """`hops`, with the silent ones behind the last that spoke asked twice more.

        A router may have said enough for the moment, or lie on one of several ways, and
        what brought no answer from nearer than the first may only have been lost.
        """
        known = {hop.ttl: hop for hop in hops}
        spoken = known
        while spoken:
            end = min(self.answered, default=MAX_HOPS + 1)
            last = _last_spoken(hop for hop in known.values() if hop.ttl < end)
            silent = range(last + 1, min(last + 3, end))
            asked = await self._ask([*silent] * _AGAIN)
            spoken = {hop.ttl: hop for hop in asked if hop.address is not None}
            known |= spoken
        return [known.get(ttl, Hop(ttl)) for ttl in range(1, max(known) + 1)]

    async def _ask(self, ttls: Iterable[int]) -> list[Hop]:
        return await asyncio.gather(*(self._hop(ttl) for ttl in ttls))

    async def _hop(self, ttl: int) -> Hop:
        stalled = self._stalled()
        with self._traced.link(ttl) as link:
            started = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._prober.probe(link, self._target)
            except TimeoutError:
                return self._silent(ttl, stalled)
            except ProbeError as error:
                if error.reason in {Reason.TIMEOUT, Reason.UNTESTED}:
                    return self._silent(ttl, stalled)
                return self._end(ttl, error, time.perf_counter() - started)
            took = link.latency or time.perf_counter() - started
            self.answered[ttl] = Reason.ANSWERED
            return Hop(ttl, self._traced.address, took)

    def _silent(self, ttl: int, stalled: float) -> Hop:
        self.disturbed |= self._stalled() - stalled > PATIENCE * _STALL
        return Hop(ttl)

    def _end(self, ttl: int, error: ProbeError, took: float) -> Hop:
        if error.reason is Reason.LOCAL_FAULT:
            self.disturbed = True
            return Hop(ttl)
        if error.icmp is None:
            self.answered[ttl] = error.reason
            return Hop(
                ttl, None if error.reason in _UNNAMED else self._traced.address, took
            )
        if not is_exceeded(error.icmp, self._traced.address):
            self.answered[ttl] = error.reason
        return Hop(ttl, error.icmp.sender, took)


def _summary(
    hops: Sequence[Hop], answered: dict[int, Reason], destination: str
) -> Path:
    ttl = min(answered, default=None)
    spoken = [hop for hop in hops if hop.address is not None and hop.ttl != ttl]
    last = spoken[-1] if spoken else None
    by_router = ttl is not None and hops[-1].address not in {None, destination}
    # A router that refuses what it would forward has spoken at its own hop before.
    if by_router and (last is None or last.address != hops[-1].address):
        last = hops[-1]
    return Path(
        hops=tuple(hops),
        answered_ttl=ttl,
        ended=answered[ttl] if ttl is not None else None,
        last_hop=last.address or "" if last else "",
        last_ttl=last.ttl if last else 0,
        local=_is_local(destination),
    )


def _is_local(address: str) -> bool:
    route = host_network.route_to(address)
    return route is not None and route.local


def _all_silent(hops: Sequence[Hop]) -> bool:
    silent = [hop for hop in hops if hop.address is None]
    return len(silent) == len(hops) >= _SILENT_HOPS


def _last_spoken(hops: Iterable[Hop]) -> int:
    return max((hop.ttl for hop in hops if hop.address is not None), default=0)
