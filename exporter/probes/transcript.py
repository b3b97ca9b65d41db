"""What was said and heard: the one place that knows which bytes came.

Every stream and every UDP socket keeps a `Transcript`. It holds references to the
first bytes each way as they pass, which costs next to nothing; they are joined and
escaped only when a probe has failed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exporter.model.outcome import Conversation, ProbeError, Reason
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

KEPT = 256
"""Bytes kept of each direction."""
_ESCAPED = 4
"""Characters that one byte becomes at the most."""
_QUOTED = 60
_ENOUGH = 16
"""Bytes that a detail has to show of what came."""
_PAUSE = 0.2
"""Share of a deadline without a byte after which nothing more is said to come."""
# What ends a probe in spite of bytes that came, so that these are worth telling.
_SPOKEN = frozenset({Reason.TIMEOUT, Reason.RESET, Reason.CLOSED, Reason.MALFORMED})


class Transcript:
    """The first bytes each way over one carrier, and how many came in all.

    Attributes:
        received: bytes that came.
        last: when the last of them did, by `time.perf_counter`.
    """

    __slots__ = ("_heard", "_said", "_sent", "last", "received")

    def __init__(self) -> None:
        self._said: list[bytes] = []
        self._heard: list[bytes] = []
        self._sent = 0
        self.received = 0
        self.last = 0.0

    def say(self, data: bytes) -> None:
        """Takes in what is sent."""
        if self._sent < KEPT:
            self._said.append(data)
        self._sent += len(data)

    def hear(self, data: bytes) -> None:
        """Takes in what came."""
        if self.received < KEPT:
            self._heard.append(data)
        self.received += len(data)
        self.last = time.perf_counter()

    @property
    def said(self) -> bytes:
        """The first bytes that were sent."""
        return _first(self._said)

    @property
    def heard(self) -> bytes:
        """The first bytes that came."""
        return _first(self._heard)

    def came(self) -> str:
        """`12 bytes came: '...'`; empty if none did."""
        if not self.received:
            return ""
        unit = "byte" if self.received == 1 else "bytes"
        return f"{self.received} {unit} came: '{quoted(self.heard)}'"


def quoted(data: bytes) -> str:
    """The beginning of what came, as a detail shows it."""
    return printable(data, _QUOTED)


def silence(
    talk: Transcript, timeout: float, overdue: Callable[[bool], ProbeError | None]
) -> ProbeError:
    """What it means that no answer was complete within `timeout` seconds.

    Args:
        talk: what was said and heard in the stage that this ended in.
        timeout: the deadline, which has passed just now.
        overdue: what the prober makes of what came, if it knows more of it; told
            whether bytes still come.
    """
    if not talk.received:
        return ProbeError(Reason.TIMEOUT, f"no answer within {timeout:g} s")
    coming = time.perf_counter() - talk.last < timeout * _PAUSE
    if (known := overdue(coming)) is not None:
        return known
    then = f"and no end of it within {timeout:g} s" if coming else "then nothing"
    return ProbeError(Reason.TIMEOUT, f"{talk.came()}, {then}")


def quoting(error: ProbeError, talk: Transcript) -> ProbeError:
    """`error`, with what came before it where it does not quote that itself."""
    if error.reason not in _SPOKEN or not talk.received:
        return error
    if quoted(talk.heard[:_ENOUGH].rstrip()) in error.detail:
        return error
    return ProbeError(
        error.reason,
        f"{error.detail}; {talk.came()}",
        origin=error.origin,
        icmp=error.icmp,
        evidence=error.evidence,
    )


def conversation(transcripts: Sequence[Transcript]) -> Conversation | None:
    """What was said over one carrier after the other; None if nothing was."""
    sent = _first(one.said for one in transcripts)
    received = _first(one.heard for one in transcripts)
    if not sent and not received:
        return None
    room = _ESCAPED * KEPT
    return Conversation(printable(sent, room), printable(received, room))


def _first(pieces: Iterable[bytes]) -> bytes:
    return b"".join(pieces)[:KEPT]
