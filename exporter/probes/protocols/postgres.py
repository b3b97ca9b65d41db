"""PostgreSQL: may TLS begin, and then the handshake for its certificate; no login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.client_certificate import ASKS
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.protocols.starttls import Upgrade
from exporter.probes.wire import postgres
from exporter.probes.wire.postgres import Answer

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Stream


@dataclass(frozen=True, slots=True)
class Postgres(Prober):
    """Sends SSLRequest (PostgreSQL's documentation, 55.2.10), completes TLS, closes.

    Attributes:
        tls: complete TLS where the server offers it; if true, it must; if false, its
            word is enough and TLS is not begun.
    """

    tls: Upgrade = "offered"
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({5432})
    certificates_verify: ClassVar[bool] = False
    speaks_tls: ClassVar[bool] = True

    async def probe(self, link: Link, target: Target) -> Evidence:
        """Yes or no to SSLRequest is the answer, and TLS after a yes."""
        stream = await link.connect()
        await stream.send(postgres.SSL_REQUEST)
        answer = postgres.parse_answer(await stream.receive_exactly(1))
        if answer is Answer.ERROR:
            raise ProbeError(
                Reason.REJECTED, f"the server says: {await _error(stream)}"
            )
        if stream.pending:
            raise ProbeError(
                Reason.MALFORMED, "not PostgreSQL: it says more than S or N"
            )
        if answer is Answer.PLAIN:
            if self.tls is True:
                raise ProbeError(Reason.REJECTED, "no TLS offered")
            return Evidence("PostgreSQL, no TLS offered")
        if not self.tls:
            return Evidence("PostgreSQL, TLS offered")
        secure = await link.start_tls(stream)
        asks = f"; {ASKS}" if secure.asks_certificate else ""
        return Evidence(f"PostgreSQL, TLS{asks}")


async def _error(stream: Stream) -> str:
    reader = postgres.ErrorReader()
    text = None
    while text is None:
        text = reader.feed(await stream.receive())
    return text
