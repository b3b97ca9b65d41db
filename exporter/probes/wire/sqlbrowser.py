"""SQL Server Resolution Protocol ([MC-SQLR] 2.2): one octet out, a list back.

The list is text that anybody on the network could have written: it is read within
bounds, its names are made printable, and a port is a number in range or nothing.
"""

from __future__ import annotations

from exporter.model.outcome import Instance, ProbeError, Reason
from exporter.probes.wire.text import printable

REQUEST = b"\x03"
"""CLNT_UCAST_EX: which instances are there? ([MC-SQLR] 2.2.2)."""

_RESPONSE = 0x05
_HEAD = 3
# SQL Server allows 50 instances on one computer.
_INSTANCES = 64
_NAME = 64
_PORTS = range(1, 65536)
_PORT_DIGITS = 5


def parse(data: bytes) -> tuple[Instance, ...]:
    """The instances a SVR_RESP names ([MC-SQLR] 2.2.5), at least one.

    Raises:
        ProbeError: malformed if it is no such response.
    """
    if len(data) < _HEAD or data[0] != _RESPONSE:
        raise _malformed(f"an answer that begins with {printable(data, 40)}")
    text = data[_HEAD:]
    if int.from_bytes(data[1:_HEAD], "little") != len(text):
        raise _malformed(f"{len(text)} octets of text, not as many as announced")
    found = tuple(_instance(pairs) for pairs in _split(text))
    if not found:
        raise _malformed("an answer that names no instance")
    return found


def _split(text: bytes) -> list[dict[bytes, bytes]]:
    """`key;value;key;value;;` for each instance; a value may be empty."""
    found: list[dict[bytes, bytes]] = []
    pairs: dict[bytes, bytes] = {}
    tokens = iter(text.split(b";"))
    for key in tokens:
        if key:
            pairs[key.lower()] = next(tokens, b"")
        elif pairs:
            found.append(pairs)
            pairs = {}
        if len(found) > _INSTANCES:
            raise _malformed(f"more than {_INSTANCES} instances")
    if pairs:
        raise _malformed("an answer that ends within an instance")
    return found


def _instance(pairs: dict[bytes, bytes]) -> Instance:
    name = pairs.get(b"instancename", b"")
    if not name:
        raise _malformed("an instance without a name")
    return Instance(printable(name, _NAME), _port(pairs.get(b"tcp", b"")))


def _port(said: bytes) -> int | None:
    if not said.isdigit() or len(said) > _PORT_DIGITS:
        return None
    return int(said) if int(said) in _PORTS else None


def _malformed(what: str) -> ProbeError:
    return ProbeError(Reason.MALFORMED, f"not SQL Server Browser: {what}")
