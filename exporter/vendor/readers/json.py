"""JSON as a page: the endpoint lists of big services, and lists of plain objects.

`m365-endpoints` (hosts and networks with ports), `azure-service-tags`, `aws-ip-ranges`
and `github-meta` (networks without ports) are known by their own structure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined] # the stubs leave it out
from typing import TYPE_CHECKING, TypeAlias

from exporter.vendor.hosts import hosts_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.vendor.page import PageBuilder

_BLANK = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file, and the line it begins on."""

    line: int
    value: str | list[Node] | dict[str, Node]

    @property
    def items(self) -> list[Node]:
        """The values of a list, nothing of anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def fields(self) -> dict[str, Node]:
        """The values of an object by name, nothing of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def text(self) -> str:
        """A scalar, or the scalars of a list with commas between."""
        if isinstance(self.value, list):
            return ", ".join(item.text for item in self.value)
        return self.value if isinstance(self.value, str) else ""


Rows: TypeAlias = "list[tuple[int, list[str]]]"


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in JSON together.

    Raises:
        ValueError: it is not JSON, or of a structure that is not known.
    """
    root = _Parser(text).whole()
    for headings, rows in _tables(root):
        page.row(rows[0][0], headings)
        for line, cells in rows:
            page.row(line, cells)
        page.end_table()


def _tables(root: Node) -> Iterator[tuple[list[str], Rows]]:
    readers = (_microsoft, _azure, _aws, _objects, _github)
    for reader in readers:
        headings, rows = reader(root)
        if rows:
            yield headings, rows
            return
    raise ValueError("is JSON of a structure that is not known")


def _microsoft(root: Node) -> tuple[list[str], Rows]:
    keys = ("id", "category", "required", "notes", "tcpPorts", "udpPorts")
    headings = [
        "ID",
        "Category",
        "Required",
        "Notes",
        "TCP Ports",
        "UDP Ports",
        "Destination",
    ]
    rows = []
    for item in root.items:
        if "serviceArea" not in item.fields:
            return headings, []
        cells = [item.fields[key].text if key in item.fields else "" for key in keys]
        ends = [item.fields[key].text for key in ("urls", "ips") if key in item.fields]
        rows.append((item.line, [*cells, "\n".join(ends)]))
    return headings, rows


def _azure(root: Node) -> tuple[list[str], Rows]:
    rows = []
    for item in root.fields.get("values", root).items:
        prefixes = item.fields.get("properties", root).fields.get("addressPrefixes")
        if prefixes and "name" in item.fields:
            rows.append((item.line, [item.fields["name"].text, prefixes.text, ""]))
    return ["Service", "Addresses", "Port"], rows


def _aws(root: Node) -> tuple[list[str], Rows]:
    groups: dict[tuple[str, str], tuple[int, list[str]]] = {}
    for name, key in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for item in root.fields.get(name, root).items:
            if key in item.fields:
                named = tuple(
                    item.fields[k].text if k in item.fields else ""
                    for k in ("service", "region")
                )
                _, found = groups.setdefault((named[0], named[1]), (item.line, []))
                found.append(item.fields[key].text)
    rows = [
        (line, [*named, ", ".join(found), ""])
        for named, (line, found) in groups.items()
    ]
    return ["Service", "Region", "Addresses", "Port"], rows


def _github(root: Node) -> tuple[list[str], Rows]:
    rows: Rows = []
    for use, ends in _lists(root):
        texts = [item.text for item in ends.items]
        if texts and all(hosts_in(text) for text in texts):
            rows.append((ends.line, [use, ", ".join(texts), ""]))
    return ["Service", "Addresses", "Port"], rows


def _lists(node: Node) -> Iterator[tuple[str, Node]]:
    """The lists in an object and the objects inside it, each with its name."""
    for name, inner in node.fields.items():
        if inner.items:
            yield name, inner
        yield from _lists(inner)


def _objects(root: Node) -> tuple[list[str], Rows]:
    """A list of objects as a table whose headings are the names of their fields."""
    lists = [root, *root.fields.values()]
    found = next(
        (
            node.items
            for node in lists
            if node.items and all(i.fields for i in node.items)
        ),
        [],
    )
    headings = list(dict.fromkeys(name for item in found for name in item.fields))
    rows = [
        (
            item.line,
            [
                item.fields[name].text if name in item.fields else ""
                for name in headings
            ],
        )
        for item in found
    ]
    return headings, rows


class _Parser:
    """JSON with lines; anything else is a ValueError."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line, self._counted = 1, 0

    def whole(self) -> Node:
        node = self._value(0)
        self._skip()
        if self._at != len(self._text):
            raise self._wrong()
        return node

    def _wrong(self) -> ValueError:
        return ValueError(f"is not JSON: line {self._here()} cannot be read")

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _skip(self) -> str:
        """The next character that is no white space."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, wanted: str) -> bool:
        if self._skip() != wanted:
            return False
        self._at += 1
        return True

    def _value(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise ValueError(f"is nested deeper than {_MAX_DEPTH} levels")
        first = self._skip()
        line = self._here()
        if first == '"':
            return Node(line, self._string())
        if self._take("["):
            return Node(line, self._list(depth))
        if self._take("{"):
            return Node(line, self._object(depth))
        scalar = _SCALAR.match(self._text, self._at)
        if not scalar:
            raise self._wrong()
        self._at = scalar.end()
        return Node(line, "" if scalar[0] == "null" else scalar[0])

    def _string(self) -> str:
        if not self._take('"'):
            raise self._wrong()
        try:
            text, self._at = scanstring(self._text, self._at, True)
        except JSONDecodeError as error:
            raise self._wrong() from error
        return str(text)

    def _list(self, depth: int) -> list[Node]:
        found: list[Node] = []
        while not self._take("]"):
            if found and not self._take(","):
                raise self._wrong()
            found.append(self._value(depth + 1))
        return found

    def _object(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not self._take("}"):
            if found and not self._take(","):
                raise self._wrong()
            self._skip()
            line = self._here()
            name = self._string()
            if not self._take(":"):
                raise self._wrong()
            node = self._value(depth + 1)
            found[name] = Node(line, node.value)
        return found
