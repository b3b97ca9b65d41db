"""Cells with destinations: hosts, networks, wildcards, or words for a host."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.vendor.hosts import BRACKETS, LOOKED_AT, TOKEN, Kind, end_of, hosts_in

if TYPE_CHECKING:
    from exporter.vendor.hosts import End

_JOINERS = {"and", "or", "&", "+", "/", "-", "und", "oder", "et", "ou", "y", "o"}
_OR = {"or", "oder", "ou", "o"}
_EVERYWHERE = re.compile(
    r"(?:any|all|every)(?:\s+(?:hosts?|addresses|destinations?|sources?|ips?|networks?|systems?))?"
    r"|(?:the\s+)?internet|everywhere|anywhere|everyone|anyone|\*|0\.0\.0\.0(?:/0)?|::/0"
    r"|alle|beliebige?r?|jeder|tous|toutes|n'importe\s+o\u00f9|todos?|cualquiera?",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"([0-9]{1,3}(?:\.[0-9]{1,3}){3})\s*(?:[-\u2010-\u2015\u2212]|\b(?:to|through|bis|\u00e0|a|hasta)\b)\s*([0-9]{1,3}(?:\.[0-9]{1,3}){0,3})(?![\d./])"
)
_NOTHING = {"n/a", "na", "none", "-", "--", "\u2013", "\u2014", "tbc", "tbd", "x"}
_RANGE_WORDS = re.compile(
    r"\b(?:sub-?nets?|(?:ip|address)(?:es)?[- ](?:ranges?|blocks?|space)|cidrs?|(?:ip-?)?adressbereiche?|subnetze?"
    r"|sous-r\u00e9seaux?|plages?\s+d.\s*(?:ip|adresses)|subred(?:es)?|rangos?\s+de\s+(?:ip|direcciones))\b",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:except\w*|excluding|but\s+not|other\s+than|au\u00dfer|ausgenommen|sauf|excepto|salvo)\b"
    r"|\b(?:not|never|no|nicht|pas|without|ohne|sans|sin)\s+[`'\"]?[a-z0-9*-]+(?:\.[a-z0-9-]+)+"
    r"|(?<!\S)[!\u2260\u00ac]\s*[a-z0-9*:-]*[.:\w]",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"^(?:see|siehe|voir|v\u00e9ase|ver)\b|\b(?:above|below|following|same\s+as|ditto|dito|oben|unten|ci-dessus|ci-dessous|arriba|abajo)\b|^[\"\u201d\u3003]$",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"(?:localhost|loopback)(?:\s*\([^()]*\))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Destinations:
    """What a cell names: `ends`, or else `words`, each of which describes one.

    `choice` says that one of the ends is enough. `unprovable` and `open` are the parts
    that cannot be rules, with the reason; `rest` is what else stands there, such as
    text behind the hosts and whole URLs. All are empty for a blank cell.
    """

    ends: tuple[End, ...] = ()
    words: tuple[str, ...] = ()
    unprovable: str = ""
    open: tuple[str, ...] = ()
    rest: str = ""
    choice: bool = False


def read_destinations(cell: str) -> Destinations:
    """The destinations of a cell.

    Hosts at its beginning are meant; after the first other word hosts are only
    spoken of. A cell that begins with words means every host in it.
    """
    text = _RANGE.sub(r"\1-\2", cell.strip())
    if text.lower() in _NOTHING:
        return Destinations()
    if why := _unprovable(text):
        return Destinations(unprovable=why)
    read = _Beginning(text)
    if not read.ends and not read.told:
        return _described(text)
    rest = "\n".join(read.spoken)
    if _EXCEPT.search(rest):
        read.told.append(f"says what is left out: {rest[:100]}")
    choice = read.choice and len(read.ends) > 1
    return Destinations(tuple(read.ends), (), "", tuple(read.told), rest, choice)


class _Beginning:
    """The hosts with which a text begins, and what is only spoken of behind them."""

    def __init__(self, text: str) -> None:
        self.ends: dict[End, None] = {}
        self.told: list[str] = []
        self.spoken: list[str] = []
        self.choice = False
        alone = len(TOKEN.findall(text)) == 1
        for found in TOKEN.finditer(text):
            if not self._take(found[0], alone=alone):
                self.spoken.append(text[found.start() :])
                break

    def _take(self, token: str, *, alone: bool) -> bool:
        """Whether a word is a host or joins two."""
        end, unfit = end_of(token, alone=alone)
        if unfit:
            self.told.append(f"{unfit}: {token[:100]}")
        elif end:
            self.ends[end] = None
            more = "/" in token or "\\" in token
            self.spoken += [token] if more and end.kind is not Kind.NETWORK else []
        else:
            self.choice |= token.lower() in _OR
            return token.lower() in _JOINERS
        return True


def _unprovable(text: str) -> str:
    """Why no single host can prove a rule that leads there; empty if one can."""
    if _EVERYWHERE.fullmatch(text):
        return f"names no host: {text}"
    if _LOCAL.fullmatch(text):
        return f"stays on one host: {text}"
    for token in TOKEN.findall(text)[:LOOKED_AT]:
        try:
            address = ipaddress.ip_network(token.strip(BRACKETS), strict=False)
        except ValueError:
            continue
        if address.is_multicast or str(address) == "255.255.255.255/32":
            return f"goes to many hosts at once: {token}"
        if address.version == 6 and address.is_link_local:  # noqa: PLR2004 - IPv6
            return f"is reached by way of one interface: {token}"
        if address.is_loopback:
            return f"stays on one host: {token}"
    return ""


def _described(text: str) -> Destinations:
    exception = _EXCEPT.search(text)
    meant = text[: exception.start()] if exception else text
    tokens = TOKEN.findall(meant)[:LOOKED_AT]
    read = [end_of(token, alone=False) for token in tokens]
    ends = tuple(dict.fromkeys(end for end, _ in read if end))
    told = [
        f"{why}: {token[:100]}"
        for token, (_, why) in zip(tokens, read, strict=True)
        if why
    ]
    left_out = text[exception.start() :].lstrip("! \u2260\u00ac") if exception else ""
    if exception and (ends or told or hosts_in(left_out)):
        told.append(f"says what is left out: {text[:100]}")
    if ends or told:
        either = len(ends) > 1 and any(
            before.lower() in _OR and end
            for before, (end, _) in zip(tokens, read[1:], strict=False)
        )
        return Destinations(ends, (), "", tuple(told), text, either)
    if refers(text) or (not any(map(str.isalnum, text)) and text):
        return Destinations(open=(f"which destination is meant by {shown(text)}?",))
    if _RANGE_WORDS.search(text):
        return Destinations(open=(f"names no network by its numbers: {text[:100]}",))
    return Destinations(words=words_of(text))


def leaves_out(text: str) -> bool:
    """Whether a text names only who is not meant, such as `!10.0.0.0/8`."""
    found = _EXCEPT.match(text.strip())
    return found is not None


def refers(text: str) -> bool:
    """Whether a text only points to another place of the page."""
    return _REFERS.search(text) is not None


def words_of(text: str) -> tuple[str, ...]:
    """The names in a text: commas and lines stand between, outside of brackets."""
    parts = re.split(r"\n|[,;](?![^()]*\))", text)
    bare = (re.sub(r"^(?:and|und|et|y)\s+", "", part.strip()) for part in parts)
    return tuple(dict.fromkeys(part for part in bare if part))
