"""Where a rule leads, as it is written: names with placeholders, networks, wildcards.

What none of them can do is stand for more than was looked at: a network or a wildcard
is a rule's word, and its targets are the members that somebody named, or of a network a
few addresses that are always the same.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from typing import TYPE_CHECKING
from zlib import crc32

from exporter.config import scalars
from exporter.config.diagnostics import described, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FIELD = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NOT_IN_ORDER = 2654435761
"""Knuth's multiplier: neighbours of a hash are far from each other."""


def host(value: object) -> str:
    """A host, or one with placeholders in its name: `{tenant}.example.com`.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(value, str) or "{" not in value:
        return scalars.host(value)
    names = fields(value)
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if not names or wrong:
        said = "must be such as {tenant}.example.com, with the name of a placeholder"
        raise ValueError(f"{said} in braces, not {shown(value)}")
    try:
        scalars.host(filled(value, dict.fromkeys(names, "x")))
    except ValueError as error:
        raise ValueError(f"{shown(value)} makes no host name: {error}") from error
    return value.removesuffix(".")


def fields(name: str) -> tuple[str, ...]:
    """The placeholders in a name."""
    return tuple(dict.fromkeys(_FIELD.findall(name)))


def filled(name: str, values: Mapping[str, str]) -> str:
    """A name with values in place of its placeholders."""
    return _FIELD.sub(lambda found: values[found[1]], name)


def network(value: object) -> str:
    """`198.51.100.0/24` or `2001:db8::/32`, with all bits behind the prefix zero.

    Raises:
        ValueError: it is none.
    """
    said = "must be a network such as 198.51.100.0/24"
    if not isinstance(value, str) or "/" not in value:
        raise ValueError(f"{said}, not {described(value)}")
    try:
        found = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise ValueError(f"{said}, not {shown(value)}") from error
    if value.rpartition("/")[0].lower() != str(found.network_address):
        exact = ipaddress.ip_interface(value)
        if exact.ip != found.network_address:
            raise ValueError(f"has bits behind its prefix; the network is {found}")
    return str(found)


def wildcard(value: object) -> str:
    """`*.cdn.example.com`: a name with stars for what may be anything.

    Raises:
        ValueError: it is none.
    """
    said = "must be a name with a star such as *.cdn.example.com"
    if not isinstance(value, str) or "*" not in value:
        raise ValueError(f"{said}, not {described(value)}")
    name = scalars.host(value.replace("*", "x"))
    if set(name) <= {"x", "."}:
        raise ValueError(f"{said}: {shown(value)} is any name at all")
    return value.lower().removesuffix(".")


def unreachable(text: str) -> str:
    """Why an address, or a network, is no place that a probe can reach; empty if it may be.

    A name leads where it leads.
    """
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        return ""
    if found.num_addresses > 1 and found.prefixlen == 0:
        return f"{text} is every address there is: name the networks or hosts that are meant"
    if found.network_address.is_unspecified and found.num_addresses == 1:
        return f"{text} is no host's address: write the one that others reach it by"
    if found.is_multicast or text == "255.255.255.255":
        return f"{text} is for many hosts at once, which no probe can prove: its rule needs the key unprovable"
    if found.version == 6 and found.is_link_local:  # noqa: PLR2004 - IPv6
        return f"{text} is reached by way of one interface, which a rule cannot name"
    return ""


def outside_network(member: str, whole: str) -> str:
    """Why an address is no member of a network; empty if it may be one."""
    try:
        address = ipaddress.ip_address(member)
    except ValueError:
        return ""  # a name, which leads where it leads
    inside = address in ipaddress.ip_network(whole)
    return "" if inside else f"{member} is not in {whole}"


def outside_domain(name: str, pattern: str) -> str:
    """Why a name is no member of a wildcard; empty if it is one."""
    inside = fnmatch.fnmatchcase(name, pattern)
    return "" if inside else f"{name} is none of {pattern}"


def sampled(whole: str, count: int) -> tuple[str, ...]:
    """A few addresses of a network, always the same, in order.

    Neither the address of the network nor its broadcast is among them, where it has any
    others.
    """
    if not count:
        return ()
    space = ipaddress.ip_network(whole)
    ends = 1 if space.num_addresses > 2 else 0  # noqa: PLR2004 - the two ends alone
    usable = space.num_addresses - 2 * ends
    begin = crc32(whole.encode()) * _NOT_IN_ORDER
    picked: Iterable[int] = range(usable)
    if usable > count:
        part = usable // count
        picked = (index * part + begin % part for index in range(count))
    return tuple(str(space[ends + index]) for index in picked)
