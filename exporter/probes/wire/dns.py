"""DNS messages (RFC 1035 4): one question, and what came back for it.

Questions carry no EDNS(0) option, as those of the C library: resolvers and middleboxes
that choke on it are many, and what is too long for 512 octets comes over TCP. Of an
answer with addresses only the header, the question and the answer section are read, of
any other no more than the header and the question.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import dns_name
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = struct.Struct(">HHHHHH")
_QUESTION = struct.Struct(">HH")
_RECORD = struct.Struct(">HHIH")
_RESPONSE, _TRUNCATED, _RECURSION_DESIRED = 0x8000, 0x0200, 0x0100
_AUTHORITATIVE, _RECURSION_AVAILABLE = 0x0400, 0x0080
_OPCODE = 0x7800
_IN = 1
_NO_TTL = 1 << 31
_IDENT = 2
IDENTIFIERS = 1 << 8 * _IDENT
"""How many identifiers a query may have."""
LENGTH = 2
"""Octets of the length before a message over TCP (RFC 1035 4.2.2)."""
# RFC 6895 2.3: the codes that fit into the header.
_RCODES = (
    *("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"),
    *("YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI"),
)
NOERROR, NXDOMAIN = "NOERROR", "NXDOMAIN"


class Kind(IntEnum):
    """The record types that are asked for (RFC 1035 3.2.2, RFC 3596, RFC 2782)."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33


_SIZES = {Kind.A: 4, Kind.AAAA: 16}


@dataclass(frozen=True, slots=True)
class Question:
    """A name and the type of its records; `section` is the two on the wire."""

    kind: Kind
    owner: bytes
    section: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name server says to a question.

    Attributes:
        rcode: the response code by its name, `RCODE12` for one that has none.
        truncated: there is more than the message holds; nothing else was read then.
        addresses: of the name, or of the one that its aliases lead to.
        ttl: seconds for which they may be kept, the least of all records on the way.
        foreign: an owner of addresses that no alias leads to; empty if there is none.
        lame: it says nothing of the name, for the server neither has authority over it
            nor asks those who have; the C library does not take it for an answer.
    """

    rcode: str
    truncated: bool = False
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    foreign: str = ""
    lame: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """That a name server answered a question, whatever it says.

    Attributes:
        rcode: the response code by its name.
        truncated: there is more than the message holds.
        records: how many its answer section is said to have.
    """

    rcode: str
    truncated: bool
    records: int


def question(name: str, kind: Kind) -> Question:
    """The question for a name's records of one type; `.` is the root.

    Raises:
        ProbeError: nxdomain if DNS can hold no such name.
    """
    owner = dns_name.encode(name)
    return Question(kind, owner.lower(), owner + b"\0" + _QUESTION.pack(kind, _IN))


def query(ident: int, asked: Question, *, recursion: bool = True) -> bytes:
    """A message that asks for recursion or not; `ident` comes back with the answer."""
    flags = _RECURSION_DESIRED if recursion else 0
    return _HEADER.pack(ident, flags, 1, 0, 0, 0) + asked.section


def frame(message: bytes) -> bytes:
    """A message over TCP: its length before it (RFC 1035 4.2.2)."""
    return len(message).to_bytes(LENGTH) + message


def frame_length(head: bytes) -> int:
    """How many octets follow the `LENGTH` octets before a message.

    Raises:
        ProbeError: malformed if no message can have this length.
    """
    size = int.from_bytes(head)
    if size < _HEADER.size:
        raise dns_name.malformed(f"a length of {size}")
    return size


def begins(data: bytes, ident: int) -> None:
    """Whether an answer to the query with this identifier can begin with `data`.

    Raises:
        ProbeError: malformed if it cannot.
    """
    begun = ident.to_bytes(_IDENT)
    flags = data[_IDENT : _IDENT + 1]
    response = not flags or flags[0] & (_RESPONSE | _OPCODE) >> 8 == _RESPONSE >> 8
    if not data.startswith(begun[: len(data)]) or not response:
        raise dns_name.malformed(f"a beginning like {printable(data[: _HEADER.size])}")


def identifier(data: bytes) -> int:
    """The first two octets, by which an answer finds its question; -1 without them."""
    return int.from_bytes(data[:2]) if len(data) >= _HEADER.size else -1


def read(data: bytes, asked: Question) -> Answer | None:
    """The answer to a question; None for a message that is none to this one.

    Raises:
        ProbeError: malformed if it answers this question and cannot be read.
    """
    try:
        return _read(data, asked)
    except (IndexError, struct.error) as error:
        raise _too_short(data) from error


def reply(data: bytes, ident: int, asked: Question) -> Reply | None:
    """That a query is answered; None for a message that answers another one.

    Raises:
        ProbeError: malformed if it is no answer at all.
    """
    try:
        head = _head(data, asked)
    except (IndexError, struct.error) as error:
        raise _too_short(data) from error
    if not data[_IDENT] & _RESPONSE >> 8:
        raise dns_name.malformed("no sign of being one")
    if head is None or identifier(data) != ident:
        return None
    return Reply(head.rcode, head.truncated, head.answers)


def _read(data: bytes, asked: Question) -> Answer | None:
    head = _head(data, asked)
    if head is None:
        return None
    if head.truncated:
        return Answer(head.rcode, truncated=True)
    if head.rcode != NOERROR or head.lame:
        return Answer(head.rcode, lame=head.lame)
    return _followed(asked, *_records(data, head.end, head.answers, asked.kind))


@dataclass(frozen=True, slots=True)
class _Head:
    """What a response to a question begins with; `end` is where its records begin."""

    rcode: str
    truncated: bool
    answers: int
    end: int
    lame: bool


def _head(data: bytes, asked: Question) -> _Head | None:
    """The head of a response to this question; None for any other message."""
    _, flags, questions, answers, _, additional = _HEADER.unpack_from(data)
    rcode = _rcode(flags & 0xF)
    if not flags & _RESPONSE or flags & _OPCODE:
        return None
    at = _HEADER.size
    if questions == 1:
        owner, at = dns_name.read(data, at)
        kind, class_ = _QUESTION.unpack_from(data, at)
        at += _QUESTION.size
        if (owner, kind, class_) != (asked.owner, asked.kind, _IN):
            return None
    elif questions or rcode == NOERROR:
        # Who cannot read a question may leave it out of the refusal, RFC 1035 4.1.1.
        return None
    knows = flags & (_AUTHORITATIVE | _RECURSION_AVAILABLE) or answers or additional
    lame = rcode == NOERROR and not knows
    return _Head(rcode, bool(flags & _TRUNCATED), answers, at, lame)


def _records(
    data: bytes, at: int, count: int, wanted: Kind
) -> tuple[Mapping[bytes, tuple[bytes, int]], list[tuple[bytes, int, str]]]:
    """Aliases by owner, and the addresses with theirs; each with its time to live.

    Of addresses that have not the size of one the C library takes the others.
    """
    aliases: dict[bytes, tuple[bytes, int]] = {}
    found: list[tuple[bytes, int, str]] = []
    odd: ProbeError | None = None
    for _ in range(count):
        owner, at = dns_name.read(data, at)
        kind, class_, ttl, size = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        end = at + size
        if end > len(data):
            raise IndexError
        # RFC 2181 8: a time to live with its highest bit set is none.
        ttl = 0 if ttl >= _NO_TTL else ttl
        if class_ == _IN and kind == wanted:
            if size == _SIZES[wanted]:
                found.append((owner, ttl, str(ipaddress.ip_address(data[at:end]))))
            else:
                odd = dns_name.malformed(f"an {wanted.name} record of {size} octets")
        elif class_ == _IN and kind == Kind.CNAME:
            aliases.setdefault(owner, (dns_name.read(data, at)[0], ttl))
        at = end
    if odd is not None and not found:
        raise odd
    return aliases, found


def _followed(
    asked: Question,
    aliases: Mapping[bytes, tuple[bytes, int]],
    found: list[tuple[bytes, int, str]],
) -> Answer:
    owner, ttls, way = asked.owner, [], {asked.owner}
    # As many steps as there are aliases: one more would go round in a circle.
    for _ in range(len(aliases)):
        if owner not in aliases:
            break
        owner, ttl = aliases[owner]
        ttls.append(ttl)
        way.add(owner)
    own = [one for one in found if one[0] == owner]
    if not own:
        foreign = next((one[0] for one in found if one[0] not in way), b"")
        return Answer(NOERROR, foreign=dns_name.printed(foreign))
    addresses = tuple(dict.fromkeys(address for _, _, address in own))
    ttls += [ttl for _, ttl, _ in own]
    return Answer(NOERROR, addresses=addresses, ttl=min(ttls))


def _rcode(code: int) -> str:
    return _RCODES[code] if code < len(_RCODES) else f"RCODE{code}"


def _too_short(data: bytes) -> ProbeError:
    detail = f"a DNS answer of {len(data)} bytes that ends too soon"
    return ProbeError(Reason.MALFORMED, detail)
