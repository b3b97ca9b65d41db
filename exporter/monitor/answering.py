"""Which targets answer now, by address: what others are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.rule import Transport
from exporter.monitor.open_questions import answers, observations
from exporter.probes.protocols.base import FLOOR

if TYPE_CHECKING:
    from exporter.model.outcome import Result
    from exporter.model.rule import Target
    from exporter.monitor.store import Store
    from exporter.probes.runner import Runner

_ADDRESSES = 50_000


class AnsweringTargets:
    """The targets that answer, those that speak a protocol before bare handshakes.

    Args:
        runner: knows each rule's prober.
        store: has the latest of each target, by which one still answers.
    """

    def __init__(self, runner: Runner, store: Store) -> None:
        self._runner = runner
        self._store = store
        self._spoken: dict[str, Target] = {}
        self._shaken: dict[str, Target] = {}
        self._datagrams: dict[str, Target] = {}

    def note(self, target: Target, result: Result) -> None:
        """Takes in which addresses answer a target now."""
        last_choice = target.rule.probe == "tcp" or self.is_reserved(target)
        where = self._shaken if last_choice else self._spoken
        if target.rule.transport is not Transport.TCP:
            where = self._datagrams
        for one in result.addresses:
            if answers(one.observation):
                if len(where) >= _ADDRESSES:
                    where.clear()
                where[one.observation.address] = target

    def at(self, address: str) -> Target | None:
        """A target over TCP that the address answers at present, if there is one.

        One that speaks a protocol, and minds no connections, before any other.
        """
        return self.speaking_at(address) or self._valid(self._shaken, address)

    def speaking_at(self, address: str) -> Target | None:
        """The same, of those alone that speak a protocol and mind no connections."""
        return self._valid(self._spoken, address)

    def is_bare(self, address: str) -> bool:
        """Whether no protocol is spoken there, so that it may be a device that answers."""
        other = self.at(address)
        return other is not None and other.rule.probe == "tcp"

    def heard(self, address: str) -> int | None:
        """How far the datagrams came that the address answers a target with at present."""
        target = self._valid(self._datagrams, address)
        record = self._store.record(target) if target is not None else None
        seen = observations(record.latest) if record and record.latest else ()
        return next((one.answer_hops for one in seen if one.address == address), None)

    def is_reserved(self, target: Target) -> bool:
        """Whether its protocol has a floor: whoever serves it counts connections."""
        return self._runner.prober(target.rule).floor > FLOOR

    def _valid(self, known: dict[str, Target], address: str) -> Target | None:
        target = known.get(address)
        if target is None:
            return None
        record = self._store.record(target)
        for one in record.latest.addresses if record and record.latest else ():
            if one.observation.address == address and answers(one.observation):
                return target
        known.pop(address, None)
        return None
