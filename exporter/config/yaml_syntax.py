"""What is wrong with a file that is no YAML, in the words of whoever wrote it.

The parser tells where it stumbled and what it would have liked instead: "did not find
expected key". Here stands, for each such complaint, which slip of the hand leads to it,
and at the line of the slip. No message shows a value: a file may hold passwords.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import yaml

from exporter.config.diagnostics import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_CONFLICT = re.compile(r"(<{7}|={7}|>{7})( .*)?")
_NO_SPACE = re.compile(r"\s*(- )?[A-Za-z0-9_.-]+:[^ \t:]((?!: ).)*")
_QUOTED = re.compile(r'^[^#]*(?:[:,-] +|[\[{])"')
_EMPTY = re.compile(r"\s*(?:- +)?[\w.-]+:\s+(?P<value>\{\}|\[\]|null|~)\s*(?:#.*)?")
_SECOND_COLON = re.compile(r"[^:]*[^:\s]:\s.*\S")
Told: TypeAlias = "tuple[int, str]"
"""The line of the slip, and what it is."""


@dataclass(frozen=True, slots=True)
class _Stumble:
    """Where the parser stopped.

    Attributes:
        lines: the file's.
        line: the one on which it stopped, counted from 1.
        column: how far it had come on that line.
        opened: the line on which what it was reading began.
    """

    lines: list[str]
    line: int
    column: int
    opened: int

    @property
    def text(self) -> str:
        """The line on which it stopped."""
        return self.lines[self.line - 1] if self.line <= len(self.lines) else ""

    @property
    def before(self) -> str:
        """What stands before that place on its line."""
        return self.text[: self.column]

    @property
    def character(self) -> str:
        """What it stopped at, a space at the end of a line."""
        return self.text[self.column : self.column + 1] or " "

    def above(self) -> int:
        """The last line above that says something, itself if there is none."""
        number = self.line - 1
        while number > 0 and not self.lines[number - 1].partition("#")[0].strip():
            number -= 1
        return number or self.line

    def odd_quote(self) -> int | None:
        """The first line, up to this one, with a value whose double quote is alone."""
        for number, text in enumerate(self.lines[: self.line], 1):
            whole, said = text.count('"'), text.partition(" #")[0].count('"')
            if whole % 2 and said % 2 and _QUOTED.search(text):
                return number
        return None


def syntax_problem(path: Path, text: str, error: yaml.YAMLError) -> Problem:
    """What the parser complains of, at the line that has to be changed."""
    for number, line in enumerate(text.split("\n"), 1):
        if _CONFLICT.fullmatch(line.rstrip()):
            said = "a conflict of versions is not resolved: choose one of them"
            return Problem(str(path), number, "", f"is not YAML: {said}")
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        number, said = _marked(text, error, error.problem_mark)
    else:
        position = getattr(error, "position", 0)
        number = text.count("\n", 0, position) + 1
        said = getattr(error, "reason", None) or str(error)
        if text[position : position + 1] == "\0":
            said = "it is UTF-16, or no text at all: save it as UTF-8"
    return Problem(str(path), number, "", f"is not YAML: {said}")


def _marked(text: str, error: yaml.MarkedYAMLError, mark: yaml.Mark) -> Told:
    begin = error.context_mark or mark
    stumble = _Stumble(text.splitlines(), mark.line + 1, mark.column, begin.line + 1)
    indent = stumble.before + stumble.character
    if "\t" in indent and not indent.strip():
        said = "a tab stands where only spaces may: indent with spaces"
        return stumble.line, said
    slip = _SLIPS.get(error.problem or "")
    if slip is not None:
        return slip(stumble)
    return stumble.line, " ".join(filter(None, (error.context, error.problem)))


def _colon(at: _Stumble) -> Told:
    """A colon where no value may begin."""
    if _NO_SPACE.fullmatch(at.lines[at.above() - 1]):
        return at.above(), _SPACE
    if _SECOND_COLON.fullmatch(at.before):
        return at.line, "a value with a colon in it needs quotes"
    return _indented(at)


def _key(at: _Stumble) -> Told:
    """No key where one was due."""
    odd = at.odd_quote()
    if odd is not None:
        return odd, "the quote that begins here is not closed"
    if at.before.strip():
        said = "text follows a closing quote or bracket: quote the whole value"
        return at.line, said
    return _indented(at)


def _stray(at: _Stumble) -> Told:
    """Something behind the end of what the file holds."""
    if _NO_SPACE.fullmatch(at.lines[at.above() - 1]):
        return at.above(), _SPACE
    said = "this line does not belong to what stands above it"
    return at.line, f"{said}: is it a file of another kind?"


def _indented(at: _Stumble) -> Told:
    """A line that belongs to nothing above it."""
    empty = _EMPTY.fullmatch(at.lines[at.above() - 1])
    if empty is not None and at.above() != at.line:
        said = f"the {empty['value']} is the value of this key: take it away"
        return at.above(), f"{said}, and the lines below are"
    return at.line, "this line is not indented as those that it belongs to"


def _bracket(opening: str, closing: str) -> Callable[[_Stumble], Told]:
    def told(at: _Stumble) -> Told:
        if at.line == at.opened:
            said = (
                "a comma is missing here, or quotes around a value with a colon in it"
            )
            return at.line, said
        comma = f"a comma is missing before line {at.line}"
        return at.opened, f"the {opening} here has no {closing}, or {comma}"

    return told


def _begins(at: _Stumble) -> Told:
    """A character that has a meaning of its own at the beginning of a value."""
    sign = at.before.strip()[-1:] if at.character.isspace() else at.character
    if at.before[-1:] in {"*", "&", ">", "|"}:
        sign = at.before[-1]
    elif at.before.rstrip()[-1:] in {">", "|"}:
        sign = at.before.rstrip()[-1]
    return at.line, f"a value that begins with {sign} needs quotes"


def _here(said: str) -> Callable[[_Stumble], Told]:
    return lambda at: (at.line, said)


def _there(said: str) -> Callable[[_Stumble], Told]:
    return lambda at: (at.opened, said)


_SPACE = "a space is missing behind the colon"
_BACKSLASH = "a backslash in double quotes has a meaning of its own: take single quotes"
_SLIPS: Mapping[str, Callable[[_Stumble], Told]] = {
    "mapping values are not allowed in this context": _colon,
    "did not find expected key": _key,
    "did not find expected '-' indicator": _indented,
    "did not find expected ',' or ']'": _bracket("[", "]"),
    "did not find expected ',' or '}'": _bracket("{", "}"),
    "found unexpected end of stream": _there(
        "the quote that begins here is not closed"
    ),
    "did not find expected alphabetic or numeric character": _begins,
    "found character that cannot start any token": _begins,
    "did not find expected comment or line break": _begins,
    "mapping keys are not allowed in this context": _begins,
    "did not find expected node content": _here(
        "a value is missing here, or one that begins with a sign needs quotes"
    ),
    "block sequence entries are not allowed in this context": _here(
        "a list begins on a line of its own; a value that begins with - needs quotes"
    ),
    "found unknown escape character": _here(_BACKSLASH),
    "did not find expected hexdecimal number": _here(_BACKSLASH),
    "could not find expected ':'": _there(
        "this line has no key with a colon, and is not indented as the rest of a value"
    ),
    "did not find expected <document start>": _stray,
}
"""By what the parser (libyaml) says."""
