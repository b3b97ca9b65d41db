"""RDP's first exchange: X.224 connection request and confirm, and what security to take.

[MS-RDPBCGR] 2.2.1.1 and 2.2.1.2, in TPKT packets (RFC 1006 6) with X.224 class 0. A
server older than the negotiation confirms without a word about it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

HEAD = 4
"""Octets of a TPKT head."""

_TPKT = b"\x03\x00"
_CONFIRM = 7
"""Octets of a connection confirm without the negotiation (X.224 13.3), less its parameters."""
_NEGOTIATION = struct.Struct("<BBHI")
_REQUEST_CODE = 0xE0
_CONFIRM_CODE = 0xD0
_NEG_REQUEST = 1
_NEG_RESPONSE = 2
_NEG_FAILURE = 3


class Security(IntFlag):
    """Protocols for the session's security ([MS-RDPBCGR] 2.2.1.1.1); 0 is RDP's own."""

    RDP = 0
    TLS = 1
    CREDSSP = 2
    RDSTLS = 4
    CREDSSP_EX = 8
    AAD = 16


class Failure(IntEnum):
    """Why a server takes none of what was offered ([MS-RDPBCGR] 2.2.1.2.2)."""

    TLS_REQUIRED = 1
    TLS_NOT_ALLOWED = 2
    NO_CERTIFICATE = 3
    INCONSISTENT_FLAGS = 4
    CREDSSP_REQUIRED = 5
    TLS_WITH_USER_REQUIRED = 6


OFFERED = Security.TLS | Security.CREDSSP
_OVER_TLS = OFFERED


@dataclass(frozen=True, slots=True)
class Confirm:
    """The server's confirm: what it chose, or why it chose nothing.

    Both are None from a server that knows of no negotiation.
    """

    security: Security | None = None
    failure: int | None = None

    @property
    def over_tls(self) -> bool:
        """Whether TLS begins now."""
        return bool(self.security)

    def __str__(self) -> str:
        if self.failure is not None:
            return f"takes none of what was offered: {_failure_name(self.failure)}"
        if self.security is None:
            return "answers without negotiation"
        return f"security {_SECURITY[self.security]}"


_SECURITY = {
    Security.RDP: "RDP's own",
    Security.TLS: "TLS",
    Security.CREDSSP: "CredSSP",
}


def request() -> bytes:
    """A connection request that offers TLS and CredSSP, and names nobody."""
    negotiation = _NEGOTIATION.pack(_NEG_REQUEST, 0, _NEGOTIATION.size, OFFERED)
    fixed = struct.pack(">BHHB", _REQUEST_CODE, 0, 0, 0)
    body = bytes([len(fixed) + len(negotiation)]) + fixed + negotiation
    return _TPKT + (HEAD + len(body)).to_bytes(2) + body


def begins(data: bytes) -> None:
    """Whether the head of a packet with a confirm can begin with `data`.

    Raises:
        ProbeError: malformed if it cannot.
    """
    if data[: len(_TPKT)] != _TPKT[: len(data)]:
        raise _malformed(f"a packet begins with {printable(data, 60)}")


def packet_length(head: bytes) -> int:
    """How many octets follow a TPKT head: those of a confirm with or without more.

    Raises:
        ProbeError: malformed if it is none, or of a packet that is no confirm.
    """
    if len(head) != HEAD:
        raise _malformed(f"a head of {len(head)} octets")
    begins(head)
    size = int.from_bytes(head[2:]) - HEAD
    if size not in {_CONFIRM, _CONFIRM + _NEGOTIATION.size}:
        raise _malformed(f"a packet of {size + HEAD} octets")
    return size


def parse(body: bytes) -> Confirm:
    """The connection confirm that a packet's octets after its head are.

    Raises:
        ProbeError: malformed if they are none.
    """
    if len(body) < _CONFIRM or body[0] != len(body) - 1 or body[1] != _CONFIRM_CODE:
        raise _malformed(f"no connection confirm: {printable(body, 60)}")
    if len(body) == _CONFIRM:
        return Confirm()
    if len(body) != _CONFIRM + _NEGOTIATION.size:
        raise _malformed(f"a confirm of {len(body)} octets")
    kind, _, size, value = _NEGOTIATION.unpack_from(body, _CONFIRM)
    if size != _NEGOTIATION.size or kind not in {_NEG_RESPONSE, _NEG_FAILURE}:
        raise _malformed(f"a negotiation of type {kind} and {size} octets")
    if kind == _NEG_FAILURE:
        return Confirm(failure=value)
    if value not in _SECURITY:
        raise _malformed(f"it chooses {value:#x}, which was not offered")
    return Confirm(Security(value))


def _failure_name(code: int) -> str:
    if code in set(Failure):
        return Failure(code).name.lower().replace("_", " ")
    return f"code {code}"


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not RDP: {what}")
