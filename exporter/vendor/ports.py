"""Cells with ports: `443 TCP`, `TCP/443, 8443`, `80/tcp and 123/udp`, `TCP: 25; UDP: 53`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from exporter.model.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TOKEN = re.compile(
    r"(?P<version>[0-9]++(?:\.[0-9]++)++)"
    r"|(?P<range>[0-9]++\s?(?:[-\u2013:\u2014]|to)\s?[0-9]++)"
    r"|(?P<port>[0-9]++)"
    r"|(?P<transport>tcp|udp)(?![a-z])"
    r"|(?P<word>[^\W\d_]++)",
    re.IGNORECASE,
)
# Protocols whose name alone tells the transport.
_CARRIED = (
    (re.compile(r"https?|ssl|tls|ssh|smtps?|ldaps?|smb|cifs|rdp|mssql"), Transport.TCP),
    (re.compile(r"ntp|snmp|syslog|dtls|quic"), Transport.UDP),
)
_FILLER = re.compile(r"and|or|on|ports?|dns|kerberos")
_MAX_PORT = 65535
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Ports:
    """What a cell holds.

    `pairs` have no transport where the cell names none. `told` are the parts that
    cannot be rules, in words. `exact` means that the cell says nothing besides.
    """

    pairs: tuple[tuple[int, Transport | None], ...]
    told: tuple[str, ...]
    exact: bool


def is_ports(cell: str) -> bool:
    """Whether a cell can only be one of ports."""
    found = read_ports(cell) if len(cell) <= _LONGEST else None
    return found is not None and bool(found.pairs) and found.exact


def read_ports(cell: str) -> Ports:
    """The ports of a cell, each with the transport that stands with it.

    Transports stand before their ports if the first one does, else behind them; the
    last ones named count for what follows.
    """
    tokens = [(str(t.lastgroup), t[0].lower()) for t in _TOKEN.finditer(cell)]
    pairs: dict[tuple[int, Transport | None], None] = {}
    told = []
    for numbers, transports in _groups(tokens):
        for number in numbers:
            wrong = _unfit(number)
            if wrong:
                told.append(wrong)
            else:
                named = transports or (None,)
                pairs |= dict.fromkeys((int(number), name) for name in named)
    exact = all(
        kind not in ("word", "version") or _FILLER.fullmatch(word) or _carriers(word)
        for kind, word in tokens
    )
    return Ports(tuple(pairs), tuple(told), exact)


def _unfit(number: str) -> str:
    """Why a number is not one port; empty if it is."""
    if not number.isdigit():
        return f"a range of ports cannot be probed: {number[:40]}"
    if len(number) > len(str(_MAX_PORT)) or not 0 < int(number) <= _MAX_PORT:
        return f"there is no port {number[:20]}"
    return ""


def read_transports(cell: str) -> tuple[Transport, ...]:
    """The transports that a cell names, by themselves or by a protocol over them."""
    words = re.findall(r"[a-z]+", cell.lower())
    named = tuple(t for t in Transport if t in words)
    carried = (transport for word in words for transport in _carriers(word))
    return named or tuple(dict.fromkeys(carried))


def _carriers(word: str) -> list[Transport]:
    return [transport for known, transport in _CARRIED if known.fullmatch(word)]


def _groups(
    tokens: Sequence[tuple[str, str]],
) -> Iterator[tuple[list[str], tuple[Transport, ...]]]:
    """Numbers with the transports behind them, or before if the cell begins so."""
    marks = [
        (kind == "transport", word)
        for kind, word in tokens
        if kind in ("port", "range", "transport")
    ]
    runs = [
        (named, [w for _, w in run]) for named, run in groupby(marks, itemgetter(0))
    ]
    before = bool(runs) and runs[0][0]
    transports: tuple[Transport, ...] = ()
    for index, (named, run) in enumerate(runs):
        if named:
            transports = tuple(dict.fromkeys(map(Transport, run)))
            continue
        behind = runs[index + 1][1] if index + 1 < len(runs) and not before else None
        yield run, transports if behind is None else tuple(map(Transport, behind))
