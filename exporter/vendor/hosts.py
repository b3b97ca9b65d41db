"""The hosts, networks, wildcards and templates that single words name."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exporter.config import scalars
from exporter.model.addresses import is_public

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


TOKEN = re.compile(r"[^\s,;|]+")
_SLOT = re.compile(
    r"<([^<>\s]{1,40})>|\{\{?([^{}\s]{1,40})\}?\}|\[([A-Za-z][\w-]{0,39})\]|%([A-Za-z]\w{0,39})%"
)
_SCHEME_PORTS: Mapping[str, int] = {
    "http": 80,
    "https": 443,
    "ws": 80,
    "wss": 443,
    "ftp": 21,
    "ftps": 990,
    "ssh": 22,
    "sftp": 22,
    "ldaps": 636,
    "amqps": 5671,
    "mqtts": 8883,
}
"""The port of a URL that names none, by its scheme. All are TCP."""
_SCHEMES = "|".join(_SCHEME_PORTS)
_URL = re.compile(
    rf"\b({_SCHEMES})://[^\s/:?#,;|@\[\]]+(?=[\s/?#,;|]|$)",
    re.IGNORECASE,
)
_WHOLE_URL = re.compile(
    rf"(?:{_SCHEMES})://[a-z0-9<{{*][^\s]*\.[a-z]{{2,}}[^\s]*", re.IGNORECASE
)
_BRACKETED = re.compile(
    r"\[([0-9a-f.]*:[0-9a-f:.]*)\](?::([0-9]{1,5}))?(?:/(?:tcp|udp))?", re.IGNORECASE
)
_OWN = re.compile(
    r"your[-_]?[a-z][a-z0-9_-]*|(?:my|ihr|ihre|votre|su|tu)[-_][a-z][a-z0-9_-]*",
    re.IGNORECASE,
)
_LABELS = r"(?:[a-z0-9_{}-]+\.)*"
_STARRED = re.compile(r"(?:[a-z0-9_*-]+\.)+[a-z0-9*-]+")
LOOKED_AT = 200
"""Words of a description that may be hosts."""
_TAILS = ".,;:)>\"'`*"
_HEADS = "([<\"'`"
BRACKETS = _HEADS + _TAILS
"""What may stand before a host and behind it."""
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


def end_of(token: str, *, alone: bool) -> tuple[End | None, str]:
    """What a token names, and why it is nothing that a rule can lead to."""
    if bracketed := _BRACKETED.fullmatch(token.rstrip(".,;)")):
        return _bracketed(bracketed), ""
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


def _bracketed(found: re.Match[str]) -> End | None:
    """The host of `[2001:db8::1]:443` (RFC 3986 section 3.2.2)."""
    if not _is_address(found[1]):
        return None
    return End(Kind.HOST, scalars.host(found[1]), int(found[2] or 0))


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


def with_ports(text: str) -> str:
    """A text whose URLs have their scheme's port written out where they have none."""

    def port(found: re.Match[str]) -> str:
        return f"{found[0]}:{_SCHEME_PORTS[found[1].lower()]}"

    return _URL.sub(port, text)


def is_urls(text: str) -> bool:
    """Whether a text has nothing but URLs in it, each with a known scheme."""
    words = TOKEN.findall(text)
    return bool(words) and all(map(_WHOLE_URL.fullmatch, words))


def hosts_in(text: str) -> Sequence[End]:
    """All that is named by its own name anywhere in a text."""
    tokens = TOKEN.findall(text)[:LOOKED_AT]
    return tuple(
        dict.fromkeys(end for end, _ in (end_of(t, alone=False) for t in tokens) if end)
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
