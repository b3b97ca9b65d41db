"""Runs one round over a target: resolve, probe every address, judge.

The runner owns the deadlines and is the only place where anything unexpected is
caught: a prober that breaks is `bug`, a round that we could not run in time for
want of CPU is `local_fault`, and neither says anything about the rule.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.addresses import is_public
from exporter.model.outcome import (
    Judged,
    Observation,
    Origin,
    ProbeError,
    Reason,
    Result,
    Stage,
    Verdict,
)
from exporter.model.rule import Expect, Transport
from exporter.probes import segments
from exporter.probes.control import distrust
from exporter.probes.distance import measure, placed
from exporter.probes.link import Link
from exporter.probes.memory import Memory
from exporter.probes.path import Way, trace
from exporter.probes.protocols import PROBERS
from exporter.probes.protocols.base import FLOOR
from exporter.probes.transcript import quoting, silence
from exporter.probes.verdict import combine, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.model.endpoint import Endpoint
    from exporter.model.outcome import Evidence, Path
    from exporter.model.rule import Rule, Target
    from exporter.probes.distance import Distance
    from exporter.probes.dns import Resolver
    from exporter.probes.link import Secure
    from exporter.probes.protocols.base import Prober

logger = logging.getLogger(__name__)

MAX_ADDRESSES = 8
"""Addresses of one name probed in a round; a CDN may list many more."""
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


class Runner:
    """Turns targets into results.

    Args:
        resolver: names to addresses.
        secure: the TLS engine.
        witness: present verdict of (rule id, destination), for deny rules.
        stalled: seconds, ever growing, in which this process did not get to run.
        wall: Unix time.

    Attributes:
        proxy: what public rules over TCP go through, if there is one.
        doubt: why a bare handshake proves nothing at present; empty if it does.
    """

    def __init__(
        self,
        resolver: Resolver,
        secure: Secure,
        witness: Callable[[str, str], Verdict] = lambda _rule, _host: Verdict.UNKNOWN,
        stalled: Callable[[], float] = lambda: 0.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._resolver = resolver
        self._secure = secure
        self._witness = witness
        self._stalled = stalled
        self._wall = wall
        self.doubt: Callable[[], str] = lambda: ""
        self.proxy: Endpoint | None = None
        self._probers: dict[str, Prober] = {}
        self._memory = Memory()
        self._silences = segments.Episodes()

    async def run(self, target: Target) -> Result:
        """One round. Raises nothing but cancellation."""
        started = time.perf_counter()
        observations = [
            distrust(target, self._memory.strongest(target, seen), self.doubt())
            for seen in await self._observe(target)
        ]
        return self._judged(target, observations, time.perf_counter() - started)

    async def trace(
        self, target: Target, address: str, distance: Distance | None = None
    ) -> Path:
        """The path to one address, see path.py.

        Raises:
            ProbeError: local_fault if this host was in no state to trace it.
        """
        way = self._way_to(target, address)
        path = await trace(way, self._stalled)
        return path if distance is None else await placed(way, path, distance)

    async def distance(self, target: Target, address: str) -> Distance | None:
        """How far a host is that answers a target, see distance.py.

        Raises:
            ProbeError: local_fault if this host was in no state to measure it.
        """
        return await measure(self._way_to(target, address), self._stalled)

    def _way_to(self, target: Target, address: str) -> Way:
        return Way(target, address, self.prober(target.rule), self._secure)

    def place_resets(
        self, target: Target, result: Result, paths: Mapping[str, Path]
    ) -> Result:
        """`result` in the light of traces, by address; later rounds stand in it too."""
        for address, path in paths.items():
            self._memory.place_reset(target, address, path)
        observations = [
            self._memory.strongest(target, one.observation) for one in result.addresses
        ]
        judged = self._judged(target, observations, result.duration)
        return replace(judged, attempts=result.attempts)

    def _judged(
        self, target: Target, observations: Sequence[Observation], duration: float
    ) -> Result:
        rule = target.rule
        witness = Verdict.UNKNOWN
        if rule.witness is not None:
            witness = self._witness(rule.witness, target.destination)
        judged = tuple(
            Judged(seen, judge(rule, seen, witness)) for seen in observations
        )
        verdict = judged[0].verdict
        if len(judged) > 1:
            verdict = combine(rule, [one.verdict for one in judged])
        return Result(
            verdict=verdict,
            observation=_deciding(judged, verdict),
            addresses=judged,
            duration=duration,
            finished_timestamp=self._wall(),
        )

    def prober(self, rule: Rule) -> Prober:
        """The prober of a rule, with its options."""
        prober = self._probers.get(rule.id)
        if prober is None:
            prober = self._probers[rule.id] = PROBERS[rule.probe](**rule.options)
        return prober

    async def _observe(self, target: Target) -> Sequence[Observation]:
        started = time.perf_counter()
        via = self._way(target.rule)
        host = target.destination if via is None else via.host
        try:
            patience = max(target.rule.timeout, _LOOK_UP)
            addresses = await self._addresses(host, patience)
        except ProbeError as error:
            return [_unresolved(error.reason, error.detail, via)]
        except Exception as error:  # noqa: BLE001 - ours is never the target's fault
            return [_bug(target, error, "", Stage.RESOLVE)]
        resolve = time.perf_counter() - started
        refused = refused_addresses(target, addresses) if via is None else ()
        chosen = bounded([a for a in addresses if a not in refused])
        left_out = [_left_out(address) for address in bounded(refused)]
        probes = [self._probe(target, address, resolve) for address in chosen]
        if len(probes) == 1 or self.prober(target.rule).one_at_a_time:
            return [await probe for probe in probes] + left_out
        return await asyncio.gather(*probes) + left_out

    async def _addresses(self, host: str, patience: float) -> Sequence[str]:
        known = self._resolver.known(host)
        if known is not None:
            return known.addresses
        stalled = self._stalled()
        try:
            async with asyncio.timeout(patience):
                return (await self._resolver.resolve(host)).addresses
        except TimeoutError as error:
            silence = ProbeError(Reason.DNS_FAILURE, "no resolver answers in time")
            late = self._stalled() - stalled
            raise _excused(silence, patience, late) from error

    def _way(self, rule: Rule) -> Endpoint | None:
        """The proxy that a rule goes through.

        A rule that must be denied asks about the direct path, as no proxy would.
        """
        proxied = rule.public and rule.transport is Transport.TCP
        return self.proxy if proxied and rule.expect is Expect.ALLOW else None

    async def _probe(self, target: Target, address: str, resolve: float) -> Observation:
        """One look at an address, and one more beside it where silence asks for it."""
        key = segments.key_of(target, address)
        if not self._silences.to_try(key) or not self._may_try_small(target):
            seen = await self._look(target, address, resolve)
            return self._silences.told(key, seen)
        both = await asyncio.gather(
            self._look(target, address, resolve),
            self._look(target, address, resolve, small=True),
        )
        return self._silences.told(key, *both)

    def _may_try_small(self, target: Target) -> bool:
        rule = target.rule
        lasting = rule.transport is Transport.TCP and rule.expect is Expect.ALLOW
        return lasting and self.prober(rule).floor <= FLOOR

    async def _look(
        self, target: Target, address: str, resolve: float, *, small: bool = False
    ) -> Observation:
        via = self._way(target.rule)
        with Link(target, address, self._secure, via=via) as link:
            link.small_segments = small
            try:
                return await self._converse(link, resolve)
            except Exception as error:  # noqa: BLE001 - ours is never the target's fault
                return _bug(target, error, address, link.stage)

    async def _converse(self, link: Link, resolve: float) -> Observation:
        rule = link.target.rule
        timeout = rule.timeout
        if link.small_segments:
            timeout = min(timeout, segments.PATIENCE)
        stalled = self._stalled()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                evidence = await self.prober(rule).probe(link, link.target)
        except ProbeError as error:
            late = self._stalled() - stalled
            ended = _excused(error, timeout, late)
        except TimeoutError:
            late = time.perf_counter() - started - timeout
            late += self._stalled() - stalled
            waited = silence(link.talk, timeout, link.overdue)
            ended = _excused(waited, timeout, late, waited=True)
        else:
            seen = _answered(link, evidence, resolve)
            if rule.expect is Expect.DENY:
                seen = replace(seen, conversation=link.conversation())
            return seen
        return _ended(link, await link.explained(ended), resolve)


def _answered(link: Link, evidence: Evidence, resolve: float) -> Observation:
    phases = {Stage.RESOLVE: resolve, **link.phases()}
    return Observation(
        address=link.address,
        stage=link.stage,
        reason=Reason.ANSWERED,
        detail=evidence.detail,
        latency=link.latency,
        syn_retransmits=link.syn_retransmits,
        phases=phases,
        tls=link.tls,
        evidence=evidence,
        via=str(link.via or ""),
        answer_hops=link.answer_hops,
    )


def _ended(link: Link, error: ProbeError, resolve: float) -> Observation:
    phases = {Stage.RESOLVE: resolve, **link.phases()}
    error = link.blamed(quoting(error, link.talk))
    conversation = link.conversation()
    link.close()
    return Observation(
        address=link.address,
        stage=link.stage,
        reason=error.reason,
        detail=error.detail,
        origin=error.origin,
        icmp=error.icmp,
        latency=link.latency,
        syn_retransmits=link.syn_retransmits,
        phases=phases,
        tls=link.tls,
        evidence=error.evidence,
        via=str(link.via or ""),
        heard=link.talk.received,
        conversation=conversation,
        answer_hops=link.answer_hops,
        broken=error.broken,
    )


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


def _unresolved(reason: Reason, detail: str, via: Endpoint | None) -> Observation:
    if via is not None:
        detail = f"the proxy {via} is not found: {detail}"
    return Observation("", Stage.RESOLVE, reason, detail, via=str(via or ""))


def refused_addresses(target: Target, addresses: Sequence[str]) -> Sequence[str]:
    """Those that are not probed, since a list from outside may only name public ones."""
    return [a for a in addresses if target.untrusted and not is_public(a)]


def bounded(addresses: Sequence[str]) -> list[str]:
    """As many of them as are probed: a family that has many leaves the other room."""
    v4 = [address for address in addresses if ":" not in address]
    v6 = [address for address in addresses if ":" in address]
    kept = v6[: max(MAX_ADDRESSES // 2, MAX_ADDRESSES - len(v4))]
    return v4[: MAX_ADDRESSES - len(kept)] + kept


def _left_out(address: str) -> Observation:
    detail = f"refused to probe {address}: not public, and a mirror list leads to it"
    return Observation(address, Stage.RESOLVE, Reason.UNTESTED, detail)


def _bug(target: Target, error: Exception, address: str, stage: Stage) -> Observation:
    logger.error("probe of %s failed unexpectedly", target, exc_info=error)
    return Observation(address, stage, Reason.BUG, f"{type(error).__name__}: {error}")


def _deciding(judged: Sequence[Judged], verdict: Verdict) -> Observation:
    """The observation that stands for the round.

    Of those that share its verdict: an answer, then one in which somebody said who
    refused, then the one that came furthest.
    """
    if len(judged) == 1:
        return judged[0].observation
    sharing = [one.observation for one in judged if one.verdict is verdict]
    stages = list(Stage)
    return max(
        sharing,
        key=lambda seen: (
            seen.reason is Reason.ANSWERED,
            seen.origin is not Origin.NOBODY,
            stages.index(seen.stage),
        ),
    )
