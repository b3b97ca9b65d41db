"""Cells with ports, by a grammar in which every word is accounted for.

A text is first put into one spelling (`port_spellings`), then cut at commas, lines and
full stops. A piece holds ports, transports and applications, or is a note without a
number. A piece that holds a number and any other word is `unread`, and then no port of
the text may be trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.vendor.port_spellings import respelled
from exporter.vendor.protocols import APPLICATIONS
from exporter.vendor.spans import Span, bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.model.rule import Transport
    from exporter.vendor.spans import Mark

_LONGEST = 400
_BRACKET = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_PIECE = re.compile(r"[,;|\n]|[.:](?=\s|$)")
_TOKEN = re.compile(
    r"(?P<span>[0-9]++(?:-[0-9]++|[+<>])?)(?![0-9.-]*[0-9])"
    r"|(?P<joint>[/&+*]|\*)|(?P<word>[^\W\d_][\w.'-]*+)|(?P<other>\S)"
)
_FILLER = re.compile(
    r"ports?|portnummern?|puertos?|on|numbers?|range|ranges|and|und|et|y|default"
    r"|standard|traps?|over|via|the|both|by|[\"'\u201c\u201d\u201e`]",
)
_BESIDE = re.compile(
    r"and|und|et|y|both|only|nur|uniquement|seulement|solo|s\u00f3lo|over|via|\u00fcber|sur|sobre"
)
"""What may stand beside transports in brackets and leaves them what they are."""
_OR = re.compile(r"or|oder|ou|o|oppure")
_ANY = re.compile(
    r"any|all|every|\*|alle|jeder|beliebige?r?|tous|toutes|todos|cualquiera?|ephemeral"
    r"|dynamic(?:ally)?|random|varies"
    r"|various|dynamische?r?|zuf\u00e4llige?r?|al\u00e9atoires?|dynamiques?"
    r"|din\u00e1micos?|unprivileged|hohe"
)
_NOTHING = re.compile(
    r"(?:n/?a|none|x|-+|keine?|aucune?|ninguno|\u2717|\u2715|\u00d7)?", re.IGNORECASE
)
_FOR = re.compile(r"\b(?:for|f\u00fcr|pour|para)\b(.*)", re.IGNORECASE | re.DOTALL)
_TELLS = re.compile(
    r"\s*(?:was|were|formerly|previously|before|until|till|up\s+to|prior|since|as\s+of"
    r"|max\w*|at\s+most|(?:by\s+)?defaults?"
    r"|standard|versions?|v[0-9]|ssl|tls|smb|rfc|e\.?g|see|bis|vor|fr\u00fcher|seit"
    r"|vorher|avant|jusqu|depuis|ancien\w*|antes"
    r"|hasta|desde|por\s+defecto|par\s+d\u00e9faut|war|standardm\w+)\b",
    re.IGNORECASE,
)
TURNS = re.compile(
    r"\b(?:no|not|never|disabled|inactive|deactivated|removed|obsolete|except\w*|but"
    r"|without|unless|closed?|block\w*|den(?:y|ied)|instead|excluding|nicht|kein\w*"
    r"|au\u00dfer"
    r"|ausgenommen|ohne|sauf|sans|pas|excepto|salvo|sin|minus|other\s+than|rather)\b",
    re.IGNORECASE,
)
"""Words that may turn what stands beside them into its contrary."""


_THOUSANDS = re.compile(
    r"[0-9],[0-9]{3}\s*[-\u2013]\s*[0-9]|[0-9]\s*[-\u2013]\s*[0-9]{1,2},[0-9]{3}(?![0-9])"
)
"""A range between numbers that may have a comma for thousands."""


@dataclass(slots=True)
class Ports:
    """What a text of ports says; `unread` are the words that nobody here understands.

    `choice` says that one of the spans is enough. `vague` is the word for ports that
    cannot be named ("any"). `transports` stand without ports of their own, and
    `applications` are known names. `notes` are other words, without ports.
    """

    spans: list[Span] = field(default_factory=list)
    choice: bool = False
    vague: str = ""
    transports: list[Transport] = field(default_factory=list)
    applications: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def is_ports(cell: str) -> bool:
    """Whether a cell can only be one of ports, by number or by a word such as "any"."""
    if len(cell) > _LONGEST or not re.search(
        r"[0-9*]|\ban?y\b|all", cell, re.IGNORECASE
    ):
        return False
    read = read_ports(cell)
    return bool(read.spans or read.vague) and not read.unread and not read.notes


def read_ports(cell: str) -> Ports:
    """The ports of a text."""
    found = Ports()
    if _NOTHING.fullmatch(cell.strip()):
        return found
    text = respelled(cell)
    if not re.search(r"[0-9]", _BRACKET.sub("", text)):
        # `LDAPS (TCP 636)`: the ports are nowhere else.
        text = _BRACKET.sub(_opened, text)
    text = _BRACKET.sub(lambda inner: _bracket(inner[1], found), text)
    marks: list[Mark] = []
    for piece in _PIECE.split(text):
        marks += _piece(piece.strip(), found)
    spans, transports, unread = bound(marks)
    found.spans += spans
    found.transports += transports
    found.unread += unread
    if found.choice and (found.vague or re.search(r"\band\b|\n", text)):
        found.unread.append(" ".join(cell.split()))
    if _is_half_bound(found, cell) or _THOUSANDS.search(text):
        found.unread.append(" ".join(cell.split()))
    if found.vague and found.spans:
        found.unread.append(found.vague)
    return found


def _is_half_bound(found: Ports, cell: str) -> bool:
    """Whether only the last port of a list is glued to UDP: the others' are unsaid."""
    ends = re.search(r"[0-9]\s*/\s*udp\W*$", cell, re.IGNORECASE) is not None
    return ends and any(not span.transports for span in found.spans)


def _opened(bracket: re.Match[str]) -> str:
    """Brackets taken off what may be ports."""
    inner = bracket[1]
    ports = re.search(r"[0-9]", inner) and not _TELLS.match(inner)
    return f" {inner} " if ports else bracket[0]


def _bracket(inner: str, found: Ports) -> str:
    """What brackets leave of themselves in the text: transports, or nothing.

    What tells by itself that it is no port is a note. Any other number is unread.
    """
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", inner)]
    if words and not re.search(r"[0-9]", inner):
        if transports := _transports_alone(words):
            found.choice |= any(map(_OR.fullmatch, words))
            return "".join(f"@{word}" for word in transports)
        found.applications += [word for word in words if word in APPLICATIONS]
        (found.unread if TURNS.search(inner) else found.notes).append(inner.strip())
    elif _TELLS.match(inner):
        found.notes.append(inner.strip())
    elif inner.strip():
        found.unread.append(f"({inner.strip()})")
    return " "


def _transports_alone(words: Sequence[str]) -> list[str]:
    """The transports in a bracket that has no other words, or those of what they carry."""
    said = [word for word in words if word in ("tcp", "udp")]
    known = all(
        word in said
        or word in APPLICATIONS
        or _BESIDE.fullmatch(word)
        # `(TCP or UDP)`
        or (len(said) > 1 and _OR.fullmatch(word))
        for word in words
    )
    return list(dict.fromkeys(said)) if known else []


def _piece(piece: str, found: Ports) -> Iterator[Mark]:
    """The marks of one piece: spans and transports in the order of the text."""
    piece = re.sub(r"@(?=tcp|udp)", " @", piece, flags=re.IGNORECASE)
    if not re.search(r"[0-9]", piece):
        yield from _wordy(piece, found)
        return
    if re.match(r"\s*(?:was|were|formerly|previously|e\.?g)\b", piece, re.IGNORECASE):
        found.notes.append(piece)
        return
    told = _FOR.search(piece)
    if told and not re.search(r"[0-9]", told[1]) and not TURNS.search(told[1]):
        found.applications += _applications(told[1])
        found.notes.append(told[0].strip())
        piece = piece[: told.start()]
    marks: list[Mark] = []
    if not all(_token(kind, word, found, marks) for kind, word in _tokens(piece)):
        found.unread.append(piece)
    yield from marks


def _wordy(piece: str, found: Ports) -> Iterator[Mark]:
    """A piece without a number: transports and known names, or a note."""
    marks: list[Mark] = []
    trial = Ports()
    if all(_token(kind, word, trial, marks) for kind, word in _tokens(piece)):
        found.vague = found.vague or trial.vague
        found.choice |= trial.choice
        found.applications += trial.applications
        yield from marks
    elif any(_ANY.fullmatch(word) for word in piece.lower().split()):
        found.vague = found.vague or piece
        if TURNS.search(piece):
            found.notes.append(piece)
    else:
        (found.unread if TURNS.search(piece) else found.notes).append(piece)


def _tokens(piece: str) -> list[Mark]:
    text = re.sub(r"(?<=[0-9])(?=(?:tcp|udp)\b)", " ", piece, flags=re.IGNORECASE)
    return [(str(t.lastgroup), t[0].lower()) for t in _TOKEN.finditer(text)]


def _token(kind: str, word: str, found: Ports, marks: list[Mark]) -> bool:
    """Takes a token; whether it is understood."""
    if kind == "span":
        marks.append((kind, word))
    elif word in ("tcp", "udp"):
        marks.append(("transport", word))
    elif word == "@":
        marks.append(("bound", word))
    elif kind == "joint" and word != "*":
        marks.append(("joint", word))
    elif _OR.fullmatch(word):
        found.choice = True
    elif _ANY.fullmatch(word):
        found.vague = found.vague or word
    elif word in APPLICATIONS:
        found.applications.append(word)
    else:
        return _FILLER.fullmatch(word) is not None
    return True


def _applications(text: str) -> list[str]:
    return [
        word for word in re.findall(r"[a-z0-9]+", text.lower()) if word in APPLICATIONS
    ]
