"""What was seen: the latest result of every target, its counters and its history.

One `Record` a target, replaced in memory only. The history is kept as episodes:
consecutive rounds with the same verdict and cause are one entry with a count, so a
healthy target costs one entry and an outage is remembered as what it was. When the
history is full the oldest healthy episode goes first: failures stay longest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.model.outcome import OWN_FAULT, Verdict
from exporter.monitor.alternatives import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.model.network_path import Path
    from exporter.model.outcome import Observation, Result
    from exporter.model.rule import Key, Target

EPISODES = 24


@dataclass(slots=True)
class Episode:
    """Consecutive rounds that ended alike; `sample` is the latest of them."""

    verdict: Verdict
    first_timestamp: float
    last_timestamp: float
    sample: Observation
    count: int = 1


@dataclass(slots=True)
class Record:
    """Everything known of one target.

    Attributes:
        latest: the last finished round, None before the first; beside alternatives as
            it stands there.
        judged: the same as it was judged by itself.
        probes: rounds finished with a verdict other than unknown.
        failures: of those, violated.
        last_success_timestamp: Unix time of the last round that held.
        state_change_timestamp: Unix time since which the verdict is what it is; one that
            only rounds of our own fault interrupted goes on.
        attempts: probes made in all rounds, confirmations included.
        path: what a trace found of the present failure; None while there is none.
        episodes: oldest first.
    """

    target: Target
    latest: Result | None = None
    judged: Result | None = field(default=None, repr=False)
    probes: int = 0
    failures: int = 0
    attempts: int = 0
    path: Path | None = None
    last_success_timestamp: float | None = None
    state_change_timestamp: float | None = None
    episodes: list[Episode] = field(default_factory=list)
    _seen: Result | None = None
    _since: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The present verdict; unknown before the first round."""
        return self.latest.verdict if self.latest else Verdict.UNKNOWN

    @property
    def spared(self) -> bool:
        """Whether it is not needed, since an alternative holds."""
        return self.latest is not None and bool(self.latest.instead)

    def add(self, result: Result) -> None:
        """Takes in a finished round."""
        now = result.finished_timestamp
        if self.latest is None or self.latest.verdict is not result.verdict:
            self.state_change_timestamp = now
        if result.observation.reason not in OWN_FAULT:
            self._compare(result)
        self.latest = result
        self.attempts += result.attempts
        if result.verdict is not Verdict.UNKNOWN:
            self.probes += 1
        if result.verdict is Verdict.VIOLATED:
            self.failures += 1
        if result.verdict is Verdict.HOLDS:
            self.last_success_timestamp = now
        self._remember(result)

    def _compare(self, result: Result) -> None:
        """Goes on from the last round in which anything was seen."""
        before, self._seen = self._seen, result
        if before is None or before.verdict is not result.verdict:
            self._since = result.finished_timestamp
        if before is None or not _ended_alike(before, result):
            self.path = None
        self.state_change_timestamp = self._since

    def revise(self, placed: Result) -> None:
        """Takes in the latest round as a trace shows it; it is not counted again."""
        if placed.verdict is not self.verdict:
            self.attempts -= placed.attempts
            self.add(placed)
            return
        self.latest = placed
        self.episodes[-1].sample = placed.observation

    def _remember(self, result: Result) -> None:
        seen = result.observation
        now = result.finished_timestamp
        if self.episodes and _alike(self.episodes[-1], result):
            last = self.episodes[-1]
            last.count += 1
            last.last_timestamp = now
            last.sample = seen
            return
        if len(self.episodes) >= EPISODES:
            self.episodes.pop(_least_worth_keeping(self.episodes))
        if self.episodes:
            # What was said word for word is kept of the present failure alone.
            last = self.episodes[-1]
            last.sample = replace(last.sample, conversation=None)
        self.episodes.append(Episode(result.verdict, now, now, seen))


class Store:
    """The records of all targets in force, by target key.

    `listeners` are called with a record after each round, `trace_listeners` after each
    trace; they must not raise.
    """

    def __init__(self) -> None:
        self._records: dict[Key, Record] = {}
        self._by_rule: dict[str, list[Record]] = {}
        self._alternatives: dict[tuple[str, str, str], list[Record]] = {}
        self.listeners: list[Callable[[Record], None]] = []
        self.trace_listeners: list[Callable[[Record], None]] = []

    def replace(self, targets: Iterable[Target]) -> None:
        """Makes `targets` the ones in force; what is known of a kept one stays.

        A target whose rule changed in anything starts afresh, since its past was
        judged by another rule; announced work is no part of a rule.
        """
        kept: dict[Key, Record] = {}
        by_rule: dict[str, list[Record]] = {}
        for target in targets:
            known = self._records.get(target.key)
            record = known if known and known.target == target else Record(target)
            record.target = target
            kept[target.key] = record
            by_rule.setdefault(target.rule.id, []).append(record)
        self._records = kept
        self._by_rule = by_rule
        self._alternatives = {}
        for record in kept.values():
            if (choice := record.target.rule.choice) is not None:
                self._alternatives.setdefault(choice, []).append(record)

    def add(self, target: Target, result: Result) -> None:
        """Takes in a round; one of a target no longer in force is dropped."""
        record = self.record(target)
        if record is None:
            return
        record.judged = result
        record.add(self._beside(record, result))
        for listener in self.listeners:
            listener(record)
        self._settle_others(record)

    def revise(self, target: Target, result: Result, placed: Result) -> None:
        """Takes in what a trace shows of a round, unless another has come since."""
        record = self.record(target)
        if record is None or not (record.latest is result or record.judged is result):
            return
        record.judged = placed
        record.revise(self._beside(record, placed))
        for listener in self.trace_listeners:
            listener(record)
        self._settle_others(record)

    def _settle_others(self, changed: Record) -> None:
        """Takes in what a round of one alternative makes of the others."""
        choice = changed.target.rule.choice
        if choice is None:
            return
        for record in self._alternatives[choice]:
            if record is changed or record.judged is None:
                continue
            settled = self._beside(record, record.judged)
            if settled != record.latest:
                record.revise(settled)
                for listener in self.trace_listeners:
                    listener(record)

    def _beside(self, record: Record, result: Result) -> Result:
        rule = record.target.rule
        if rule.choice is None:
            return result
        others: dict[str, list[Verdict]] = {}
        for other in self._alternatives[rule.choice]:
            if other.target.rule.id != rule.id:
                known = other.judged
                verdict = known.verdict if known is not None else Verdict.UNKNOWN
                others.setdefault(other.target.rule.id, []).append(verdict)
        return beside(result, others)

    def add_path(self, target: Target, path: Path) -> None:
        """Takes in a trace of a present failure; a late one is dropped."""
        record = self.record(target)
        if record is None or record.verdict is Verdict.HOLDS:
            return
        record.path = path
        for listener in self.trace_listeners:
            listener(record)

    def record(self, target: Target) -> Record | None:
        """The record of a target in force, None for any other."""
        record = self._records.get(target.key)
        # Nearly always it is the very same: comparing all its fields is dear.
        if record is None or record.target is target or record.target == target:
            return record
        return None

    def records(self) -> list[Record]:
        """All records, in the order of the configuration."""
        return list(self._records.values())

    def of_rule(self, rule_id: str) -> list[Record]:
        """The records of one rule's targets; empty for an unknown rule."""
        return list(self._by_rule.get(rule_id, ()))

    def witness(
        self, rule_id: str, destination: str
    ) -> tuple[Target, Result | None] | None:
        """A rule's target towards a host, for judging silence, and its latest result."""
        for record in self._by_rule.get(rule_id, ()):
            if record.target.destination == destination:
                return record.target, record.latest
        return None


def _ended_alike(before: Result, now: Result) -> bool:
    return (
        before.verdict is now.verdict
        and before.observation.stage is now.observation.stage
        and before.observation.reason is now.observation.reason
    )


def _alike(episode: Episode, result: Result) -> bool:
    before, now = episode.sample, result.observation
    return (
        episode.verdict is result.verdict
        and before.reason is now.reason
        and before.stage is now.stage
        and before.origin is now.origin
    )


def _least_worth_keeping(episodes: list[Episode]) -> int:
    for index, episode in enumerate(episodes[:-1]):
        if episode.verdict is Verdict.HOLDS:
            return index
    return 0
