"""Microsoft RPC: a bind to the endpoint mapper, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.wire import rpc

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link


@dataclass(frozen=True, slots=True)
class Rpc(Prober):
    """Binds to the endpoint mapper ([MS-RPCE], C706 12.6.4) and leaves.

    An RPC server that is another's has answered too: of the ports that the mapper
    gives out, any may serve any interface.
    """

    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({135})

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A bind_ack is the answer."""
        stream = await link.connect()
        await stream.send(rpc.bind())
        head = await stream.receive_exactly(rpc.HEAD, rpc.begins)
        rest = await stream.receive_exactly(rpc.fragment_length(head))
        bound = rpc.parse(head + rest)
        if bound.refusal:
            return Evidence(f"RPC, without an endpoint mapper: {bound.refusal}")
        return Evidence("RPC endpoint mapper")
