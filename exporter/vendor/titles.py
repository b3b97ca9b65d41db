"""Headings that name ports: stated by the rows below them, or else open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.ledger import Fate
from exporter.vendor.sentences import ports_of_title
from exporter.vendor.statements import Unread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.vendor.page import Page
    from exporter.vendor.reading import Reading
    from exporter.vendor.rules import DraftRule
    from exporter.vendor.spans import Span


def settle_titles(page: Page, reading: Reading, rules: Sequence[DraftRule]) -> None:
    """Gives each heading that names ports its fate in the ledger."""
    for number, title in enumerate(_with_ports(page), 1):
        spans, line, text = title
        row = f"title-{number}"
        answer = reading.take_down(row, line, text)
        if answer.fate:
            reading.ledger.settle(row, *answer.fate)
            continue
        below = [rule for rule in rules if text in rule.section]
        stating = [rule for span in spans for rule in _stating(span, below)]
        for rule in stating:
            reading.ledger.stated(row, rule.id)
        if not spans or not all(any(_stating(span, below)) for span in spans):
            said = Unread(Fate.OPEN, "is a heading: which row states its ports?")
            reading.settle(row, line, text, said)


def _with_ports(page: Page) -> Iterator[tuple[Sequence[Span], int, str]]:
    for title in page.titles:
        spans = ports_of_title(title.text)
        if spans is not None:
            yield spans, title.line, title.text


def _stating(span: Span, rules: Iterable[DraftRule]) -> list[DraftRule]:
    return [
        rule
        for rule in rules
        if span.low <= rule.flow.span.low and rule.flow.span.high <= span.high
    ]
