"""What a rule says, as one table that every output selects from.

A new fact of a rule is one row here: JSON and CSV have every row, the others name those
they show. `tests/model/test_facts.py` fails while a field of `Rule` is in no row.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from exporter.model.rule import Target

Value: TypeAlias = "str | int | float | bool | list[str] | dict[str, object] | None"


class Shown(StrEnum):
    """Where a fact is shown besides JSON and CSV, which have them all."""

    MARKDOWN = "markdown"
    PAGE = "page"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a rule says of a target.

    Attributes:
        name: the key in JSON, the column in CSV, the label in metrics.
        words: its heading for people.
        get: the value, None where the rule says nothing of it.
        shown: where else it is shown.
    """

    name: str
    words: str
    get: Callable[[Target], Value]
    shown: frozenset[Shown] = frozenset()

    def text(self, target: Target) -> str:
        """The value as one text, empty for nothing."""
        return as_text(self.get(target))


_PAGE = frozenset({Shown.PAGE})
_MARKDOWN = frozenset({Shown.MARKDOWN})
_INFO = frozenset({Shown.INFO})
_BOTH = _MARKDOWN | _PAGE


def _muted(target: Target) -> str | None:
    """The work that mutes it now, and until when."""
    work = target.muted(time.time())
    return None if work is None else str(work)


RULE_FACTS: tuple[Fact, ...] = (
    Fact("rule", "Rule", lambda t: t.rule.id, _MARKDOWN),
    Fact("source_role", "Source role", lambda t: t.rule.source, _BOTH),
    Fact("destination", "Destination", lambda t: t.destination, _MARKDOWN),
    Fact("port", "Port", lambda t: t.port or None, _MARKDOWN),
    Fact("protocol", "Transport", lambda t: str(t.rule.transport), _BOTH),
    Fact("usage", "Usage", lambda t: t.rule.usage, _BOTH),
    Fact("probe", "Probe", lambda t: t.rule.probe, _PAGE | _INFO),
    Fact("expect", "Expected", lambda t: str(t.rule.expect), _PAGE | _INFO),
    Fact("status", "Status", lambda t: str(t.status), _MARKDOWN),
    Fact("severity", "Severity", lambda t: str(t.rule.severity), _PAGE | _INFO),
    Fact("owner", "Owner", lambda t: t.rule.owner, _BOTH | _INFO),
    Fact("catalogue", "Catalogue", lambda t: t.rule.catalogue, _PAGE | _INFO),
    Fact("section", "Section", lambda t: t.rule.section, _BOTH | _INFO),
    Fact("rows", "Rows", lambda t: list(t.rule.rows), _BOTH),
    Fact("description", "Description", lambda t: t.rule.description, _MARKDOWN | _INFO),
    Fact("notes", "Notes", lambda t: t.rule.notes, _PAGE),
    Fact("when", "Condition", lambda t: t.rule.when, _BOTH),
    Fact("any_of", "Alternatives", lambda t: t.rule.any_of, _BOTH),
    Fact("options", "Options", lambda t: dict(t.rule.options), _PAGE),
    Fact("interval_seconds", "Every (s)", lambda t: t.rule.interval, _PAGE),
    Fact(
        "unsent_interval_seconds",
        "Every (s), while nothing can be sent",
        lambda t: t.rule.unsent_interval,
        _PAGE,
    ),
    Fact("timeout_seconds", "Timeout (s)", lambda t: t.rule.timeout, _PAGE),
    Fact("addresses", "Addresses", lambda t: str(t.rule.addresses), _PAGE),
    Fact("witness", "Witness", lambda t: t.rule.witness, _PAGE),
    Fact("denial", "Denial", lambda t: sorted(map(str, t.rule.denial)), _PAGE),
    Fact("public", "Public", lambda t: t.rule.public, _PAGE | _INFO),
    Fact("tls", "Certificate", lambda t: dataclasses.asdict(t.rule.tls), _PAGE),
    Fact("mirror_list", "Feed", lambda t: t.rule.feed, _PAGE),
    Fact("advisory", "Advisory", lambda t: t.rule.advisory, _PAGE),
    Fact("unverifiable", "No verdict, because", lambda t: t.rule.unverifiable, _PAGE),
    Fact("retired", "Retired", lambda t: t.rule.retired, _PAGE),
    Fact("muted", "Muted", _muted, _PAGE),
    Fact("ports", "One of the ports", lambda t: t.rule.ports or None, _PAGE),
    Fact("member_of", "One of", lambda t: t.rule.member_of or None, _PAGE),
    Fact("sample", "Sampled at once", lambda t: t.rule.sample or None, _PAGE),
    Fact("proof", "What an answer proves", lambda t: str(t.rule.proof), _PAGE),
    Fact("unprovable", "Cannot be proven", lambda t: t.rule.unprovable, _PAGE),
)

FLOW = RULE_FACTS[:6]
"""The facts that name a target everywhere, as the labels of its series do."""


def shown_in(where: Shown) -> tuple[Fact, ...]:
    """The facts that one output shows, in the order of the table."""
    return tuple(fact for fact in RULE_FACTS if where in fact.shown)


def as_text(value: Value) -> str:
    """A value as one text; nothing, an empty list and a plain no are empty."""
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case float():
            return f"{value:g}"
        case list():
            return " ".join(value)
        case dict():
            said = {key: one for key, one in value.items() if one not in (None, "")}
            return json.dumps(said, default=str, sort_keys=True) if said else ""
        case _:
            return str(value)
