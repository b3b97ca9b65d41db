"""Marks on the words of a table, such as `443*` and `8600[^consul]`, and what they mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.vendor.page import Prose

_RAISED = str.maketrans(
    "\u00b9\u00b2\u00b3\u2070\u2074\u2075\u2076\u2077\u2078\u2079", "1230456789"
)
_MARK = re.compile(
    r"\[\^\[?([^\[\]\s]{1,30})\]?\]"
    r"|\s?\^([0-9a-z*]{1,3})\^|\((\*{1,4})\)|(?<=[\w)\]])\s?\[([0-9]{1,2})\]"
    r"|(?<=[\w)\]])(\*{1,4}|[\u2020\u2021\u00a7]"
    r"|[\u00b9\u00b2\u00b3\u2070\u2074-\u2079]+)(?![\w.*])"
)
_DEFINED = re.compile(
    r"(?:\[\^\[?([^\[\]\s]{1,30})\]?\]|\^([0-9a-z*]{1,3})\^|\(?(\*{1,4}|[\u2020\u2021\u00a7]"
    r"|[\u00b9\u00b2\u00b3\u2070\u2074-\u2079]+)\)?|\(?([0-9a-z])\)|\[([0-9]{1,2})\])"
    r"\s*:?\s+(?=\S)(.+)",
    re.IGNORECASE,
)
_TRADE = re.compile(r"(?:tm|sm|r|\u00ae|\u2122|st|nd|rd|th)", re.IGNORECASE)


def footnotes_of(prose: Iterable[Prose]) -> Mapping[str, str]:
    """The text of each mark that some line of the page explains."""
    found: dict[str, str] = {}
    for item in prose:
        match = _DEFINED.match(item.text)
        if match:
            mark = next(filter(None, match.groups()[:-1]))
            found.setdefault(mark.translate(_RAISED), match.groups()[-1].strip())
    return found


def resolved(text: str, known: Mapping[str, str]) -> tuple[str, list[str], list[str]]:
    """A text without its marks, the notes they lead to, and marks that lead nowhere."""
    notes: list[str] = []
    lost: list[str] = []

    def take(found: re.Match[str]) -> str:
        mark = next(filter(None, found.groups())).translate(_RAISED)
        if mark in known:
            notes.append(known[mark])
        elif not _TRADE.fullmatch(mark):
            lost.append(mark)
        return ""

    return _MARK.sub(take, text), notes, lost
