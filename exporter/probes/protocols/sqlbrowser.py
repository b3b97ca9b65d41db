"""SQL Server Browser: which instances are there, and is the named port open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols.base import UDP, Prober
from exporter.probes.wire import sqlbrowser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.outcome import Instance
    from exporter.model.rule import Target
    from exporter.probes.link import Link

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Sqlbrowser(Prober):
    """Asks for all instances ([MC-SQLR] 2.2.2), once: answers amplify.

    A client goes on to the TCP port the answer names, so the first such port is
    tried as well; that is told in the detail and changes no verdict.
    """

    transports: ClassVar[frozenset[str]] = UDP
    default_ports: ClassVar[frozenset[int]] = frozenset({1434})

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A list of instances is the answer."""
        datagrams = link.datagrams()
        patience = target.rule.timeout / 2
        reply = await datagrams.ask(sqlbrowser.REQUEST, sqlbrowser.parse, patience)
        if reply is None:
            detail = "no answer: dropped, Browser not running, or every instance hidden"
            raise ProbeError(Reason.TIMEOUT, detail)
        told = [_describe(reply.answer)]
        port = next((one.tcp_port for one in reply.answer if one.tcp_port), None)
        if port is not None:
            failure = await link.try_port(port, patience / 2)
            state = "is open" if failure is None else f"is not: {failure}"
            told.append(f"tcp {port} {state}")
        return Evidence("; ".join(told), instances=reply.answer)


def _describe(instances: Sequence[Instance]) -> str:
    names = [
        f"{one.name} (tcp {one.tcp_port})" if one.tcp_port else f"{one.name} (no tcp)"
        for one in instances[:_SHOWN]
    ]
    more = [f"and {len(instances) - _SHOWN} more"] if len(instances) > _SHOWN else []
    return ", ".join(names + more)
