"""PostgreSQL before the login: SSLRequest, its one-octet answer, and error messages.

PostgreSQL's documentation: Frontend/Backend Protocol, 55.2.10 (SSL session encryption),
55.7 (message formats), 55.8 (error fields). Nothing of a login is here.
"""

from __future__ import annotations

import re
import struct
from enum import Enum

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

# A length, itself included, and a code in the place of a protocol's version.
SSL_REQUEST = struct.pack(">II", 8, 80877103)
"""The question whether TLS may begin."""
ERROR_LIMIT = 8192
"""Octets of an error message that are read; real ones have some hundred."""

_HEAD = 4
# Text of messages as they were before version 3 of the protocol, ended by NUL. A server
# that cannot start a process for us still says so like this.
_OLD = re.compile(rb"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")
# Error fields (55.8) by their type: SQLSTATE code and message.
_CODE = b"C"
_MESSAGE = b"M"


class Answer(Enum):
    """What a server says to SSLRequest."""

    TLS = b"S"
    PLAIN = b"N"
    ERROR = b"E"


def parse_answer(octet: bytes) -> Answer:
    """The answer that one octet is.

    Raises:
        ProbeError: malformed if it is none.
    """
    try:
        return Answer(octet)
    except ValueError:
        raise _malformed(f"it says '{printable(octet)}'") from None


class ErrorReader:
    """Takes what follows the E of an error until its text is complete."""

    def __init__(self) -> None:
        self._said = b""

    def feed(self, data: bytes) -> str | None:
        """The error's text, printable, once it is complete; else None.

        Raises:
            ProbeError: malformed if this is no error message.
        """
        self._said += data
        if len(self._said) > ERROR_LIMIT:
            raise _malformed(f"an error of more than {ERROR_LIMIT} octets")
        if self._said[:1] == b"\0":
            return self._fields()
        return self._old()

    def _old(self) -> str | None:
        text, end, _ = self._said.partition(b"\0")
        if _OLD.fullmatch(text) is None:
            raise _malformed(f"an error '{printable(text, 60)}'")
        return printable(text.strip()) if end else None

    def _fields(self) -> str | None:
        if len(self._said) < _HEAD:
            return None
        size = int.from_bytes(self._said[:_HEAD])
        if not _HEAD < size <= ERROR_LIMIT:
            raise _malformed(f"an error of {size} octets")
        if len(self._said) < size:
            return None
        return _text(self._said[_HEAD:size])


def _text(body: bytes) -> str:
    """Message and SQLSTATE code of an error's fields, each ended by NUL."""
    fields = {one[:1]: one[1:] for one in body.split(b"\0") if one}
    if _MESSAGE not in fields:
        raise _malformed("an error without a message")
    code = f" ({printable(fields[_CODE], 5)})" if _CODE in fields else ""
    return printable(fields[_MESSAGE]) + code


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not PostgreSQL: {what}")
