"""The ledger: each row and each sentence with a port, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.model.ledger import Fate, digest
from exporter.vendor.remarks import joined

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Entry:
    """One requirement with its one fate: ids of rules, or else `why`."""

    row: str
    line: int
    cells: tuple[str, ...]
    fate: Fate
    rules: tuple[str, ...] = ()
    why: str = ""

    @property
    def text(self) -> str:
        """The words in one line."""
        return joined(self.cells)

    @property
    def sha256(self) -> str:
        """A fingerprint of the words, in which a changed one shows, but no blank cell."""
        return digest(self.cells)


@dataclass(slots=True)
class _Told:
    line: int
    cells: tuple[str, ...]
    rules: dict[str, None] = field(default_factory=dict)
    fates: dict[tuple[Fate, str], None] = field(default_factory=dict)


@dataclass(slots=True)
class Ledger:
    """Takes down rows as they are read, then what becomes of them."""

    told: dict[str, _Told] = field(default_factory=dict)

    def open(self, row: str, line: int, *cells: str) -> None:
        """A row or a sentence is there."""
        self.told[row] = _Told(line, cells)

    def stated(self, row: str, rule: str) -> None:
        """A rule states a row, or a part of it."""
        self.told[row].rules[rule] = None

    def settle(self, row: str, fate: Fate, why: str) -> None:
        """A row, or a part of it, is no rule."""
        self.told[row].fates[fate, why] = None

    def entries(self) -> Iterator[Entry]:
        """All of them in the order of the page; parts of a row have ids A1.1, A1.2."""
        ordered = sorted(self.told.items(), key=lambda item: item[1].line)
        for row, told in ordered:
            parts = [*_parts(told)]
            for number, (fate, rules, why) in enumerate(parts, 1):
                name = row if len(parts) == 1 else f"{row}.{number}"
                yield Entry(name, told.line, told.cells, fate, rules, why)


def _parts(told: _Told) -> Iterator[tuple[Fate, tuple[str, ...], str]]:
    if told.rules:
        yield Fate.RULES, tuple(told.rules), ""
    for fate, why in told.fates:
        yield fate, (), why
    if not told.rules and not told.fates:
        yield Fate.OPEN, (), "nothing was read from it"
