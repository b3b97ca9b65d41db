"""LDAP, plain and over TLS: a search of the rootDSE without bind, and who answered it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols.base import BOTH, TCP, Prober
from exporter.probes.protocols.starttls import Upgrade
from exporter.probes.wire import ldap
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Connection

_TRIES = 2


@dataclass(frozen=True, slots=True)
class Ldap(Prober):
    """Asks for StartTLS, searches the rootDSE (RFC 4511, RFC 4512 5.1) and unbinds.

    Most clients of port 389 ask for StartTLS or sign what they send instead, and a
    controller without a certificate serves the latter. So TLS is asked for, which
    shows the certificate where there is one, and a no to it is told and no failure,
    unless a site says that there must be TLS.

    Attributes:
        starttls: the server must grant StartTLS and complete TLS; if `offered`, it is
            asked to and a no is told; if false, it is not asked. Over UDP there is none.
    """

    starttls: Upgrade = "offered"
    transports: ClassVar[frozenset[str]] = BOTH
    default_ports: ClassVar[frozenset[int]] = frozenset({389, 3268})
    speaks_tls: ClassVar[bool] = True

    async def probe(self, link: Link, target: Target) -> Evidence:
        """The end of the search is the answer, whatever its result code."""
        if target.rule.transport == "udp":
            return await _over_udp(link, target)
        stream = await link.connect()
        if not self.starttls:
            return Evidence(await _search(stream))
        answer = await _ask(stream, ldap.start_tls(), ldap.StartTlsReader())
        if answer.succeeded:
            return Evidence(await _search(await link.start_tls(stream)))
        refusal = f"StartTLS refused: {answer}"
        if self.starttls is True:
            stream.send_last(ldap.unbind())
            raise ProbeError(Reason.REJECTED, refusal)
        return Evidence(f"{await _search(stream)}; {refusal}")


@dataclass(frozen=True, slots=True)
class Ldaps(Prober):
    """Searches the rootDSE (RFC 4511, RFC 4512 5.1) inside TLS and unbinds."""

    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({636, 3269})
    speaks_tls: ClassVar[bool] = True

    async def probe(self, link: Link, target: Target) -> Evidence:
        """The end of the search is the answer, whatever its result code."""
        return Evidence(await _search(await link.start_tls(await link.connect())))


async def _search(stream: Connection) -> str:
    outcome = await _ask(stream, ldap.search(), ldap.SearchReader())
    stream.send_last(ldap.unbind())
    return _describe(outcome)


async def _ask(stream: Connection, request: bytes, reader: ldap.Reader) -> ldap.Outcome:
    await stream.send(request)
    while (outcome := reader.feed(await stream.receive())) is None:
        pass
    return outcome


async def _over_udp(link: Link, target: Target) -> Evidence:
    """A search alone (RFC 1798); nothing is to be ended."""
    reply = await link.datagrams().insist(
        lambda _: (ldap.search(), ldap.datagram),
        _TRIES,
        target.rule.timeout,
        called="searches",
    )
    return Evidence(_describe(reply.answer))


def _describe(outcome: ldap.Outcome) -> str:
    told = [
        f"{name} {printable(' '.join(outcome.attributes[name.lower()]))}"
        for name in ldap.ATTRIBUTES
        if name.lower() in outcome.attributes
    ]
    if not outcome.succeeded:
        told.append(str(outcome))
    return ", ".join(told) or "an empty rootDSE"
