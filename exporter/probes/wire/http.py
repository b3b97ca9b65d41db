"""HTTP/1.1 messages (RFC 9112): one request out, one response head back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httptools

from exporter import __version__
from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

USER_AGENT = f"connectivity-exporter/{__version__}"
_PROTOCOL = b"HTTP/"
_INTERIM = 1
_SWITCHING = 101
_REDIRECTION = 3


@dataclass(frozen=True, slots=True)
class Head:
    """A final response's status and headers (names in lower case)."""

    status: int
    headers: Mapping[str, str]


def request(method: str, target: str, host: str) -> bytes:
    """A request without body that asks the peer to close afterwards."""
    return (
        f"{method} {target} HTTP/1.1\r\n"
        f"Host: {host}\r\n"
        f"User-Agent: {USER_AGENT}\r\n"
        "Accept: */*\r\n"
        "Connection: close\r\n\r\n"
    ).encode("ascii")


def redirect_host(head: Head) -> str | None:
    """The host that a redirect (RFC 9110 15.4) leads to, in lower case.

    None where there is no redirect, or one that names no host: it stays on this one.
    A location that cannot be understood leads to nowhere, the empty host.
    """
    location = head.headers.get("location")
    if head.status // 100 != _REDIRECTION or location is None:
        return None
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    return parts.hostname if parts.netloc else None


class HeadReader:
    """Takes bytes as they come until a final response's head is complete.

    Interim responses (1xx, RFC 9110 15.2) are read over. A status that no class has is
    final: it counts as a server's error (RFC 9110 15).
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._start = b""
        self._headers: dict[str, str] = {}
        self._head: Head | None = None

    def feed(self, data: bytes) -> Head | None:
        """The head once it is complete, None while it is not.

        Raises:
            ProbeError: malformed if this is not HTTP.
        """
        if self._head is None:
            self._check_start(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade:
                pass  # 101 ends HTTP; the head was complete before it
            except httptools.HttpParserError as error:
                if self._head is None:
                    detail = f"not an HTTP response: {error}"
                    raise ProbeError(Reason.MALFORMED, detail) from error
        return self._head

    def _check_start(self, data: bytes) -> None:
        # The parser takes RTSP's responses as well.
        self._start += data[: len(_PROTOCOL) - len(self._start)]
        if not _PROTOCOL.startswith(self._start):
            detail = f"not an HTTP response: it begins with {printable(data, 40)}"
            raise ProbeError(Reason.MALFORMED, detail)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Called by the parser at the end of a head."""
        status = self._parser.get_status_code()
        if status // 100 == _INTERIM and status != _SWITCHING:
            self._headers = {}
        else:
            self._head = self._head or Head(status, self._headers)
