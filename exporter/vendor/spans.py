"""Ports with the transports that stand with them."""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exporter.model.endpoint import MAX_PORT
from exporter.model.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

Mark: TypeAlias = "tuple[str, str]"
"""A kind of word, such as `span`, `transport`, `joint` and `bound`, and the word."""


class Span(NamedTuple):
    """Ports from `low` to `high`, with the transports that stand with them.

    Port 0 stands for none, which is written as nothing.
    """

    low: int
    high: int
    transports: tuple[Transport, ...] = ()

    def __str__(self) -> str:
        ends = (self.low,) if self.low == self.high else (self.low, self.high)
        return "-".join(str(port) for port in ends if port)


class Bound(NamedTuple):
    """Spans with their transports; those that stand without any port; what is no port."""

    spans: list[Span]
    transports: list[Transport]
    unread: list[str]


def bound(marks: Sequence[Mark]) -> Bound:
    """The spans among some words, each with its transports.

    Transports stand before their ports if the first one does, else behind them; the
    last ones named count for what follows. A transport that is glued to a port by
    brackets or a slash counts for that port alone, unless it ends the list.
    """
    found = Bound([], [], [])
    glued = _glued(marks)
    plain = [mark for mark in glued if mark[0] in ("span", "transport", "own")]
    runs = [
        (named, [mark for _, mark in run])
        for named, run in groupby(
            ((kind == "transport", (kind, word)) for kind, word in plain), itemgetter(0)
        )
    ]
    before = bool(runs) and runs[0][0]
    transports: tuple[Transport, ...] = ()
    for index, (named, run) in enumerate(runs):
        if named:
            transports = tuple(dict.fromkeys(Transport(word) for _, word in run))
            continue
        behind = runs[index + 1][1] if index + 1 < len(runs) and not before else None
        if behind is not None:
            transports = tuple(dict.fromkeys(Transport(word) for _, word in behind))
        for kind, word in run:
            text, _, own = word.partition("@")
            if own and before and not set(own.split("@")) <= set(transports):
                found.unread.append(f"{text} {own}")
            each = (
                tuple(map(Transport, own.split("@"))) if kind == "own" else transports
            )
            _span(text, each, found)
    if runs and not any(kind in ("span", "own") for kind, _ in plain):
        found.transports.extend(transports)
    return found


def _glued(marks: Sequence[Mark]) -> list[Mark]:
    """Marks in which a port and the transports glued to it are one."""
    out: list[Mark] = []
    index = 0
    while index < len(marks):
        kind, word = marks[index]
        index += 1
        own: list[str] = []
        if kind == "span" and index + 1 < len(marks) and _slashed(marks, index):
            while index + 1 < len(marks) and _slashed(marks, index):
                own.append(marks[index + 1][1])
                index += 2
        last = not any(kind == "span" for kind, _ in marks[index:])
        first = not any(kind in ("span", "own") for kind, _ in out)
        alone = last and not any(kind in ("own", "transport") for kind, _ in out)
        if own and alone and (marks[index - 2][0] == "bound" or first):
            out += [(kind, word), *(("transport", name) for name in own)]
        elif own:
            out.append(("own", "@".join([word, *own])))
        elif kind not in ("joint", "bound"):
            out.append((kind, word))
    return out


def _slashed(marks: Sequence[Mark], index: int) -> bool:
    mark, then = marks[index], marks[index + 1]
    # `TCP 1 / UDP 2`: the slash stands between two pairs.
    pairs = marks[0][0] == "transport" and marks[index + 2 : index + 3]
    parts = bool(pairs) and marks[index + 2][0] == "span"
    glue = mark[0] == "bound" or (mark == ("joint", "/") and not parts)
    return glue and then[0] == "transport"


def _span(text: str, transports: tuple[Transport, ...], found: Bound) -> None:
    """Keeps a span; one that is none is unread."""
    match = re.fullmatch(r"([0-9]+)(?:-([0-9]+)|([+<>]))?", text)
    low = int(match[1]) if match else 0
    high = int(match[2]) if match and match[2] else low
    sign = match[3] if match else None
    if sign == "+":
        high = MAX_PORT
    elif sign == ">":
        low, high = low + 1, MAX_PORT
    elif sign == "<":
        low, high = 1, low - 1
    if low == 0 < high:  # 0-65535 is how people write all of them
        low = 1
    if 0 < low <= high <= MAX_PORT:
        found.spans.append(Span(low, high, transports))
    else:
        found.unread.append(text)
