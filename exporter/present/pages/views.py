"""Records as the pages show them: plain values in words, ready to be laid out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.outcome import Verdict
from exporter.model.rule import Status
from exporter.model.tls_facts import TlsError
from exporter.present import explain
from exporter.present.humanize import latency, moment, span
from exporter.present.pages.facts import nowhere, target_facts
from exporter.present.verdicts import MARKS, concern, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.outcome import Judged, Observation
    from exporter.model.rule import Target
    from exporter.model.tls_facts import TlsFacts
    from exporter.monitor.controls import Control
    from exporter.monitor.store import Episode, Record
    from exporter.present.pages.facts import Source

_IDLE = {
    Status.UNSET: "its placeholder has no value here",
    Status.OTHER_ROLE: "for a role that this host does not play",
    Status.OTHER_SHARD: "probed by another shard",
    Status.NOT_APPLICABLE: "not applicable here",
    Status.RETIRED: "retired",
    Status.UNPROVABLE: "nothing can prove it from one host",
}


@dataclass(frozen=True, slots=True)
class Clock:
    """The time a page is drawn at: Unix time, and what comes next.

    `next_due` gives seconds until a target's next probe, None if not scheduled.
    """

    now: float
    next_due: Callable[[Target], float | None] = lambda _target: None

    def since(self, timestamp: float | None) -> str:
        """`3 min`, the time gone by; empty without a beginning."""
        return "" if timestamp is None else span(self.now - timestamp)


@dataclass(frozen=True, slots=True)
class State:
    """A verdict to be seen: a class for its colour, a symbol, a word."""

    verdict: str
    symbol: str
    state: str


@dataclass(frozen=True, slots=True)
class Row(State):
    """One target in the table of all."""

    rule: str
    description: str
    severity: str
    owner: str
    role: str
    usage: str
    destination: str
    seen: str
    where: str
    latency: str
    certificate: str
    since: str
    last: str
    next: str


@dataclass(frozen=True, slots=True)
class AddressRow(State):
    """One address in the last round."""

    address: str
    seen: str
    where: str
    latency: str
    detail: str


@dataclass(frozen=True, slots=True)
class EpisodeRow(State):
    """Consecutive rounds that ended alike."""

    first: str
    last: str
    count: int
    seen: str
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class IdleRow:
    """A target that is not probed from here, and why."""

    why: str
    rule: str
    role: str
    destination: str


@dataclass(frozen=True, slots=True)
class ControlRow(State):
    """An address and port that must not answer."""

    destination: str


@dataclass(frozen=True, slots=True)
class View:
    """One target in full."""

    row: Row
    ask: str
    facts: tuple[tuple[str, str], ...]
    addresses: tuple[AddressRow, ...]
    history: tuple[EpisodeRow, ...]


def row(record: Record, clock: Clock) -> Row:
    """A target's line in the table."""
    target, latest = record.target, record.latest
    rule = target.rule
    seen = latest.observation if latest else None
    due = clock.next_due(target)
    return Row(
        *_record_state(record),
        rule=rule.id,
        description=rule.description,
        severity=rule.severity,
        owner=rule.owner,
        role=rule.source,
        usage=rule.usage,
        destination=target.place,
        seen=explain.seen(seen) if seen else "",
        where=_where(seen) if seen else "",
        latency=latency(seen.latency) if seen else "",
        certificate=_certificate(seen.tls, clock) if seen and seen.tls else "",
        since=clock.since(record.state_change_timestamp),
        last=f"{clock.since(latest.finished_timestamp)} ago" if latest else "",
        next="" if due is None else f"in {span(due)}",
    )


def searched(record: Record, clock: Clock) -> str:
    """All that the pages print of a target, in lower case, to be searched."""
    one = view(record, clock)
    rows = (one.row, *one.addresses)
    words = [str(getattr(row, name)) for row in rows for name in _fields(row)]
    words += [text for _, text in one.facts]
    return "\n".join([*words, one.ask, record.target.rule.section]).lower()


def idle_row(target: Target) -> IdleRow:
    """A target that is not probed, in the table of those."""
    rule = target.rule
    why = _IDLE.get(target.status, "")
    if target.status is Status.RETIRED and rule.retired:
        why = f"{why}: {rule.retired}"
    if target.status is Status.UNPROVABLE and rule.unprovable:
        why = f"{why}: {rule.unprovable}"
    if target.status is Status.UNSET and rule.when is not None:
        why = f"for {rule.when}: the site says nothing of it, or of its placeholder"
    if target.status is Status.UNSET and target.destination == rule.member_of:
        why = "no name that it stands for is known here"
    if target.status is Status.UNSET and rule.feed is not None:
        why = f"its feed, {rule.feed}, has not been fetched yet"
    return IdleRow(why, rule.id, rule.source, target.place)


def control_row(control: Control) -> ControlRow:
    """What must not answer, and whether it does."""
    verdict, said = {
        True: (Verdict.VIOLATED, "answers: a bare TCP handshake proves nothing here"),
        False: (Verdict.HOLDS, "does not answer"),
        None: (Verdict.UNKNOWN, "not looked at yet"),
    }[control.answered]
    return ControlRow(verdict, MARKS[verdict], said, control.target.place)


def view(record: Record, clock: Clock, source: Source = nowhere) -> View:
    """A target in full.

    Args:
        record: what is known of it.
        clock: the time to show it at.
        source: the address that this host sends from to another.
    """
    latest = record.latest
    seen = latest.observation if latest else None
    broken = record.verdict is not Verdict.HOLDS
    return View(
        row=row(record, clock),
        ask=explain.ask(record.target, seen) if seen and broken else "",
        facts=tuple(target_facts(record, source)),
        addresses=tuple(map(_address, latest.addresses)) if latest else (),
        history=tuple(_episode(one) for one in reversed(record.episodes)),
    )


def _fields(row: State) -> list[str]:
    return [field.name for field in dataclasses.fields(row)]


def _state(verdict: Verdict) -> tuple[str, str, str]:
    return (verdict, MARKS[verdict], str(verdict))


def _record_state(record: Record) -> tuple[str, str, str]:
    shown, mark, _ = _state(record.verdict)
    if concern(record):
        return ("concern", "!", said(record))
    return (shown, mark, said(record) if record.latest else "not probed yet")


def _where(seen: Observation) -> str:
    """The stage a probe ended in, the address, and who refused."""
    parts = (str(seen.stage), seen.address, explain.refused_by(seen))
    return ", ".join(filter(None, parts))


def _certificate(facts: TlsFacts, clock: Clock) -> str:
    left = facts.expiry_timestamp - clock.now
    said = f"{span(left)} left" if left > 0 else f"expired {span(-left)} ago"
    if facts.error not in {TlsError.NONE, TlsError.EXPIRED}:
        said += f", {facts.error.replace('_', ' ')}"
    return said + (", intercepted" if facts.intercepted else "")


def _address(judged: Judged) -> AddressRow:
    seen = judged.observation
    return AddressRow(
        *_state(judged.verdict),
        address=seen.address,
        seen=explain.seen(seen),
        where=_where(seen),
        latency=latency(seen.latency),
        detail=seen.detail,
    )


def _episode(episode: Episode) -> EpisodeRow:
    return EpisodeRow(
        *_state(episode.verdict),
        first=moment(episode.first_timestamp),
        last=moment(episode.last_timestamp),
        count=episode.count,
        seen=explain.seen(episode.sample),
        where=_where(episode.sample),
        detail=episode.sample.detail,
    )
