"""Markdown: a table for a ticket or a wiki page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.facts import Shown, shown_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.rule import Target

_FIRST = "status"


def rules(targets: Sequence[Target]) -> str:
    """The rules, with what a person looks for first in the first column."""
    facts = sorted(shown_in(Shown.MARKDOWN), key=lambda fact: fact.name != _FIRST)
    rows = [[fact.name for fact in facts], ["---"] * len(facts)]
    rows += [[fact.text(target) for fact in facts] for target in targets]
    return "".join(f"| {' | '.join(map(_cell, row))} |\n" for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
