"""Small probers for the loader's own tests, with options of every kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hypothesis import settings

STEADY = settings(derandomize=True, deadline=None)
"""For property tests: the same examples each time, and no race with a clock."""


@dataclass(frozen=True, slots=True)
class Web:
    """Asks for a page.

    Attributes:
        path: what is asked for, beginning
            with a slash.
    """

    path: str = "/"
    statuses: tuple[int | str, ...] = ()
    patience: float = 1.0
    strict: bool = False
    transports: ClassVar[frozenset[str]] = frozenset({"tcp"})

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError("path must begin with a slash")


@dataclass(frozen=True, slots=True)
class Clock:
    """Speaks UDP, seldom."""

    transports: ClassVar[frozenset[str]] = frozenset({"udp"})
    floor: ClassVar[float] = 64.0


@dataclass(frozen=True, slots=True)
class Tcp:
    """Knows no options; runs over either transport, since it does not say."""


@dataclass(frozen=True, slots=True)
class Named:
    """Cannot do without an option."""

    account: str


@dataclass(frozen=True, slots=True)
class Choosy:
    """Takes one of a few words, and bytes, which YAML files cannot say."""

    mode: Literal["fast", "slow"] = "fast"
    seen: tuple[str, ...] = field(default_factory=tuple)
    raw: bytes = b""


PROBERS = {
    "https": Web,
    "ntp": Clock,
    "tcp": Tcp,
    "udp": Tcp,
    "named": Named,
    "choosy": Choosy,
}
