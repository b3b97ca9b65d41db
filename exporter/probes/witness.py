"""Witnesses: whether a host is alive at the very address that is silent.

Silence is a block only if the host is there. So when a rule that must be denied meets
silence, its witness is probed at that address, by its own prober: whatever it said
before the silence began tells nothing of it. Rules that are silent together share one
answer, and a witness whose protocol has a floor is not asked before that has passed.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

from exporter.model.outcome import Observation, Result, Verdict
from exporter.model.verdict_case import Answer, Case
from exporter.probes.protocols.base import FLOOR
from exporter.probes.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from exporter.model.rule import Key, Rule, Target
    from exporter.probes.protocols.base import Prober

    Probe: TypeAlias = Callable[[Target, str], Awaitable[Observation]]
    Known: TypeAlias = Callable[[str, str], tuple[Target, Result | None] | None]

_ENTRIES = 10_000
# RFC 9110 15.5.8 and 15.6, RFC 6585 6: no server says these of itself.
_BETWEEN = frozenset({407, 502, 503, 504, 511})

_Key: TypeAlias = "tuple[Key, str]"


class Witnesses:
    """The witnesses' answers, by address.

    Args:
        known: the target of (rule id, destination) and its latest result.
        prober: the prober of a rule.
        clock: monotonic seconds.
        remind: a case of a witness, with what is remembered of its addresses.
    """

    def __init__(
        self,
        known: Known,
        prober: Callable[[Rule], Prober],
        clock: Callable[[], float],
        remind: Callable[[Target, Case], Case] = lambda _witness, case: case,
    ) -> None:
        self._known = known
        self._remind = remind
        self._prober = prober
        self._clock = clock
        self._asked: dict[_Key, Observation] = {}
        self._asking: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    async def ask(
        self,
        target: Target,
        case: Case,
        silent: Sequence[str],
        probe: Probe,
        *,
        may_wait: bool,
    ) -> None:
        """Has the witness of a target probed at addresses that are silent.

        Args:
            target: a rule that must be denied.
            case: what was seen of it.
            silent: those of its addresses that said nothing.
            probe: probes a target at an address.
            may_wait: whether a witness with a floor has a round of its own to come.
        """
        witness = self._of(target)
        if witness is None or (may_wait and self._floor(witness[0].rule)):
            return
        since = {seen.address: seen.began for seen in case.sightings}
        await asyncio.gather(
            *(
                self._ask_at(target, (witness[0], one), since[one], probe)
                for one in silent
            )
        )

    def remind(self, target: Target, case: Case, doubt: str) -> Case:
        """`case` with the latest answer of the witness at each of its addresses."""
        known = self._of(target)
        if known is None:
            return case
        seen = (self._latest(*known, address) for address in case.members)
        answers = (
            self._answer(known[0], one, doubt) for one in seen if one is not None
        )
        floor = self._floor(known[0].rule)
        return replace(case, answers=tuple(answers), floor=floor)

    def just_asked(self, target: Target, address: str) -> Observation | None:
        """What a target saw there when asked out of its turn, within its floor."""
        if not self._asked:
            return None
        seen = self._asked.get((target.key, address))
        if seen is None or self._clock() - seen.ended >= self._floor(target.rule):
            return None
        return seen

    async def _ask_at(
        self, target: Target, at: tuple[Target, str], since: float, probe: Probe
    ) -> None:
        witness, address = at
        key = (witness.key, address)
        async with self._asking.setdefault(key, asyncio.Lock()):
            known = self._of(target)
            seen = known and self._latest(*known, address)
            if seen is not None:
                late = self._clock() - seen.ended >= self._floor(witness.rule)
                if seen.ended > since or not late:
                    return
            if len(self._asked) >= _ENTRIES:
                self._asked.clear()
            self._asked[key] = await probe(witness, address)

    def _answer(self, witness: Target, seen: Observation, doubt: str) -> Answer:
        """What a sighting of the witness says of the host."""
        only = (seen.address,)
        case = Case(witness.rule, seen.ended, only, sightings=(seen,), doubt=doubt)
        verdict, _ = judge(self._remind(witness, case))
        holds = verdict is Verdict.HOLDS and _is_the_host(seen)
        return Answer(seen.address, seen.ended, holds)

    def _of(self, target: Target) -> tuple[Target, Result | None] | None:
        name = target.rule.witness
        return None if name is None else self._known(name, target.destination)

    def _floor(self, rule: Rule) -> float:
        """Seconds for which it may not be asked again; 0 where it does not matter."""
        floor = self._prober(rule).floor
        return floor if floor > FLOOR else 0.0

    def _latest(
        self, witness: Target, result: Result | None, address: str
    ) -> Observation | None:
        """What the witness last saw at an address by the direct path."""
        own = (one.observation for one in (result.addresses if result else ()))
        seen = [one for one in own if one.address == address and not one.via]
        asked = self._asked.get((witness.key, address))
        if asked is not None:
            seen.append(asked)
        return max(seen, key=lambda one: one.ended, default=None)


def _is_the_host(seen: Observation) -> bool:
    """Whether what answers may be the host: not with another's certificate.

    Nor with a status by which a gateway says that it gets no answer itself, or that
    somebody has to sign in first.
    """
    if seen.tls is None:
        return seen.evidence.http_status not in _BETWEEN
    return seen.tls.named
