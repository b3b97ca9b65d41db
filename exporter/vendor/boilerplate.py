"""What pages say over and over inside a cell, as short notes."""

from __future__ import annotations

import re

# Each sentence counts as the first that fits; those that fit none are kept as they are.
_SAYINGS = (
    (
        re.compile(r"pars(?:ing|ed)\b.*\bmirrors? list", re.IGNORECASE),
        "An example: one mirror of a list. Any other mirror may be chosen.",
    ),
    (
        re.compile(
            r"determined dynamically|subject to change|changes may", re.IGNORECASE
        ),
        "The page says that this destination may change.",
    ),
    (
        re.compile(
            r"mirrors? list address|all mirrors listed|list of available\b.*\bmirrors",
            re.IGNORECASE,
        ),
        "A list of mirrors: opening this host is not enough, its mirrors are needed too.",
    ),
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n")


def notes_of(text: str) -> list[str]:
    """The text's sentences as notes, well-known ones in our words and once each."""
    notes: dict[str, None] = {}
    for sentence in filter(None, map(str.strip, _SENTENCE.split(text))):
        known = (note for pattern, note in _SAYINGS if pattern.search(sentence))
        notes[next(known, sentence)] = None
    return list(notes)
