"""The ledger: what a vendor's document asks for, and what became of each of it.

Every row of the document, and every sentence in it that names a port, is one entry with
one fate. So it can be counted what is proven, and nothing is left out unseen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Fate(StrEnum):
    """What became of a requirement; a closed set, safe as a label value."""

    RULES = "rules"
    UNPROVABLE = "unprovable"
    OPEN = "open"
    NOT_A_REQUIREMENT = "not_a_requirement"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of a catalogue's ledger.

    Attributes:
        fate: what became of it.
        rules: of fate `rules`, their ids.
        why: of every other fate, its reason, question or place.
        row: where it stands in the document.
        line: the line there, in a draft.
        text: its words, in a draft.
        sha256: of its words, see `digest`; empty if not known.
    """

    fate: Fate
    rules: tuple[str, ...] = ()
    why: str = ""
    row: str = ""
    line: int | None = None
    text: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many requirements of one catalogue have which fate."""

    catalogue: str
    fates: Mapping[Fate, int]

    @property
    def sentence(self) -> str:
        """How far the rules cover the document, for people."""
        return f"requirements of {self.catalogue}: {self}"

    def __str__(self) -> str:
        """`61 of 75 proven, 9 unprovable, 5 open`; what asks for nothing is not counted."""
        asked = {f: n for f, n in self.fates.items() if f is not Fate.NOT_A_REQUIREMENT}
        rest = (
            f", {asked[fate]} {fate}"
            for fate in (Fate.UNPROVABLE, Fate.OPEN, Fate.ELSEWHERE)
            if asked.get(fate)
        )
        proven = asked.get(Fate.RULES, 0)
        return f"{proven} of {sum(asked.values())} proven{''.join(rest)}"


def folded(text: str) -> str:
    """Text with each run of white space as one space, and none at the ends."""
    return " ".join(text.split())


def digest(cells: Iterable[str]) -> str:
    """SHA-256 of a requirement's words, in hexadecimal.

    Args:
        cells: the cells of a row as they follow each other, or one sentence. How they
            are laid out, and empty ones, make no difference.
    """
    words = folded(" ".join(cells))
    return hashlib.sha256(words.encode()).hexdigest()


def ledger_of(
    catalogue: str, requirements: Iterable[Requirement], proving: Iterable[str]
) -> Ledger:
    """The count of a catalogue's requirements.

    Args:
        catalogue: its name.
        requirements: its entries.
        proving: ids of the rules that can be proven. One that is retired, or of which
            nothing can be concluded, proves nothing: requirements that have no other
            are unprovable.
    """
    known = frozenset(proving)
    fates = dict.fromkeys(Fate, 0)
    for one in requirements:
        empty = one.fate is Fate.RULES and known.isdisjoint(one.rules)
        fates[Fate.UNPROVABLE if empty else one.fate] += 1
    return Ledger(catalogue, fates)
