"""IMAP responses (RFC 9051 7, RFC 3501 7): lines, until the one with the command's tag.

Nothing is asked for that would be answered with a literal, so every response is a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

LINE_LIMIT = 8192
"""Octets of a line, as many as servers are advised to take (RFC 7162 4)."""
_LINES = 128
_ENDLESS = 32
_UNTAGGED = b"* "
_GREETINGS = (b"* OK", b"* PREAUTH", b"* BYE")
# RFC 9051 9, resp-cond: a status, perhaps a code in brackets, and text for people.
_STATUS = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: +(?:\[[^\]\r\n]*\] *)?(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_CAPABILITY = re.compile(rb"CAPABILITY (.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Response:
    """How a command ended: status in upper case, its text, printable, and what it can.

    `capabilities` are those of CAPABILITY responses on the way, in upper case.
    """

    status: str
    text: str
    capabilities: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.status} {self.text}".rstrip()


class ResponseReader:
    """Takes line after line until a command has ended.

    Args:
        tag: the command's; empty for the greeting, which answers none.
    """

    def __init__(self, tag: str = "") -> None:
        self._last = f"{tag} ".encode("ascii") if tag else _UNTAGGED
        due = (_UNTAGGED, self._last) if tag else _GREETINGS
        self._due = tuple(one.upper() for one in due)
        self._lines = 0
        self._capabilities: list[str] = []

    def begins(self, data: bytes) -> None:
        """Whether the bytes of an unfinished line can become one that is due.

        Raises:
            ProbeError: malformed if they cannot.
        """
        if not any(_agree(data, one) for one in self._due):
            raise _no_line(data)

    def feed(self, line: bytes) -> Response | None:
        """The end of the command if `line`, without its line end, is it; else None.

        Raises:
            ProbeError: malformed if this is no line of IMAP, rejected if the server
                ends the session (RFC 9051 7.1.5).
        """
        if not line.upper().startswith(self._due):
            raise _no_line(line)
        self._lines += 1
        if self._lines > _LINES:
            raise _malformed(f"a response of more than {_LINES} lines")
        last = line[: len(self._last)].upper() == self._last.upper()
        status = _status(line[len(self._last if last else _UNTAGGED) :])
        if status is not None and status.status == "BYE":
            raise ProbeError(Reason.REJECTED, f"the server says: {status}")
        if last:
            if status is None:
                raise _no_line(line)
            return Response(status.status, status.text, tuple(self._capabilities))
        self._note_capabilities(line)
        return None

    def overdue(self, coming: bool) -> ProbeError | None:
        """What it is if lines still come at the deadline; None for a few."""
        if not coming or self._lines < _ENDLESS:
            return None
        return _malformed(f"a response of {self._lines} lines, and no end of them")

    def _note_capabilities(self, line: bytes) -> None:
        if found := _CAPABILITY.fullmatch(line.removeprefix(_UNTAGGED)):
            self._capabilities += printable(found[1], LINE_LIMIT).upper().split()


def _status(said: bytes) -> Response | None:
    found = _STATUS.fullmatch(said)
    if found is None:
        return None
    return Response(found[1].decode("ascii").upper(), printable(found[2] or b""))


def _agree(data: bytes, due: bytes) -> bool:
    """Whether what came begins what is due, or goes on after it."""
    size = min(len(data), len(due))
    return data[:size].upper() == due[:size]


def _no_line(data: bytes) -> ProbeError:
    return _malformed(f"a line {printable(data, 60)}")


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not IMAP: {what}")
