"""What the columns of a table mean, told by the words of their headings.

Where a heading tells nothing the cells below may: a column of nothing but protocols is
one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.model.rule import Transport
from exporter.vendor.directions import ARROW, is_direction
from exporter.vendor.headings import (
    COMPONENTS,
    ENDS_PORT,
    FAR_PORT,
    LISTENS,
    REACHES,
    TARGETS,
    TO_READ,
    is_port_word,
    meaning_of,
    rank,
    words_of,
)
from exporter.vendor.hosts import hosts_in, is_urls
from exporter.vendor.ports import is_ports, read_ports
from exporter.vendor.protocols import is_protocols
from exporter.vendor.ticks import Ticked, said, ticked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_BOTH = re.compile(
    rf"(.{{2,100}}?)\s+(to|{ARROW}|[\u2192\u21d2\u2194\u21d4]|<[-=]+|[\u2190\u21d0]"
    rf"|nach|vers|hacia)\s+(.{{2,100}})",
    re.IGNORECASE,
)
_BACKWARD = re.compile(r"<[-=]+|[\u2190\u21d0]")
_WITH_PORTS = (Transport.TCP, Transport.UDP)
_LOOKED_AT = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a table keeps what: indices of its columns.

    `ports` holds an index and the transports its heading names, for each column of
    ports. `internal` is what the heading of the destinations says of them, if it does.
    `ticks` are columns that only say yes or no, by what they tell. `unclear` says what
    cannot be told from the headings.
    """

    headings: tuple[str, ...]
    columns: Mapping[str, int]
    ports: tuple[tuple[int, tuple[Transport, ...]], ...]
    internal: bool | None = None
    unclear: str = ""
    ignored: frozenset[int] = field(default=frozenset())
    ticks: Mapping[str, Ticked] = field(default_factory=dict)

    @property
    def others(self) -> tuple[int, ...]:
        """Columns that mean nothing to us."""
        known = {*self.columns.values(), *(index for index, _ in self.ports)}
        known |= {index for columns in self.ticks.values() for index, _ in columns}
        return tuple(
            i for i in range(len(self.headings)) if i not in known | self.ignored
        )

    def cell(self, meaning: str, cells: Sequence[str]) -> str:
        """A row's cell, or what its ticks say; empty where the table has neither."""
        if meaning in self.ticks:
            return said(self.ticks[meaning], cells)
        index = self.columns.get(meaning)
        return "" if index is None else cells[index]


def layout_of(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]] = (),
    answers: Mapping[str, str] | None = None,
) -> Layout | None:
    """The meaning of a table's headings; None if they tell of no requirements.

    A table of requirements has ports. `answers` are meanings given by a person.
    """
    meanings = [meaning_of(words_of(heading)) for heading in headings]
    for index, heading in enumerate(headings):
        if answers and heading in answers:
            meanings[index] = answers[heading]
    ticks = ticked(headings, rows[:_LOOKED_AT])
    for index in [index for columns in ticks.values() for index, _ in columns]:
        meanings[index] = "ignore"
    _ports_of_transports(meanings, headings, rows)
    if "port" not in meanings:
        _ports_by_content(meanings, headings, rows)
    named = "port" in meanings or _has_urls(meanings, headings, rows)
    if not named or sum(map(bool, headings)) == 1:
        return None
    _by_content(meanings, headings, rows)
    _reaching(meanings, headings, ticks)
    _initiators(meanings, headings)
    unclear = _which_ports(meanings, headings, rows) or _which_ends(meanings, headings)
    columns: dict[str, int] = {}
    for index, meaning in enumerate(meanings):
        if meaning and meaning not in ("port", "source-port", "ignore"):
            columns.setdefault(meaning, index)
    ports = tuple(
        (index, tuple(t for t in _WITH_PORTS if t in words_of(headings[index])))
        for index, meaning in enumerate(meanings)
        if meaning == "port"
    )
    ignored = frozenset(
        i for i, m in enumerate(meanings) if m in ("ignore", "source-port")
    )
    internal = _internal(headings, columns)
    return Layout(tuple(headings), columns, ports, internal, unclear, ignored, ticks)


def _ports_of_transports(
    meanings: list[str], headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Gives columns headed `TCP` or `UDP` that hold ports that meaning."""
    for index, heading in enumerate(headings):
        words = words_of(heading)
        if words and set(words) <= set(_WITH_PORTS) and meanings[index] == "":
            cells = [row[index] for row in rows[:_LOOKED_AT] if len(row) > index]
            read = [read_ports(cell) for cell in cells if cell]
            if any(one.spans for one in read) and not any(one.unread for one in read):
                meanings[index] = "port"


def _ports_by_content(
    meanings: list[str], headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Gives a column whose cells are mostly ports that meaning: `Service: LDAPS (636)`.

    Only beside a column for each end, or under a heading such as "Listens on", since a
    number in a cell may be anything.
    """
    both_named = {"source", "destination"} <= set(meanings)
    for index, meaning in enumerate(meanings):
        listens = LISTENS & set(words_of(headings[index]))
        fits = meaning in ("", "component", "transport") and both_named
        if fits or listens:
            cells = [row[index] for row in rows[:_LOOKED_AT] if len(row) > index]
            read = [read_ports(cell) for cell in cells if cell]
            ports = sum(bool(one.spans) and not one.unread for one in read)
            if read and 2 * ports > len(read):
                meanings[index] = "port"
                return


def _has_urls(
    meanings: Sequence[str], headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> bool:
    """Whether the destinations are URLs, which tell the port; not ones to read."""
    if "destination" not in meanings:
        return False
    index = meanings.index("destination")
    to_read = TO_READ & {word for heading in headings for word in words_of(heading)}
    return not to_read and _all(rows, index, len(headings), is_urls)


def _by_content(
    meanings: list[str], headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Gives columns whose headings tell nothing, or little, the meaning of their cells."""
    width = len(headings)
    for meaning, instead_of, test in _TESTS:
        both_named = {"source", "destination"} <= set(meanings)
        if meaning in meanings or (meaning == "ends" and both_named):
            continue
        for index, found in enumerate(meanings):
            if found in instead_of and _all(rows, index, width, test):
                meanings[index] = meaning
                break


def _all(
    rows: Sequence[Sequence[str]],
    index: int,
    width: int,
    test: Callable[[str], object],
) -> bool:
    cells = [
        row[index] for row in rows[:_LOOKED_AT] if len(row) == width and row[index]
    ]
    return bool(cells) and all(test(cell) for cell in cells)


def ends_of(text: str) -> tuple[str, str] | None:
    """Both ends of a text such as `Clients to the Gateway`, the source first."""
    found = _BOTH.fullmatch(" ".join(text.split()))
    if not found:
        return None
    left, sign, right = found.groups()
    return (right, left) if _BACKWARD.fullmatch(sign) else (left, right)


def _is_hosts(cell: str) -> bool:
    """Whether a cell has nothing but hosts, networks and wildcards in it."""
    return bool(hosts_in(cell)) and all(map(hosts_in, cell.replace(",", " ").split()))


_TESTS: tuple[tuple[str, tuple[str, ...], Callable[[str], object]], ...] = (
    ("transport", ("",), is_protocols),
    ("direction", ("", "destination", "usage"), is_direction),
    ("destination", ("",), _is_hosts),
    ("ends", ("", "usage", "component", "direction", "source"), ends_of),
)


def _which_ports(
    meanings: list[str], headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """Settles which of several columns of ports are the destination's."""
    split = _undecided(meanings, headings)
    alike = len({headings[i] for i in split}) < len(split)
    for index in () if alike else _without_any(split, rows):
        meanings[index] = meaning_of(
            [word for word in words_of(headings[index]) if not is_port_word(word)]
        )
    indices = [i for i, meaning in enumerate(meanings) if meaning == "port"]
    split = _undecided(meanings, headings)
    if len(indices) < 2 or len(split) < 2:  # noqa: PLR2004 - one column has no rival
        return ""
    if [meanings[i - 1] for i in split if i] == ["source", "destination"]:
        meanings[split[0]] = "source-port"
        return ""
    tests = (FAR_PORT, ENDS_PORT)
    found = (
        [i for i in split if any(map(test.fullmatch, words_of(headings[i])))]
        for test in tests
    )
    far = next((some for some in found if len(some) == 1), [])
    if far:
        for index in split:
            meanings[index] = "port" if index in far else "source-port"
        return ""
    names = ", ".join(headings[i] for i in split)
    return f"does not say which column has the ports of the destination: {names}"


def _undecided(meanings: Sequence[str], headings: Sequence[str]) -> list[int]:
    """Columns of ports whose headings name no transport."""
    ports = (i for i, meaning in enumerate(meanings) if meaning == "port")
    return [i for i in ports if not set(Transport) & set(words_of(headings[i]))]


def _without_any(columns: Sequence[int], rows: Sequence[Sequence[str]]) -> list[int]:
    """Of several columns of ports those that hold none, such as "Configurable port"."""
    held = {
        i
        for row in rows[:_LOOKED_AT]
        for i in columns
        if is_ports("".join(row[i : i + 1]))
    }
    return [i for i in columns if i not in held] if held else []


def _which_ends(meanings: list[str], headings: Sequence[str]) -> str:
    """Settles which of several columns names an end; the others are mere words."""
    for meaning in ("source", "destination"):
        indices = [i for i, found in enumerate(meanings) if found == meaning]
        ranks = {i: rank(words_of(headings[i]), meaning) for i in indices}
        best = [i for i in indices if ranks[i] == min(ranks.values())]
        if len(best) > 1:
            names = ", ".join(headings[i] for i in best)
            return f"does not say which column has the {meaning}s: {names}"
        for index in set(indices) - set(best):
            meanings[index] = ""
    return ""


def _reaching(
    meanings: list[str], headings: Sequence[str], ticks: Mapping[str, Ticked]
) -> None:
    """Gives the first column the sources: `Device | Connects to`, `Component | Target`."""
    if "source" in meanings or "destination" not in meanings or meanings[0] == "port":
        return
    first = set(words_of(headings[0]))
    words = set(words_of(headings[meanings.index("destination")]))
    targets = COMPONENTS & first and TARGETS & words
    directed = "direction" in {*meanings, *ticks}
    if meanings[0] in ("", "component") and (
        REACHES & words or (targets and not directed)
    ):
        meanings[0] = "source"


def _initiators(meanings: list[str], headings: Sequence[str]) -> None:
    """A column of who opens the connection, beside those for both ends."""
    for index, heading in enumerate(headings):
        words = set(words_of(heading))
        others = {*meanings[:index], *meanings[index + 1 :]}
        opens = words & {"initiator", "initiated", "initiates", "originator"}
        end = meanings[index] in ("source", "")
        if end and opens and {"source", "destination"} <= others:
            meanings[index] = "initiator"


def _internal(headings: Sequence[str], columns: Mapping[str, int]) -> bool | None:
    if "destination" not in columns:
        return None
    words = words_of(headings[columns["destination"]])
    said = {"internal", "external"} & set(words)
    return said == {"internal"} if len(said) == 1 else None
