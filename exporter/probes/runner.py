"""Runs one round over a target: resolve, probe its addresses, judge.

The runner keeps the deadlines (`deadline.py`) and is the only place where anything
unexpected is caught: a prober that breaks is `bug`, a round that we could not run in
time for want of CPU is `local_fault`, and neither says anything about the rule.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.outcome import (
    Observation,
    ProbeError,
    Reason,
    Result,
    Stage,
    Verdict,
)
from exporter.model.rule import Expect, Transport
from exporter.probes import address_selection, mtu_black_hole
from exporter.probes.deadline import Deadline
from exporter.probes.distance import measure, nearer
from exporter.probes.earlier_rounds import EarlierRounds
from exporter.probes.link import Link
from exporter.probes.observing import Times, answered, ended, found_as, unresolved
from exporter.probes.prober_cache import ProberCache
from exporter.probes.protocols.base import FLOOR
from exporter.probes.proxy import proxy_for
from exporter.probes.traceroute import TraceTarget, trace
from exporter.probes.verdict import any_suffices, is_silent, judge
from exporter.probes.witness import Witnesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from exporter.model.endpoint import Endpoint
    from exporter.model.network_path import Path
    from exporter.model.rule import Rule, Target
    from exporter.model.verdict_case import Case, Claim, Placed
    from exporter.probes.distance import Distance
    from exporter.probes.link import Secure
    from exporter.probes.protocols.base import Prober
    from exporter.probes.resolver import Resolver
    from exporter.probes.witness import Known

logger = logging.getLogger(__name__)

_AT_ONCE = 32
"""Addresses of one target probed at once, where all of them have to be looked at."""


class Runner:
    """Turns targets into results.

    Args:
        resolver: names to addresses.
        secure: the TLS engine.
        witness: the target of (rule id, destination) and its latest result.
        stalled: seconds, ever growing, in which this process did not get to run.
        wall: Unix time.
        clock: monotonic seconds.

    Attributes:
        proxy: what public rules over TCP go through, if there is one.
        doubt: why a bare handshake proves nothing at present; empty if it does.
        only_round: no other follows, so that every address is probed in this one, and
            witnesses with a floor are heard in their own.
    """

    def __init__(
        self,
        resolver: Resolver,
        secure: Secure,
        witness: Known = lambda _rule, _host: None,
        stalled: Callable[[], float] = lambda: 0.0,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._secure = secure
        self._stalled = stalled
        self._deadline = Deadline(stalled)
        self._wall = wall
        self._clock = clock
        self.doubt: Callable[[], str] = lambda: ""
        self.proxy: Endpoint | None = None
        self.only_round = False
        self._probers = ProberCache()
        self._earlier = EarlierRounds()
        self._silences = mtu_black_hole.Episodes()
        # Nothing that it is handed refers to this runner: with the store of trusted
        # certificates, an old one goes at a reload, not with a garbage collection.
        self._witnesses = Witnesses(
            witness, self._probers.of, clock, self._earlier.remind
        )

    async def run(self, target: Target) -> Result:
        """One round. Raises nothing but cancellation."""
        started = time.perf_counter()
        case = await self._observe(target)
        if target.rule.witness is not None:
            case = await self._witnessed(target, case)
        return self._judged(case, time.perf_counter() - started)

    async def trace(self, target: Target, address: str) -> Path:
        """The path to one address, see traceroute.py.

        Raises:
            ProbeError: local_fault if this host was in no state to trace it.
        """
        return await trace(self._traced(target, address), self._stalled)

    async def distance(self, target: Target, address: str) -> Distance | None:
        """How far a host is that answers a target, see distance.py.

        Raises:
            ProbeError: local_fault if this host was in no state to measure it.
        """
        return await measure(self._traced(target, address), self._stalled)

    async def nearer(
        self, target: Target, address: str, distance: Distance, end: Reason
    ) -> bool | None:
        """Whether what ends so at a target's port comes from nearer than its host is."""
        return await nearer(self._traced(target, address), distance, end)

    def _traced(self, target: Target, address: str) -> TraceTarget:
        return TraceTarget(target, address, self.prober(target.rule), self._secure)

    def place_reset(self, target: Target, address: str, placed: Placed | None) -> None:
        """Takes in whether an address's resets come from nearer than it is."""
        self._earlier.place_reset(target, address, placed)

    def place_claim(self, target: Target, claim: Claim) -> None:
        """Takes in whose an address's ICMP messages are."""
        self._earlier.place_claim(target, claim)

    def place_handshake(
        self, target: Target, address: str, placed: Placed | None
    ) -> None:
        """Takes in whether an address's handshakes come from nearer than it is."""
        self._earlier.place_handshake(target, address, placed)

    def reconsider(self, target: Target, result: Result) -> Result:
        """`result` judged anew, with what was learnt since of the same addresses."""
        if result.case is None:
            return result
        case = self._earlier.remind(target, result.case)
        if target.rule.witness is not None:
            case = self._witnesses.remind(target, case, self.doubt())
        judged = self._judged(case, result.duration)
        return replace(
            judged,
            attempts=result.attempts,
            finished_timestamp=result.finished_timestamp,
        )

    async def _witnessed(self, target: Target, case: Case) -> Case:
        """`case` with the witness's answers at the addresses that are silent."""
        silent = [
            one.observation.address
            for one in judge(case)[1]
            if one.verdict is Verdict.UNKNOWN and is_silent(one.observation)
        ]
        if silent:
            wait = self.only_round
            await self._witnesses.ask(target, case, silent, self._ask, may_wait=wait)
        return self._witnesses.remind(target, case, self.doubt())

    def _judged(self, case: Case, duration: float) -> Result:
        verdict, judged = judge(case)
        return Result(
            verdict=verdict,
            observation=address_selection.deciding(judged, verdict),
            addresses=judged,
            duration=duration,
            finished_timestamp=self._wall(),
            case=case,
        )

    def prober(self, rule: Rule) -> Prober:
        """The prober of a rule, with its options."""
        return self._probers.of(rule)

    async def _observe(self, target: Target) -> Case:
        started = time.perf_counter()
        via = proxy_for(target.rule, self.proxy)
        host = target.destination if via is None else via.host
        try:
            resolved = await self._deadline.look_up(self._resolver, host, target.rule)
        except ProbeError as error:
            failed = self._now(unresolved(error, via))
            return self._earlier.case(target, ("",), [failed])
        except Exception as error:  # noqa: BLE001 - ours is never the target's fault
            failed = self._now(_bug(target, error, "", Stage.RESOLVE))
            return self._earlier.case(target, ("",), [failed])
        resolve = time.perf_counter() - started
        members, unlearned = address_selection.listed(resolved)
        refused = address_selection.refused(target, members) if via is None else ()
        asked = [one for one in members if one not in refused] if refused else members
        seen = await self._sightings(target, asked, resolve)
        if refused:
            left_out = map(address_selection.left_out, refused)
            seen += map(self._now, left_out)
        if resolved.completed:
            seen = [found_as(one, resolved.completed) for one in seen]
        case = self._earlier.case(target, members, seen)
        doubt = self.doubt()
        if not doubt and (not unlearned or via is not None):
            return case
        return replace(case, doubt=doubt, unlearned=unlearned)

    async def _sightings(
        self, target: Target, members: Sequence[str], resolve: float
    ) -> list[Observation]:
        """Some of the members looked at, or all of them where that decides."""
        if len(members) == 1:
            return [await self._probe(target, members[0], resolve)]
        before = self._earlier.seen(target)
        first = address_selection.next_ones(members, before)
        seen = await self._probe_each(target, first, resolve)
        alone = self.prober(target.rule).one_at_a_time
        enough = any_suffices(target.rule)
        if enough and any(one.reason is Reason.ANSWERED for one in seen):
            return seen
        if not self.only_round and (alone or not enough):
            return seen
        # An answer of an earlier round is no answer any more, when this one has none.
        rest = [one for one in members if one not in first]
        return seen + await self._probe_each(target, rest, resolve)

    async def _probe_each(
        self, target: Target, addresses: Iterable[str], resolve: float
    ) -> list[Observation]:
        alone = self.prober(target.rule).one_at_a_time
        slots = asyncio.Semaphore(1 if alone else _AT_ONCE)

        async def probe(address: str) -> Observation:
            async with slots:
                return await self._probe(target, address, resolve)

        return await asyncio.gather(*map(probe, addresses))

    def _now(self, seen: Observation) -> Observation:
        now = self._clock()
        return replace(seen, began=now, ended=now)

    async def _ask(self, witness: Target, address: str) -> Observation:
        """What the witness sees there, by the path that is in question: no proxy's."""
        return await self._look(witness, address, 0.0, None)

    async def _probe(self, target: Target, address: str, resolve: float) -> Observation:
        """One look at an address, and one more beside it where silence asks for it."""
        known = self._witnesses.just_asked(target, address)
        if known is not None:
            return known
        via = proxy_for(target.rule, self.proxy)
        key = mtu_black_hole.key_of(target, address)
        if not self._silences.to_try(key) or not self._may_try_small(target):
            seen = await self._look(target, address, resolve, via)
            return self._silences.told(key, seen)
        both = await asyncio.gather(
            self._look(target, address, resolve, via),
            self._look(target, address, resolve, via, small=True),
        )
        return self._silences.told(key, *both)

    def _may_try_small(self, target: Target) -> bool:
        rule = target.rule
        lasting = rule.transport is Transport.TCP and rule.expect is Expect.ALLOW
        return lasting and self.prober(rule).floor <= FLOOR

    async def _look(
        self,
        target: Target,
        address: str,
        resolve: float,
        via: Endpoint | None,
        *,
        small: bool = False,
    ) -> Observation:
        began = self._clock()
        with Link(target, address, self._secure, via=via) as link:
            link.small_segments = small
            try:
                outcome = await self._deadline.talk(link, self.prober(target.rule))
                if not isinstance(outcome, ProbeError):
                    times = Times(resolve, began, self._clock())
                    return answered(link, outcome, times)
                explained = await link.explained(outcome)
                return ended(link, explained, Times(resolve, began, self._clock()))
            except Exception as error:  # noqa: BLE001 - ours is never the target's fault
                return self._now(_bug(target, error, address, link.stage))


def _bug(target: Target, error: Exception, address: str, stage: Stage) -> Observation:
    logger.error("probe of %s failed unexpectedly", target, exc_info=error)
    return Observation(address, stage, Reason.BUG, f"{type(error).__name__}: {error}")
