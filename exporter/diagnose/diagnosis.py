"""Findings over time: each keeps its name and its beginning as long as it lasts."""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING

from exporter.diagnose.cover import explained
from exporter.diagnose.explanation import SHOWN, where
from exporter.diagnose.owners import owner_of
from exporter.diagnose.scene import STEP
from exporter.diagnose.symptoms import Reading, beside
from exporter.diagnose.ticket import ticket
from exporter.diagnose.trouble import HOLDING, Trouble
from exporter.model.finding import Cause, Finding
from exporter.model.outcome import Verdict
from exporter.model.rule import LOUDEST_FIRST, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.diagnose.explanation import Explanation
    from exporter.diagnose.known import Known
    from exporter.diagnose.scene import Steps
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.rule import Key, Rule
    from exporter.monitor.store import Record

_NEAREST = tuple(Cause)
"""Causes from this host on outwards."""
_QUIET = {
    Cause.UNPROVEN: Severity.INFO,
    Cause.NEVER_PROVEN: Severity.WARNING,
    Cause.FEED: Severity.WARNING,
    Cause.PARTIAL_ADDRESSES: Severity.WARNING,
}
"""The loudest that a cause is, however much its rules matter."""
_SOON = 7 * 86400.0
"""Seconds before the end of a certificate from which on its rules' severity counts."""


class Diagnosis:
    """What is wrong at present, told as the findings of before where it still is."""

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = ()
        self._read: dict[int, Reading] = {}
        self._distances: dict[Key, int] = {}

    def update(self, known: Known) -> tuple[Finding, ...]:
        """The findings of `known`, the worst first."""
        for _ in self.steps(known):
            pass
        return self.findings

    def steps(self, known: Known) -> Steps[tuple[Finding, ...]]:
        """The same in small steps; the findings of before stand until the last."""
        known = replace(known, distances=self._distances)
        causes = yield from explained(
            known, lambda record: self._reading(record, known)
        )
        if len(self._read) > len(known.records):
            kept = {id(record) for record in known.records}
            self._read = {key: one for key, one in self._read.items() if key in kept}
        yield
        before = _Before(self.findings, causes)
        yield
        order = {id(one): i for i, one in enumerate(known.records)}
        yield
        found: list[Finding] = []
        for one in causes:
            finding = yield from _finding(one, known, before, order)
            found.append(finding)
        self.findings = tuple(sorted(found, key=_urgency))
        yield
        yield from self._note_distances(known)
        return self.findings

    def _reading(self, record: Record, known: Known) -> Reading:
        """What a target shows; read again only when something is new."""
        before = self._read.get(id(record))
        if before is not None and before.is_of(record):
            return before
        reading = self._read[id(record)] = Reading(record, known)
        return reading

    def _note_distances(self, known: Known) -> Steps[None]:
        """Remembers how far away answers come from, unless a device gives them."""
        devices = [one for one in self.findings if one.cause is Cause.MIDDLEBOX]
        device = {key for one in devices for key in one.targets}
        before, self._distances = self._distances, {}
        for index, record in enumerate(known.records):
            if index % STEP == 0:
                yield
            latest = record.latest
            hops = latest.observation.answer_hops if latest is not None else None
            if hops is None and not before:
                continue
            key = record.target.key
            usual = before.get(key) if hops is None or key in device else hops
            if usual is not None:
                self._distances[key] = usual


class _Before:
    """The findings of before, each of which goes on as one of now at the most."""

    def __init__(self, findings: Iterable[Finding], now: Iterable[Explanation]) -> None:
        present = {(one.cause, one.subject) for one in now}
        self._claimed = {
            one.finding for one in findings if (one.cause, one.subject) in present
        }
        self._open = {one.finding: one for one in findings}
        self._of_target: dict[Key, str] = {}
        for one in findings:
            self._of_target |= dict.fromkeys(one.targets, one.finding)
        self._names = set(self._open)

    def name(self, one: Explanation, keys: Sequence[Key]) -> tuple[str, float | None]:
        """The name that an explanation goes by, and its beginning if it goes on."""
        known = self._same(one, keys)
        if known is not None:
            del self._open[known.finding]
            return known.finding, known.since
        for number in range(len(self._names) + 1):
            name = _named(one, keys, number)
            if name not in self._names:
                break
        self._names.add(name)
        return name, None

    def _same(self, one: Explanation, keys: Sequence[Key]) -> Finding | None:
        """The finding that it goes on as: of the same thing, else of the same targets."""
        targets = self._of_target
        shared = Counter(targets[key] for key in keys if key in targets)
        shared = Counter({name: n for name, n in shared.items() if name in self._open})
        alike = [
            known
            for known in self._open.values()
            if (known.cause, known.subject) == (one.cause, one.subject)
            and (known.finding in shared or not (known.targets and keys))
        ]
        if alike:
            return max(alike, key=lambda known: shared[known.finding])
        # One that is told of the same thing now goes on as that.
        free = [name for name, _ in shared.most_common() if name not in self._claimed]
        return self._open[free[0]] if free else None


def _named(one: Explanation, keys: Sequence[Key], number: int) -> str:
    """A short name: the same after a restart, if the same thing is wrong."""
    first = keys[0] if keys else ""
    text = repr((str(one.cause), one.subject, first, number))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:10]


@dataclass(slots=True)
class _Targets:
    """What an explanation explains, in the order of the configuration.

    Attributes:
        keys: of the targets; those that are not probed come last.
        rules: theirs, each once.
        since: when the first of them fell; infinite if there are none.
    """

    keys: list[Key] = field(default_factory=list)
    rules: dict[int, Rule] = field(default_factory=dict)
    since: float = inf

    @property
    def severity(self) -> int:
        """The place of the loudest of them among all; that of a warning if none is."""
        loudness = {LOUDEST_FIRST.index(one.severity) for one in self.rules.values()}
        return min(loudness, default=LOUDEST_FIRST.index(Severity.WARNING))


def _targets(one: Explanation, order: Mapping[int, int]) -> Steps[_Targets]:
    found, places = _Targets(), []
    for index, symptom in enumerate(one.symptoms):
        if index % STEP == 0:
            yield
        target = symptom.target
        found.keys.append(target.key)
        found.rules[id(target.rule)] = target.rule
        found.since = min(found.since, symptom.since)
        places.append(order[id(symptom.record)])
    yield
    if not all(map(operator.le, places, places[1:])):
        ranked = sorted(zip(places, found.keys, strict=True))
        found.keys = [key for _, key in ranked]
    found.keys += [target.key for target in one.waiting]
    found.rules |= {id(target.rule): target.rule for target in one.waiting}
    return found


def _finding(
    one: Explanation, known: Known, before: _Before, order: Mapping[int, int]
) -> Steps[Finding]:
    targets = yield from _targets(one, order)
    yield
    name, begun = before.name(one, targets.keys)
    since = one.since
    if since is None:
        since = min(known.now, targets.since, inf if begun is None else begun)
    yield
    severity = _severity(one, targets.severity, known.now)
    rules = list(targets.rules.values())
    owner = owner_of(one.cause, rules, known.owners, theirs=one.theirs)
    yield
    ask = yield from ticket(one, known, since, rules)
    yield
    return Finding(
        finding=name,
        cause=one.cause,
        subject=one.subject,
        since=since,
        severity=severity,
        owner=owner,
        summary=one.summary,
        evidence=one.evidence + _beside(one, known.now),
        counter_evidence=one.counter_evidence,
        ask=ask,
        targets=tuple(targets.keys),
    )


def _beside(one: Explanation, now: float) -> tuple[str, ...]:
    """What would be told of, were it not for what is wrong besides."""
    said: dict[str, None] = {}
    for symptom in one.symptoms[:STEP]:
        said |= {f"{where(symptom)}: {one}": None for one in beside(symptom, now)}
    return tuple(said)[:SHOWN]


def _severity(one: Explanation, worst: int, now: float) -> Severity:
    if one.cause in _QUIET and not any(map(_is_violated, one.symptoms)):
        return LOUDEST_FIRST[max(worst, LOUDEST_FIRST.index(_QUIET[one.cause]))]
    if _may_wait(one.symptoms, now):
        return LOUDEST_FIRST[max(worst, LOUDEST_FIRST.index(Severity.WARNING))]
    return LOUDEST_FIRST[worst]


def _is_violated(symptom: Symptom) -> bool:
    return symptom.record.verdict is Verdict.VIOLATED


def _may_wait(symptoms: Iterable[Symptom], now: float) -> bool:
    """Whether everything still works, and will for some days at least."""
    kinds = list(symptoms)
    return bool(kinds) and all(
        one.trouble in HOLDING - {Trouble.INTERCEPTED}
        and not _is_violated(one)
        and not _ends_soon(one, now)
        for one in kinds
    )


def _ends_soon(symptom: Symptom, now: float) -> bool:
    facts = symptom.seen.tls
    if symptom.trouble is not Trouble.CERTIFICATE or facts is None:
        return False
    return not facts.verified or facts.chain_expiry_timestamp - now < _SOON


def _urgency(one: Finding) -> tuple[bool, int, int, int, str]:
    """The worst first: by severity, then what breaks the most, then what is nearest."""
    quiet, loudness = one.cause in _QUIET, LOUDEST_FIRST.index(one.severity)
    return quiet, loudness, -len(one.targets), _NEAREST.index(one.cause), one.finding
