"""SMTP submission: greeting, STARTTLS, the greeting again inside TLS, goodbye.

Each reply is waited for, because a client that talks ahead is logged as improper; but
the one to QUIT, after which nothing is left to be known.
Nothing is ever authenticated, addressed or mailed.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.wire import smtp

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Connection

_READY = 220
_DONE = 250
_FIRST_ERROR = 400
# RFC 5321 4.1.2: a domain or an address literal; nothing that could end the line.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}|\[[A-Za-z0-9.:]{2,64}\]")
_ANONYMOUS = "connectivity-exporter.invalid"
# What some devices write over keywords they hide, to keep the length of the packet.
_MASKED = re.compile(r"X{4,}[A-Z]?")


@dataclass(frozen=True, slots=True)
class Smtp(Prober):
    """Opens a submission session (RFC 6409, RFC 5321, RFC 3207) and quits.

    Attributes:
        starttls: the server must offer STARTTLS and complete TLS; if false, it is
            not asked to.
        helo: the name to greet with, by default this host's.
    """

    starttls: bool = True
    helo: str | None = None
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({587})

    def __post_init__(self) -> None:
        """Refuses a name that is none, or that would carry further commands."""
        if self.helo is not None and _NAME.fullmatch(self.helo) is None:
            raise ValueError("helo must be a host name or an [address literal]")

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A 250 to the last EHLO is the answer, inside TLS unless told otherwise."""
        stream = await link.connect()
        greeting = await _reply(link, stream, "the greeting", _READY)
        offered = await self._ehlo(link, stream)
        if self.starttls:
            if "STARTTLS" not in offered:
                raise _refused(stream, _missing(offered))
            await _say(link, stream, "STARTTLS", _READY)
            stream = await link.start_tls(stream)
            # RFC 3207 4.2: what was said before TLS is void.
            await self._ehlo(link, stream)
        stream.send_last(b"QUIT\r\n")
        return Evidence(detail=str(greeting))

    async def _ehlo(self, link: Link, stream: Connection) -> tuple[str, ...]:
        return smtp.extensions(
            await _say(link, stream, f"EHLO {self.helo or _own_name()}", _DONE)
        )


async def _say(link: Link, stream: Connection, line: str, expected: int) -> smtp.Reply:
    await stream.send(line.encode("ascii") + b"\r\n")
    return await _reply(link, stream, line.split(" ", 1)[0], expected)


async def _reply(
    link: Link, stream: Connection, asked: str, expected: int
) -> smtp.Reply:
    reader = smtp.ReplyReader()
    link.overdue = reader.overdue
    reply = None
    while reply is None:
        line = await stream.receive_line(smtp.LINE_LIMIT, smtp.begins)
        reply = reader.feed(line)
    if reply.code >= _FIRST_ERROR:
        raise _refused(stream, f"{asked}: {reply}")
    if reply.code != expected:
        raise ProbeError(Reason.MALFORMED, f"{asked}: {reply}, not {expected}")
    return reply


def _refused(stream: Connection, detail: str) -> ProbeError:
    """What to raise when the right service says no; leaves politely (RFC 5321 4.1.1.10)."""
    stream.send_last(b"QUIT\r\n")
    return ProbeError(Reason.REJECTED, detail)


def _missing(offered: tuple[str, ...]) -> str:
    masked = next((word for word in offered if _MASKED.fullmatch(word)), None)
    if masked is None:
        return "no STARTTLS offered"
    return f"no STARTTLS offered; {masked} looks like a device on the path hiding it"


def _own_name() -> str:
    name = platform.node()
    return name if _NAME.fullmatch(name) else _ANONYMOUS
