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
from exporter.vendor.sentences import PORTS
from exporter.vendor.statements import Unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.vendor.hosts import End

Sides: TypeAlias = "tuple[Destinations, tuple[str, ...]]"

_TO = re.compile(
    r"(?:\b(?:to(?!\s+(?:ping|reach|access|contact|be)\b)|reach(?:es)?|pings?|towards"
    r"|nach|vers|hacia|(?:access(?:es)?|contacts?)(?=\s+(?:the|your)\b))|[-=]+[ ]?>"
    r"|[\u2192\u21d2])\s+(?:the\s+|your\s+)?(.{2,60}?)\s*(?:$|[.,;:(]|\b(?:on|via|over"
    r"|at|using|by|port|tcp|udp|for|from|with|when|if)\b)",
    re.IGNORECASE,
)
_ARROWED = re.compile(r"([^\d.,;:()]{2,50}?)\s*(?:[-=]+[ ]?>|[\u2192\u21d2])\s")
_REACHED = re.compile(
    r"(?:(?:note|important|hint|tip|hinweis|achtung)\s*[:!]\s*)?(?:(?:the|your)\s+)?"
    r"([^\d.,;:()]{2,50}?)\s+(?:must|should|needs?\s+to|has\s+to|have\s+to|can|is|are)"
    r"\s+(?:also\s+)?(?:be\s+)?(?:reachable|accessible|available)\b"
    r"(?:\s+(?:to|by|for)\s+(?:(?:the|all|your)\s+)?(.{2,50}?)\s*"
    r"(?:$|[.,;(]|\b(?:on|via|over|at|using|port|tcp|udp)\b))?",
    re.IGNORECASE,
)
_OPEN_ON = re.compile(
    r"\b(?:open(?:ed)?|needed|required|used)\s+(?:on|by)\s+(?:(?:the|each|every|all)"
    r"\s+)?([^:()]{2,60})$"
    r"|\bports?\s+(?:(?:that|which)\s+)?(?:(?:the|each|every)\s+)?([^:()]{2,60}?)\s+listens?\s+on$",
    re.IGNORECASE,
)
"""A heading of ports that says whose they are."""
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
    r"(?:by\s+default,?\s+)?(?:(?:the|each|every|all"
    r"|your)\s+)?([^\d.,;:()]{2,50}?)\s+(?:must|should|needs?\s+to|has\s+to|have\s+to"
    r"|will|can|may)?\s*"
    r"(?:be\s+able\s+to\s+)?(?:connects?\s+to|reach(?:es)?|access(?:es)?|contacts?|pings?"
    r"|communicates?\s+with|talks?\s+to|sends?\b.*\bto)\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"\b(?:you|we|it|they|this|these|that|those|which|who|if|when|where|ports?|tcp|udp"
    r"|allow|open|connections?|traffic|to)\b",
    re.IGNORECASE,
)
_LISTENS = re.compile(
    r"(?:by\s+default,?\s+)?(?:(?:the|each|every|all"
    r"|your)\s+)?([^\d.,;:()]{2,50}?)\s+(?:also\s+)?(?:listens?|accepts?\s+(?:[a-z]+\s+){0,2}?connections?"
    r"|is\s+listening|are\s+listening)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"\s*[\u2013\u2014:-]\s*([^()]{2,60}?)\s*(?:\([^()]*\))?\W*")
_PULLS = re.compile(
    r"(?:by\s+default,?\s+)?(?:(?:the|each|every|all|your)\s+)?([^\d.,;:()]{2,50}?)\s+"
    r"(?:(?:must|should|can|will|may|also)\s+)*(?:downloads?|fetch(?:es)?|pulls?"
    r"|retrieves?|obtains?|loads?)\b[^.]{0,60}?\bfrom\b",
    re.IGNORECASE,
)
"""Who opens the connection though what it wants comes from the other end."""
FROM_HOST = re.compile(
    r"\bfrom\s+(?:the\s+)?[a-z0-9*-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE
)
_BEHIND_PORTS = re.compile(r"^\s*(?:\([^()]*\)\s*)?[:\u2013\u2014-]\s*")
_BULLETS = "*- \u2022"


def source_of(text: str) -> str:
    """Who connects, if a sentence says so."""
    if puller := _who(_PULLS, text):
        return puller
    said = _FROM.search(text)
    if said:
        return said[1]
    reached = _REACHED.match(text.lstrip(_BULLETS))
    by = reached[2] if reached else None
    return by or _who(_ARROWED, text) or _who(_SUBJECT, text)


def pulls(text: str) -> bool:
    """Whether a sentence says who fetches something from the host that it names."""
    return bool(_who(_PULLS, text))


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
    rest = text.strip(_BULLETS).removeprefix(found[0]) if len(found) == 1 else text
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
    rest = text.lstrip(_BULLETS)
    if ports := PORTS.match(rest):
        rest = _BEHIND_PORTS.sub("", rest[ports.end() :])
    found = pattern.match(rest)
    return found[1] if found and not _NOBODY.search(found[1]) else ""


def _headed(title: str) -> str:
    """Whose the ports below a heading are; empty if it does not say."""
    ends = title_ends(title)
    if ends and all(ends):
        return ends[1]
    direction, _, target = sides_of(title)
    if direction is Direction.IN and target:
        return target
    found = _OPEN_ON.search(title)
    named = next(filter(None, found.groups()), "") if found else ""
    return named if product_of(named) else ""


def described(text: str, sections: Sequence[str] = ()) -> Destinations:
    """Where a sentence without hosts leads; one that begins with ports, as its heading says.

    Raises:
        Unread: it does not say so.
    """
    if listener := _who(_REACHED, text):
        return Destinations(words=(listener,))
    found = filter(None, (pattern.search(text) for pattern in (_TO, _LABEL)))
    for name in (one[1].strip() for one in found if product_of(one[1])):
        if _LISTED.match(name):
            raise Unread(Fate.OPEN, f"which are {name}?")
        lead = read_destinations(name)
        if not lead.unprovable and not lead.open:
            return Destinations(words=(name,))
    if listener := _who(_LISTENS, text):
        return Destinations(words=(listener,))
    begins = PORTS.match(text.lstrip(_BULLETS))
    if titled := _headed(sections[-1]) if sections and begins else "":
        return read_destinations(titled)
    raise Unread(Fate.OPEN, "which destination is meant, and which sources?")
