"""Bare TLS: proves a TLS server and shows its certificate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import NO_EVIDENCE, Evidence
from exporter.probes.client_certificate import ASKS
from exporter.probes.protocols.base import TCP, Prober

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link


@dataclass(frozen=True, slots=True)
class Tls(Prober):
    """Completes a TLS handshake (RFC 8446, RFC 5246) and closes.

    Attributes:
        alpn: protocol names offered (RFC 7301), none by default.
    """

    alpn: tuple[str, ...] = ()
    transports: ClassVar[frozenset[str]] = TCP
    speaks_tls: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses a name that has no room in a ClientHello.

        Raises:
            ValueError: saying what is allowed.
        """
        for name in self.alpn:
            if not re.fullmatch(r"[!-~]{1,255}", name):
                raise ValueError("alpn must hold names of 1 to 255 visible characters")

    async def probe(self, link: Link, target: Target) -> Evidence:
        """The handshake is the answer, whether or not the chain verifies."""
        stream = await link.connect()
        offered = [name.encode("ascii") for name in self.alpn]
        secure = await link.start_tls(stream, offered)
        return Evidence(ASKS) if secure.asks_certificate else NO_EVIDENCE
