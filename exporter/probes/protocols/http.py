"""HTTP and HTTPS: one request, answered by any status the rule accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.wire.http import HeadReader, redirect_host, request
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Stream
    from exporter.probes.wire.http import Head


@dataclass(frozen=True, slots=True)
class Http(Prober):
    """A request over plain TCP (RFC 9110, RFC 9112); redirects are not followed.

    Attributes:
        method: "GET", or "HEAD" to spare a server the body, which is not read anyway.
        path: request target, beginning with a slash.
        host_header: the Host header, by default the destination.
        expect_status: statuses that count as the intended answer, such as 200 or
            "2xx"; by default any, since any proves that the path is open.
        location: domains that a redirect may lead to, besides the destination
            itself; by default any. A captive portal leads elsewhere.
    """

    method: Literal["GET", "HEAD"] = "GET"
    path: str = "/"
    host_header: str | None = None
    expect_status: tuple[int | str, ...] = ()
    location: tuple[str, ...] = ()
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({80})

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

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A response head with an accepted status is the answer."""
        stream = await self._open(link)
        await stream.send(request(self.method, self.path, self._host(target)))
        reader = HeadReader()
        while (head := reader.feed(await stream.receive())) is None:
            pass
        evidence = Evidence(detail=_describe(head), http_status=head.status)
        if not self._accepts(head.status):
            detail = f"{evidence.detail}, which is not an expected status"
            raise ProbeError(Reason.REJECTED, detail, evidence=evidence)
        if self.location and not self._stays(head, target):
            detail = f"{evidence.detail}, which leads away from this service"
            raise ProbeError(Reason.REJECTED, detail, evidence=evidence)
        return evidence

    async def _open(self, link: Link) -> Stream:
        return await link.connect()

    def _host(self, target: Target) -> str:
        if self.host_header is not None:
            return self.host_header
        name = f"[{target.destination}]" if ":" in target.destination else None
        name = name or target.destination
        return name if target.port in self.default_ports else f"{name}:{target.port}"

    def _accepts(self, status: int) -> bool:
        if not self.expect_status:
            return True
        return (
            status in self.expect_status or f"{status // 100}xx" in self.expect_status
        )

    def _stays(self, head: Head, target: Target) -> bool:
        """Whether a response leads nowhere else than it may."""
        host = redirect_host(head)
        own = host in {None, target.destination}
        return own or any(f".{host}".endswith(f".{name}") for name in self.location)


@dataclass(frozen=True, slots=True)
class Https(Http):
    """The same over TLS, with ALPN http/1.1 (RFC 7301)."""

    default_ports: ClassVar[frozenset[int]] = frozenset({443})

    async def _open(self, link: Link) -> Stream:
        return await link.start_tls(await link.connect(), [b"http/1.1"])


def _describe(head: Head) -> str:
    told = (
        f"{name}: {printable(head.headers[name], 120)}"
        for name in ("server", "location", "via")
        if name in head.headers
    )
    return ", ".join((f"HTTP {head.status}", *told))
