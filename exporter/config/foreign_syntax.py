"""Rules in other tools' words: one answer for all of them, with a rule of theirs put right.

Whoever writes `from`, `to` and `proto` has understood what a rule is. A dozen messages
about unknown and missing keys would tell them less than one line that they can copy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.config.diagnostics import Problem
    from exporter.config.yamlfile import YamlFile

_SAYS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "name", "rule", "rule_id"),
    "source": ("source", "from", "src", "sources", "source_role", "origin", "client"),
    "destination": (
        *("destination", "to", "dst", "dest", "destinations", "target", "targets"),
        *("host", "hosts", "server", "address", "ip", "fqdn", "url"),
    ),
    "port": (
        *("port", "ports", "dport", "dst_port", "destination_port", "dest_port"),
        *("to_port", "service"),
    ),
    "transport": ("transport", "protocol", "proto", "l4"),
}
"""What each key is called elsewhere, its own name first."""
_OWN = frozenset(_SAYS) | {"ports"}
_OTHERS = frozenset(word for words in _SAYS.values() for word in words) - _OWN


@dataclass(slots=True)
class Misspelt:
    """The rules of one file that are written in other words."""

    file: YamlFile
    first: int | None = None
    example: str = ""
    count: int = 0
    words: dict[str, None] = field(default_factory=dict)

    def takes(self, index: int, written: object) -> bool:
        """Whether a rule is one of them; it is answered for then."""
        if not isinstance(written, dict):
            return False
        words = [word for word in written if word.lower() in _OTHERS]
        if not words:
            return False
        self.count += 1
        self.words |= dict.fromkeys(words)
        if self.first is None:
            self.first, self.example = index, _put_right(written)
        return True

    def answer(self) -> Iterator[Problem]:
        """One problem, at the first of them; none if there are none."""
        if self.first is None:
            return
        words = ", ".join(self.words)
        said = f"a rule has no key {words}; written in this file's words it is"
        others = self.count - 1
        verb = "rule is" if others == 1 else "rules are"
        more = f"; {others} more {verb} alike" if others else ""
        at = ("rules", self.first)
        yield self.file.problem(at, f"{said} {{{self.example}}}{more}")


def _put_right(written: Mapping[str, object]) -> str:
    """The rule in our words, as far as it can be told, in one line of YAML."""
    said = {key: _said(written, words) for key, words in _SAYS.items()}
    port, _, behind = said["port"].partition("/")
    source, lead = _slug(said["source"] or "client"), said["destination"]
    transport = (said["transport"] or behind or "tcp").lower()
    name = _slug(said["id"] or f"{source}-{lead or 'server'}-{port or '443'}")
    several = re.search(r"[-,; ]", port.strip()) is not None
    key, ports = ("ports", f"[{port}]") if several else ("port", port or "443")
    return (
        f"id: {name}, source: {source}, "
        f"destination: {{host: {lead or 'server.example.com'}}}, "
        f"{key}: {ports}, transport: {transport}"
    )


def _said(written: Mapping[str, object], words: tuple[str, ...]) -> str:
    """What a rule says in any of some words, as short text."""
    for word, value in written.items():
        if word.lower() in words and value is not None:
            inner = next(iter(value.values()), "") if isinstance(value, dict) else value
            several = inner if isinstance(inner, tuple) else (inner,)
            return printable(", ".join(map(str, several))[:60])
    return ""


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "here"
