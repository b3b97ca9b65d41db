"""DNS: one question to the server itself, answered in whatever way."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols.base import BOTH, Prober
from exporter.probes.wire import dns

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.datagrams import Accept
    from exporter.probes.link import Link

_TRIES = 2
# RFC 6761 6.3: every name server answers for this name by itself, whatever it says.
_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Dns(Prober):
    """Asks one question (RFC 1035), over UDP at most twice.

    What is asked by default needs no other server to be answered, so recursion is
    desired only for a name that a site gives.

    Attributes:
        name: the name asked for.
        type: the type of its records.
    """

    name: str = _LOCAL
    type: Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"] = "A"
    transports: ClassVar[frozenset[str]] = BOTH
    default_ports: ClassVar[frozenset[int]] = frozenset({53})

    def __post_init__(self) -> None:
        """Refuses a name that no question can hold.

        Raises:
            ValueError: saying what is allowed.
        """
        try:
            self._question()
        except ProbeError as error:
            raise ValueError("name must be a domain name in ASCII, or .") from error

    async def probe(self, link: Link, target: Target) -> Evidence:
        """An answer to the question is the answer, whatever its response code."""
        asked = self._question()
        if target.rule.transport == "udp":
            reply = await self._over_udp(link, target, asked)
        else:
            reply = await self._over_tcp(link, asked)
        said = "truncated" if reply.truncated else f"{reply.records} records"
        return Evidence(f"{reply.rcode} to {self.type} of {self.name}, {said}")

    def _question(self) -> dns.Question:
        return dns.question(self.name, dns.Kind[self.type])

    def _query(self, asked: dns.Question) -> tuple[int, bytes]:
        ident = secrets.randbelow(dns.IDENTIFIERS)
        return ident, dns.query(ident, asked, recursion=self.name != _LOCAL)

    async def _over_udp(
        self, link: Link, target: Target, asked: dns.Question
    ) -> dns.Reply:
        def request(_: int) -> tuple[bytes, Accept[dns.Reply]]:
            ident, query = self._query(asked)
            return query, partial(dns.reply, ident=ident, asked=asked)

        reply = await link.datagrams().insist(
            request,
            _TRIES,
            target.rule.timeout,
            called="questions",
            strays="DNS answers came, but to other questions",
        )
        return reply.answer

    async def _over_tcp(self, link: Link, asked: dns.Question) -> dns.Reply:
        ident, query = self._query(asked)
        stream = await link.connect()
        await stream.send(dns.frame(query))
        size = dns.frame_length(await stream.receive_exactly(dns.LENGTH))
        begins = partial(dns.begins, ident=ident)
        message = await stream.receive_exactly(size, begins)
        if (reply := dns.reply(message, ident, asked)) is None:
            raise ProbeError(Reason.MALFORMED, "a DNS answer to another question")
        return reply
