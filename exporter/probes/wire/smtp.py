"""SMTP replies (RFC 5321 4.2): lines in, one reply out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

LINE_LIMIT = 8192
"""Octets of a line: RFC 5321 4.5.3.1.5 allows 512, and clients take this many."""
_LINES = 1024
_ENDLESS = 32
_BEGINNING = re.compile(rb"[2-5](?:[0-5](?:[0-9](?:[ \r\n-].*)?)?)?", re.DOTALL)
_LINE = re.compile(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply's code and the text of its lines, printable."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {self.lines[0]}".rstrip()


def begins(data: bytes) -> None:
    """Whether the bytes of an unfinished line can become one of a reply.

    Raises:
        ProbeError: malformed if they cannot.
    """
    if _BEGINNING.fullmatch(data) is None:
        raise _malformed(f"a line {printable(data, 60)}")


class ReplyReader:
    """Takes line after line until a reply is complete."""

    def __init__(self) -> None:
        self._code: int | None = None
        self._lines: list[str] = []

    def feed(self, line: bytes) -> Reply | None:
        """The reply if `line`, without its line end, is its last; else None.

        Raises:
            ProbeError: malformed if this is no line of one SMTP reply.
        """
        match = _LINE.fullmatch(line)
        if match is None:
            raise _malformed(f"a line {printable(line, 60)}")
        code, separator, text = int(match[1]), match[2], match[3] or b""
        if self._code not in {None, code}:
            raise _malformed(f"code {code} within a reply {self._code}")
        if len(self._lines) == _LINES:
            raise _malformed(f"a reply of more than {_LINES} lines")
        self._code = code
        self._lines.append(printable(text))
        return None if separator == b"-" else Reply(code, tuple(self._lines))

    def overdue(self, coming: bool) -> ProbeError | None:
        """What it is if lines still come at the deadline; None for a few."""
        if not coming or len(self._lines) < _ENDLESS:
            return None
        return _malformed(f"a reply of {len(self._lines)} lines, and no end of them")


def extensions(reply: Reply) -> tuple[str, ...]:
    """The keywords an EHLO reply offers (RFC 5321 4.1.1.1), in upper case."""
    return tuple(line.split(" ", 1)[0].upper() for line in reply.lines[1:])


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not SMTP: {what}")
