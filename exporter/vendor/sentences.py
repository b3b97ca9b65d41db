"""The sentences and bullets of a page, and the ports that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from exporter.vendor.hosts import hosts_in
from exporter.vendor.page import introduction
from exporter.vendor.ports import read_ports
from exporter.vendor.protocols import APPLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.vendor.page import Prose
    from exporter.vendor.spans import Span


_APPLICATION = "|".join(sorted(APPLICATIONS, key=len, reverse=True))
_NUMBER = r"[0-9]{1,5}(?![0-9.]*[0-9])"
_LIST = (
    rf"{_NUMBER}(?:(?:\s*[-\u2013]\s*|\s+(?:to|through|thru|bis|\u00e0|a|al|hasta)\s+"
    r"|\s*,\s*(?:and\s+|or\s+)?|\s*/\s*|\s+and\s+|\s+or\s+|\s+und\s+|\s+[eyo]\s+"
    rf"|\s+et\s+|\s+ou\s+|\s+oder\s+){_NUMBER}){{0,30}}"
)
_AND = r"\s*(?:[/,+&]|\b(?:and|or|und|oder|et|ou|y|o|e)\b)\s*"
_BEFORE = rf"(?:tcp|udp)(?:{_AND}(?:tcp|udp))?\b"
_BEHIND = (
    rf"(?:tcp|udp)\b(?:{_AND}(?:tcp|udp)\b(?!\s*[/:-]?\s*(?:ports?\s*)?[0-9]))?\)?"
)
PORTS = re.compile(
    rf"\b(?:{_BEFORE}[\s/:-]*(?:ports?\s*:?\s*)?{_LIST}"
    r"|(?:(?:tcp|udp)\s+)?(?:ports?|portnummern?"
    rf"|puertos?)\s*:?\s*(?:numbers?\s+)?{_LIST}(?:\s*[/ ]?\s*\(?{_BEHIND})?"
    rf"|{_LIST}\s*[/ ]?\s*\(?{_BEHIND}"
    rf"|{_LIST},\s*(?:tcp|udp)\b(?!\s*/?\s*[0-9])"
    rf"|(?:{_APPLICATION})\s*\(\s*(?:(?:tcp"
    rf"|udp)[\s/:]*)?(?:ports?\s*)?{_LIST}(?:\s*/?\s*(?:tcp|udp))?\s*\))",
    re.IGNORECASE,
)
_CARRIED = re.compile(
    r"\b(?:over|via|using|by|on|with|sur|par|en|por|per|\u00fcber|mit)\s+(?:both\s+)?"
    rf"({_BEFORE})",
    re.IGNORECASE,
)
_TRANSPORT = re.compile(r"\b(?:tcp|udp)\b(?!/ip)", re.IGNORECASE)
_HINTS = re.compile(
    rf"\b(?:tcp|udp|ports?|puertos?|portnummern?)\b[^.]{{0,80}}?[0-9]"
    rf"|\b[0-9]{{2,5}}\s*(?:[/,:(\u2013\u2014-]\s*)?(?:tcp|udp)\b"
    r"|\b(?:listen\w*|open\w*|allow\w*|h\u00f6r\w*|\u00f6ffne\w*|\u00e9coute\w*"
    r"|ouvr\w*|escucha\w*|abr\w*)\b[^.0-9]{0,30}\b[0-9]{2,5}\b"
    rf"|[a-z]:[0-9]{{2,5}}\b|\b(?:{_APPLICATION})\b[^.0-9]{{0,12}}\b[0-9]{{2,5}}\b"
    rf"|\b[0-9]{{2,5}}\s*(?:\(|for\s+)(?:{_APPLICATION})\b",
    re.IGNORECASE,
)
_BULLET = re.compile(
    r"^[\s\u2022*\u2013-]*(?:[^:]{1,60}:\s*)?([0-9]{1,5})(?:\s*$|\s+for\b)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
EXPLAINED = re.compile(
    r"\b(?:versions?|release|v)\s*[0-9][0-9.]*|\b(?:tls|ssl|smb)\s*v?[0-9][0-9.]*"
    r"|\b[0-9]+\s*(?:seconds?|minutes?|hours?|days?|times?|users?|calls?"
    r"|[kmg]b(?:it)?(?:/s|ps)?|%)",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"[\s,;/&+]*(?:(?:and|or|und|oder|et|ou|y|o|e)\s+)?", re.IGNORECASE
)
_HOST_AND_NUMBERS = re.compile(
    rf"[\s\u2022*\u2013-]*(?:https?://)?[a-z0-9*{{}}-]+(?:\.[a-z0-9-]+)+"
    rf"(?:\s*[:,;|\u2013\u2014-]\s+|\s+(?:[:,;|\u2013\u2014-]\s*)?)({_LIST})\W*",
    re.IGNORECASE,
)
_PINGS = re.compile(
    r"\bicmp(?:v?[46])?\b"
    r"|\b(?:must|should|needs?|able|allow\w*|permit\w*|requires?"
    r"|enable\w*)\b[^.]*\b(?:ping|pings|pinged|echo\s+requests?)\b"
    r"|\b(?:pings?|echo\s+requests?)\b[^.]*\b(?:must|should|needs?|allowed|permitted"
    r"|required|enabled)\b",
    re.IGNORECASE,
)
_PORTS_ALONE = re.compile(rf"[\s\u2022*\u2013-]*{PORTS.pattern}\W*", re.IGNORECASE)
_CONTINUES = re.compile(r"(?:\b(?:to|an|vers|hacia)|:)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the page, with the line it begins on.

    `intro` is the line that leads over to the list it stands in, such as "Optional:".
    """

    line: int
    text: str
    sections: tuple[str, ...]
    intro: str = ""


def names_a_port(text: str) -> bool:
    """Whether a text speaks of a port by its number."""
    return _HINTS.search(text) is not None


def ports_of_title(text: str) -> Sequence[Span] | None:
    """The ports that a heading names, none if they are not clear; None without any."""
    found = ports_in(EXPLAINED.sub(" ", text))
    if not found:
        return None
    return [span for part in found for span in read_ports(part).spans]


def sentences_of(prose: Sequence[Prose]) -> Iterator[Sentence]:
    """Each sentence; hosts on the next lines belong to one that ends in `to`, or to ports."""
    index = 0
    intro = ""
    while index < len(prose):
        item = prose[index]
        above = prose[index - 1].text if index else ""
        before = prose[max(0, index - 1) : index]
        intro = introduction(before, item.sections) or _still(
            intro, before, item.sections
        )
        index += 1
        text = item.text
        if listed := _listed(prose, index):
            for line in listed:
                whole = line.text if _says_ports(line.text) else f"{text} {line.text}"
                yield Sentence(line.line, whole, line.sections, intro)
            index += len(listed)
            continue
        # Ports in a list of ports are nobody's in particular.
        lists = _PORTS_ALONE.fullmatch(text) and not _PORTS_ALONE.fullmatch(above)
        while (
            (lists or _CONTINUES.search(text))
            and _HINTS.search(text)
            and index < len(prose)
            and prose[index].sections == item.sections
            and is_host(prose[index].text)
        ):
            text = f"{text} {prose[index].text}"
            index += 1
        for one in _SENTENCE.split(text):
            if one.strip():
                yield Sentence(item.line, one.strip(), item.sections, intro)


def _listed(prose: Sequence[Prose], index: int) -> Sequence[Prose]:
    """The hosts from an index on that have the ports of the line above, `... to:`.

    None where they are nothing but hosts, and so one sentence with that line.
    """
    above = prose[index - 1]
    if not above.text.rstrip().endswith(":") or len(ports_in(above.text)) != 1:
        return ()
    below = takewhile(
        lambda item: (
            item.sections == above.sections and described_host(item.text) is not None
        ),
        prose[index:],
    )
    lines = tuple(below)
    return () if all(is_host(item.text) for item in lines) else lines


def _says_ports(text: str) -> bool:
    return bool(ports_in(text)) or any(end.port for end in hosts_in(text))


def _still(intro: str, above: Sequence[Prose], sections: tuple[str, ...]) -> str:
    """A list's introduction, while the list goes on: no whole sentence stands in one."""
    last = above[-1] if above else None
    ends = last is None or last.sections != sections or last.text.endswith(".")
    return "" if ends else intro


def is_host(text: str) -> bool:
    """Whether a line says nothing but a host."""
    words = re.sub(r"^[\s\u2022*\u2013-]+", "", text).split()
    return len(words) == 1 and bool(hosts_in(words[0]))


def described_host(text: str) -> str | None:
    """What a line says of the hosts that it begins with; None if it begins with none.

    A dash, a colon, a comma or a bracket stands between: `a.org, b.org - uploads`.
    """
    words = re.sub(r"^[\s\u2022*\u2013-]+", "", text).split()
    if not words or not hosts_in(words[0]):
        return None
    for index, word in enumerate(words):
        if hosts_in(word) or word.lower() in ("and", "or", "&", ","):
            continue
        parted = words[index - 1][-1] in ":," or word[0] in "-:(\u2013\u2014"
        return " ".join(words[index:]) if parted else None
    return ""


def asks(sentence: Sentence, *, about_ports: bool) -> bool:
    """Whether a sentence may be a requirement."""
    text = sentence.text
    bullet = _BULLET.match(text)
    return bool(
        _HINTS.search(text)
        or _PINGS.search(text)
        or described_host(text) is not None
        or _HOST_AND_NUMBERS.fullmatch(text)
        or (bullet and about_ports)
    )


def asks_for_ping(text: str) -> bool:
    """Whether a sentence may ask for a ping."""
    return _PINGS.search(text) is not None


def carried_by(text: str) -> str | None:
    """What a sentence says of the transport apart from its ports: "port 9 over UDP".

    Empty if it names none; None if it does not say what that is to the ports.
    """
    rest = PORTS.sub(" ", text)
    named = {word.lower() for word in _TRANSPORT.findall(rest)}
    found = _CARRIED.search(rest)
    if found:
        return found[1]
    return " ".join(named) if named <= {"tcp"} else None


def ports_in(text: str) -> list[str]:
    """The parts of a sentence that name ports; only joined ones are one part."""
    spans: list[tuple[int, int]] = []
    for match in PORTS.finditer(text):
        if spans and _JOINED.fullmatch(text, spans[-1][1], match.start()):
            spans[-1] = (spans[-1][0], match.end())
        else:
            spans.append(match.span())
    if not spans and (bare := _HOST_AND_NUMBERS.fullmatch(text)):
        spans.append(bare.span(1))
    return [text[begin:end] for begin, end in spans]
