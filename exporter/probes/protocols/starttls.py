"""When TLS begins, for protocols that know two ways: at once, or when asked for.

`starttls` and `implicit_tls` are options of each such prober, and mean the same in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Upgrade = bool | Literal["offered"]
"""Whether TLS must be offered and work; `offered`: only where it is offered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whether TLS comes before the first word, and else what is wanted of STARTTLS."""

    first: bool
    starttls: Upgrade


def check(starttls: Upgrade | None, implicit_tls: bool | None) -> None:
    """Refuses options that exclude each other.

    Raises:
        ValueError: saying which.
    """
    if starttls and implicit_tls:
        raise ValueError("starttls has no place inside implicit_tls: set one of them")


def wanted(
    starttls: Upgrade | None, implicit_tls: bool | None, usual: Wanted
) -> Wanted:
    """What the options say, and where they say nothing what is usual at the port."""
    first = implicit_tls
    if first is None:
        first = usual.first and not starttls
    if first:
        return Wanted(first=True, starttls=False)
    return Wanted(first, usual.starttls if starttls is None else starttls)
