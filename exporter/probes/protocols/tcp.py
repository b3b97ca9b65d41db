"""Bare TCP: proves that something completes the handshake, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import NO_EVIDENCE, Evidence
from exporter.probes.protocols.base import TCP, Prober

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link


@dataclass(frozen=True, slots=True)
class Tcp(Prober):
    """Connects and closes (RFC 9293 3.5)."""

    transports: ClassVar[frozenset[str]] = TCP

    async def probe(self, link: Link, target: Target) -> Evidence:
        """The handshake is the answer."""
        await link.connect()
        return NO_EVIDENCE
