"""SSH identification lines (RFC 4253 4.2), and what else comes in their place.

A server may say other lines before its own, so nearly any text can begin SSH. What
cannot is binary, or the greeting of another protocol; there is no point in waiting
for more of it. And a server that takes no connection at present says so in plain
words: OpenSSH does before its identification.
"""

from __future__ import annotations

import re

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

LINE_LIMIT = 8192
"""Bytes of a line before the identification: what OpenSSH's client takes."""
_IDENTIFICATION_LIMIT = 255
_LINES_BEFORE = 1024
_IDENTIFICATIONS = (b"SSH-2.0-", b"SSH-1.99-")
_ANY_VERSION = b"SSH-"
_SHOWN = 60
# Greetings of FTP, SMTP and NNTP; HTTP and its kin; POP3, IMAP, VNC; markup.
_OTHERS = re.compile(
    rb"(?:120|20[01]|220|4\d\d|5\d\d)[ -]|(?:HTTP|RTSP|SIP)/|\+OK|-ERR"
    rb"|\* (?:OK|BYE|PREAUTH)|RFB \d|<(?:!doctype|html|\?xml)",
    re.IGNORECASE,
)
# What begins TLS, telnet and other binary. NUL ends what OpenSSH's client reads.
_BINARY = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\xff]")
# OpenSSH's own words, said before it closes.
_REFUSALS = (b"Exceeded MaxStartups", b"Not allowed at this time")
# What others say when they close: TCP wrappers, appliances, load balancers.
_REFUSING = re.compile(
    rb"exceed|not allowed|not welcome|not permitted|too many|refus|denied|reject"
    rb"|block|banned|busy|try again|maximum|limit|unavailable|forbidden|no more"
    rb"|maintenance|shut ?down|disabled",
    re.IGNORECASE,
)


class GreetingReader:
    """Takes line after line until the server has identified itself."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def begins(self, data: bytes) -> None:
        """Whether the bytes of an unfinished line can become one of a greeting.

        Raises:
            ProbeError: malformed if they cannot.
        """
        binary = b"\0" in data or (not self._lines and _BINARY.match(data))
        if binary or _OTHERS.match(data):
            raise _malformed(data)

    def feed(self, line: bytes) -> str | None:
        """The identification if `line`, without its line end, is it; else None.

        Raises:
            ProbeError: malformed if this is not SSH, rejected if the server says
                that it takes no connection.
        """
        if line.startswith(_IDENTIFICATIONS) and len(line) <= _IDENTIFICATION_LIMIT:
            return printable(line)
        if line.startswith(_REFUSALS):
            raise _rejected(line)
        self.begins(line)
        self._lines.append(line)
        if line.startswith(_ANY_VERSION) or len(self._lines) == _LINES_BEFORE:
            raise _malformed(line)
        return None

    def overdue(self, _coming: bool) -> ProbeError | None:
        """What it is if lines came, but no identification; None without a line."""
        return _malformed(self._lines[0]) if self._lines else None


def refusal(said: bytes) -> ProbeError | None:
    """The refusal that `said` states, all that came before the end; None if none."""
    return _rejected(said) if _REFUSING.search(said) else None


def _rejected(said: bytes) -> ProbeError:
    return ProbeError(Reason.REJECTED, f"the server says: {printable(said.strip())}")


def _malformed(said: bytes) -> ProbeError:
    detail = f"not SSH: it says '{printable(said, _SHOWN)}'"
    return ProbeError(Reason.MALFORMED, detail)
