"""NTP: one client request, answered by a server's packet that echoes our cookie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols.base import UDP, Prober
from exporter.probes.wire import ntp

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.datagrams import Accept
    from exporter.probes.link import Link

_TRIES = 2
# RFC 5905 7.4: RATE asks for fewer requests, DENY and RSTR for none. The other codes,
# such as INIT after a start, refuse nothing.
_PAUSES = {"RATE": 1024.0, "DENY": 86400.0, "RSTR": 86400.0}


@dataclass(frozen=True, slots=True)
class Ntp(Prober):
    """Asks for the time (RFC 5905), at most twice."""

    transports: ClassVar[frozenset[str]] = UDP
    default_ports: ClassVar[frozenset[int]] = frozenset({123})
    # RFC 5905: the lowest poll exponent a public server expects is 6.
    floor: ClassVar[float] = 64.0

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A server packet is the answer, synchronised or not."""
        reply = await link.datagrams().insist(
            _request,
            _TRIES,
            target.rule.timeout,
            strays="NTP packets came, but with another request's origin timestamp",
        )
        answer = reply.answer
        if answer.kiss in _PAUSES:
            raise _kissed(answer.kiss)
        if not answer.synchronised:
            state = f"the server's clock is not synchronised {answer.kiss}".rstrip()
            return Evidence(state, ntp_stratum=0)
        if not answer.timed:
            detail = "the server's packet has no time in it"
            return Evidence(detail, ntp_stratum=answer.stratum)
        offset = ntp.offset(reply.sent, answer, reply.received)
        return Evidence(ntp_offset=offset, ntp_stratum=answer.stratum)


def _request(_: int) -> tuple[bytes, Accept[ntp.Reply]]:
    cookie = os.urandom(ntp.COOKIE)
    return ntp.request(cookie), partial(ntp.parse, cookie=cookie)


def _kissed(code: str) -> ProbeError:
    evidence = Evidence(hold_off=_PAUSES[code])
    return ProbeError(Reason.REJECTED, f"kiss-o'-death {code}", evidence=evidence)
