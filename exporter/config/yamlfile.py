"""YAML with positions, and without YAML's surprises.

A file becomes plain values (dict, tuple, str, int, float, bool, None) plus a map
from every value's location to its line. Values are built from the parser's events,
so nothing is ever constructed from a tag, and depth and size are bounded. Where
YAML 1.1 and 1.2 readers disagree on an unquoted word (`no`, `22:22`, `010`, a date),
neither reading is taken: the word is a problem, explained at its line.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import yaml
from yaml.resolver import Resolver

from exporter.config.diagnostics import (
    ENOUGH,
    ConfigError,
    Location,
    Problem,
    dotted,
    shown,
)
from exporter.config.regular_files import read_regular
from exporter.config.yaml_syntax import syntax_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Value: TypeAlias = (
    "dict[str, Value] | tuple[Value, ...] | str | int | float | bool | None"
)
MAX_BYTES = 1 << 24
MAX_DEPTH = 12
_MAX_NUMBER = 40

_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_TRAPS = {
    "bool": "is true or false to some YAML readers: write true or false, or quote it",
    "int": "is not a plain decimal number: write plain digits, or quote it for text",
    "float": "is not a plain decimal number: write plain digits, or quote it for text",
    "timestamp": "is a date to YAML: quote it for text",
    "merge": "is a merge key, which is not supported: write the keys out",
    "value": "has a meaning of its own in YAML: quote it for text",
}
_BASE_60 = "is a number in base 60 to some YAML readers: quote it"
_QUOTED = (_TRAPS["bool"], _TRAPS["timestamp"], _BASE_60)
"""What quotes would put right, if text were allowed there."""
# The C parser ships in PyYAML's wheels and is an order of magnitude faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file that could be parsed.

    Attributes:
        path: where it was read from; relative paths inside it start at its folder.
        value: its content; sequences are tuples.
        lines: the line, counted from 1, of each location's key or list item.
        sha256: of its bytes, in hexadecimal.
        problems: words and constructs that were refused; in their place stands text
            or None, which later checks need not complain about again.
    """

    path: Path
    value: Value
    lines: Mapping[Location, int]
    sha256: str
    problems: tuple[Problem, ...] = ()

    def problem(self, location: Location, message: str) -> Problem:
        """A problem at `location`, or at the nearest place above that exists."""
        known = location
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        return Problem(str(self.path), line, dotted(location), message)

    def flawed(self, location: Location) -> bool:
        """Whether the value at `location` was already refused while reading."""
        path = dotted(location)
        return any(problem.path == path for problem in self.problems)

    def misspelt(self, location: Location) -> Problem | None:
        """What was said of the word at `location`, if it was to be quoted for text."""
        path = dotted(location)
        key = shown(str(location[-1])) if location else ""
        for one in self.problems:
            spelt = one.message.endswith(_QUOTED) and not one.message.startswith(key)
            if one.path == path and spelt:
                return one
        return None

    def beside(self, path: str) -> Path:
        """A path written in this file, relative to the file's folder."""
        return self.path.parent / path


def read_yaml(path: Path) -> YamlFile:
    """Reads one YAML document of at most 16 MiB.

    Raises:
        ConfigError: the file cannot be read or is not YAML at all.
    """
    data = _data(path)
    text = _text(path, data)
    builder = _Builder(path)
    try:
        value = builder.document(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise ConfigError([syntax_problem(path, text, error)]) from error
    sha256 = hashlib.sha256(data).hexdigest()
    return YamlFile(path, value, builder.lines, sha256, tuple(builder.problems))


def is_text(word: str) -> bool:
    """Whether an unquoted word is that text to every reader of YAML."""
    return _plain(word) == (word, None)


def _data(path: Path) -> bytes:
    try:
        data = read_regular(path, MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), 1, "", message)]) from error
    if len(data) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES} bytes, which is the limit"
        raise ConfigError([Problem(str(path), 1, "", message)])
    return data


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text at byte {error.start}"
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            message = "is UTF-16 text: save it as UTF-8"
        raise ConfigError([Problem(str(path), line, "", message)]) from error


@dataclass(slots=True)
class _Builder:
    """Builds values from parser events, noting lines and problems on the way."""

    path: Path
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    events: Iterator[yaml.Event] = field(default_factory=lambda: iter(()))

    def document(self, events: Iterator[yaml.Event]) -> Value:
        """The value of the only document."""
        self.events = events
        value: Value = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    message = "a second document begins: a file holds only one"
                    raise ConfigError([self._problem(event, (), message)])
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(event, ())
        return value

    def _node(self, event: yaml.Event, at: Location) -> Value:
        self.lines.setdefault(at, _line(event))
        if len(self.problems) >= ENOUGH:
            raise ConfigError(self.problems)
        if len(at) > MAX_DEPTH:
            message = f"is nested deeper than {MAX_DEPTH} levels, which is the limit"
            raise ConfigError([self._problem(event, (), message)])
        self._refuse_indirection(event, at)
        match event:
            case yaml.MappingStartEvent():
                return self._mapping(at)
            case yaml.SequenceStartEvent():
                return self._sequence(at)
            case yaml.ScalarEvent():
                return self._scalar(event, at)
            case _:  # an alias, already refused
                return None

    def _refuse_indirection(self, event: yaml.Event, at: Location) -> None:
        """Anchors and aliases can grow without bound; tags name foreign types."""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            message = "anchors and aliases are not supported: write the value out"
            self.problems.append(self._problem(event, at, message))
        if getattr(event, "tag", None):
            message = "tags (`!name`) are not supported: quote text, leave others plain"
            self.problems.append(self._problem(event, at, message))

    def _sequence(self, at: Location) -> tuple[Value, ...]:
        values: list[Value] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            values.append(self._node(event, (*at, len(values))))
        return tuple(values)

    def _mapping(self, at: Location) -> dict[str, Value]:
        values: dict[str, Value] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, at)
            place = (*at, key)
            if key in values:
                message = f"stands here twice, first on line {self.lines[place]}"
                self.problems.append(self._problem(event, place, message))
            self.lines.setdefault(place, _line(event))
            values[key] = self._node(next(self.events), place)
        return values

    def _key(self, event: yaml.Event, at: Location) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            message = "a key must be text, not a list, a mapping or an alias"
            raise ConfigError([self._problem(event, at, message)])
        self._refuse_indirection(event, at)
        if event.implicit[0] and not isinstance(_plain(event.value)[0], str):
            message = "a key must be text: quote it"
            self.problems.append(self._problem(event, (*at, event.value), message))
        elif event.implicit[0] and (trap := _plain(event.value)[1]) is not None:
            self.problems.append(self._problem(event, (*at, event.value), trap))
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent, at: Location) -> Value:
        if not event.implicit[0]:  # quoted or a block: text, whatever it looks like
            return event.value
        value, trap = _plain(event.value)
        if trap is not None:
            self.problems.append(self._problem(event, at, trap))
        return value

    def _problem(self, event: yaml.Event, at: Location, message: str) -> Problem:
        line = _line(event)
        return Problem(str(self.path), line, dotted(at), message)


_YAML_1_1 = Resolver()


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _plain(word: str) -> tuple[Value, str | None]:
    """An unquoted word's value, and why it is refused where readers disagree."""
    if word in _WORDS:
        return _WORDS[word], None
    if len(word) > _MAX_NUMBER:
        return word, None
    if _INT.fullmatch(word):
        return int(word), None
    if _FLOAT.fullmatch(word):
        return float(word), None
    return word, _trap(word)


def _trap(word: str) -> str | None:
    """Why readers disagree about an unquoted word, if they do."""
    resolved: str = _YAML_1_1.resolve(yaml.ScalarNode, word, (True, False))  # type: ignore[no-untyped-call] # the stubs leave it out
    kind = resolved.rpartition(":")[2]
    if kind not in _TRAPS:
        return None
    if ":" in word and kind in ("int", "float"):
        return f"{shown(word)} {_BASE_60}"
    return f"{shown(word)} {_TRAPS[kind]}"
