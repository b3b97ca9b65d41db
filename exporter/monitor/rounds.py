"""A round as the service runs it: confirmed before it alarms, looked into behind it.

A verdict flips to violated only after a second look, for one lost packet is no
outage; and no more is it a block, so neither does it flip to holds because of silence.
What a rule denies is open once it was seen so: silence later takes nothing back from it.
Then it is told at once: see traces.py for what is found out afterwards.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.outcome import OWN_FAULT, Stage, Verdict
from exporter.model.rule import Expect
from exporter.monitor.traces import Traces
from exporter.probes.protocols.base import FLOOR
from exporter.probes.verdict import is_silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.outcome import Result
    from exporter.model.rule import Target
    from exporter.monitor.store import Store
    from exporter.probes.runner import Runner

CONFIRM_AFTER = 1.0
"""Seconds between a failure and the second look."""
_LOOKS = 3
"""Looks in the place of a second one after silence, where a third of all packets is lost
both ways: a handshake of three SYNs fails then in one of eight looks."""
_RACES = 16
"""Targets that are looked at so at a time."""
TRACES_END = 30.0
"""Seconds for which somebody who waits for one round waits for traces behind it."""


class Rounds:
    """Runs rounds into a store.

    Args:
        runner: probes and judges.
        store: takes results and paths.
        clock: monotonic seconds.
        second_looks: failures in a row that are confirmed before another is believed
            at once: then it is no single lost packet.
    """

    def __init__(
        self,
        runner: Runner,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
        second_looks: float = math.inf,
    ) -> None:
        self._runner = runner
        self._store = store
        self._second_looks = second_looks
        self._confirmed = 0
        self._racing = 0
        self._traces = Traces(runner, store, clock)

    async def run(self, target: Target) -> float | None:
        """One round; returns seconds in which the peer wants no other, or None."""
        result = await self._runner.run(target)
        flips = self._flips(target, result) and self._may_confirm(target, result)
        if flips or self._seems_blocked(target, result):
            again = await self._look_again(target, result)
            same = again.verdict is result.verdict
            if flips:
                self._confirmed = self._confirmed + 1 if same else 0
            result = replace(again, attempts=result.attempts + again.attempts)
        self._store.add(target, result)
        self._traces.follow(target, result)
        return _hold_off(result)

    async def _look_again(self, target: Target, result: Result) -> Result:
        """The second look; after silence several at once, for one may be lost again.

        Not where a peer counts connections, nor when so much is silent at the same time
        that it is no packet's bad luck.
        """
        await asyncio.sleep(CONFIRM_AFTER)
        polite = self._runner.prober(target.rule).floor > FLOOR
        if polite or not _silent(result) or self._racing >= _RACES:
            return await self._runner.run(target)
        self._racing += 1
        try:
            looks = (self._runner.run(target) for _ in range(_LOOKS))
            found = await asyncio.gather(*looks)
        finally:
            self._racing -= 1
        best = min(
            found,
            key=lambda one: (
                one.observation.reason in OWN_FAULT,
                one.verdict is result.verdict,
                _silent(one),
            ),
        )
        return replace(best, attempts=sum(one.attempts for one in found))

    async def wait_for_traces(self) -> None:
        """Waits for what is looked into, and judges by all that is known then."""
        await self._traces.finish(TRACES_END)

    async def close(self) -> None:
        """Ends what is under way behind the rounds."""
        await self._traces.close()

    def _flips(self, target: Target, result: Result) -> bool:
        """Whether a failure is new; that a connection was let through is proven by one."""
        if result.verdict is not Verdict.VIOLATED or target.rule.expect is Expect.DENY:
            return False
        record = self._store.record(target)
        return record is None or record.verdict is not Verdict.VIOLATED

    def _seems_blocked(self, target: Target, result: Result) -> bool:
        """Whether silence is new that is, or may become, the proof of a block.

        In the first round the witness may still have to be heard.
        """
        record = self._store.record(target)
        before = record.verdict if record is not None else Verdict.UNKNOWN
        if target.rule.witness is None or before is Verdict.HOLDS:
            return False
        first = record is None or record.latest is None
        proven = result.verdict is Verdict.HOLDS
        silent = bool(_silent(result))
        return silent and (proven or (first and result.verdict is Verdict.UNKNOWN))

    def _may_confirm(self, target: Target, result: Result) -> bool:
        """The resolver asks twice by itself; a peer with a floor is not asked again.

        Unless nothing of ours reached that peer's service in the first place.
        """
        stage = result.observation.stage
        if stage is Stage.RESOLVE or self._confirmed >= self._second_looks:
            return False
        return stage is Stage.CONNECT or self._runner.prober(target.rule).floor <= FLOOR


def _silent(result: Result) -> int:
    """How many of the addresses said nothing at all."""
    return sum(is_silent(one.observation) for one in result.addresses)


def _hold_off(result: Result) -> float | None:
    evidence = [one.observation.evidence for one in result.addresses]
    asked = [told.hold_off for told in evidence if told.hold_off is not None]
    return max(asked, default=None)
