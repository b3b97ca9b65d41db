"""What is wrong with a file, said so that it can be put right.

Loading never stops at the first mistake: every step adds its problems to one list,
and the end of loading raises them all at once. A message says what is wrong and
what is allowed; values from the file are shown quoted, shortened and escaped.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from exporter.probes.wire.text import printable, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Location: TypeAlias = tuple[str | int, ...]
"""Keys and list indices from the top of a file down to one value."""

ENOUGH = 200
"""Problems after which no more are looked for: nobody reads on, and it takes time."""
_SHOWN = 60
_LISTED = 40
_COMPARED = 1000


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in one file; `line` counts from 1, `path` names the value."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return visible(where + (f"{self.path}: " if self.path else "") + self.message)


class ConfigError(Exception):
    """Files that cannot be used, with every problem found in them.

    Attributes:
        problems: in the order of files and lines, each once.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def unsaid(later: Iterable[Problem], told: Iterable[Problem]) -> Iterator[Problem]:
    """The problems of `later` at places of which nothing is told yet, nor below them.

    What was refused was not read: in its place a later check finds nothing, or a
    default, and what it says of that is no help.
    """
    places = [problem.path for problem in told]

    def is_told(path: str) -> bool:
        return any(
            at == path or at.startswith((f"{path}.", f"{path}[")) for at in places
        )

    return (one for one in later if not is_told(one.path))


def dotted(location: Location) -> str:
    """`("rules", 3, "port")` as people write it: `rules[3].port`."""
    parts = (
        f"[{part}]" if isinstance(part, int) else f".{printable(part)}"
        for part in location
    )
    return "".join(parts).removeprefix(".")


def shown(text: str) -> str:
    """A piece of a file inside a message: quoted, at most 60 characters, escaped."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def described(value: object) -> str:
    """What kind of value stands in a file, and which."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value)}"
        case dict():
            return "a mapping"
        case _:
            return "a list"


def listed(words: Iterable[str]) -> str:
    """The allowed words, or the first forty of a long list."""
    known = list(words)
    text = ", ".join(map(printable, known[:_LISTED]))
    return text + (", ..." if len(known) > _LISTED else "")


def unknown(what: str, word: str, allowed: Iterable[str]) -> str:
    """Says that `word` is not one of `allowed`, and which of them was likely meant."""
    known = sorted(allowed)
    folded = {one.lower(): one for one in known[:_COMPARED]}
    near = difflib.get_close_matches(word[:_SHOWN].strip().lower(), folded, n=1)
    hint = f"did you mean {shown(folded[near[0]])}? " if near else ""
    if not word[:1].isascii() and word[:1].isspace():
        hint = (
            f"it is indented with U+{ord(word[0]):04X}, which is no plain space; {hint}"
        )
    among = f"allowed: {listed(known)}" if known else "none is defined"
    return f"unknown {what} {shown(word)}; {hint}{among}"
