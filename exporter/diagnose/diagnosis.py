"""Findings over time: each keeps its name and its beginning as long as it lasts."""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from dataclasses import replace
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
from exporter.model.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.diagnose.explanation import Explanation
    from exporter.diagnose.known import Known
    from exporter.diagnose.scene import Steps
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.rule import Key, Target
    from exporter.monitor.store import Record

_LOUDEST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
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
        order = {one.target.key: i for i, one in enumerate(known.records)}
        self._distances = {k: d for k, d in self._distances.items() if k in order}
        yield
        found: list[Finding] = []
        for one in causes:
            finding = yield from _finding(one, known, before, order)
            found.append(finding)
        self.findings = tuple(sorted(found, key=_urgency))
        yield
        self._note_distances(known)
        return self.findings

    def _reading(self, record: Record, known: Known) -> Reading:
        """What a target shows; read again only when something is new."""
        before = self._read.get(id(record))
        if before is not None and before.is_of(record):
            return before
        reading = self._read[id(record)] = Reading(record, known)
        return reading

    def _note_distances(self, known: Known) -> None:
        """Remembers how far away answers come from, unless a device gives them."""
        device = {
            key
            for one in self.findings
            if one.cause is Cause.MIDDLEBOX
            for key in one.targets
        }
        for record in known.records:
            latest = record.latest
            hops = latest.observation.answer_hops if latest is not None else None
            if hops is not None and record.target.key not in device:
                self._distances[record.target.key] = hops


class _Before:
    """The findings of before, each of which goes on as one of now at the most."""

    def __init__(self, findings: Iterable[Finding], now: Iterable[Explanation]) -> None:
        present = {(one.cause, one.subject) for one in now}
        self._claimed = {
            one.finding for one in findings if (one.cause, one.subject) in present
        }
        self._open = {one.finding: one for one in findings}
        self._of_target = {key: one for one in findings for key in one.targets}
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
        shared = Counter(
            found.finding
            for key in keys
            if (found := self._of_target.get(key)) is not None
            and found.finding in self._open
        )
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


def _finding(
    one: Explanation, known: Known, before: _Before, order: Mapping[Key, int]
) -> Steps[Finding]:
    targets: list[Target] = []
    since = one.since if one.since is not None else known.now
    for index, symptom in enumerate(one.symptoms):
        if index % STEP == 0:
            yield
        targets.append(symptom.target)
        if one.since is None:
            since = min(since, symptom.since)
    targets += one.waiting
    keys = tuple(_in_order([target.key for target in targets], order))
    yield
    name, begun = before.name(one, keys)
    if begun is not None and one.since is None:
        since = min(since, begun)
    yield
    severity = _severity(one, targets, known.now)
    yield
    owner = owner_of(one.cause, targets, known.owners, theirs=one.theirs)
    yield
    ask = yield from ticket(one, known, since)
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
        targets=keys,
    )


def _in_order(keys: list[Key], order: Mapping[Key, int]) -> list[Key]:
    """The keys in the order of the configuration; those that are not probed come last."""
    places = [order.get(key, len(order)) for key in keys]
    if all(map(operator.le, places, places[1:])):
        return keys
    return [key for _, key in sorted(zip(places, keys, strict=True))]


def _beside(one: Explanation, now: float) -> tuple[str, ...]:
    """What would be told of, were it not for what is wrong besides."""
    said: dict[str, None] = {}
    for symptom in one.symptoms[:STEP]:
        said |= {f"{where(symptom)}: {one}": None for one in beside(symptom, now)}
    return tuple(said)[:SHOWN]


def _severity(one: Explanation, targets: Iterable[Target], now: float) -> Severity:
    worst = min(map(_loudness, targets), default=_LOUDEST.index(Severity.WARNING))
    if one.cause in _QUIET and not any(map(_is_violated, one.symptoms)):
        return _LOUDEST[max(worst, _LOUDEST.index(_QUIET[one.cause]))]
    if _may_wait(one.symptoms, now):
        return _LOUDEST[max(worst, _LOUDEST.index(Severity.WARNING))]
    return _LOUDEST[worst]


def _is_violated(symptom: Symptom) -> bool:
    return symptom.record.verdict is Verdict.VIOLATED


def _loudness(target: Target) -> int:
    return _LOUDEST.index(target.rule.severity)


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


def _urgency(one: Finding) -> tuple[bool, int, int, str]:
    """The worst first: by severity, then what breaks the most."""
    quiet = one.cause in _QUIET
    return quiet, _LOUDEST.index(one.severity), -len(one.targets), one.finding
