"""What a trace found: the path to one address, hop by hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.model.outcome import Reason


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path; without an address nobody there spoke.

    `round_trip` is in seconds, as this process saw it.
    """

    ttl: int
    address: str | None = None
    round_trip: float | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """What a trace found.

    Attributes:
        hops: in order, up to the answer or to the last hop that spoke.
        answered_ttl: the time to live that first brought an answer, if any did.
        ended: how that answer ended: `answered`, or a refusal.
        last_hop: the last router that spoke before that; empty if none did.
        last_ttl: its hop, 0 if there is none.
        refused_on_path: an unnamed reset came from nearer than the host is.
        local: the address is this host's own: the path leads nowhere else.
    """

    hops: tuple[Hop, ...]
    answered_ttl: int | None
    ended: Reason | None
    last_hop: str
    last_ttl: int
    refused_on_path: bool = False
    local: bool = False
