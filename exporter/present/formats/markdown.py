"""Markdown: a table for a ticket or a wiki page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.model.facts import Shown, shown_in
from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model.rule import Target

_FIRST = "status"
_SPECIAL = re.compile(r"[\\`*\[\]<>|&]")


def rules(targets: Sequence[Target]) -> str:
    """The rules, with what a person looks for first in the first column."""
    facts = sorted(shown_in(Shown.MARKDOWN), key=lambda fact: fact.name != _FIRST)
    rows = ([fact.text(target) for fact in facts] for target in targets)
    return table([fact.name for fact in facts], rows)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Any table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    """One line; what Markdown or HTML would take for more than text is escaped."""
    return _SPECIAL.sub(r"\\\g<0>", visible(" ".join(text.split())))
