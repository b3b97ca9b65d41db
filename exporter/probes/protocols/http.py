"""HTTP and HTTPS: one request, answered by any status the rule accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.client_certificate import ASKS, INSISTS, is_refused
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.wire.http import HeadReader, redirect_host, request
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Connection
    from exporter.probes.wire.http import Head

_SUCCESSFUL = 2
_CLIENT_ERROR = 4
_SERVER_ERROR = 5
_BLOCKING = frozenset({403, 407, 429, 451})
_PAGES = ("text/html", "application/xhtml")


@dataclass(frozen=True, slots=True)
class Http(Prober):
    """A request over plain TCP (RFC 9110, RFC 9112); redirects are not followed.

    Attributes:
        method: "GET", or "HEAD" to spare a server the body, which is not read anyway.
        path: request target, beginning with a slash.
        host_header: the Host header, by default the destination.
        expect_status: statuses that count as the intended answer, such as 200 or
            "2xx"; by default any, since any proves that the path is open. For a
            `public` rule over plain HTTP, where anybody on the path can answer, it
            is any but those of block pages: 403, 407, 429, 451 and 5xx.
        location: domains that a redirect may lead to, besides the destination
            itself; by default any, but for a `public` rule none. A captive portal
            leads elsewhere.
        html: whether a successful answer may be an HTML page, as those of captive
            portals are; false where the service answers with data.
        header: what each answer of this service has and others have not: a header's
            name, or name, colon and a part of its value; by default nothing.
    """

    method: Literal["GET", "HEAD"] = "GET"
    path: str = "/"
    host_header: str | None = None
    expect_status: tuple[int | str, ...] = ()
    location: tuple[str, ...] = ()
    html: bool = True
    header: str = ""
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({80})
    _anybody: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses what would not stay one line of a request.

        Raises:
            ValueError: saying what is allowed.
        """
        if not re.fullmatch(r"/[!-~]*", self.path):
            raise ValueError("path must begin with / and hold no spaces")
        if not re.fullmatch(r"[!-~]+", self.host_header or "-"):
            raise ValueError("host_header must hold no spaces")
        for status in self.expect_status:
            if not re.fullmatch(r"[1-5](\d\d|xx)", str(status)):
                raise ValueError("expect_status must hold statuses such as 200 or 2xx")
        for domain in self.location:
            if not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:]+", domain):
                raise ValueError("location must hold domains such as example.com")
        if not re.fullmatch(r"|[\w-]+(:[ -~]+)?", self.header, re.ASCII):
            raise ValueError("header must be a name, or `name: part of its value`")

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A response head with an accepted status is the answer."""
        stream = await self._open(link)
        await stream.send(request(self.method, self.path, self._host(target)))
        reader = HeadReader()
        link.overdue = reader.overdue
        while (head := reader.feed(came := await stream.receive())) is None:
            pass
        detail = _describe(head)
        if wanted := _wants(stream, head, came):
            detail = f"{detail}, {wanted}"
        evidence = Evidence(detail=detail, http_status=head.status)
        if wanted == INSISTS:
            return evidence
        if objection := self._objection(head, target):
            detail = f"{evidence.detail}, {objection}"
            raise ProbeError(Reason.REJECTED, detail, evidence=evidence)
        return evidence

    async def _open(self, link: Link) -> Connection:
        return await link.connect()

    def _host(self, target: Target) -> str:
        if self.host_header is not None:
            return self.host_header
        name = f"[{target.destination}]" if ":" in target.destination else None
        name = name or target.destination
        return name if target.port in self.default_ports else f"{name}:{target.port}"

    def _objection(self, head: Head, target: Target) -> str:
        """Why this is not the service's own answer; empty if it may be."""
        anybody = self._anybody and target.rule.public
        if not self._accepts(head.status):
            return "which is not an expected status"
        if anybody and not self.expect_status and _blocks(head.status):
            return (
                "as a device on the path says too that blocks it; what the service "
                "answers itself belongs into expect_status"
            )
        if (self.location or anybody) and not self._stays(head, target):
            return "which leads away from this service"
        if self.header and not _has(head, self.header):
            return f"without the header that this service sends: {self.header}"
        if not self.html and _is_page(head):
            return "an HTML page, which this service does not answer with"
        return ""

    def _accepts(self, status: int) -> bool:
        if not self.expect_status:
            return True
        return (
            status in self.expect_status or f"{status // 100}xx" in self.expect_status
        )

    def _stays(self, head: Head, target: Target) -> bool:
        """Whether a response leads nowhere else than it may."""
        host = redirect_host(head)
        own = {target.destination, self.host_header}
        if host is None or any(_same_site(host, name) for name in own if name):
            return True
        return any(f".{host}".endswith(f".{name}") for name in self.location)


@dataclass(frozen=True, slots=True)
class Https(Http):
    """The same over TLS, with ALPN http/1.1 (RFC 7301)."""

    default_ports: ClassVar[frozenset[int]] = frozenset({443})
    speaks_tls: ClassVar[bool] = True
    _anybody: ClassVar[bool] = False

    async def _open(self, link: Link) -> Connection:
        return await link.start_tls(await link.connect(), [b"http/1.1"])


def _blocks(status: int) -> bool:
    """Whether filters, portals and proxies answer so in a service's place."""
    return status in _BLOCKING or status // 100 == _SERVER_ERROR


def _same_site(one: str, other: str) -> bool:
    """Whether two hosts are one, but for a `www.` in front."""
    other = other.removesuffix(".")
    return one.removeprefix("www.") == other.removeprefix("www.")


def _wants(stream: Connection, head: Head, came: bytes) -> str:
    """What a server that refused the request says of a client certificate.

    Args:
        stream: where the answer came from.
        head: of the answer.
        came: what came together with the end of the head.
    """
    if head.status // 100 != _CLIENT_ERROR or not stream.asks_certificate:
        return ""
    return INSISTS if is_refused(head.status, came) else ASKS


def _has(head: Head, wanted: str) -> bool:
    name, _, part = wanted.partition(":")
    value = head.headers.get(name.lower())
    return value is not None and part.strip().lower() in value.lower()


def _is_page(head: Head) -> bool:
    successful = head.status // 100 == _SUCCESSFUL
    kind = head.headers.get("content-type", "").lower()
    return successful and kind.startswith(_PAGES)


def _describe(head: Head) -> str:
    told = (
        f"{name}: {printable(head.headers[name], 120)}"
        for name in ("server", "location", "refresh", "via")
        if name in head.headers
    )
    return ", ".join((f"HTTP {head.status}", *told))
