"""ICMP echo: an address that answers a ping, where the kernel lets us ask."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import NO_EVIDENCE, Evidence
from exporter.probes.protocols.base import ICMP, Prober
from exporter.probes.wire import icmp

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.datagrams import Accept
    from exporter.probes.link import Link

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Icmp(Prober):
    """Sends an echo request (RFC 792, RFC 4443 4.1), at most three times."""

    transports: ClassVar[frozenset[str]] = ICMP

    async def probe(self, link: Link, target: Target) -> Evidence:
        """An echo reply with our own bytes is the answer."""
        version = 6 if ":" in link.address else 4

        def request(sequence: int) -> tuple[bytes, Accept[bytes]]:
            cookie = secrets.token_bytes(icmp.COOKIE)
            accept = partial(
                icmp.reply, version=version, sequence=sequence, cookie=cookie
            )
            return icmp.request(version, sequence, cookie), accept

        await link.echoes().insist(
            request, _TRIES, target.rule.timeout, called="echo requests"
        )
        return NO_EVIDENCE
