"""Sentences and bullets outside tables that name a port, or a host alone.

A sentence becomes rules only if each of its numbers is understood and it says where it
leads; any other one is `open`, in its own words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.model.ledger import Fate
from exporter.vendor.conditions import condition_in
from exporter.vendor.directions import Direction, product_of, sides_of, title_ends
from exporter.vendor.ends import Destinations, read_destinations, words_of
from exporter.vendor.hosts import hosts_in
from exporter.vendor.ports import TURNS
from exporter.vendor.protocols import APPLICATIONS, read_protocols
from exporter.vendor.sentences import (
    EXPLAINED,
    PORTS,
    asks,
    is_host,
    ports_in,
    sentences_of,
)
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
    from exporter.vendor.hosts import End
    from exporter.vendor.page import Page
    from exporter.vendor.reading import Reading
    from exporter.vendor.sentences import Sentence

_TO = re.compile(
    r"(?:\b(?:to|reach|towards|nach|vers|hacia)|[-=]+[ ]?>|[\u2192\u21d2])\s+(?:the\s+|your\s+)?(.{2,60}?)\s*(?:$|[.,;(]|\b(?:on|via|over|at|using|by|port|tcp|udp|for|from|with|when|if)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^[^:]{2,60}:\s*(?:the\s+)?(.{2,60}?)\s+(?:via|over|on|at)\s", re.IGNORECASE
)
_FROM = re.compile(
    r"\bfrom\s+(?:every\s+|each\s+|the\s+|all\s+|your\s+)?((?!version|v?[0-9])[^.,;()]{2,50}?)\s*(?:$|[.,;(]|\b(?:on|via|over|at|to|using|port|tcp|udp|for|if|when)\b)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"(?:by\s+default,?\s+)?(?:the|each|every|all|your)?\s*([^\d.,;:()]{2,50}?)\s+(?:must|should|needs?\s+to|has\s+to|have\s+to|will|can|may)?\s*"
    r"(?:be\s+able\s+to\s+)?(?:connects?\s+to|reach(?:es)?|contacts?|communicates?\s+with|talks?\s+to|sends?\b.*\bto)\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"\b(?:you|we|it|they|this|these|that|those|which|who|if|when|where|ports?|tcp|udp|allow|open|connections?|traffic|to)\b",
    re.IGNORECASE,
)
_LISTENS = re.compile(
    r"(?:by\s+default,?\s+)?(?:the|each|every|all|your)?\s*([^\d.,;:()]{2,50}?)\s+(?:also\s+)?(?:listens?|accepts?\s+connections?|is\s+listening|are\s+listening)\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"\s*[\u2013\u2014:-]\s*([^()]{2,60}?)\s*(?:\([^()]*\))?\W*")
_FROM_HOST = re.compile(
    r"\bfrom\s+(?:the\s+)?[a-z0-9*-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE
)
_LONGEST = 60


def read_prose(page: Page, reading: Reading) -> Iterator[Statement]:
    """What the sentences of a page state; the ledger and remarks have the others."""
    number = 0
    about_ports = (
        re.search(r"\bports?\b|firewall", page.title, re.IGNORECASE) is not None
    )
    for sentence in sentences_of(page.prose):
        if not asks(sentence, about_ports=about_ports):
            continue
        number += 1
        row = f"text-{number}"
        answer = reading.take_down(row, sentence.line, sentence.text)
        if answer.fate:
            reading.ledger.settle(row, *answer.fate)
            continue
        try:
            statement = _statement(row, sentence, answer, reading)
            yield _with_source(statement, reading)
        except Unread as unread:
            reading.settle(row, sentence.line, sentence.text, unread)


def _with_source(statement: Statement, reading: Reading) -> Statement:
    """A statement with the source of the page, if its sentence names none."""
    if statement.sources:
        return statement
    if said := reading.answers.of_table("", "source"):
        return replace(statement, sources=words_of(said))
    if not reading.sourceless:
        told = "the sentence names no source, nor may others: what is taken stands in the draft"
        reading.remarks.add(statement.line, statement.row, told)
        reading.sourceless = True
    return statement


def _statement(
    row: str, sentence: Sentence, answer: RowModel, reading: Reading
) -> Statement:
    """What a sentence states, or a person says that it does.

    Raises:
        Unread: that is not clear.
    """
    text = sentence.text
    sources: Sequence[str] = words_of(answer.source)
    if answer.port:
        flows = read_flows([(answer.port, ())], answer.transport)
        lead = read_destinations(reading.answers.hosts(answer.destination))
    else:
        flows, lead, named = _read(text, sentence.sections)
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
        probe=flows.probe,
    )


def _read(
    text: str, sections: Sequence[str]
) -> tuple[Flows, Destinations, tuple[str, ...]]:
    """A sentence's ports, where it leads, and who connects, if it says so.

    A host alone has the ports of the heading above it, and ports alone its host.

    Raises:
        Unread: that is not clear.
    """
    check_bound([text])
    ends = hosts_in(text)
    found = ports_in(text)
    if not found and ends and not any(end.port for end in ends):
        if not is_host(text) or not (found := _titled_ports(sections)):
            raise Unread(Fate.OPEN, "names a host and no port")
    else:
        _check_words(text, found)
    if not ends and _is_ports(text, found):
        ends = _titled_host(sections)
    ports = " ".join(dict.fromkeys(found))
    ports = ports or ", ".join(str(end.port) for end in ends if end.port)
    label = PORTS.sub(" ", text)
    known = [
        word for word in re.findall(r"[a-z0-9]+", label.lower()) if word in APPLICATIONS
    ]
    flows = read_flows([(ports, ())], " ".join(known))
    if flows.guessed and not ends:
        raise Unread(Fate.OPEN, "names neither TCP nor UDP")
    said = _FROM.search(text)
    if not ends and not said and (sides := _beside_ports(text, found, sections)):
        return flows, *sides
    lead = Destinations(ends=tuple(ends)) if ends else _described(text)
    if any(end.port and (found or len(ends) > 1) for end in ends):
        raise Unread(Fate.OPEN, "names several ports: which are for which host?")
    if _FROM_HOST.search(text):
        raise Unread(Fate.OPEN, "which host connects to which?")
    titled = next(filter(None, map(title_ends, reversed(sections))), ("", ""))[0]
    source = said[1] if said else _who(_SUBJECT, text) or titled
    return flows, lead, tuple(filter(None, (source,)))


def _beside_ports(
    text: str, found: Sequence[str], sections: Sequence[str]
) -> tuple[Destinations, tuple[str, ...]] | None:
    """Both ends of `TCP 22 - administrators` below "Inbound to the manager".

    None if it is of another form, or the heading does not say which way it goes.
    """
    direction, source, target = sides_of(sections[-1] if sections else "")
    rest = text.strip("*- \u2022").removeprefix(found[0]) if len(found) == 1 else text
    beside = _BESIDE.fullmatch(rest)
    if not beside or re.search(r"[0-9]", rest) or read_protocols(beside[1]).transports:
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


def _titled_ports(sections: Sequence[str]) -> list[str]:
    """The ports of the heading above, if it names ports and no other number."""
    found = ports_in(sections[-1]) if sections else []
    if found:
        _check_words(sections[-1], found)
    return found


def _titled_host(sections: Sequence[str]) -> Sequence[End]:
    """The hosts that the heading above is."""
    return hosts_in(sections[-1]) if sections and is_host(sections[-1]) else ()


def _is_ports(text: str, found: Sequence[str]) -> bool:
    """Whether a sentence says nothing but ports."""
    rest = text.replace(found[0], " ", 1) if len(found) == 1 else text
    return not re.search(r"\w", rest)


def _check_words(text: str, found: Sequence[str]) -> None:
    """Raises what a sentence is if a word or a number in it is not accounted for."""
    rest = text
    for match in found:
        rest = rest.replace(match, " ", 1)
    rest = EXPLAINED.sub(" ", rest)
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
    if listener := _who(_LISTENS, text):
        return Destinations(words=(listener,))
    raise Unread(Fate.OPEN, "which destination is meant, and which sources?")
