"""One cause with what it explains, before it becomes a finding; and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.endpoint import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.finding import Cause
    from exporter.model.rule import Target

SHOWN = 3
"""Examples that a sentence or a list of evidence has."""

_LOOKED_AT = 200
"""Symptoms among which examples are looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """One cause with what it explains.

    Attributes:
        cause: what kind of thing broke.
        subject: the thing itself.
        symptoms: those that it explains, in the order of the configuration.
        summary: one sentence.
        request: what to ask of the owner, one sentence.
        evidence: what was seen that says so.
        counter_evidence: what was seen that rules other causes out.
        waiting: targets that it explains and that are not probed because of it.
        since: Unix time of its beginning, where that is known otherwise.
        common: what all that it explains has in common, and nothing that answers.
        theirs: whether it is for the rules' owner to mend, whosever the cause is else.
    """

    cause: Cause
    subject: str
    symptoms: Sequence[Symptom]
    summary: str
    request: str
    evidence: tuple[str, ...] = ()
    counter_evidence: tuple[str, ...] = ()
    waiting: tuple[Target, ...] = ()
    since: float | None = None
    common: Feature | None = None
    theirs: bool = False


def counted(number: int, thing: str) -> str:
    """`1 rule`, `12 rules`, `3 addresses`."""
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{number} {thing if number == 1 else plural}"


def extent(symptoms: Sequence[Symptom], named: str = "") -> str:
    """`22 rules to 12 hosts`: how much is meant; a single rule by its id.

    Args:
        symptoms: what is meant.
        named: a host that the sentence has named already.
    """
    ids = {one.target.rule.id for one in symptoms}
    hosts = {one.host for one in symptoms}
    rules = f"rule {min(ids)}" if len(ids) == 1 else counted(len(ids), "rule")
    if hosts == {named}:
        return rules
    return (
        f"{rules} to {min(hosts) if len(hosts) == 1 else counted(len(hosts), 'host')}"
    )


def where(symptom: Symptom) -> str:
    """The host and port that a target leads to."""
    target = symptom.target
    return place(target.destination, target.port, target.rule.transport)


ASK_WHO_DROPS = (
    "Please find out what drops these connections without a word, and allow them."
)


def dropped(what: str, hop: str, number: int) -> str:
    """`Everything to port 22/tcp is dropped without a word behind 10.0.0.1 (hop 1)`.

    Args:
        what: as the subject of a sentence.
        hop: the address of the last router that spoke; empty if none did.
        number: its number.
    """
    behind = f" behind {hop} (hop {number})" if hop else ""
    return f"{sentence(what)} is dropped without a word{behind}"


def sentence(text: str) -> str:
    """A text with the letter that a sentence begins with."""
    return text[:1].upper() + text[1:]


def listed(names: Iterable[str], most: int = SHOWN) -> str:
    """`a, b, c and 4 more`."""
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def seen_of(symptoms: Sequence[Symptom], most: int = SHOWN) -> tuple[str, ...]:
    """What was seen of some of them, in the words of their probes."""
    said: dict[str, str] = {}
    for one in symptoms[:_LOOKED_AT]:
        said.setdefault(one.seen.detail or str(one.seen.reason), where(one))
        if len(said) == most:
            break
    return tuple(f"{to}: {detail}" for detail, to in said.items())
