"""Small probers for the loader's own tests, with options of every kind.

Whoever imports this module has them in the place of the real ones, by the fixture
`stand_ins` of `conftest.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hypothesis import settings

from exporter.probes.protocols.base import BOTH, TCP, UDP, Prober

STEADY = settings(derandomize=True, deadline=None)
"""For property tests: the same examples each time, and no race with a clock."""


@dataclass(frozen=True, slots=True)
class Web(Prober):
    """Asks for a page.

    Attributes:
        path: what is asked for, beginning
            with a slash.
    """

    path: str = "/"
    statuses: tuple[int | str, ...] = ()
    patience: float = 1.0
    strict: bool = False
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({443})

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError("path must begin with a slash")


@dataclass(frozen=True, slots=True)
class Clock(Prober):
    """Speaks UDP, seldom."""

    transports: ClassVar[frozenset[str]] = UDP
    default_ports: ClassVar[frozenset[int]] = frozenset({123})
    floor: ClassVar[float] = 64.0


@dataclass(frozen=True, slots=True)
class Tcp(Prober):
    """Knows no options; runs over either transport."""

    transports: ClassVar[frozenset[str]] = BOTH


@dataclass(frozen=True, slots=True)
class Named(Prober):
    """Cannot do without an option."""

    account: str
    transports: ClassVar[frozenset[str]] = BOTH


@dataclass(frozen=True, slots=True)
class Choosy(Prober):
    """Takes one of a few words, and bytes, which YAML files cannot say."""

    mode: Literal["fast", "slow"] = "fast"
    seen: tuple[str, ...] = field(default_factory=tuple)
    raw: bytes = b""
    transports: ClassVar[frozenset[str]] = BOTH


STAND_INS = {
    "https": Web,
    "ntp": Clock,
    "tcp": Tcp,
    "udp": Tcp,
    "named": Named,
    "choosy": Choosy,
}
