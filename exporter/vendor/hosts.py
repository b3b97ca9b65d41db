"""Cells with destinations: hosts, what cannot be probed, or words for a host."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exporter.config import scalars
from exporter.model.addresses import is_public

if TYPE_CHECKING:
    from collections.abc import Collection

_TOKEN = re.compile(r"[^\s,;|]+")
_JOINERS = {"and", "or", "&", "+", "/", "-"}
_EVERYWHERE = {"any", "all", "internet", "everywhere", "anywhere"}
_NOTHING = {"n/a", "na", "none", "-", "--", "\u2013", "\u2014", "tbc", "tbd"}
_LOOKED_AT = 100
"""Words of a description that may be hosts."""
_TAILS = ".,;:)]}>\"'"
_HEADS = "([{<\"'"
_SPECIAL = (
    *("example", "example.com", "example.net", "example.org", "invalid", "test"),
    *("local", "localhost", "localdomain", "internal", "lan", "home.arpa", "corp"),
)
"""Domains that are nobody's on the Internet (RFC 2606, RFC 6761, RFC 8375, custom)."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """What a cell names: `hosts`, or else `words` that describe one.

    `told` are the parts that cannot be rules, with the reason; `rest` is what else
    stands there, such as text behind the hosts and whole URLs. All are empty for a
    blank cell.
    """

    hosts: tuple[str, ...] = ()
    words: str = ""
    told: tuple[str, ...] = ()
    rest: str = ""


def read_destinations(cell: str) -> Destinations:
    """The destinations of a cell.

    Hosts at its beginning are meant; after the first other word hosts are only
    spoken of. A cell that begins with words means every host in it.
    """
    text = cell.strip()
    if text.lower() in _NOTHING:
        return Destinations()
    alone = len(_TOKEN.findall(text)) == 1
    hosts: dict[str, None] = {}
    told = []
    spoken = []
    for found in _TOKEN.finditer(text):
        token = found[0]
        unfit = _unfit(token, alone=alone)
        if unfit:
            told.append(f"{unfit}: {token[:100]}")
        elif host := _host(token, alone=alone):
            hosts[host] = None
            if "/" in token or "\\" in token:
                spoken.append(token)
        elif token.lower() not in _JOINERS:
            spoken.append(text[found.start() :])
            break
    if not hosts and not told:
        return _described(text)
    return Destinations(tuple(hosts), "", tuple(told), "\n".join(spoken))


def _described(text: str) -> Destinations:
    tokens = _TOKEN.findall(text)[:_LOOKED_AT]
    found = [_host(token, alone=False) for token in tokens]
    hosts = tuple(dict.fromkeys(filter(None, found)))
    return Destinations(hosts, "" if hosts else text, (), text if hosts else "")


def _unfit(token: str, *, alone: bool) -> str:
    """Why something that stands for destinations is none that can be probed."""
    bare = token.strip(_HEADS + _TAILS)
    if alone and bare.lower() in _EVERYWHERE:
        return "names no host"
    if bare == "*" or ("*" in bare and "." in bare):
        return "a wildcard cannot be probed, name the hosts"
    if re.fullmatch(r"[0-9.]{7,15}-[0-9.]{1,15}", bare):
        return "a range of addresses cannot be probed, name the hosts"
    if "/" in bare and _is_network(bare):
        return "a network cannot be probed, name the hosts"
    return ""


def _is_network(text: str) -> bool:
    try:
        return ipaddress.ip_network(text, strict=False).num_addresses > 1
    except ValueError:
        return False


def _host(token: str, *, alone: bool) -> str:
    """The host that a token names; empty if it is a mere word.

    A URL and a UNC path name theirs, a port behind the host is cut off. A name
    without a dot is one only where it stands alone.
    """
    bare = token.strip(_HEADS + _TAILS).removeprefix("\\\\").partition("\\")[0]
    try:
        if "://" in bare:
            return scalars.host(urlsplit(bare).hostname)
        address = re.sub(r"/(?:32|128)$", "", bare)
        if _is_address(address):
            return scalars.host(address)
        return _name(bare, alone=alone)
    except ValueError:
        return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _name(text: str, *, alone: bool) -> str:
    host = scalars.host(re.sub(r":[0-9]{1,5}$", "", text.partition("/")[0]))
    dotted = re.fullmatch(r".+\.(?:[a-z]{2,}|xn--[a-z0-9-]+)", host)
    return host if dotted or (alone and host == text.lower()) else ""


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
