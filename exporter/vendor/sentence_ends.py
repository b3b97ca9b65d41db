"""Who connects to whom, as a sentence says it: by its verb, its words, or what stands above."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.ledger import Fate
from exporter.vendor.directions import (
    Direction,
    direction_of,
    product_of,
    sides_of,
    title_ends,
)
from exporter.vendor.ends import Destinations, read_destinations, words_of
from exporter.vendor.protocols import read_protocols
from exporter.vendor.statements import Unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.vendor.hosts import End

Sides: TypeAlias = "tuple[Destinations, tuple[str, ...]]"

_TO = re.compile(
    r"(?:\b(?:to(?!\s+ping)|reach|pings?|towards|nach|vers|hacia)|[-=]+[ ]?>"
    r"|[\u2192\u21d2])\s+(?:the\s+|your\s+)?(.{2,60}?)\s*(?:$|[.,;(]|\b(?:on|via|over"
    r"|at|using|by|port|tcp|udp|for|from|with|when|if)\b)",
    re.IGNORECASE,
)
_LISTED = re.compile(r"(?:these|those|following)\b", re.IGNORECASE)
_LABEL = re.compile(
    r"^[^:]{2,60}:\s*(?:the\s+)?(.{2,60}?)\s+(?:via|over|on|at)\s", re.IGNORECASE
)
_FROM = re.compile(
    r"\bfrom\s+(?:every\s+|each\s+|the\s+|all\s+|your\s+)?((?!version"
    r"|v?[0-9])[^.,;()]{2,50}?)\s*(?:$|[.,;(]|\b(?:on|via|over|at|to|using|port|tcp"
    r"|udp|for|if|when)\b)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"(?:by\s+default,?\s+)?(?:the|each|every|all"
    r"|your)?\s*([^\d.,;:()]{2,50}?)\s+(?:must|should|needs?\s+to|has\s+to|have\s+to"
    r"|will|can|may)?\s*"
    r"(?:be\s+able\s+to\s+)?(?:connects?\s+to|reach(?:es)?|contacts?|pings?"
    r"|communicates?\s+with|talks?\s+to|sends?\b.*\bto)\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"\b(?:you|we|it|they|this|these|that|those|which|who|if|when|where|ports?|tcp|udp"
    r"|allow|open|connections?|traffic|to)\b",
    re.IGNORECASE,
)
_LISTENS = re.compile(
    r"(?:by\s+default,?\s+)?(?:the|each|every|all"
    r"|your)?\s*([^\d.,;:()]{2,50}?)\s+(?:also\s+)?(?:listens?|accepts?\s+connections?"
    r"|is\s+listening|are\s+listening)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"\s*[\u2013\u2014:-]\s*([^()]{2,60}?)\s*(?:\([^()]*\))?\W*")
FROM_HOST = re.compile(
    r"\bfrom\s+(?:the\s+)?[a-z0-9*-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE
)
_LONGEST = 60


def source_of(text: str) -> str:
    """Who connects, if a sentence says so."""
    said = _FROM.search(text)
    return said[1] if said else _who(_SUBJECT, text)


def sides_in(
    text: str, found: Sequence[str], ends: Sequence[End], sections: Sequence[str]
) -> Sides | None:
    """Both ends of a line in a list whose heading has one of them; None if it has not.

    `found` are the parts of the line that name ports, `ends` the hosts in it.
    """
    beside = None
    if not ends and not _FROM.search(text):
        beside = _beside_ports(text, found, sections)
    return beside or _sided(text, ends, sections)


def _sided(text: str, ends: Sequence[End], sections: Sequence[str]) -> Sides | None:
    """Both ends of `Inbound TCP 22 from administrators` below the heading "Manager".

    None if it is of another form, or the heading names nothing.
    """
    own = product_of(sections[-1]) if sections else ""
    sign = re.match(r"[\s\u2022*\u2013-]*(\w+)\b", text)
    direction = direction_of(sign[1]) if sign else Direction.UNSAID
    if not own or re.search(r"[0-9]", sections[-1]) or title_ends(sections[-1]):
        return None
    said = _FROM.search(text)
    if direction is Direction.IN and said and not ends:
        return Destinations(words=(own,)), words_of(said[1])
    if direction is Direction.OUT and not said:
        return Destinations(ends=tuple(ends)) if ends else described(text), (own,)
    return None


def _beside_ports(
    text: str, found: Sequence[str], sections: Sequence[str]
) -> Sides | None:
    """Both ends of `TCP 22 - administrators` below "Inbound to the manager".

    None if it is of another form, or the heading does not say which way it goes.
    """
    title = sections[-1] if sections else ""
    direction, source, target = sides_of(title)
    rest = text.strip("*- \u2022").removeprefix(found[0]) if len(found) == 1 else text
    beside = _BESIDE.fullmatch(rest)
    if not beside or re.search(r"[0-9]", rest):
        return None
    titled = title_ends(title) or ("", "")
    if all(titled):
        return read_destinations(titled[1]), words_of(titled[0])
    if read_protocols(beside[1]).transports:
        return None
    words = words_of(beside[1].rstrip("."))
    if direction is Direction.IN and target:
        return Destinations(words=(target,)), words
    if direction is Direction.OUT and source:
        return Destinations(words=words), (source,)
    return None


def _who(pattern: re.Pattern[str], text: str) -> str:
    """Whom a sentence is about, by its verb; empty if that is nobody in particular."""
    found = pattern.match(text.lstrip("*- \u2022"))
    return found[1] if found and not _NOBODY.search(found[1]) else ""


def described(text: str) -> Destinations:
    """Where a sentence without hosts leads.

    Raises:
        Unread: it does not say so.
    """
    for pattern in (_TO, _LABEL):
        found = pattern.search(text)
        if found and product_of(found[1]) and len(found[1]) <= _LONGEST:
            lead = read_destinations(found[1].strip())
            if _LISTED.match(found[1]):
                raise Unread(Fate.OPEN, f"which are {found[1].strip()}?")
            if not lead.unprovable and not lead.open:
                return Destinations(words=(found[1].strip(),))
    if listener := _who(_LISTENS, text):
        return Destinations(words=(listener,))
    raise Unread(Fate.OPEN, "which destination is meant, and which sources?")
