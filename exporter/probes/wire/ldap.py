"""LDAP messages (RFC 4511): StartTLS and one search of the rootDSE, and their outcomes.

The rootDSE (RFC 4512 5.1) is what a directory tells about itself to anybody; it
needs no bind. Reading takes bytes as they come, since TLS hands them over in pieces
of its own; over UDP (RFC 1798) a datagram holds all of an answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import ber
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTRIBUTES = ("dnsHostName", "defaultNamingContext", "supportedLDAPVersion")
"""What the search asks for: who answers, for which domain, in which versions."""

_SEARCH_ID = 1
_UNBIND_ID = 2
_START_TLS_ID = 3
_SUCCESS = 0
_SEARCH_REQUEST = 0x63
_UNBIND_REQUEST = 0x42
_PRESENT_FILTER = 0x87
_SEARCH_ENTRY = 0x64
_SEARCH_DONE = 0x65
_SEARCH_REFERENCE = 0x73
_EXTENDED_REQUEST = 0x77
_EXTENDED_RESPONSE = 0x78
_REQUEST_NAME = 0x80
# RFC 4511 4.14.1: LDAPOID of the StartTLS operation.
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_MESSAGES = 32
_TIME_LIMIT = 5
_BASE_OBJECT = 0
_NEVER_DEREF = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended.

    `result` is a result code (RFC 4511 4.1.9), `message` its diagnostic text and
    `attributes` those of the last entry, in lower case, with printable values.
    """

    result: int
    message: str
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether the server did what it was asked to."""
        return self.result == _SUCCESS

    def __str__(self) -> str:
        """The result in a few words."""
        return f"result {self.result} {self.message}".rstrip()


def search() -> bytes:
    """A search of the rootDSE alone, for `ATTRIBUTES` (RFC 4511 4.5.1)."""
    asked = (ber.encode(ber.OCTET_STRING, name.encode("ascii")) for name in ATTRIBUTES)
    request = ber.encode(
        _SEARCH_REQUEST,
        ber.encode(ber.OCTET_STRING),
        ber.integer(_BASE_OBJECT, ber.ENUMERATED),
        ber.integer(_NEVER_DEREF, ber.ENUMERATED),
        ber.integer(0),
        ber.integer(_TIME_LIMIT),
        ber.encode(0x01, b"\0"),
        ber.encode(_PRESENT_FILTER, b"objectClass"),
        ber.encode(ber.SEQUENCE, *asked),
    )
    return ber.encode(ber.SEQUENCE, ber.integer(_SEARCH_ID), request)


def start_tls() -> bytes:
    """A request to go on in TLS (RFC 4511 4.14.1)."""
    request = ber.encode(_EXTENDED_REQUEST, ber.encode(_REQUEST_NAME, _START_TLS))
    return ber.encode(ber.SEQUENCE, ber.integer(_START_TLS_ID), request)


def unbind() -> bytes:
    """The client's orderly end (RFC 4511 4.3)."""
    return ber.encode(
        ber.SEQUENCE, ber.integer(_UNBIND_ID), ber.encode(_UNBIND_REQUEST)
    )


class Reader(ABC):
    """Takes bytes as they come until the one operation asked for has ended."""

    identifier: int

    def __init__(self) -> None:
        self._buffer = b""
        self._messages = 0

    def feed(self, data: bytes) -> Outcome | None:
        """The outcome once it is there, None while it is not.

        Raises:
            ProbeError: malformed if this is not LDAP, rejected if the server
                announces that it ends the session (RFC 4511 4.4.1).
        """
        self._buffer += data
        while (message := self._next()) is not None:
            outcome = self._read(message)
            if outcome is not None:
                return outcome
        return None

    def _next(self) -> bytes | None:
        # Else text would be taken for the head of a long message and waited for.
        if self._buffer and self._buffer[0] != ber.SEQUENCE:
            raise _malformed(f"a message begins with {printable(self._buffer, 40)}")
        size = ber.measure(self._buffer)
        if size is None or len(self._buffer) < size:
            return None
        message, self._buffer = self._buffer[:size], self._buffer[size:]
        return message

    def _read(self, message: bytes) -> Outcome | None:
        self._messages += 1
        if self._messages > _MESSAGES:
            raise _malformed("no end to the answer")
        parts = ber.children(ber.expect(ber.whole(message), ber.SEQUENCE))
        # A third part, controls, may follow (RFC 4511 4.1.1).
        if len(parts) not in {2, 3}:
            raise _malformed(f"a message of {len(parts)} parts")
        identifier, operation = ber.number(parts[0]), parts[1]
        if identifier == 0 and operation.tag == _EXTENDED_RESPONSE:
            ending = _result(operation)
            detail = f"the server ends the session: {ending.result} {ending.message}"
            raise ProbeError(Reason.REJECTED, detail.rstrip())
        if identifier != self.identifier:
            raise _malformed(f"message id {identifier}, which was never sent")
        return self._take(operation)

    @abstractmethod
    def _take(self, operation: ber.Element) -> Outcome | None:
        """Takes in one response; the outcome if it is the last."""


class SearchReader(Reader):
    """Reads what comes for `search`."""

    identifier = _SEARCH_ID

    def __init__(self) -> None:
        super().__init__()
        self._attributes: Mapping[str, tuple[str, ...]] = {}

    def _take(self, operation: ber.Element) -> Outcome | None:
        if operation.tag == _SEARCH_DONE:
            ending = _result(operation)
            return Outcome(ending.result, ending.message, self._attributes)
        if operation.tag == _SEARCH_ENTRY:
            self._attributes = _entry(operation)
        elif operation.tag != _SEARCH_REFERENCE:
            raise _malformed(f"operation {operation.tag:#x} in answer to a search")
        return None


class StartTlsReader(Reader):
    """Reads what comes for `start_tls`.

    What follows a yes in the same breath was sent before TLS and may be anybody's:
    it is `malformed`.
    """

    identifier = _START_TLS_ID

    def _take(self, operation: ber.Element) -> Outcome | None:
        if operation.tag != _EXTENDED_RESPONSE:
            raise _malformed(f"operation {operation.tag:#x} in answer to StartTLS")
        ending = _result(operation)
        if ending.succeeded and self._buffer:
            raise ProbeError(Reason.MALFORMED, "data sent before the TLS handshake")
        return ending


def datagram(data: bytes) -> Outcome:
    """What a search over UDP brought (RFC 1798 3).

    Raises:
        ProbeError: as a `Reader`, and malformed if the end of the search is not there.
    """
    outcome = SearchReader().feed(data)
    if outcome is None:
        raise _malformed(f"a datagram of {len(data)} bytes that ends too soon")
    return outcome


def _result(operation: ber.Element) -> Outcome:
    """LDAPResult: resultCode, matchedDN, diagnosticMessage (RFC 4511 4.1.9)."""
    parts = ber.children(operation)
    if len(parts) < 3:  # noqa: PLR2004 - the three fields named above
        raise _malformed(f"a result of {len(parts)} parts")
    message = ber.expect(parts[2], ber.OCTET_STRING).content
    return Outcome(ber.number(parts[0], ber.ENUMERATED), printable(message))


def _entry(operation: ber.Element) -> Mapping[str, tuple[str, ...]]:
    """SearchResultEntry: objectName, attributes (RFC 4511 4.5.2)."""
    parts = ber.children(operation)
    if len(parts) != 2:  # noqa: PLR2004 - the two fields named above
        raise _malformed(f"an entry of {len(parts)} parts")
    attributes = ber.children(ber.expect(parts[1], ber.SEQUENCE))
    return dict(_attribute(attribute) for attribute in attributes)


def _attribute(attribute: ber.Element) -> tuple[str, tuple[str, ...]]:
    parts = ber.children(ber.expect(attribute, ber.SEQUENCE))
    if len(parts) != 2:  # noqa: PLR2004 - type and values (RFC 4511 4.1.7)
        raise _malformed(f"an attribute of {len(parts)} parts")
    name = printable(ber.expect(parts[0], ber.OCTET_STRING).content).lower()
    values = ber.children(ber.expect(parts[1], ber.SET))
    return name, tuple(
        printable(ber.expect(value, ber.OCTET_STRING).content) for value in values
    )


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not LDAP: {what}")
