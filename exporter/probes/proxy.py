"""Through an HTTP proxy: CONNECT (RFC 9110 9.3.6), and of whom its answer speaks.

A proxy that refuses is not a destination that refuses. What the proxy says for itself
(no, a password first, nothing at all) has the origin `path`, as of any device between;
only what it reports of the destination counts as the destination's. Squid says in
`X-Squid-Error` what its own connection met with; other proxies leave it at a status.

The head is read line by line and not one byte further: what follows belongs to the
destination, and bytes before a TLS handshake are found out there.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from exporter.model.outcome import INCONCLUSIVE, Origin, ProbeError, Reason
from exporter.model.rule import Expect, Transport
from exporter.probes.wire.http import HEAD_LIMIT, USER_AGENT, HeadReader
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from exporter.model.endpoint import Endpoint
    from exporter.model.rule import Rule
    from exporter.probes.stream import Stream
    from exporter.probes.wire.http import Head

_PASSWORD = 407
# RFC 9110 15.5.4, RFC 7725: what a proxy says of a policy. Other statuses may be those
# of a failure of its own, or of a web server that is no proxy.
_FORBIDDEN = frozenset({403, 451})
_UPSTREAM = frozenset({502, 503, 504})
# What Squid says of its own connection, under whatever status: 5.7 answers a CONNECT
# to a name that does not resolve with 500 and ERR_CANNOT_FORWARD.
_SQUID_UPSTREAM = ("ERR_CONNECT_FAIL", "ERR_DNS_FAIL", "ERR_CANNOT_FORWARD")
_SQUID_DENIED = "ERR_ACCESS_DENIED"
_GATEWAY_TIMEOUT = 504
_BY_ERRNO = {
    errno.ECONNREFUSED: (Reason.REFUSED, "its connection was refused"),
    errno.ETIMEDOUT: (Reason.TIMEOUT, "its connection got no answer"),
    errno.EHOSTUNREACH: (Reason.HOST_UNREACHABLE, "the host is unreachable from it"),
    errno.ENETUNREACH: (Reason.NETWORK_UNREACHABLE, "it has no way to the network"),
}


async def connect(stream: Stream, destination: Endpoint) -> Head:
    """Asks a proxy for a connection; returns the head of its answer, whatever it says.

    Raises:
        ProbeError: what came is no HTTP response, or an endless one.
    """
    ask = f"CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n"
    await stream.send(f"{ask}User-Agent: {USER_AGENT}\r\n\r\n".encode("ascii"))
    reader = HeadReader()
    head = None
    while head is None:
        line = await stream.receive_line(HEAD_LIMIT, reader.begins)
        head = reader.feed(line + b"\r\n")
    return head


def check(head: Head, proxy: Endpoint) -> None:
    """Whether the connection stands.

    Raises:
        ProbeError: rejected if the proxy does not want to, else what it reports of
            the destination.
    """
    if head.status // 100 == 2:  # noqa: PLR2004 - 2xx, RFC 9110 15.3
        return
    squid = head.headers.get("x-squid-error", "")
    told = f"HTTP {head.status}" + (f", {printable(squid, 60)}" if squid else "")
    if head.status in _UPSTREAM or squid.startswith(_SQUID_UPSTREAM):
        reason, says = _upstream(head.status, squid)
        origin = Origin.DESTINATION if reason is Reason.REFUSED else Origin.NOBODY
        detail = f"the proxy {proxy} cannot reach the destination: {says} ({told})"
        raise ProbeError(reason, detail, origin=origin)
    says = "does not make this connection"
    if head.status == _PASSWORD:
        says = "wants a password, and the exporter has none"
    elif head.status in _FORBIDDEN or squid.startswith(_SQUID_DENIED):
        says = "does not allow this connection"
    detail = f"the proxy {proxy} {says} ({told})"
    raise ProbeError(Reason.REJECTED, detail, origin=Origin.PATH)


def blamed(error: ProbeError, proxy: Endpoint, *, accepted: bool) -> ProbeError:
    """What went wrong on the way to the proxy or with it, said of the proxy.

    `accepted` says that it had taken the connection.
    """
    if error.reason in INCONCLUSIVE:
        return error
    said = "took the connection, and then" if accepted else "is not reached"
    origin = error.origin
    nobody = error.reason is Reason.TIMEOUT or origin is Origin.SELF
    return ProbeError(
        error.reason,
        f"the proxy {proxy} {said}: {error.detail}",
        origin=origin if nobody else Origin.PATH,
        icmp=error.icmp,
        broken=error.broken,
    )


def _upstream(status: int, squid: str) -> tuple[Reason, str]:
    """The reason, and how the proxy's own connection ended."""
    if squid.startswith("ERR_DNS_FAIL"):
        return Reason.DNS_FAILURE, "it cannot resolve the name"
    if squid.startswith("ERR_CANNOT_FORWARD"):
        return Reason.HOST_UNREACHABLE, "it finds no such name, or no way there"
    code = re.fullmatch(r"ERR_[A-Z_]{1,40} ([0-9]{1,4})", squid)
    if code is not None and int(code[1]) in _BY_ERRNO:
        return _BY_ERRNO[int(code[1])]
    if status == _GATEWAY_TIMEOUT:
        return Reason.TIMEOUT, "it got no answer"
    return Reason.HOST_UNREACHABLE, "it does not say why"


def proxy_for(rule: Rule, proxy: Endpoint | None) -> Endpoint | None:
    """The proxy that a rule goes through, of a site that has one.

    A rule that must be denied asks about the direct path, as no proxy would.
    """
    proxied = proxy is not None and rule.public and rule.transport is Transport.TCP
    return proxy if proxied and rule.expect is Expect.ALLOW else None
