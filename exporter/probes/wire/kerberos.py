"""Kerberos 5 messages (RFC 4120): one AS-REQ out, a KRB-ERROR or AS-REP back.

The request carries no pre-authentication data, so it tries no password and can
lock nobody out. Nearly every KDC refuses it with a KRB-ERROR, which has the KDC's
clock in it; the rare AS-REP proves as much, and the ticket in it is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import ber
from exporter.probes.wire.text import printable

_VERSION = 5
_AS_REQ = 10
_AS_REP = 11
_KRB_ERROR = 30
_TAG_AS_REQ = 0x6A
_TAG_AS_REP = 0x6B
_TAG_KRB_ERROR = 0x7E
_NT_PRINCIPAL = 1
_NT_SRV_INST = 2
_NO_OPTIONS = bytes(5)  # a BIT STRING: no unused bits, 32 flags off
_TILL = b"20370913024805Z"
# aes256-cts, aes128-cts (RFC 3962), rc4-hmac (RFC 4757): what domains of any age know.
_ETYPES = (18, 17, 23)
_MICROSECONDS = 1_000_000
NONCE_BITS = 31
"""Bits of a nonce: every implementation takes it for a positive Int32."""
LENGTH = 4
"""Octets of the length before a message over TCP (RFC 4120 7.2.2)."""

# RFC 4120 7.5.9, RFC 6806: codes a KDC may give to this request.
_CODES = {
    6: "client unknown",
    7: "server unknown",
    9: "no key for the client",
    12: "policy refuses",
    14: "no common encryption type",
    18: "client revoked",
    23: "password expired",
    25: "pre-authentication required",
    52: "answer too big for UDP",
    60: "generic error",
    68: "wrong realm",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a KDC said.

    `code` is the KRB-ERROR's, None for an AS-REP; `server_time` the KDC's clock as
    a Unix time, known from a KRB-ERROR only; `text` its e-text.
    """

    realm: str
    code: int | None = None
    server_time: float | None = None
    text: str = ""

    @property
    def meaning(self) -> str:
        """The answer in a few words."""
        if self.code is None:
            return "AS-REP: the principal needs no pre-authentication"
        return f"KRB-ERROR {self.code} ({_CODES.get(self.code, self.text or 'other')})"


def request(realm: str, principal: str, nonce: int) -> bytes:
    """An AS-REQ for a ticket-granting ticket (RFC 4120 5.4.1).

    Args:
        realm: in ASCII.
        principal: one component, in ASCII.
        nonce: `NONCE_BITS` random bits.
    """
    body = ber.encode(
        ber.SEQUENCE,
        ber.context(0, ber.encode(ber.BIT_STRING, _NO_OPTIONS)),
        ber.context(1, _name(_NT_PRINCIPAL, principal)),
        ber.context(2, _string(realm)),
        ber.context(3, _name(_NT_SRV_INST, "krbtgt", realm)),
        ber.context(5, ber.encode(ber.GENERALIZED_TIME, _TILL)),
        ber.context(7, ber.integer(nonce)),
        ber.context(8, ber.encode(ber.SEQUENCE, *map(ber.integer, _ETYPES))),
    )
    message = ber.encode(
        ber.SEQUENCE,
        ber.context(1, ber.integer(_VERSION)),
        ber.context(2, ber.integer(_AS_REQ)),
        ber.context(4, body),
    )
    return ber.encode(_TAG_AS_REQ, message)


def frame(message: bytes) -> bytes:
    """A message as it goes over TCP (RFC 4120 7.2.2)."""
    return len(message).to_bytes(LENGTH) + message


def frame_begins(data: bytes) -> None:
    """Whether the length before a message can begin with `data`.

    Raises:
        ProbeError: malformed if it cannot.
    """
    if int.from_bytes(data.ljust(LENGTH, b"\0")) > ber.LIMIT:
        raise _malformed(f"a message begins with {printable(data)}")


def begins(data: bytes) -> None:
    """Whether an answer can begin with `data`, one octet at the least.

    Raises:
        ProbeError: malformed if it cannot.
    """
    if data[0] not in {_TAG_KRB_ERROR, _TAG_AS_REP}:
        raise _malformed(f"tag {data[0]:#x} in answer to an AS-REQ")


def frame_length(head: bytes) -> int:
    """How many octets follow the `LENGTH` octets before a message over TCP."""
    size = int.from_bytes(head)
    if not 0 < size <= ber.LIMIT:
        raise _malformed(f"a message begins with {printable(head)}")
    return size


def parse(data: bytes) -> Answer:
    """The answer that a whole message is.

    Raises:
        ProbeError: malformed if it is neither a KRB-ERROR nor an AS-REP.
    """
    message = ber.whole(data)
    if message.tag == _TAG_KRB_ERROR:
        return _error(ber.fields(ber.whole(message.content)))
    if message.tag == _TAG_AS_REP:
        return _reply(ber.fields(ber.whole(message.content)))
    raise _malformed(f"tag {message.tag:#x} in answer to an AS-REQ")


def _error(fields: dict[int, ber.Element]) -> Answer:
    """KRB-ERROR (RFC 4120 5.9.1)."""
    _check(fields, 0, 1, _KRB_ERROR)
    text = printable(_take(fields, 11, ber.GENERAL_STRING)) if 11 in fields else ""  # noqa: PLR2004 - e-text [11]
    return Answer(
        realm=printable(_take(fields, 9, ber.GENERAL_STRING)),
        code=ber.number(_field(fields, 6)),
        server_time=_time(
            _take(fields, 4, ber.GENERALIZED_TIME), ber.number(_field(fields, 5))
        ),
        text=text,
    )


def _reply(fields: dict[int, ber.Element]) -> Answer:
    """AS-REP (RFC 4120 5.4.2)."""
    _check(fields, 0, 1, _AS_REP)
    return Answer(realm=printable(_take(fields, 3, ber.GENERAL_STRING)))


def _check(
    fields: dict[int, ber.Element], version: int, kind: int, expected: int
) -> None:
    said = (ber.number(_field(fields, version)), ber.number(_field(fields, kind)))
    if said != (_VERSION, expected):
        raise _malformed(f"version {said[0]}, message type {said[1]}")


def _field(fields: dict[int, ber.Element], number: int) -> ber.Element:
    if number not in fields:
        raise _malformed(f"field {number} is missing")
    return fields[number]


def _take(fields: dict[int, ber.Element], number: int, tag: int) -> bytes:
    return ber.expect(_field(fields, number), tag).content


def _time(stamp: bytes, microseconds: int) -> float:
    """KerberosTime (RFC 4120 5.2.3) and microseconds as a Unix time."""
    if not 0 <= microseconds < _MICROSECONDS:
        raise _malformed(f"{microseconds} microseconds")
    try:
        read = datetime.strptime(stamp.decode("ascii"), "%Y%m%d%H%M%S%z")
    except ValueError as error:
        raise _malformed(f"time {printable(stamp, 20)}") from error
    return read.timestamp() + microseconds / _MICROSECONDS


def _name(kind: int, *components: str) -> bytes:
    """PrincipalName (RFC 4120 5.2.2)."""
    return ber.encode(
        ber.SEQUENCE,
        ber.context(0, ber.integer(kind)),
        ber.context(1, ber.encode(ber.SEQUENCE, *map(_string, components))),
    )


def _string(text: str) -> bytes:
    return ber.encode(ber.GENERAL_STRING, text.encode("ascii"))


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not Kerberos: {what}")
