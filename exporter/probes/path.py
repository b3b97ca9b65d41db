"""Where on the path it stops: a trace on the rule's own port, without privileges.

The rule's own request is sent with a rising time to live. Each router that has to
drop it says so from its own address, and the kernel keeps that in the socket's error
queue. The first time to live that brings an answer is the distance of whoever
answers; silence after the last router that spoke puts the drop right behind it.

A reset bears no name. But one that arrives from nearer than the host is known to be
cannot be the host's: `distance` is what another rule's answer measured.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.probes.link import Link
from exporter.probes.outcome import INCONCLUSIVE, Hop, Path, ProbeError, Reason
from exporter.probes.protocols.tcp import Tcp
from exporter.rules.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.probes.link import Secure
    from exporter.probes.outcome import Icmp
    from exporter.probes.protocols.base import Prober
    from exporter.rules.rule import Target

MAX_HOPS = 30
_PATIENCE = 1.0
"""Seconds for a hop to speak; routers answer at once or not at all."""
_SILENT_HOPS = 5
"""Silent hops in a row after which the path is taken to end."""
# Requests under way at once. A datagram service answers each one that reaches it, so
# few go at a time; a SYN that arrives only opens and closes a connection.
_AT_ONCE = {Transport.TCP: 6, Transport.UDP: 2}

# The reasons a trace explains: nobody answered, or an unnamed reset did.
TRACEABLE = frozenset(
    {Reason.TIMEOUT, Reason.REFUSED, Reason.HOST_UNREACHABLE, Reason.PORT_UNREACHABLE}
)
_TIME_EXCEEDED = {4: 11, 6: 3}


async def trace(
    target: Target,
    address: str,
    prober: Prober,
    secure: Secure,
    distance: int | None = None,
) -> Path:
    """Traces the path to one address of a target.

    Args:
        target: what is to be reached, on its own port.
        address: one of its addresses.
        prober: the rule's own; over TCP only the handshake is made.
        secure: the TLS engine, for links.
        distance: hops to the host, where something else has measured them.
    """
    tracer = _Tracer(target, address, prober, secure)
    hops = await tracer.run()
    return _summary(hops, tracer.answered, distance)


class _Tracer:
    def __init__(
        self, target: Target, address: str, prober: Prober, secure: Secure
    ) -> None:
        # A hop's patience bounds the wait, however long the rule's own timeout is.
        rule = replace(target.rule, timeout=_PATIENCE)
        self._target = replace(target, rule=rule)
        self._address = address
        self._prober = Tcp() if rule.transport is Transport.TCP else prober
        self._secure = secure
        self.answered: dict[int, Reason] = {}

    async def run(self) -> list[Hop]:
        """The hops up to the first answer, or to the last router that spoke."""
        hops: list[Hop] = []
        width = _AT_ONCE[self._target.rule.transport]
        for first in range(1, MAX_HOPS + 1, width):
            ttls = range(first, min(first + width, MAX_HOPS + 1))
            hops += await asyncio.gather(*(self._hop(ttl) for ttl in ttls))
            if self.answered or _all_silent(hops[-_SILENT_HOPS:]):
                break
        end = min(self.answered, default=_last_spoken(hops))
        return hops[:end]

    async def _hop(self, ttl: int) -> Hop:
        with Link(self._target, self._address, self._secure, ttl=ttl) as link:
            started = time.perf_counter()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._prober.probe(link, self._target)
            except TimeoutError:
                return Hop(ttl)
            except ProbeError as error:
                took = time.perf_counter() - started
                if error.icmp is not None and _exceeded(error.icmp, self._address):
                    return Hop(ttl, error.icmp.sender, took)
                return self._end(ttl, error, took)
            took = link.latency or time.perf_counter() - started
            self.answered[ttl] = Reason.ANSWERED
            return Hop(ttl, self._address, took)

    def _end(self, ttl: int, error: ProbeError, took: float) -> Hop:
        if error.reason in {Reason.TIMEOUT, Reason.UNTESTED}:
            return Hop(ttl)
        self.answered[ttl] = error.reason
        sender = error.icmp.sender if error.icmp is not None else None
        if sender is None and error.reason is not Reason.REFUSED:
            sender = self._address
        return Hop(ttl, sender, took)


def _summary(
    hops: Sequence[Hop], answered: dict[int, Reason], distance: int | None
) -> Path:
    ttl = min(answered, default=None)
    reason = answered[ttl] if ttl is not None else None
    spoken = [hop for hop in hops if hop.address is not None and hop.ttl != ttl]
    last = spoken[-1] if spoken else None
    # A router answers for what it forwards from its own hop on, a host at its own.
    cut_short = (
        reason is Reason.REFUSED
        and ttl is not None
        and distance is not None
        and ttl < distance
    )
    return Path(
        hops=tuple(hops),
        answered_ttl=ttl,
        ended=reason,
        last_hop=last.address or "" if last else "",
        last_ttl=last.ttl if last else 0,
        refused_on_path=cut_short,
    )


def _exceeded(icmp: Icmp, address: str) -> bool:
    return icmp.type == _TIME_EXCEEDED[6 if ":" in address else 4]


def _all_silent(hops: Sequence[Hop]) -> bool:
    silent = [hop for hop in hops if hop.address is None]
    return len(silent) == len(hops) >= _SILENT_HOPS


def _last_spoken(hops: Sequence[Hop]) -> int:
    return max((hop.ttl for hop in hops if hop.address is not None), default=0)
