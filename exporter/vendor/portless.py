"""What a row asks for that has no ports: pings, which rules can be, and what none can."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.vendor.protocols import is_protocols, read_protocols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.vendor.ports import Ports
    from exporter.vendor.protocols import Protocols

_ICMP = re.compile(r"icmp(?:v?[46])?", re.IGNORECASE)
_PING = re.compile(r"icmp(?:v?[46])?|ping", re.IGNORECASE)
_ASKED = re.compile(
    r"\bping(?:s|ed|ing|able)?\b|\becho\b(?!\W*(?:repl|resp|antwort|r\u00e9ponse|respuesta))",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"\becho\W*(?:repl\w*|resp\w*|antwort\w*)|\b(?:respuesta|r\u00e9ponse)\b",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"\b(?:(?:(?:destination|host|network|port)\W+)?unreachable|(?:time"
    r"|ttl)\W*exceeded|redirects?|(?:packet\W+)?too\W+big"
    r"|fragment\w*|(?:path\W+)?p?mtu\w*|trace-?route\w*|tracert|router\W+\w+"
    r"|neighbou?r\W+\w+|timestamps?|source\W+quench"
    r"|parameter\W+problem|nicht\W+erreichbar|\u00fcberschritten)\b",
    re.IGNORECASE,
)
_EVERY = re.compile(r"\b(?:any|all|alle|tous|todos|tutti)\b|\*", re.IGNORECASE)
_CODE = re.compile(r"\bcodes?\s*[0-9, ]+|(?<=[0-9])\s*/\s*[0-9]+", re.IGNORECASE)
_ECHO_TYPES = {8, 128}
_ECHO_PORT = 7
"""No type of ICMP, but what is written beside it in its place: the port of "echo"."""
_REPLY_TYPES = {0, 129}


@dataclass(frozen=True, slots=True)
class Ping:
    """What a row asks of ICMP: whether a ping is among it, and what nobody can prove.

    `guessed` says that the row names no type of message, so that a ping is only what
    everybody means.
    """

    asked: bool = False
    rest: str = ""
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Portless:
    """What a row asks for beside ports: a ping, and the names of all that none can prove.

    `alone` says that the row asks for nothing else, so that its numbers are no ports.
    """

    ping: Ping
    others: tuple[str, ...]
    alone: bool


def read_portless(
    ports: Sequence[Ports], protocols: Protocols, cells: tuple[str, str], purpose: str
) -> Portless:
    """What a row asks for that has no ports.

    Args:
        ports: what its cells of ports say.
        protocols: what its cell of protocols says.
        cells: that cell, and those of ports.
        purpose: what the row is for.
    """
    found = any(one.spans for one in ports)
    beside = [note for one in ports for note in one.notes if is_protocols(note)]
    named = read_protocols(" ".join(beside) if found else cells[1]).portless
    names = tuple(dict.fromkeys((*protocols.portless, *named)))
    bound = any(span.transports for one in ports for span in one.spans)
    opens = found and (bound or protocols.carried or not protocols.portless)
    alone = bool(names) and not (protocols.named or opens)
    others = [name for name in names if not _PING.fullmatch(name)]
    icmp = next(filter(_PING.fullmatch, names), "")
    if not icmp:
        return Portless(Ping(), tuple(others), alone)
    ping = read_ping(icmp, " ".join(cells) if alone else cells[0], purpose)
    if ping.rest or not ping.asked:
        others.insert(0, f"{icmp} {ping.rest}".strip())
    return Portless(ping, tuple(others), alone)


def read_ping(name: str, cells: str, purpose: str = "") -> Ping:
    """What a row means by ICMP.

    Args:
        name: the protocol's name, such as `ICMPv6` or `ping`.
        cells: the cells of protocols and ports, where types of messages stand.
        purpose: what it is for.
    """
    bare = _CODE.sub(" ", re.sub(r"icmp\s*v?[46]", "icmp", cells, flags=re.IGNORECASE))
    types = {int(number) for number in re.findall(r"(?<![\w.])[0-9]{1,5}", bare)}
    echo = bool(types & _ECHO_TYPES or _ASKED.search(cells))
    others = sorted(types - _ECHO_TYPES - _REPLY_TYPES - {_ECHO_PORT})
    told = [f"type {number}" for number in others]
    told += [found[0] for found in _OTHER.finditer(cells)]
    if _ICMP.fullmatch(name) and _EVERY.search(cells):
        told.append("types other than echo")
        echo = True
    reply = bool(types & _REPLY_TYPES or _REPLY.search(cells))
    if echo or told or reply:
        return Ping(echo, " and ".join(told) or ("" if echo else "echo reply"))
    if found := _OTHER.search(purpose):
        return Ping(_ASKED.search(purpose) is not None, found[0])
    clear = not _ICMP.fullmatch(name) or _ASKED.search(purpose) is not None
    return Ping(asked=True, guessed=not clear)
