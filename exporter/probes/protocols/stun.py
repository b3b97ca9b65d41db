"""STUN: from which address does a server see us, over UDP and over TCP."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.model.rule import Transport
from exporter.probes.protocols.base import BOTH, Prober
from exporter.probes.wire import stun

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.wire.stun import Response

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Stun(Prober):
    """Sends a Binding request (RFC 8489), over UDP at most three times."""

    transports: ClassVar[frozenset[str]] = BOTH
    default_ports: ClassVar[frozenset[int]] = frozenset({3478})

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A response with our transaction id is the answer, an error too."""
        transaction = os.urandom(stun.TRANSACTION)
        if target.rule.transport is Transport.UDP:
            response = await _ask_over_udp(link, target, transaction)
        else:
            response = await _ask_over_tcp(link, transaction)
        return Evidence(_describe(response))


async def _ask_over_udp(link: Link, target: Target, transaction: bytes) -> Response:
    request = stun.request(transaction), partial(stun.parse, transaction=transaction)
    reply = await link.datagrams().insist(
        lambda _: request,
        _TRIES,
        target.rule.timeout,
        strays="STUN messages came, but with another request's transaction id",
    )
    return reply.answer


async def _ask_over_tcp(link: Link, transaction: bytes) -> Response:
    stream = await link.connect()
    await stream.send(stun.request(transaction))
    head = await stream.receive_exactly(stun.HEAD, stun.begins)
    body = await stream.receive_exactly(stun.message_length(head))
    response = stun.parse(head + body, transaction)
    if response is None:
        raise ProbeError(Reason.MALFORMED, "not STUN: another request's transaction id")
    return response


def _describe(response: Response) -> str:
    told = response.error and f"error {response.error}"
    told = told or f"mapped address {response.mapped}"
    return f"{told}, {response.software}" if response.software else told
