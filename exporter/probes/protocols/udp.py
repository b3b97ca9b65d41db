"""Any UDP service: truthful about how little a datagram can prove."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import NO_EVIDENCE, Evidence, ProbeError, Reason
from exporter.probes.protocols.base import UDP, Prober

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link

_TRIES = 3
_SPACING = 0.5


@dataclass(frozen=True, slots=True)
class Udp(Prober):
    """Sends a datagram up to three times (RFC 768).

    Any reply is an answer. Silence proves nothing and ends `untested`; ICMP
    port-unreachable from the destination itself proves that the way is open.

    Attributes:
        payload: the datagram in hexadecimal, empty by default.
    """

    payload: str = ""
    transports: ClassVar[frozenset[str]] = UDP

    def __post_init__(self) -> None:
        """Refuses a payload that is no datagram.

        Raises:
            ValueError: saying what is allowed.
        """
        if not re.fullmatch(r"([0-9a-fA-F]{2}){0,512}", self.payload):
            raise ValueError("payload must be hexadecimal, at most 512 bytes")

    async def probe(self, link: Link, target: Target) -> Evidence:
        """Any datagram back from the destination is the answer."""
        datagrams = link.datagrams()
        payload = bytes.fromhex(self.payload)
        # All tries fit into the deadline, or silence would look like a timeout.
        spacing = min(_SPACING, target.rule.timeout / (_TRIES + 1))
        for _ in range(_TRIES):
            if await datagrams.ask(payload, bytes, spacing) is not None:
                return NO_EVIDENCE
        raise ProbeError(Reason.UNTESTED, "no reply, which proves nothing for UDP")
