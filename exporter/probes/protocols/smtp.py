"""SMTP: greeting, EHLO, TLS first, on request or where it is offered, and goodbye.

Submission insists on STARTTLS (RFC 6409, RFC 8314 4.1), mail exchangers take it where it
is offered (RFC 7435), and port 465 begins with TLS (RFC 8314 3.3). Each reply is waited
for, because a client that talks ahead is logged as improper; only the one to QUIT is not,
after which nothing is left to be known.
Nothing is ever authenticated, addressed or mailed.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols import starttls
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.protocols.starttls import Upgrade, Wanted
from exporter.probes.wire import smtp

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Connection

_READY = 220
_DONE = 250
_FIRST_ERROR = 400
_UNKNOWN = frozenset({500, 502})
# RFC 5321 4.1.2: a domain or an address literal; nothing that could end the line.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}|\[[A-Za-z0-9.:]{2,64}\]")
_ANONYMOUS = "connectivity-exporter.invalid"
# What some devices write over keywords they hide, to keep the length of the packet.
_MASKED = re.compile(r"X{4,}[A-Z]?")
_EXCHANGE = 25
_SUBMISSIONS = 465
_SUBMISSION = 587


@dataclass(frozen=True, slots=True)
class Smtp(Prober):
    """Opens a session (RFC 5321, RFC 6409, RFC 3207) and quits.

    Attributes:
        starttls: the server must offer STARTTLS and complete TLS; if `offered`, it
            is asked to where it offers; if false, it is not asked. By default it must,
            on port 25 where it offers.
        implicit_tls: TLS comes before the first word (RFC 8314 3.3), by default on
            port 465 unless `starttls` is true.
        helo: the name to greet with, by default this host's.
    """

    starttls: Upgrade | None = None
    implicit_tls: bool | None = None
    helo: str | None = None
    transports: ClassVar[frozenset[str]] = TCP
    speaks_tls: ClassVar[bool] = True
    default_ports: ClassVar[frozenset[int]] = frozenset(
        {_EXCHANGE, _SUBMISSIONS, _SUBMISSION}
    )

    def __post_init__(self) -> None:
        """Refuses what excludes itself, and a name that would carry further commands."""
        if self.helo is not None and _NAME.fullmatch(self.helo) is None:
            raise ValueError("helo must be a host name or an [address literal]")
        starttls.check(self.starttls, self.implicit_tls)

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A 250 to the last EHLO is the answer, inside TLS where there is any."""
        stream = await link.connect()
        wanted = starttls.wanted(self.starttls, self.implicit_tls, usual(target.port))
        if wanted.first:
            stream = await link.start_tls(stream)
        told = [str(await _reply(link, stream, "the greeting", _READY))]
        offered = await self._ehlo(link, stream, alone=wanted.starttls is True)
        if wanted.starttls:
            refusal = await _ask_for_tls(link, stream, offered)
            if refusal is None:
                stream = await link.start_tls(stream)
                # RFC 3207 4.2: what was said before TLS is void.
                await self._ehlo(link, stream)
            elif wanted.starttls == "offered":
                told.append(refusal)
            else:
                raise _refused(stream, refusal)
        stream.send_last(b"QUIT\r\n")
        return Evidence("; ".join(told))

    async def _ehlo(
        self, link: Link, stream: Connection, *, alone: bool = True
    ) -> tuple[str, ...]:
        """What the server offers: nothing if it knows HELO only (RFC 5321 3.2).

        Args:
            link: of the probe.
            stream: the connection.
            alone: whether HELO will not do.
        """
        name = self.helo or _own_name()
        await stream.send(f"EHLO {name}\r\n".encode("ascii"))
        reply = await _any_reply(link, stream)
        if reply.code in _UNKNOWN and not alone:
            await stream.send(f"HELO {name}\r\n".encode("ascii"))
            await _reply(link, stream, "HELO", _DONE)
            return ()
        _check(stream, reply, "EHLO", _DONE)
        return smtp.extensions(reply)


def usual(port: int) -> Wanted:
    """RFC 8314 has submission over TLS alone; an exchanger takes what it gets."""
    return Wanted(port == _SUBMISSIONS, "offered" if port == _EXCHANGE else True)


async def _ask_for_tls(
    link: Link, stream: Connection, offered: tuple[str, ...]
) -> str | None:
    """None if TLS may begin now, else how the server keeps it from us."""
    if "STARTTLS" not in offered:
        return _missing(offered)
    await stream.send(b"STARTTLS\r\n")
    reply = await _any_reply(link, stream)
    if reply.code >= _FIRST_ERROR:
        return f"STARTTLS: {reply}"
    _check(stream, reply, "STARTTLS", _READY)
    return None


async def _reply(
    link: Link, stream: Connection, asked: str, expected: int
) -> smtp.Reply:
    reply = await _any_reply(link, stream)
    _check(stream, reply, asked, expected)
    return reply


async def _any_reply(link: Link, stream: Connection) -> smtp.Reply:
    reader = smtp.ReplyReader()
    link.overdue = reader.overdue
    reply = None
    while reply is None:
        line = await stream.receive_line(smtp.LINE_LIMIT, smtp.begins)
        reply = reader.feed(line)
    return reply


def _check(stream: Connection, reply: smtp.Reply, asked: str, expected: int) -> None:
    """Refuses a reply that is an error, or none to what was asked.

    Raises:
        ProbeError: rejected if the server says no, else malformed.
    """
    if reply.code >= _FIRST_ERROR:
        raise _refused(stream, f"{asked}: {reply}")
    if reply.code != expected:
        raise ProbeError(Reason.MALFORMED, f"{asked}: {reply}, not {expected}")


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
