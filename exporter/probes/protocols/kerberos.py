"""Kerberos: a ticket request that no KDC grants, and the KDC's refusal of it."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence
from exporter.probes.protocols.base import BOTH, Prober
from exporter.probes.wire import kerberos

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link

_TRIES = 2
_REALM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._$-]{0,63}")
_SENSITIVE = frozenset({"krbtgt", "administrator"})
_NO_REALM = "KERBEROS.INVALID"


@dataclass(frozen=True, slots=True)
class Kerberos(Prober):
    """Asks for a ticket without proving who asks (RFC 4120 5.4.1).

    No password is tried and nobody is locked out, but a domain controller audits
    the request as a failed one: hence the telling name and the long interval.

    Attributes:
        realm: the realm, by default the destination's domain in upper case.
        principal: whom the ticket is asked for; it need not exist.
    """

    realm: str | None = None
    principal: str = "fwprobe-reachability"
    transports: ClassVar[frozenset[str]] = BOTH
    default_ports: ClassVar[frozenset[int]] = frozenset({88})
    floor: ClassVar[float] = 300.0

    def __post_init__(self) -> None:
        """Refuses names that are none, and accounts that alarms are tied to."""
        if self.realm is not None and _REALM.fullmatch(self.realm) is None:
            raise ValueError("realm must be a domain name in ASCII")
        if _PRINCIPAL.fullmatch(self.principal) is None:
            raise ValueError("principal must be one plain account name, in ASCII")
        if self.principal.lower() in _SENSITIVE:
            raise ValueError(f"principal must not be {self.principal}")

    async def probe(self, link: Link, target: Target) -> Evidence:
        """Any KRB-ERROR or AS-REP is the answer."""
        nonce = secrets.randbits(kerberos.NONCE_BITS)
        request = kerberos.request(self._realm(target), self.principal, nonce)
        if target.rule.transport == "udp":
            return await _over_udp(link, target, request)
        return await _over_tcp(link, request)

    def _realm(self, target: Target) -> str:
        if self.realm is not None:
            return self.realm
        _, _, domain = target.destination.partition(".")
        named = domain and not domain[-1].isdigit() and ":" not in target.destination
        return domain.upper() if named else _NO_REALM


async def _over_udp(link: Link, target: Target, request: bytes) -> Evidence:
    reply = await link.datagrams().insist(
        lambda _: (request, kerberos.parse), _TRIES, target.rule.timeout
    )
    return _evidence(reply.answer, (reply.sent + reply.received) / 2)


async def _over_tcp(link: Link, request: bytes) -> Evidence:
    stream = await link.connect()
    started = time.perf_counter()
    await stream.send(kerberos.frame(request))
    head = await stream.receive_exactly(kerberos.LENGTH, kerberos.frame_begins)
    # By one clock, also if it was set in between.
    halfway = time.time() - (time.perf_counter() - started) / 2
    size = kerberos.frame_length(head)
    message = await stream.receive_exactly(size, kerberos.begins)
    return _evidence(kerberos.parse(message), halfway)


def _evidence(answer: kerberos.Answer, now: float) -> Evidence:
    skew = None if answer.server_time is None else answer.server_time - now
    return Evidence(f"{answer.meaning}, realm {answer.realm}", clock_skew=skew)
