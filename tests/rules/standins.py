"""Small probers for the loader's own tests: options of every kind, and class facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


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


PROBERS = {"https": Web, "ntp": Clock, "tcp": Tcp, "udp": Tcp, "named": Named}
