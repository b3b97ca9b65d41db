"""The paths to what still answers, beside those that end: what a trace is compared with.

Where silence begins says little by itself: the last router that spoke may be the one
before a dead host, or a firewall. A path to an answering neighbour of the same network
shows which. One for each network in which something is silent is enough.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.addresses import neighbourhood
from exporter.model.outcome import ProbeError, Reason, Stage, Verdict
from exporter.model.rule import Expect, Transport
from exporter.probes.protocols.base import FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exporter.model.network_path import Path
    from exporter.model.rule import Target
    from exporter.monitor.store import Record, Store
    from exporter.probes.runner import Runner

_AGE = 300.0
"""Seconds for which a path may be used."""
_MOST = 16
"""Networks looked at in one go, each by a few packets."""
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Traced:
    path: Path
    at: float


class ComparisonTraces:
    """Traces neighbours of what is silent.

    Args:
        runner: traces.
        store: what is silent, and what answers.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._store = store
        self._clock = clock
        self._known: dict[str, _Traced] = {}

    def paths(self) -> Mapping[str, Path]:
        """Paths to what answers, by the network that it is in."""
        now = self._clock()
        return {
            network: one.path
            for network, one in self._known.items()
            if now - one.at < _AGE
        }

    async def look(self) -> bool:
        """Traces what is missing; whether anything was learnt."""
        now = self._clock()
        self._known = {n: one for n, one in self._known.items() if now - one.at < _AGE}
        missing = [n for n in self._silent() if n not in self._known][:_MOST]
        if not missing:
            return False
        answering = dict(self._answering())
        chosen = {
            address: answering[address]
            for network in missing
            if (address := _nearest(network, answering)) is not None
        }
        slots = asyncio.Semaphore(_AT_ONCE)
        before = len(self._known)
        await asyncio.gather(
            *(self._trace(target, to, slots) for to, target in chosen.items())
        )
        return len(self._known) > before

    async def _trace(
        self, target: Target, address: str, slots: asyncio.Semaphore
    ) -> None:
        if neighbourhood(address) in self._known:
            return
        async with slots:
            try:
                path = await self._runner.trace(target, address)
            except ProbeError:  # this host was too busy: a later look may do it
                return
        if path.ended is Reason.ANSWERED:
            self._known[neighbourhood(address)] = _Traced(path, self._clock())

    def _silent(self) -> Iterator[str]:
        """The networks in which something ended on the way."""
        networks = {
            neighbourhood(seen.address): None
            for record in self._store.records()
            if record.latest is not None
            and record.verdict is not Verdict.HOLDS
            and record.target.rule.expect is Expect.ALLOW
            and (seen := record.latest.observation).stage is Stage.CONNECT
            and seen.address
            and not seen.via
        }
        yield from networks

    def _answering(self) -> Iterator[tuple[str, Target]]:
        """Addresses that answer over TCP, and that nobody counts connections at."""
        for record in self._store.records():
            if not self._may_be_traced(record) or record.latest is None:
                continue
            for one in record.latest.addresses:
                seen = one.observation
                if seen.reason is Reason.ANSWERED and not seen.via:
                    yield seen.address, record.target

    def _may_be_traced(self, record: Record) -> bool:
        rule = record.target.rule
        tcp = rule.transport is Transport.TCP and rule.expect is Expect.ALLOW
        return tcp and self._runner.prober(rule).floor <= FLOOR


def _nearest(network: str, answering: Mapping[str, Target]) -> str | None:
    """The address that shares most with a network, of its family."""
    base = ipaddress.ip_network(network).network_address
    alike = [one for one in answering if (":" in one) == (base.version == 6)]  # noqa: PLR2004 - the IP version's own name
    return min(
        alike,
        key=lambda one: int(ipaddress.ip_address(one.partition("%")[0])) ^ int(base),
        default=None,
    )
