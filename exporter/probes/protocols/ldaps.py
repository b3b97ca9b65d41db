"""LDAP over TLS: a search of the rootDSE without bind, and who answered it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.wire import ldap
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link


@dataclass(frozen=True, slots=True)
class Ldaps(Prober):
    """Searches the rootDSE (RFC 4511, RFC 4512 5.1) inside TLS and unbinds."""

    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({636})

    async def probe(self, link: Link, target: Target) -> Evidence:
        """The end of the search is the answer, whatever its result code."""
        stream = await link.start_tls(await link.connect())
        await stream.send(ldap.search())
        reader = ldap.SearchReader()
        while (outcome := reader.feed(await stream.receive())) is None:
            pass
        stream.send_last(ldap.unbind())
        return Evidence(detail=_describe(outcome))


def _describe(outcome: ldap.Outcome) -> str:
    told = [
        f"{name} {printable(' '.join(outcome.attributes[name.lower()]))}"
        for name in ldap.ATTRIBUTES
        if name.lower() in outcome.attributes
    ]
    if outcome.result:
        told.append(f"result {outcome.result} {outcome.message}".rstrip())
    return ", ".join(told) or "an empty rootDSE"
