"""Sentences and bullets outside tables that name a port, or a host alone.

A sentence becomes rules only if each of its numbers is understood and it says where it
leads; any other one is `open`, in its own words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.model.ledger import Fate
from exporter.vendor.conditions import condition_in
from exporter.vendor.directions import product_of
from exporter.vendor.ends import (
    Destinations,
    read_destinations,
    words_of,
)
from exporter.vendor.hosts import hosts_in
from exporter.vendor.ports import TURNS
from exporter.vendor.protocols import APPLICATIONS
from exporter.vendor.statements import (
    Flows,
    Statement,
    Unread,
    check_bound,
    check_lead,
    read_flows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.vendor.answers import RowModel
    from exporter.vendor.page import Page, Prose
    from exporter.vendor.row_ends import Reading

_APPLICATION = "|".join(sorted(APPLICATIONS, key=len, reverse=True))
_NUMBER = r"[0-9]{1,5}(?![0-9.]*[0-9])"
_LIST = rf"{_NUMBER}(?:(?:\s*[-\u2013]\s*|\s+to\s+|\s*,\s*(?:and\s+|or\s+)?|\s*/\s*|\s+and\s+|\s+or\s+|\s+und\s+|\s+et\s+|\s+y\s+){_NUMBER}){{0,30}}"
_PORTS = re.compile(
    rf"\b(?:(?:tcp|udp)(?:\s*(?:/|and|&|or)\s*(?:tcp|udp))?[\s/:-]*(?:ports?\s*:?\s*)?{_LIST}"
    rf"|(?:(?:tcp|udp)\s+)?(?:ports?|portnummern?|puertos?)\s*:?\s*(?:numbers?\s+)?{_LIST}(?:\s*[/ ]?\s*\(?(?:tcp|udp)\b\)?)?"
    rf"|{_LIST}\s*[/ ]?\s*\(?(?:tcp|udp)\b\)?)",
    re.IGNORECASE,
)
_HINTS = re.compile(
    rf"\b(?:tcp|udp|ports?|puertos?|portnummern?)\b[^.]{{0,80}}?[0-9]|\b[0-9]{{2,5}}\s*(?:/\s*)?(?:tcp|udp)\b"
    r"|\b(?:listen\w*|open\w*|allow\w*|h\u00f6r\w*|\u00f6ffne\w*|\u00e9coute\w*|ouvr\w*|escucha\w*|abr\w*)\b[^.0-9]{0,30}\b[0-9]{2,5}\b"
    rf"|[a-z]:[0-9]{{2,5}}\b|\b(?:{_APPLICATION})\b[^.0-9]{{0,12}}\b[0-9]{{2,5}}\b"
    rf"|\b[0-9]{{2,5}}\s*(?:\(|for\s+)(?:{_APPLICATION})\b",
    re.IGNORECASE,
)
_BULLET = re.compile(
    r"^[\s\u2022*\u2013-]*(?:[^:]{1,60}:\s*)?([0-9]{1,5})(?:\s*$|\s+for\b)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_TO = re.compile(
    r"\b(?:to|reach|towards|nach|vers|hacia)\s+(?:the\s+|your\s+)?(.{2,60}?)\s*(?:$|[.,;(]|\b(?:on|via|over|at|using|by|port|tcp|udp|for|from|with|when|if)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^[^:]{2,60}:\s*(?:the\s+)?(.{2,60}?)\s+(?:via|over|on|at)\s", re.IGNORECASE
)
_FROM = re.compile(
    r"\bfrom\s+(?:every\s+|each\s+|the\s+|all\s+|your\s+)?((?!version|v?[0-9])[^.,;()]{2,50}?)\s*(?:$|[.,;(]|\b(?:on|via|over|at|to|using|port|tcp|udp|for|if|when)\b)",
    re.IGNORECASE,
)
_FROM_HOST = re.compile(
    r"\bfrom\s+(?:the\s+)?[a-z0-9*-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE
)
_EXPLAINED = re.compile(
    r"\b(?:versions?|release|v)\s*[0-9][0-9.]*|\b(?:tls|ssl|smb)\s*v?[0-9][0-9.]*"
    r"|\b[0-9]+\s*(?:seconds?|minutes?|hours?|days?|times?|users?|calls?|[kmg]b(?:it)?(?:/s|ps)?|%)",
    re.IGNORECASE,
)
_LONGEST = 60
_CONTINUES = re.compile(r"(?:\b(?:to|an|vers|hacia)|:)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the page, with the line it begins on."""

    line: int
    text: str
    sections: tuple[str, ...]


def read_prose(page: Page, reading: Reading) -> Iterator[Statement]:
    """What the sentences of a page state; the ledger and remarks have the others."""
    number = 0
    about_ports = (
        re.search(r"\bports?\b|firewall", page.title, re.IGNORECASE) is not None
    )
    for sentence in _sentences(page.prose):
        if not _asks(sentence, about_ports=about_ports):
            continue
        number += 1
        row = f"text-{number}"
        answer = reading.take_down(row, sentence.line, sentence.text)
        if answer.fate:
            reading.ledger.settle(row, *answer.fate)
            continue
        try:
            yield _statement(row, sentence, answer)
        except Unread as unread:
            reading.settle(row, sentence.line, sentence.text, unread)


def names_a_port(text: str) -> bool:
    """Whether a text speaks of a port by its number."""
    return _HINTS.search(text) is not None


def _sentences(prose: Sequence[Prose]) -> Iterator[Sentence]:
    """Each sentence; a host on the next line belongs to one that ends in `to`."""
    index = 0
    while index < len(prose):
        item = prose[index]
        index += 1
        text = item.text
        while (
            _CONTINUES.search(text)
            and _HINTS.search(text)
            and index < len(prose)
            and _is_host(prose[index].text)
        ):
            text = f"{text} {prose[index].text}"
            index += 1
        for one in _SENTENCE.split(text):
            if one.strip():
                yield Sentence(item.line, one.strip(), item.sections)


def _is_host(text: str) -> bool:
    """Whether a line says nothing but a host."""
    words = re.sub(r"^[\s\u2022*\u2013-]+", "", text).split()
    return len(words) == 1 and bool(hosts_in(words[0]))


def _asks(sentence: Sentence, *, about_ports: bool) -> bool:
    """Whether a sentence may be a requirement."""
    text = sentence.text
    bullet = _BULLET.match(text)
    return bool(_HINTS.search(text) or _is_host(text) or (bullet and about_ports))


def _statement(row: str, sentence: Sentence, answer: RowModel) -> Statement:
    """What a sentence states, or a person says that it does.

    Raises:
        Unread: that is not clear.
    """
    text = sentence.text
    sources: Sequence[str] = words_of(answer.source)
    if answer.port:
        flows = read_flows([(answer.port, ())], answer.transport)
        lead = read_destinations(answer.destination)
    else:
        flows, lead, named = _read(text)
        sources = sources or named
    check_lead(lead, flows.spans)
    return Statement(
        row=row,
        line=sentence.line,
        sections=sentence.sections,
        sources=tuple(sources),
        lead=lead,
        internal=None,
        spans=flows.spans,
        usage=text,
        notes=flows.notes,
        text=text,
        choice=flows.choice,
        when=condition_in(text, text),
    )


def _read(text: str) -> tuple[Flows, Destinations, tuple[str, ...]]:
    """A sentence's ports, where it leads, and who connects, if it says so.

    Raises:
        Unread: that is not clear.
    """
    check_bound([text])
    ends = hosts_in(text)
    found = list(_PORTS.finditer(text))
    if not found and ends and not any(end.port for end in ends):
        raise Unread(Fate.OPEN, "names a host and no port")
    _check_words(text, found)
    ports = " ".join(dict.fromkeys(match[0] for match in found))
    ports = ports or ", ".join(str(end.port) for end in ends if end.port)
    label = _PORTS.sub(" ", text)
    known = [
        word for word in re.findall(r"[a-z0-9]+", label.lower()) if word in APPLICATIONS
    ]
    flows = read_flows([(ports, ())], " ".join(known))
    if flows.guessed and not ends:
        raise Unread(Fate.OPEN, "names neither TCP nor UDP")
    lead = Destinations(ends=tuple(ends)) if ends else _described(text)
    if any(end.port and (found or len(ends) > 1) for end in ends):
        raise Unread(Fate.OPEN, "names several ports: which are for which host?")
    said = _FROM.search(text)
    if _FROM_HOST.search(text):
        raise Unread(Fate.OPEN, "which host connects to which?")
    return flows, lead, (said[1],) if said else ()


def _check_words(text: str, found: Sequence[re.Match[str]]) -> None:
    """Raises what a sentence is if a word or a number in it is not accounted for."""
    rest = text
    for match in found:
        rest = rest.replace(match[0], " ", 1)
    rest = _EXPLAINED.sub(" ", rest)
    for end in hosts_in(rest):
        rest = rest.replace(end.name, " ")
    numbers = re.findall(r"(?<![\w.])[0-9]+(?![\w.]*\w)", rest)
    if numbers and not re.search(r":[0-9]", text):
        raise Unread(
            Fate.OPEN,
            f"which ports are meant? {shown(', '.join(numbers))} is not clear",
        )
    turn = TURNS.search(re.sub(r"\bunless\b", "", rest, flags=re.IGNORECASE))
    if turn:
        raise Unread(Fate.OPEN, f"says {shown(turn[0])}: what is required?")
    if len(found) > 1:
        raise Unread(Fate.OPEN, "names ports more than once: which belong together?")


def _described(text: str) -> Destinations:
    """Where a sentence without hosts leads.

    Raises:
        Unread: it does not say so.
    """
    for pattern in (_TO, _LABEL):
        found = pattern.search(text)
        if found and product_of(found[1]) and len(found[1]) <= _LONGEST:
            lead = read_destinations(found[1].strip())
            if not lead.unprovable and not lead.open:
                return Destinations(words=(found[1].strip(),))
    raise Unread(Fate.OPEN, "which destination is meant, and which sources?")
