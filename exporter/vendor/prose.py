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
from exporter.vendor.directions import title_ends
from exporter.vendor.ends import Destinations, read_destinations, words_of
from exporter.vendor.hosts import hosts_in, with_ports
from exporter.vendor.ports import TURNS
from exporter.vendor.protocols import APPLICATIONS, titled_transports
from exporter.vendor.sentence_ends import (
    FROM_HOST,
    described,
    pulls,
    sides_in,
    source_of,
)
from exporter.vendor.sentences import (
    EXPLAINED,
    PORTS,
    asks,
    asks_for_ping,
    carried_by,
    described_host,
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

    from exporter.vendor.hosts import End
    from exporter.vendor.map_file import RowModel
    from exporter.vendor.page import Page
    from exporter.vendor.reading import Reading
    from exporter.vendor.sentences import Sentence

_NUMBER = re.compile(r"[0-9]{1,5}")
_ECHO_TYPE = re.compile(r"\btypes?\s*8\b|\bicmp\s*v?[46]\b", re.IGNORECASE)


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
        flows, lead, named = _read(sentence)
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
        when=condition_in(text, text) or condition_in(sentence.intro, text),
        probe=flows.probe,
    )


def _read(sentence: Sentence) -> tuple[Flows, Destinations, tuple[str, ...]]:
    """A sentence's ports, where it leads, and who connects, if it says so.

    A host alone has the ports of the heading above it, and ports alone its host.

    Raises:
        Unread: that is not clear.
    """
    text, sections = sentence.text, sentence.sections
    check_bound([text])
    ends = hosts_in(text)
    found = ports_in(text)
    if not found and not any(end.port for end in ends) and asks_for_ping(text):
        return _pinged(text, ends)
    if not found and ends and not any(end.port for end in ends):
        found = _ports_of_hosts(text, sections)
    else:
        _check_words(text, found)
    if not ends and _is_ports(text, found):
        ends = _titled_host(sections)
    ports = " ".join(_closed(one) for one in dict.fromkeys(found))
    ports = ports or ", ".join(str(end.port) for end in ends if end.port)
    label = PORTS.sub(" ", text)
    known = [
        word for word in re.findall(r"[a-z0-9]+", label.lower()) if word in APPLICATIONS
    ]
    if not re.search(r"tcp|udp", ports, re.IGNORECASE):
        carried = carried_by(text)
        if carried is None:
            raise Unread(Fate.OPEN, "names UDP apart from its ports: which are of it?")
        known.append(carried)
    above = titled_transports((sentence.intro, *reversed(sections)))
    flows = read_flows([(ports, above)], " ".join(known))
    if flows.guessed and not ends:
        raise Unread(Fate.OPEN, "names neither TCP nor UDP")
    if sides := sides_in(text, found, ends, sections):
        return flows, *sides
    lead = Destinations(ends=tuple(ends)) if ends else described(text, sections)
    _check_ends(text, found, ends)
    titled = next(filter(None, map(title_ends, reversed(sections))), ("", ""))[0]
    source = source_of(text) or titled
    return flows, lead, tuple(filter(None, (source,)))


def _check_ends(text: str, found: Sequence[str], ends: Sequence[End]) -> None:
    """Raises what a sentence is whose hosts and ports do not say what belongs together."""
    own = {end.port for end in ends if end.port}
    alike = len(ends) == 1 and set(map(int, _NUMBER.findall(" ".join(found)))) <= own
    if own and not alike:
        raise Unread(Fate.OPEN, "names several ports: which are for which host?")
    if FROM_HOST.search(text) and not pulls(text):
        raise Unread(Fate.OPEN, "which host connects to which?")


def _pinged(
    text: str, ends: Sequence[End]
) -> tuple[Flows, Destinations, tuple[str, ...]]:
    """What a sentence about ICMP states, if it asks for a ping and for nothing else.

    Raises:
        Unread: that is not clear.
    """
    _check_words(_ECHO_TYPE.sub(" ", text), ())
    flows = read_flows([("", ())], "ICMP", purpose=text)
    if flows.pinged or flows.portless:
        raise Unread(Fate.OPEN, "speaks of ICMP: which messages are meant?")
    lead = Destinations(ends=tuple(ends)) if ends else described(text)
    return flows, lead, tuple(filter(None, (source_of(text),)))


def _titled_ports(sections: Sequence[str]) -> list[str]:
    """The ports of the heading above, if it names ports and no other number."""
    found = ports_in(sections[-1]) if sections else []
    if found:
        _check_words(sections[-1], found)
    return found


def _ports_of_hosts(text: str, sections: Sequence[str]) -> list[str]:
    """The ports of a line that begins with hosts: its heading's, or its URL's.

    Raises:
        Unread: there are none, or the line speaks of other hosts too.
    """
    said = described_host(text)
    found = (_titled_ports(sections) or _url_ports(text)) if said is not None else []
    if not found:
        raise Unread(Fate.OPEN, "names a host and no port")
    if hosts_in(said or ""):
        raise Unread(Fate.OPEN, "speaks of other hosts too: which are meant?")
    return found


def _url_ports(text: str) -> list[str]:
    """The port that the scheme of a URL tells."""
    return [f"TCP {end.port}" for end in hosts_in(with_ports(text)) if end.port]


def _titled_host(sections: Sequence[str]) -> Sequence[End]:
    """The hosts that the heading above is."""
    return hosts_in(sections[-1]) if sections and is_host(sections[-1]) else ()


def _closed(ports: str) -> str:
    """Ports without a bracket whose other one stands behind more words: `9 (TCP, in)`."""
    return (
        ports if ports.count("(") == ports.count(")") else re.sub(r"[()]", " ", ports)
    )


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
