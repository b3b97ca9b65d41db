"""SQL Server: PRELOGIN, then TLS inside TDS packets for the certificate; no login.

A server that insists on TDS 8 cuts the connection at a PRELOGIN in the clear, some with
a TLS alert. Then the same question is asked once more, inside TLS from the first byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason, Stage
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.stream import Stream
from exporter.probes.transcript import Transcript
from exporter.probes.wire import tds

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link

_ALPN = b"tds/8.0"
_TLS_ALERT = 21
_PACKETS = 4


@dataclass(frozen=True, slots=True)
class Mssql(Prober):
    """Exchanges PRELOGIN ([MS-TDS] 2.2.6.5), completes TLS, closes.

    Attributes:
        tls: complete TLS as well, which shows the certificate; if false, PRELOGIN
            alone, and no second try with TDS 8.
    """

    tls: bool = True
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({1433})
    speaks_tls: ClassVar[bool] = True

    async def probe(self, link: Link, target: Target) -> Evidence:
        """The server's PRELOGIN is the answer, with TLS where it offers any."""
        stream = await link.connect()
        await stream.send(tds.prelogin())
        if self.tls and (first := await stream.peek()) in {None, _TLS_ALERT}:
            if first:
                link.overdue = _foreign
            try:
                return await _strict(link)
            except ProbeError as error:
                if first and error.reason is Reason.TLS_ALERT:
                    link.enter(Stage.EXCHANGE)
                    raise _foreign(alert=error.detail) from error
                raise
        answer = await _prelogin(stream)
        if self.tls and answer.encryption is not tds.Encryption.NOT_SUPPORTED:
            # TLS leaves the packets at the end of its handshake, and up to 1.2 both
            # sides agree on when that is.
            await link.start_tls(TdsStream(stream), at_most_tls12=True)
        stance = answer.encryption.name.lower().replace("_", " ")
        return Evidence(f"SQL Server {answer.version}, encryption {stance}")


class TdsStream(Stream):
    """TLS's place inside TDS: bytes travel in PRELOGIN packets ([MS-TDS] 2.2.6.5)."""

    def __init__(self, carrier: Stream) -> None:
        super().__init__()
        self._carrier = carrier
        # What travels through here is told by our own transcript.
        carrier.transcript = Transcript()

    @property
    def pending(self) -> int:
        """What nobody has asked for yet, in packets or out of them."""
        return super().pending + self._carrier.pending

    async def _write(self, data: bytes) -> None:
        await self._carrier.send(tds.packets(data))

    async def _read(self) -> bytes:
        return (await _packet(self._carrier, carries_tls=True))[1]


def _foreign(_coming: bool = False, alert: str = "an alert alone") -> ProbeError:
    """What a peer is that answers with TLS alerts, without TLS and with it."""
    detail = "not TDS: a PRELOGIN is answered with a TLS alert, and so is TLS"
    return ProbeError(Reason.MALFORMED, f"{detail}: {alert}")


async def _strict(link: Link) -> Evidence:
    """TDS 8: TLS first, named by ALPN, everything else inside."""
    stream = await link.start_tls(await link.connect(), [_ALPN])
    await stream.send(tds.prelogin())
    answer = await _prelogin(stream)
    return Evidence(f"SQL Server {answer.version}, strict encryption (TDS 8)")


async def _prelogin(stream: Stream) -> tds.Prelogin:
    message = b""
    for _ in range(_PACKETS):
        last, payload = await _packet(stream)
        message += payload
        if last:
            return tds.parse_prelogin(message)
    raise ProbeError(Reason.MALFORMED, f"not TDS: more than {_PACKETS} packets")


async def _packet(stream: Stream, *, carries_tls: bool = False) -> tuple[bool, bytes]:
    begins = partial(tds.begins, carries_tls=carries_tls)
    said = await stream.receive_exactly(tds.HEAD, begins)
    head = tds.parse_head(said, carries_tls=carries_tls)
    return head.last, await stream.receive_exactly(head.size)
