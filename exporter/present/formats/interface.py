"""What commands hand to a format, and what a format is.

A command gathers, a format renders to text and prints nothing. A format is one file
with a function for each command that offers it, and one line for each in `__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from exporter.model.finding import Finding
    from exporter.model.network_path import Path
    from exporter.model.rule import Target
    from exporter.monitor.store import Record


class Rows(StrEnum):
    """Which targets a table has a row for."""

    NONE = "none"
    FAILED = "failed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One round, probed now.

    Attributes:
        records: of the targets that were probed.
        findings: what explains all of them that are not in order, the worst first.
        without_feed: targets whose feed could not be fetched.
        unset: how many more wait for a placeholder's value.
        missing: how many were not probed to the end, since somebody would not wait.
        rows: which targets a table is to have a row for.
        shard: the part of its roles' targets that was probed, such as 2/5; empty for all.
    """

    records: Sequence[Record]
    findings: Sequence[Finding] = ()
    without_feed: Sequence[Target] = ()
    unset: int = 0
    missing: int = 0
    rows: Rows = Rows.NONE
    shard: str = ""


@dataclass(frozen=True, slots=True)
class Traced:
    """The path to each address of a target, or why there is none."""

    target: Target
    paths: Mapping[str, Path] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """Traffic that a firewall has to let through, or to stop.

    Attributes:
        target: what asks for it.
        source: the host it comes from, or the role where that is elsewhere.
        source_addresses: those of the source; empty where they are not known here.
        destination: the host that it goes to: the proxy's, on the way to one.
        destination_addresses: those of the destination; empty if it does not resolve.
        port: of the destination; 0 where the rule is about none.
        via: the proxy, on both sides of one.
    """

    target: Target
    source: str
    source_addresses: tuple[str, ...]
    destination: str
    destination_addresses: tuple[str, ...]
    port: int
    via: str = ""


CheckFormat: TypeAlias = "Callable[[CheckOutcome], str]"
RulesFormat: TypeAlias = "Callable[[Sequence[Target]], str]"
TraceFormat: TypeAlias = "Callable[[Sequence[Traced]], str]"
