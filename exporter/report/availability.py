"""From Prometheus's answers to what a report says; pure.

Availability is the share of the samples at which a rule held, of those at which
anything was known. Coverage is the share of the time at which anything was known: an
availability without coverage is a claim without proof, so both are always told.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.report.prometheus import Series

PLACES = ("cluster", "site")
"""Labels by which what one exporter finds is told from what others find elsewhere."""
IDENTITY = ("rule", "source_role", "destination", "port", "protocol", "usage")
GROUPS = {
    "owner": "owner",
    "usage": "usage",
    "role": "source_role",
    "destination": "destination",
}
"""What targets can be grouped by, and the label that tells it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One target over the whole span, as all exporters saw it.

    Attributes:
        labels: its identity, and of its rule expect, severity, owner and catalogue.
        held: samples at which it held.
        known: samples at which anything was known.
        possible: samples that there could have been.
        last: whether it held at the last sample; None if that was not known.
    """

    labels: Mapping[str, str]
    held: int
    known: int
    possible: int
    last: bool | None

    @property
    def availability(self) -> float | None:
        """Share of the known samples at which it held; None if none was known."""
        return self.held / self.known if self.known else None

    @property
    def coverage(self) -> float:
        """Share of the samples at which anything was known."""
        return min(self.known / self.possible, 1.0) if self.possible else 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """Targets that share an owner, a usage, a role or a destination."""

    name: str
    targets: tuple[Measured, ...]

    @property
    def availability(self) -> float | None:
        """As of one target, over all samples of all of them."""
        known = sum(one.known for one in self.targets)
        return sum(one.held for one in self.targets) / known if known else None

    @property
    def coverage(self) -> float:
        """As of one target."""
        possible = sum(one.possible for one in self.targets)
        return min(sum(one.known for one in self.targets) / possible, 1.0)


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which one cause was found.

    Attributes:
        began: Unix time of the first sample.
        ended: of the last; None if it lasted to the end of the span.
        cause: what kind of thing broke.
        subject: the thing itself.
        owner: whose it was to mend.
        hurt: usages and roles, as `usage (role)`, with the place where there is one.
    """

    began: float
    ended: float | None
    cause: str
    subject: str
    owner: str
    hurt: tuple[str, ...]


def measured(
    satisfied: Iterable[Series], info: Iterable[Series], possible: int
) -> list[Measured]:
    """One entry a target, in the order of rules and destinations.

    Args:
        satisfied: `connectivity_rule_satisfied` over the span, one series an exporter.
        info: `connectivity_rule_info`, any number a target.
        possible: samples that one exporter could have brought.
    """
    facts = {_key(one): one.labels for one in info}
    seen: dict[tuple[str, ...], list[Series]] = defaultdict(list)
    for one in satisfied:
        seen[_key(one)].append(one)
    return [
        _measured(facts.get(key, found[0].labels), found, possible)
        for key, found in sorted(seen.items())
    ]


def _measured(
    labels: Mapping[str, str], found: Sequence[Series], possible: int
) -> Measured:
    values = [value for one in found for _, value in one.samples]
    end = max(at for one in found for at, _ in one.samples)
    latest = [value for one in found for at, value in one.samples if at == end]
    return Measured(
        labels,
        held=sum(value == 1 for value in values),
        known=len(values),
        possible=possible * len(found),
        last=all(value == 1 for value in latest),
    )


def _key(one: Series) -> tuple[str, ...]:
    return tuple(one.labels.get(name, "") for name in IDENTITY)


def grouped(targets: Iterable[Measured], by: str) -> list[Group]:
    """The targets by a word of `GROUPS`, least available first."""
    found: dict[str, list[Measured]] = defaultdict(list)
    for one in targets:
        found[one.labels.get(GROUPS[by], "") or "nobody"].append(one)
    groups = [Group(name, tuple(members)) for name, members in found.items()]
    return sorted(groups, key=lambda one: (_least(one.availability), one.name))


def _least(availability: float | None) -> float:
    return 2.0 if availability is None else availability


def incidents(findings: Iterable[Series], end: float, step: float) -> list[Incident]:
    """The findings of all exporters, one entry a cause, subject, place and stretch of time.

    Args:
        findings: `connectivity_finding` over the span.
        end: of the span.
        step: seconds between samples; a gap of more than two ends an incident.
    """
    found: dict[tuple[str, ...], list[tuple[float, str]]] = defaultdict(list)
    for one in findings:
        said = [one.labels.get(name, "") for name in ("cause", "subject", "owner")]
        where = [one.labels[name] for name in PLACES if one.labels.get(name)]
        who = ", ".join([one.labels.get("source_role", ""), *where])
        hurt = f"{one.labels.get('usage', '')} ({who})"
        found[*said, *where] += [(at, hurt) for at, _ in one.samples]
    told = [
        Incident(
            began=stretch[0][0],
            ended=None if end - stretch[-1][0] < step else stretch[-1][0],
            cause=cause,
            subject=subject,
            owner=owner,
            hurt=tuple(sorted({hurt for _, hurt in stretch})),
        )
        for (cause, subject, owner, *_), samples in found.items()
        for stretch in _stretches(sorted(samples), step)
    ]
    return sorted(told, key=lambda one: (one.began, one.cause, one.subject))


def _stretches(
    samples: Iterable[tuple[float, str]], step: float
) -> list[list[tuple[float, str]]]:
    stretches: list[list[tuple[float, str]]] = []
    for at, hurt in samples:
        if not stretches or at - stretches[-1][-1][0] > 2 * step:
            stretches.append([])
        stretches[-1].append((at, hurt))
    return stretches
