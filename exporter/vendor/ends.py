"""Cells with destinations: hosts, networks, wildcards, or words for a host."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exporter.config import scalars
from exporter.config.diagnostics import shown
from exporter.model.addresses import is_public

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_TOKEN = re.compile(r"[^\s,;|]+")
_JOINERS = {"and", "or", "&", "+", "/", "-", "und", "oder", "et", "ou", "y", "o"}
_OR = {"or", "oder", "ou", "o"}
_EVERYWHERE = re.compile(
    r"(?:any|all|every)(?:\s+(?:hosts?|addresses|destinations?|sources?|ips?|networks?|systems?))?"
    r"|(?:the\s+)?internet|everywhere|anywhere|everyone|anyone|\*|0\.0\.0\.0(?:/0)?|::/0"
    r"|alle|beliebige?r?|jeder|tous|toutes|n'importe\s+o\u00f9|todos?|cualquiera?",
    re.IGNORECASE,
)
_NOTHING = {"n/a", "na", "none", "-", "--", "\u2013", "\u2014", "tbc", "tbd", "x"}
_RANGE_WORDS = re.compile(
    r"\b(?:sub-?nets?|(?:ip|address)(?:es)?[- ](?:ranges?|blocks?|space)|cidrs?|(?:ip-?)?adressbereiche?|subnetze?"
    r"|sous-r\u00e9seaux?|plages?\s+d.\s*(?:ip|adresses)|subred(?:es)?|rangos?\s+de\s+(?:ip|direcciones))\b",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:except\w*|excluding|but\s+not|other\s+than|au\u00dfer|ausgenommen|sauf|excepto|salvo)\b"
    r"|\b(?:not|never|no|nicht|pas|without|ohne|sans|sin)\s+[`'\"]?[a-z0-9*-]+(?:\.[a-z0-9-]+)+",
    re.IGNORECASE,
)
_REFERS = re.compile(
    r"^(?:see|siehe|voir|v\u00e9ase|ver)\b|\b(?:above|below|following|same\s+as|ditto|dito|oben|unten|ci-dessus|ci-dessous|arriba|abajo)\b|^[\"\u201d\u3003]$",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"(?:localhost|loopback)(?:\s*\([^()]*\))?", re.IGNORECASE)
_SLOT = re.compile(
    r"<([^<>\s]{1,40})>|\{\{?([^{}\s]{1,40})\}?\}|\[([A-Za-z][\w-]{0,39})\]|%([A-Za-z]\w{0,39})%"
)
_OWN = re.compile(
    r"your[-_]?[a-z][a-z0-9_-]*|(?:my|ihr|ihre|votre|su|tu)[-_][a-z][a-z0-9_-]*",
    re.IGNORECASE,
)
_LABELS = r"(?:[a-z0-9_{}-]+\.)*"
_STARRED = re.compile(r"(?:[a-z0-9_*-]+\.)+[a-z0-9*-]+")
_LOOKED_AT = 200
"""Words of a description that may be hosts."""
_TAILS = ".,;:)>\"'`*"
_HEADS = "([<\"'`"
_SPECIAL = (
    *("example", "example.com", "example.net", "example.org", "invalid", "test"),
    *("local", "localhost", "localdomain", "internal", "lan", "home.arpa", "corp"),
)
"""Domains that are nobody's on the Internet (RFC 2606, RFC 6761, RFC 8375, custom)."""


class Kind(StrEnum):
    """What an end of a flow is."""

    HOST = "host"
    NETWORK = "network"
    DOMAIN = "domain"
    PATTERN = "pattern"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class End:
    """One end that is named; `port` is the one written behind it, 0 for none.

    The name of a template has its slots in braces; one with a star too is a pattern.
    """

    kind: Kind
    name: str
    port: int = 0


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
    text = cell.strip()
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
        alone = len(_TOKEN.findall(text)) == 1
        for found in _TOKEN.finditer(text):
            if not self._take(found[0], alone=alone):
                self.spoken.append(text[found.start() :])
                break

    def _take(self, token: str, *, alone: bool) -> bool:
        """Whether a word is a host or joins two."""
        end, unfit = _end(token, alone=alone)
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
    for token in _TOKEN.findall(text)[:_LOOKED_AT]:
        try:
            address = ipaddress.ip_network(token.strip(_HEADS + _TAILS), strict=False)
        except ValueError:
            continue
        if address.is_multicast or str(address) == "255.255.255.255/32":
            return f"goes to many hosts at once: {token}"
        if address.is_loopback:
            return f"stays on one host: {token}"
    return ""


def _described(text: str) -> Destinations:
    tokens = _TOKEN.findall(text)[:_LOOKED_AT]
    read = [_end(token, alone=False) for token in tokens]
    ends = tuple(dict.fromkeys(end for end, _ in read if end))
    told = [
        f"{why}: {token[:100]}"
        for token, (_, why) in zip(tokens, read, strict=True)
        if why
    ]
    if (ends or told) and _EXCEPT.search(text):
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


def refers(text: str) -> bool:
    """Whether a text only points to another place of the page."""
    return _REFERS.search(text) is not None


def words_of(text: str) -> tuple[str, ...]:
    """The names in a text: commas and lines stand between, outside of brackets."""
    parts = re.split(r"\n|[,;](?![^()]*\))", text)
    bare = (re.sub(r"^(?:and|und|et|y)\s+", "", part.strip()) for part in parts)
    return tuple(dict.fromkeys(part for part in bare if part))


def _end(token: str, *, alone: bool) -> tuple[End | None, str]:
    """What a token names, and why it is nothing that a rule can lead to."""
    slotted = _SLOT.search(token) is not None
    heads, tails = ("(\"'`", ".,;:)\"'`*") if slotted else (_HEADS, _TAILS)
    bare = token.lstrip(heads).rstrip(tails)
    bare = f"*{bare}" if re.match(r"\.[a-z0-9]", bare, re.IGNORECASE) else bare
    if re.fullmatch(r"[0-9.]{7,15}-[0-9.]{1,15}", bare):
        return None, "a range of addresses cannot be probed, name the hosts"
    if "/" in bare and (network := _network(bare)):
        return End(Kind.NETWORK, network), ""
    if "*" in bare and "." in bare:
        return _wildcard(bare)
    if _SLOT.search(bare) or _OWN.match(bare.rpartition("//")[2].partition(".")[0]):
        return _template(bare), ""
    return _host(bare, alone=alone), ""


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ""
    return str(network) if network.num_addresses > 1 else ""


def _wildcard(text: str) -> tuple[End | None, str]:
    name, port = _name_and_port(text)
    name = _slots(name).lower().removesuffix(".")
    if "{" in name and _STARRED.fullmatch(re.sub(r"\{[a-z0-9_]+\}", "x", name)):
        return End(Kind.PATTERN, name, port), ""
    if _STARRED.fullmatch(name) and re.search(r"[a-z0-9]", name.rpartition(".")[2]):
        return End(Kind.DOMAIN, name, port), ""
    return None, "no wildcard of names, name the hosts"


def _name_and_port(text: str) -> tuple[str, int]:
    """A URL's, or a bare name's, host and port."""
    name = text.partition("://")[2] or text
    name = re.split(r"[/?#]", name, maxsplit=1)[0].rpartition("@")[2]
    found = re.fullmatch(r"(.*):([0-9]{1,5})", name)
    return (found[1], int(found[2])) if found else (name, 0)


def _slots(name: str) -> str:
    """A name with what each site fills in written as `{slot}`."""

    def slot(found: re.Match[str]) -> str:
        word = next(filter(None, found.groups()))
        plain = re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")
        return "{" + (plain if plain[:1].isalpha() else f"slot_{plain}") + "}"

    return _SLOT.sub(slot, name)


def _template(text: str) -> End | None:
    name, port = _name_and_port(text)
    name = _slots(name)
    first, dot, rest = name.partition(".")
    if _OWN.fullmatch(first):
        name = (
            "{"
            + re.sub(r"[^a-z0-9]+", "_", first.lower()).strip("_")
            + "}"
            + dot
            + rest
        )
    fits = re.fullmatch(rf"{_LABELS}[a-z0-9-]*[a-z][a-z0-9-]*", name, re.IGNORECASE)
    return (
        End(Kind.TEMPLATE, name.lower(), port)
        if fits and "." in name and "{" in name
        else None
    )


def _host(bare: str, *, alone: bool) -> End | None:
    """The host that a token names; None if it is a mere word.

    A URL and a UNC path name theirs. A name without a dot is one only where it stands
    alone.
    """
    bare = bare.removeprefix("\\\\").partition("\\")[0]
    try:
        if "://" in bare:
            parts = urlsplit(bare)
            return End(Kind.HOST, scalars.host(parts.hostname), parts.port or 0)
        address = re.sub(r"/(?:32|128)$", "", bare)
        if _is_address(address):
            return End(Kind.HOST, scalars.host(address))
        return _name(bare, alone=alone)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _name(text: str, *, alone: bool) -> End | None:
    name, port = _name_and_port(text)
    host = scalars.host(name)
    if _is_address(host):
        return End(Kind.HOST, host, port)
    dotted = re.fullmatch(r".+\.(?:[a-z]{2,}|xn--[a-z0-9-]+)", host)
    named = dotted or (alone and host == name.lower())
    return End(Kind.HOST, host, port) if named else None


def hosts_in(text: str) -> Sequence[End]:
    """All that is named by its own name anywhere in a text."""
    tokens = _TOKEN.findall(text)[:_LOOKED_AT]
    return tuple(
        dict.fromkeys(end for end, _ in (_end(t, alone=False) for t in tokens) if end)
    )


def is_internal(host: str, heading: bool | None, domains: Collection[str]) -> bool:
    """Whether a host is an example that every site replaces by its own.

    It is if it lies in one of `domains`, or nowhere on the Internet: a private
    address, a name without a dot or in a reserved domain. Otherwise the heading of its
    column decides, such as "Internal Destination"; where it says nothing, no.
    """
    if _within(host, domains):
        return True
    if _is_address(host):
        return not is_public(host) or bool(heading)
    return "." not in host or _within(host, _SPECIAL) or bool(heading)


def _within(host: str, domains: Collection[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
