"""How far addresses are, measured anew as soon as that is too old to compare with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.rule import Key, Target
    from exporter.monitor.answering import AnsweringTargets
    from exporter.probes.distance import Distance
    from exporter.probes.runner import Runner

_DISTANCE_AGE = 60.0
"""Seconds for which the measured distance of an address may be used."""
_RESERVED_AGE = 300.0
"""The same where measuring, which takes a dozen connections, is too much for the peer."""


@dataclass(frozen=True, slots=True)
class _Measured:
    distance: Distance
    at: float


class Distances:
    """The distances of addresses that answer.

    Args:
        runner: measures.
        answering: knows whose protocol counts connections.
        clock: monotonic seconds.
    """

    def __init__(
        self, runner: Runner, answering: AnsweringTargets, clock: Callable[[], float]
    ) -> None:
        self._runner = runner
        self._answering = answering
        self._clock = clock
        self._distances: dict[tuple[str, Key], _Measured] = {}
        self._measuring: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def measure(self, other: Target, address: str) -> Distance | None:
        """How far a host is, as a rule that it answers over TCP measures it."""
        async with self._measuring.setdefault(address, asyncio.Lock()):
            now = self._clock()
            known = self._distances.get((address, other.key))
            reserved = self._answering.is_reserved(other)
            age = _RESERVED_AGE if reserved else _DISTANCE_AGE
            if known is not None and now - known.at < age:
                return known.distance
            distance = await self._runner.distance(other, address)
            if distance is not None:
                self._distances = {
                    key: one
                    for key, one in self._distances.items()
                    if now - one.at < _RESERVED_AGE
                }
                self._distances[address, other.key] = _Measured(distance, now)
            return distance

    def forget(self, other: Target, address: str) -> None:
        """Has it measured anew next time."""
        self._distances.pop((address, other.key), None)
