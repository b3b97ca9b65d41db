"""IMAP: greeting, capabilities, TLS first, on request or where it is offered, goodbye.

Nobody logs in and no mailbox is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols import starttls
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.protocols.starttls import Upgrade, Wanted
from exporter.probes.wire import imap

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Connection

_PORT = 143
_OVER_TLS = 993
_LOGOUT = b"a4 LOGOUT\r\n"


@dataclass(frozen=True, slots=True)
class Imap(Prober):
    """Asks for the capabilities (RFC 9051, RFC 3501) and logs out.

    Attributes:
        starttls: the server must offer STARTTLS and complete TLS; if `offered`, which
            is the default, it is asked to where it offers; if false, it is not asked.
        implicit_tls: TLS comes before the first word (RFC 8314 3.2), by default on
            port 993 unless `starttls` is true.
    """

    starttls: Upgrade | None = None
    implicit_tls: bool | None = None
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({_PORT, _OVER_TLS})
    speaks_tls: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses options that exclude each other."""
        starttls.check(self.starttls, self.implicit_tls)

    async def probe(self, link: Link, target: Target) -> Evidence:
        """An OK to the last CAPABILITY is the answer, inside TLS where there is any."""
        stream = await link.connect()
        wanted = starttls.wanted(self.starttls, self.implicit_tls, usual(target.port))
        if wanted.first:
            stream = await link.start_tls(stream)
        greeting = await _response(link, stream, "")
        told = [greeting.text or greeting.status]
        offered = (await _say(link, stream, "a1 CAPABILITY")).capabilities
        if wanted.starttls:
            refusal = await _ask_for_tls(link, stream, offered)
            if refusal is None:
                stream = await link.start_tls(stream)
                # RFC 9051 6.2.1: what was said before TLS is void.
                await _say(link, stream, "a3 CAPABILITY")
            elif wanted.starttls == "offered":
                told.append(refusal)
            else:
                raise _refused(stream, refusal)
        stream.send_last(_LOGOUT)
        return Evidence("; ".join(told))


def usual(port: int) -> Wanted:
    """How TLS begins at a port where nothing else is said."""
    return Wanted(first=port == _OVER_TLS, starttls="offered")


async def _ask_for_tls(
    link: Link, stream: Connection, offered: tuple[str, ...]
) -> str | None:
    """None if TLS may begin now, else how the server keeps it from us."""
    if "STARTTLS" not in offered:
        return "no STARTTLS offered"
    response = await _command(link, stream, "a2 STARTTLS")
    return None if response.status == "OK" else f"STARTTLS: {response}"


async def _say(link: Link, stream: Connection, command: str) -> imap.Response:
    response = await _command(link, stream, command)
    if response.status != "OK":
        said = command.partition(" ")[2]
        raise _refused(stream, f"{said}: {response}")
    return response


async def _command(link: Link, stream: Connection, command: str) -> imap.Response:
    """Says a tag and a command; the response with that tag."""
    await stream.send(command.encode("ascii") + b"\r\n")
    return await _response(link, stream, command.partition(" ")[0])


async def _response(link: Link, stream: Connection, tag: str) -> imap.Response:
    reader = imap.ResponseReader(tag)
    link.overdue = reader.overdue
    response = None
    while response is None:
        line = await stream.receive_line(imap.LINE_LIMIT, reader.begins)
        response = reader.feed(line)
    return response


def _refused(stream: Connection, detail: str) -> ProbeError:
    """What to raise when the right service says no; leaves politely (RFC 9051 6.1.3)."""
    stream.send_last(_LOGOUT)
    return ProbeError(Reason.REJECTED, detail)
