"""Who connects to whom, where a page says it by a direction or in a title."""

from __future__ import annotations

import re
from enum import StrEnum

_IN = (
    r"in\b(?!\s+uscita)|in-?bound|in-?coming|ingress|eingehend\w*|ankommend\w*"
    r"|entrant(?:e?s?)|entrante?s?|entrada|entrata|ingresso|inkomend\w*"
)
_OUT = (
    r"out\b|out-?bound|out-?going|egress|ausgehend\w*|abgehend\w*|sortant(?:e?s?)"
    r"|salientes?|salida|sa[i\u00ed]da|uscita|uscente|uitgaand\w*"
)
_BOTH = (
    r"both|bi-?directional\w*|two-?way|beid\w*|entramb[ie]|les\s+deux|bidirektional|bidirectionnel(?:le)?"
    r"|bidireccional(?:es)?|ambos|ambas|\u2194|\u21d4|<-+>|<=+>"
)
_INWARD = re.compile(rf"\b(?:{_IN})", re.IGNORECASE)
_OUTWARD = re.compile(rf"\b(?:{_OUT})", re.IGNORECASE)
_EITHER = re.compile(rf"(?:\b|^)(?:{_BOTH})", re.IGNORECASE)
_YES = re.compile(r"(?:yes|y|true|x|ja|oui|s[i\u00ed]|\u2713|\u2714)", re.IGNORECASE)
_NOTHING = re.compile(
    r"(?:no|n|nein|non|false|uni-?directional|one-?way|[-\u2013\u2014]*|[-=]+>"
    r"|[\u2192\u21d2\u27a1\u2794]"
    r"|source\s+to\s+dest\w*|unidirezionale|unidirectionnel(?:le)?|unidireccional)",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"\b(?:network|ports?|connectivity|connections?|communications?|firewall|rules?"
    r"|requirements?|traffic|access|used|required"
    r"|needed|needs?|opens?|incoming|outgoing|inbound|outbound|list|overview|reference"
    r"|table|configuring|configuration"
    r"|your|our|the|that|be|open|opened|these|those|following|all|default|installing"
    r"|install|deploying|of|for|by|to|from|from|what|which|how|must|reach(?:es)?|and"
    r"|in|on|settings|tcp|udp|ip|version|guide|deployment|installation|documentation"
    r"|administrators?|manual|page|prerequisites"
    r"|v?[0-9][0-9.]*|netzwerk|anforderungen|freischaltungen|puertos?|requisitos|flux"
    r"|eingehende[nr]?|ausgehende[nr]?|verbindung(?:en)?|kommunikation|connexions?"
    r"|conexion(?:es)?|conexi\u00f3n|entrant(?:e?s?)|sortant(?:e?s?)|salientes?"
    r"|entrada|salida|red|de|del|la|los|les|le|des|r\u00e9seau)\b",
    re.IGNORECASE,
)
ARROW = r"<?[ ]?[-=]+[ ]?>"
"""An arrow in ASCII, as wide as its author has drawn it: `->`, `-- >`, `< -- >`."""
POINTER = re.compile(rf"{ARROW}|<[-=]+|[\u2190-\u2194\u21d0-\u21d4\u27a1\u2794]")
"""A cell of nothing but an arrow, whichever way it points."""
_TO = re.compile(
    rf"(.{{2,80}}?)\s+(?:to|{ARROW}|[\u2192\u21d2\u2194\u21d4\u27a1\u2794]|nach|vers"
    rf"|hacia|verso|naar)\s+(?:the\s+|your\s+)?(.{{2,80}})",
    re.IGNORECASE,
)
_FROM = re.compile(
    r"(?:network\s+|outbound\s+|outgoing\s+)?(?:connections?|traffic|ports?|access"
    r"|communications?|verbindungen|connexions|conexiones)\s+"
    r"(?:from|von|depuis|desde)\s+(?:the\s+|your\s+)?(.{2,60})",
    re.IGNORECASE,
)
_BOTH_WAYS = re.compile(
    r"\bboth\s+(?:directions|ways)\b|\bbi-?directional\b|\bbeide\w*\s+richtungen\b"
    r"|\bles\s+deux\s+sens\b|\bambos\s+sentidos\b|\u2194|\u21d4|<[ ]?[-=]+[ ]?>",
    re.IGNORECASE,
)
_NO_ENDS = re.compile(
    r"\b(?:how|what|which|want|need|required|must|have|has|ports?)\b", re.IGNORECASE
)

_VERB = re.compile(
    r"(?:be|allow|open|permit|white-?list|allow-?list|use|add|unblock|configure|enable"
    r"|reach|access|exempt|exclude|bypass|trust|forward|know|consider|check)\b",
    re.IGNORECASE,
)
"""What follows "to" in a title that is about what to do."""
_SIDE = re.compile(
    r"\b(to|into|from|of|zu|zum|von|vers|depuis|hacia|desde)\s+(?:the\s+|your\s+)?([^:()]{2,60})$",
    re.IGNORECASE,
)
_FROM_TO = re.compile(
    r"\bfrom\s+(?:(?:the|a|an|your)\s+)?(.{2,60}?)\s+to\s+(?:(?:the|a|an|your)\s+)?([^:()]{2,60})$",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"(?:from|von|vom|depuis|desde)\s+(?:(?:the|your|all)\s+)?", re.IGNORECASE
)
_MOST_WORDS = 4


class Direction(StrEnum):
    """Which way connections are opened, as the product of the page sees it."""

    IN = "inbound"
    OUT = "outbound"
    BOTH = "both"
    UNSAID = ""


def direction_of(text: str) -> Direction:
    """The direction that a cell or a title tells, if it tells one."""
    inward, outward = _INWARD.search(text), _OUTWARD.search(text)
    if _EITHER.search(text) or (inward and outward):
        return Direction.BOTH
    return Direction.IN if inward else Direction.OUT if outward else Direction.UNSAID


def cell_direction(heading: str, cell: str) -> Direction | None:
    """The direction of a row; None if its words are not understood."""
    text = cell.strip()
    if _YES.fullmatch(text) and _EITHER.search(heading):
        return Direction.BOTH
    if _NOTHING.fullmatch(text):
        return Direction.UNSAID
    return direction_of(text) or None


def is_direction(cell: str) -> bool:
    """Whether a cell can only be one of directions."""
    words = cell.replace("/", " ").split()
    if POINTER.fullmatch(cell.strip()):
        return True
    return len(words) <= _MOST_WORDS and bool(direction_of(cell))


def product_of(title: str) -> str:
    """The product that a title is about: what is left without general words."""
    before = title.partition(":")[0] or title
    words = re.sub(r"[^\w\s.'-]", " ", before)
    return " ".join(_GENERIC.sub(" ", words).split()).strip(" -.")


def sides_of(title: str) -> tuple[Direction, str, str]:
    """The direction of a title such as "Inbound to the hub", the source, the destination.

    What the title does not name is empty.
    """
    direction = direction_of(title)
    found = _SIDE.search(title)
    if direction is Direction.BOTH or not found or not product_of(found[2]):
        return direction, "", ""
    to = found[1].lower() in ("to", "into", "zu", "zum", "vers", "hacia")
    return (direction, "", found[2]) if to else (direction, found[2], "")


def ends_of_direction(cell: str) -> tuple[str, str]:
    """The ends that a cell names with a direction: "Outbound from the hub to a device".

    What it does not name is empty.
    """
    found = _FROM_TO.search(" ".join(cell.split()))
    return (found[1], found[2]) if found else sides_of(cell)[1:]


def both_ways(text: str) -> bool:
    """Whether a text says that connections are opened from either end."""
    return _BOTH_WAYS.search(text) is not None


def title_ends(title: str) -> tuple[str, str] | None:
    """The ends that a title names, such as `Gateway to Database` or `Traffic from Hub`.

    What it does not name is empty.
    """
    line = " ".join(title.split())
    found = _TO.fullmatch(line)
    if found and not _NO_ENDS.search(found[1]) and not _VERB.match(found[2]):
        left = _LEADING.sub("", _FROM.sub(r"\1", found[1]))
        return (left if product_of(left) else "", found[2])
    come = _FROM.fullmatch(line)
    return (come[1], "") if come and product_of(come[1]) else None
