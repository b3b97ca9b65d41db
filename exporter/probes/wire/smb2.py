"""SMB 2 and 3 NEGOTIATE ([MS-SMB2] 2.2.3, 2.2.4): dialects out, a choice back.

Nothing of a session is here: no user name, no session set-up, no SMB 1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.text import printable

FRAME_HEAD = 4
"""Octets of the length before a message over TCP ([MS-SMB2] 2.1)."""

_DIALECTS = {
    0x0202: "2.0.2",
    0x0210: "2.1",
    0x0300: "3.0",
    0x0302: "3.0.2",
    0x0311: "3.1.1",
}
_PROTOCOL = b"\xfeSMB"
_HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
_REQUEST = struct.Struct("<HHHHI16sIHH")
_RESPONSE = struct.Struct("<HHHH16sIIIIQQ")
_CONTEXT = struct.Struct("<HHI")
_NEGOTIATE = 0
_FROM_SERVER = 0x01
_SIGNING_ENABLED = 0x01
_SIGNING_REQUIRED = 0x02
# Large reads and encryption: what any present client can do ([MS-SMB2] 2.2.3).
_CAPABILITIES = 0x44
_PREAUTH_INTEGRITY = 1
_SHA512 = 1
_ENCRYPTION = 2
_AES128_GCM, _AES128_CCM = 2, 1
_GUID = 16
_SALT = 32
NOISE = _GUID + _SALT
# [MS-DTYP] 2.3.3: 100 ns since 1601-01-01, here to 1970-01-01.
_FILETIME_EPOCH = 11_644_473_600
_FILETIME_TICKS = 10_000_000
_SMALLEST, _LARGEST = 64, 65536


@dataclass(frozen=True, slots=True)
class Negotiated:
    """A server's answer.

    `status` is the NT status; with another than 0 the rest is unknown.
    `server_time` is the server's clock as a Unix time, None where it is not told.
    """

    status: int
    dialect: str = ""
    signing_required: bool = False
    server_time: float | None = None


def negotiate(noise: bytes) -> bytes:
    """A framed NEGOTIATE that offers every dialect from 2.0.2 to 3.1.1.

    Args:
        noise: `NOISE` random octets: the client's GUID and the hash's salt.
    """
    guid, salt = noise[:_GUID], noise[_GUID:]
    dialects = struct.pack(f"<{len(_DIALECTS)}H", *_DIALECTS)
    before = _HEADER.size + _REQUEST.size + len(dialects)
    padding = -before % 8  # contexts begin at a multiple of eight
    request = _REQUEST.pack(
        36,
        len(_DIALECTS),
        _SIGNING_ENABLED,
        0,
        _CAPABILITIES,
        guid,
        before + padding,
        2,
        0,
    )
    header = _HEADER.pack(
        _PROTOCOL, 64, 0, 0, _NEGOTIATE, 1, 0, 0, 0, 0, 0, 0, bytes(16)
    )
    message = header + request + dialects + bytes(padding) + _contexts(salt)
    return len(message).to_bytes(FRAME_HEAD) + message


def frame_begins(data: bytes) -> None:
    """Whether the length before a message can begin with `data`.

    Raises:
        ProbeError: malformed if it cannot.
    """
    if int.from_bytes(data.ljust(FRAME_HEAD, b"\0")) > _LARGEST:
        raise _malformed(f"a message begins with {printable(data)}")


def begins(data: bytes) -> None:
    """Whether a message can begin with `data`.

    Raises:
        ProbeError: malformed if it cannot.
    """
    if not data.startswith(_PROTOCOL[: len(data)]):
        raise _malformed(f"a message that begins with {printable(data[:8])}")


def frame_length(head: bytes) -> int:
    """How many octets follow the `FRAME_HEAD` octets before a message.

    Raises:
        ProbeError: malformed if no answer to NEGOTIATE can have this length.
    """
    size = int.from_bytes(head)
    if not _SMALLEST <= size <= _LARGEST:
        raise _malformed(f"a message begins with {printable(head)}")
    return size


def parse(message: bytes) -> Negotiated:
    """The answer to NEGOTIATE that a whole message is.

    Raises:
        ProbeError: malformed if it is none.
    """
    begins(message)
    if len(message) < _HEADER.size:
        raise _malformed(f"a message that begins with {printable(message[:8])}")
    _, size, _, status, command, _, flags, *_ = _HEADER.unpack_from(message)
    answers = flags & _FROM_SERVER and command == _NEGOTIATE
    if size != _HEADER.size or not answers:
        raise _malformed(f"command {command}, flags {flags:#x} in answer to NEGOTIATE")
    return Negotiated(status) if status else _response(message)


def _response(message: bytes) -> Negotiated:
    if len(message) < _HEADER.size + _RESPONSE.size:
        raise _malformed(f"an answer of {len(message)} octets")
    size, security, dialect, _, _, _, _, _, _, now, _ = _RESPONSE.unpack_from(
        message, _HEADER.size
    )
    if size != 65 or dialect not in _DIALECTS:  # noqa: PLR2004 - [MS-SMB2] 2.2.4 fixes it
        raise _malformed(f"dialect {dialect:#06x}, which was never offered")
    return Negotiated(
        status=0,
        dialect=_DIALECTS[dialect],
        signing_required=bool(security & _SIGNING_REQUIRED),
        server_time=now / _FILETIME_TICKS - _FILETIME_EPOCH if now else None,
    )


def _contexts(salt: bytes) -> bytes:
    """What dialect 3.1.1 needs: hash and ciphers ([MS-SMB2] 2.2.3.1)."""
    integrity = struct.pack("<HHH", 1, len(salt), _SHA512) + salt
    ciphers = struct.pack("<HHH", 2, _AES128_GCM, _AES128_CCM)
    first = _CONTEXT.pack(_PREAUTH_INTEGRITY, len(integrity), 0) + integrity
    second = _CONTEXT.pack(_ENCRYPTION, len(ciphers), 0) + ciphers
    return first + bytes(-len(first) % 8) + second


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not SMB 2: {what}")
