"""RDP: the negotiation of security, then the TLS handshake for its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.client_certificate import ASKS
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.protocols.starttls import Upgrade
from exporter.probes.wire import rdp

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link


@dataclass(frozen=True, slots=True)
class Rdp(Prober):
    """Sends a connection request ([MS-RDPBCGR] 2.2.1.1), completes TLS, closes.

    Attributes:
        tls: complete TLS where the server chooses it; if true, it must; if false, its
            choice is enough and TLS is not begun.
    """

    tls: Upgrade = "offered"
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({3389})
    # Each connection is a dozen lines in the log of xrdp.
    floor: ClassVar[float] = 30.0
    # Windows makes itself a certificate that no client can verify, as xrdp does.
    certificates_verify: ClassVar[bool] = False
    speaks_tls: ClassVar[bool] = True

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A connection confirm is the answer, and TLS where the server chose it."""
        stream = await link.connect()
        await stream.send(rdp.request())
        head = await stream.receive_exactly(rdp.HEAD, rdp.begins)
        confirm = rdp.parse(await stream.receive_exactly(rdp.packet_length(head)))
        told = f"RDP, {confirm}"
        if self.tls is True and not confirm.over_tls:
            raise ProbeError(Reason.REJECTED, f"no TLS: {told}")
        if self.tls and confirm.over_tls:
            secure = await link.start_tls(stream)
            told += f"; {ASKS}" if secure.asks_certificate else ""
        return Evidence(told)
