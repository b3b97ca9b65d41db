"""Lines of neighbouring cells that belong together.

    | TCP      | 389, 3268 | LDAP     |        TCP 389, 3268 is LDAP,
    | TCP, UDP | 88        | Kerberos |        TCP and UDP 88 is Kerberos

Line n belongs to line n where the counts agree. A line alone belongs to all. Anything
else is for a person to decide: a product of both would open what nobody asks for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from exporter.vendor.conditions import condition_in
from exporter.vendor.ends import words_of
from exporter.vendor.port_spellings import joined_lines
from exporter.vendor.ports import read_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Cells: TypeAlias = "dict[str, str]"

_GAP = re.compile(r"(?<![,;/&+\s-])\s+(?![,;/&+\s-])")
_JOINED = re.compile(r"\b(?:and|or|und|oder|et|ou|y|o|to|ports?)\b|\(", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.;])\s+")


def paired(cells: Mapping[str, str]) -> tuple[list[Cells], str]:
    """A row's cells by meaning, as one set of cells for each line; or why it is unclear.

    Meanings are `source`, `destination`, `transport`, `port` and `usage`.
    """
    cells = {**cells, "port": joined_lines(cells.get("port", ""))}
    ports, transports = _side_by_side(cells)
    count = len(ports)
    if min(count, len(transports)) > 1 and count != len(transports):
        return [], f"has {count} lines of ports beside {len(transports)} of protocols"
    columns: dict[str, Sequence[str]] = {"port": ports}
    if len(transports) > 1 and count > 1:
        columns["transport"] = transports
    for meaning in ("source", "destination"):
        lines = _lines(cells, meaning)
        if count > 1 and len(lines) > 1:
            if len(lines) != count or any(len(words_of(line)) > 1 for line in lines):
                return (
                    [],
                    f"has {count} lines of ports beside {len(lines)} of {meaning}s",
                )
            columns[meaning] = lines
    usage = _usage(cells.get("usage", ""), count)
    if usage is None:
        return [], "has a condition, and it is not clear for which of its lines"
    if count > 1 and len(usage) == count:
        columns["usage"] = usage
    return _rows(cells, columns, count), ""


def _side_by_side(cells: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Ports and protocols, of which lists may stand side by side in one line."""
    ports, transports = _lines(cells, "port"), _lines(cells, "transport")
    if len(ports) == len(transports) == 1:
        side = _groups(cells.get("port", ""))
        beside = _groups(cells.get("transport", ""))
        if len(beside) > 1 and len(side) > 1:
            ports, transports = side, beside
    return ports, transports[:1] if len(set(transports)) == 1 else transports


def _rows(
    cells: Mapping[str, str], columns: dict[str, Sequence[str]], count: int
) -> list[Cells]:
    """The cells once for each line of `columns`, or once in all."""
    if count == 1 and (both := _ends(cells)):
        count, columns = both
    if len(columns) == 1:
        return [dict(cells)]
    each = [{m: lines[i] for m, lines in columns.items()} for i in range(count)]
    return [{**cells, **one} for one in each]


def _ends(cells: Mapping[str, str]) -> tuple[int, dict[str, Sequence[str]]] | None:
    """Sources and destinations in as many lines as each other."""
    sources, targets = _lines(cells, "source"), _lines(cells, "destination")
    single = all(len(words_of(line)) == 1 for line in (*sources, *targets))
    if len(sources) == len(targets) > 1 and single:
        return len(sources), {"source": sources, "destination": targets}
    return None


def _lines(cells: Mapping[str, str], meaning: str) -> list[str]:
    lines = cells.get(meaning, "").split("\n")
    if meaning == "port" and len(lines) > 1:
        held = [
            line for line in lines if read_ports(line).spans or read_ports(line).vague
        ]
        if held and len(held) < len(lines) and lines[: len(held)] == held:
            return (
                ["\n".join(lines)]
                if len(held) == 1
                else [*held[:-1], "\n".join([held[-1], *lines[len(held) :]])]
            )
    return lines


def _groups(text: str) -> list[str]:
    """Lists that stand side by side: `80, 443 20009` are two."""
    if _JOINED.search(text):
        return [text]
    return _GAP.split(text.strip())


def _usage(text: str, count: int) -> list[str] | None:
    """What the lines are for; None if a condition belongs to one that is not known."""
    lines = text.split("\n")
    if count == 1:
        return lines
    if len(lines) == 1:
        lines = _SENTENCE.split(text)
    if len(lines) == count:
        return lines
    bound = [line for line in lines if condition_in(line, "")]
    return None if bound and len(lines) > 1 else [text]
