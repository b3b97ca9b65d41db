"""Where it stops, and who it was that answered: looked into behind a round.

A trace takes seconds, so a failure is told first and traced in the background: once,
no target more often than the cooldown allows, and only a few at a time. Whether a reset
or a bare handshake comes from nearer than its host is a matter of a few packets. That
is worth no more than the state it explains, so it is asked anew each round, against the
distance of an address that answers another rule now; what nobody confirms expires.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.model.outcome import Origin, ProbeError, Reason
from exporter.model.rule import Expect
from exporter.monitor import open_questions
from exporter.monitor.answering import AnsweringTargets
from exporter.monitor.attribution import Attribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.model.network_path import Path
    from exporter.model.outcome import Observation, Result
    from exporter.model.rule import Key, Target
    from exporter.monitor.store import Store
    from exporter.probes.runner import Runner

logger = logging.getLogger(__name__)

TRACE_COOLDOWN = 300.0
"""Seconds between two traces of one target, at the least."""
_TRACES = 2
"""Traces under way at once. Each takes about two seconds and wants a word of every
router, and Linux routers say no more than one a second to one peer."""
_LOOKS = 8
"""Targets at once of which distances are compared: that wants no word of routers."""
_MOST_BEGUN = 256
"""Traces that somebody waits for who waits for one round, however long they take."""


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be looked into: addresses, none if not now."""

    resets: tuple[str, ...] = ()
    handshakes: tuple[str, ...] = ()
    claims: tuple[Observation, ...] = ()
    traces: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.resets or self.handshakes or self.claims or self.traces)


_NOTHING = _Due()


class Traces:
    """Looks into results, and has them judged anew where that changes them.

    Args:
        runner: traces, measures and judges.
        store: takes paths and what a result turns out to be.
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
        self._traced: dict[Key, float] = {}
        self._compared: dict[Key, float] = {}
        self._open: set[Key] = set()
        self._busy: set[Key] = set()
        self._answering = AnsweringTargets(runner, store)
        self._attribution = Attribution(runner, store, self._answering, clock)
        self._until = math.inf
        self._begun = 0
        self._slots = asyncio.Semaphore(_TRACES)
        self._looks = asyncio.Semaphore(_LOOKS)
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, target: Target, result: Result) -> None:
        """Looks into a result that the store has taken, if there is anything to see."""
        self._answering.note(target, result)
        if target.key in self._busy or not open_questions.may_tell(target, result):
            return
        due = self._due(target, result)
        if not due:
            return
        self._busy.add(target.key)
        if due.traces:
            self._traced[target.key] = self._clock()
        task = asyncio.create_task(self._look(target, result, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, patience: float) -> None:
        """Ends what is under way, then judges by all that is known at the end.

        So that an answer does not depend on who was probed before whom.

        Args:
            patience: seconds after which no trace is begun any more: where thousands
                of targets fail alike, those traced by then tell of the others.
        """
        self._until = self._clock() + patience
        await asyncio.gather(*self._tasks)
        self._revise_all()
        for record in self._store.records():
            if record.latest is not None and record.target.key in self._open:
                self.follow(record.target, record.latest)
        await asyncio.gather(*self._tasks)
        # A witness may have been shown to be none after those that rest on it.
        self._revise_all()

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, target: Target, result: Result) -> _Due:
        if all(map(open_questions.answers, open_questions.observations(result))):
            # Then nothing but who made the handshake is in question.
            self._open.discard(target.key)
            shakes = self._handshakes(target, result)
            return _Due(handshakes=shakes) if shakes else _NOTHING
        last = self._traced.get(target.key)
        cooling = last is not None and self._clock() - last < TRACE_COOLDOWN
        resets = open_questions.resets(result)
        # A rule that allows is violated by a reset, whoever sent it, unless it asks for
        # the path alone.
        wanted = target.rule.expect is Expect.DENY or open_questions.asks_for_the_path(
            target
        )
        sure = wanted or Origin.PATH in resets.values()
        was_open = target.key in self._open
        self._open.discard(target.key)
        if cooling and not sure and not was_open:
            resets = {}
        claims = [
            seen
            for seen in open_questions.claims(result)
            if was_open or not cooling or open_questions.decides(target, seen)
        ]
        record = self._store.record(target)
        traced = record is None or record.path is not None
        traces: dict[str, None] = {}
        if not cooling and not traced and open_questions.ends_on_the_path(result):
            traces[result.observation.address] = None
        if not cooling:
            traces |= dict.fromkeys(self._unknown_speakers(target, result))
        return _Due(
            resets=self._measurable(target, resets),
            handshakes=self._handshakes(target, result),
            claims=self._answerable(target, claims),
            traces=tuple(traces),
        )

    def _unknown_speakers(self, target: Target, result: Result) -> Iterator[str]:
        """An address for each sender of which only a trace shows whose it may be."""
        senders = set()
        for seen in open_questions.claims(result):
            sender = seen.icmp.sender if seen.icmp is not None else ""
            needed = open_questions.needs_a_router(seen)
            needed |= open_questions.is_arrival(target, seen)
            if not needed or sender in senders or self._answering.heard(seen.address):
                continue
            bare = self._answering.is_bare(seen.address)
            if not self._measurable(target, [seen.address]) or bare:
                senders.add(sender)
                yield seen.address

    def _answerable(
        self, target: Target, claims: Iterable[Observation]
    ) -> tuple[Observation, ...]:
        """Those of which a distance, or what a trace has shown, can be known."""
        return tuple(
            seen
            for seen in claims
            if self._attribution.knows_routers(target)
            or self._answering.heard(seen.address)
            or self._measurable(target, [seen.address])
        )

    def _measurable(self, target: Target, addresses: Iterable[str]) -> tuple[str, ...]:
        """Those of which a distance can be known; without one the case stays open."""
        found = tuple(one for one in addresses if self._answering.at(one) is not None)
        if len(found) < len(list(addresses)):
            self._open.add(target.key)
        return found

    def _handshakes(self, target: Target, result: Result) -> tuple[str, ...]:
        """Addresses whose bare handshake may be compared with other answers there."""
        bare = open_questions.bare_handshakes(target, result)
        last = self._compared.get(target.key)
        if last is not None and self._clock() - last < TRACE_COOLDOWN:
            seen = open_questions.observations(result)
            if not any(map(open_questions.is_doubted, seen)):
                return ()
        found = tuple(one for one in bare if self._answering.speaking_at(one))
        if len(found) < len(bare):
            self._open.add(target.key)
        if found:
            self._compared[target.key] = self._clock()
        return found

    async def _look(self, target: Target, result: Result, due: _Due) -> None:
        try:
            async with self._looks:
                who = self._attribution
                resets = (who.reset(target, one) for one in due.resets)
                shakes = (who.handshake(target, one) for one in due.handshakes)
                claims = (who.claim(target, one) for one in due.claims)
                if not all(await asyncio.gather(*resets, *shakes, *claims)):
                    self._open.add(target.key)
            latest = self._revise(target, result)
            for address in due.traces:
                async with self._slots:
                    if not self._may_begin(result):
                        return
                    self._begun += 1
                    path = await self._runner.trace(target, address)
                latest = await self._take_path(target, latest, address, path)
        except ProbeError as error:
            # This host was in no state to look: a later round may try again.
            logger.info("%s: %s", target, error.detail)
            self._traced.pop(target.key, None)
            self._compared.pop(target.key, None)
        finally:
            self._busy.discard(target.key)

    def _may_begin(self, result: Result) -> bool:
        """Whether somebody who waits for one round waits for this trace too.

        Without it nobody knows whose a message is; where a router speaks it is short.
        """
        speaks = any(map(open_questions.needs_a_router, open_questions.claims(result)))
        return self._clock() <= self._until or (speaks and self._begun < _MOST_BEGUN)

    async def _take_path(
        self, target: Target, result: Result, address: str, path: Path
    ) -> Result:
        """Takes in a trace; a reset from nearer than the host is, is where it ends."""
        traced = [
            one for one in open_questions.observations(result) if one.address == address
        ]
        if any(one.icmp is not None for one in traced):
            self._attribution.note_routers(target, address, path)
            claims = open_questions.claims(result)
            for one in traced:
                if one in claims and not await self._attribution.claim(target, one):
                    self._open.add(target.key)
            result = self._revise(target, result)
        seen = result.observation
        if seen.address != address or open_questions.is_arrival(target, seen):
            return result
        if seen.origin is Origin.PATH and path.ended is Reason.REFUSED:
            path = replace(path, refused_on_path=True)
            self._attribution.reset_on_path(target, seen.address, path)
            result = self._revise(target, result)
        self._store.add_path(target, path)
        return result

    def _revise_all(self) -> None:
        for record in self._store.records():
            if record.latest is not None:
                self._revise(record.target, record.latest)

    def _revise(self, target: Target, result: Result) -> Result:
        anew = self._runner.reconsider(target, result)
        if anew.addresses == result.addresses:
            return result
        self._store.revise(target, result, anew)
        return anew
