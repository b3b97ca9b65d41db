"""HTTP/1.1 messages (RFC 9112): one request out, one response head back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exporter import __version__
from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

USER_AGENT = f"connectivity-exporter/{__version__}"
HEAD_LIMIT = 300 * 1024
"""Bytes of a head, interim ones included: what curl takes."""
_LINES = 1000
_ENDLESS = 16
_STATUS_LIMIT = 8192
_BLANK = " \t\r"
# RFC 9112 4, and as curl reads it: the version may lack its minor part, and what
# follows the three digits does not matter.
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+([1-9]\d\d)(?!\d)", re.IGNORECASE)
_BEGINNING = re.compile(
    rb"(?:H(?:T(?:T(?:P(?:/(?:\d(?:\.(?:\d)?)?"
    rb"(?:(?<=\d)[ \t]+(?:[1-9](?:\d(?:\d(?:\D.*)?)?)?)?)?)?)?)?)?)?)?",
    re.IGNORECASE | re.DOTALL,
)
# What browsers take for a redirect without a status: seconds, and where to.
_REFRESH = re.compile(
    r"[\d.]+[ \t]*[;,][ \t]*(?:url[ \t]*=[ \t]*)?[\"']?([^\"']+)", re.IGNORECASE
)
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
    location = _redirect(head)
    if location is None:
        return None
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    # The root's dot is one more way to spell the same host (RFC 3986 3.2.2).
    return (parts.hostname or "").removesuffix(".") if parts.netloc else None


def _redirect(head: Head) -> str | None:
    """Where a client is sent to, by the status or, whatever that is, by Refresh."""
    if head.status // 100 == _REDIRECTION and "location" in head.headers:
        return head.headers["location"]
    refresh = _REFRESH.match(head.headers.get("refresh", ""))
    return refresh[1] if refresh else None


class HeadReader:
    """Takes bytes as they come until a final response's head is complete.

    It takes what curl and browsers take: a status and, as far as they can be told from
    one another, headers. Lines may end in LF alone (RFC 9112 2.2), be folded (5.2) or
    hold anything; a name may have spaces before its colon; of a header that comes
    twice the first counts. How long the body is does not matter here, so what a head
    says of it may contradict itself. Interim responses (1xx, RFC 9110 15.2) are read
    over.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._size = 0
        self._lines = 0
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._last = ""
        self._head: Head | None = None

    def feed(self, data: bytes) -> Head | None:
        """The head once it is complete, None while it is not.

        Raises:
            ProbeError: malformed if this is not HTTP, or a head without an end.
        """
        if self._head is None:
            self._size += len(data)
            *lines, rest = data.split(b"\n")
            for line in lines:
                self._line += line
                self._take(bytes(self._line).rstrip(b"\r"))
                self._line.clear()
                if self._head is not None:
                    return self._head
            self._line += rest
            self.begins(bytes(self._line))
            if self._size > HEAD_LIMIT:
                raise _malformed(f"a head of more than {HEAD_LIMIT} bytes")
        return self._head

    def begins(self, data: bytes) -> None:
        """Whether the bytes of an unfinished line can become one of a head.

        Raises:
            ProbeError: malformed if they cannot.
        """
        if self._status is not None:
            return
        if len(data) > _STATUS_LIMIT or _BEGINNING.fullmatch(data) is None:
            raise _foreign(data)

    def overdue(self, coming: bool) -> ProbeError | None:
        """What it is if header lines still come at the deadline; None for a few."""
        if not coming or self._lines < _ENDLESS:
            return None
        return _malformed(f"{self._lines} header lines, and no end of them")

    def _take(self, line: bytes) -> None:
        if self._status is None:
            self._status = _status(line)
        elif not line:
            self._finish(self._status)
        elif self._lines == _LINES:
            raise _malformed(f"a head of more than {_LINES} lines")
        else:
            self._lines += 1
            self._take_header(line.decode("latin-1"))

    def _take_header(self, line: str) -> None:
        if line[0] in " \t":
            if self._last in self._headers:
                self._headers[self._last] += " " + line.strip(_BLANK)
            return
        name, colon, value = line.partition(":")
        # What comes a second time is read over, and so are its folded lines.
        self._last = name.rstrip(_BLANK).lower()
        if not colon or self._last in self._headers:
            self._last = ""
            return
        self._headers[self._last] = value.strip(_BLANK)

    def _finish(self, status: int) -> None:
        if status // 100 == _INTERIM and status != _SWITCHING:
            self._status, self._headers, self._last = None, {}, ""
        else:
            self._head = Head(status, self._headers)


def _status(line: bytes) -> int:
    match = _STATUS.match(line)
    if match is None:
        raise _foreign(line)
    return int(match[1])


def _foreign(said: bytes) -> ProbeError:
    return _malformed(f"it begins with '{printable(said, 40)}'")


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not an HTTP response: {what}")
