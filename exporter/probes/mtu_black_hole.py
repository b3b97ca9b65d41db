"""Whether a silence after the handshake ends when all segments are small.

Where large packets are lost without a word (RFC 2923 2.1), a connection comes about and
then dies at the first long answer. So when that has been seen twice in a row, one more
connection is made beside the second, both ends of which send small segments only. If it
is answered, the path loses large packets: that is proven until something else is seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.outcome import Observation, Reason, Stage

if TYPE_CHECKING:
    from exporter.model.rule import Target

PATIENCE = 3.0
"""Seconds that the connection with small segments may take at the most."""
_ANSWERS = frozenset({Reason.ANSWERED, Reason.REJECTED, Reason.TLS_ALERT})
_LATER = frozenset({Stage.TLS, Stage.EXCHANGE})
_ENTRIES = 10_000
_PROOF = "large packets are lost on the path: with small segments it answers"

Key: TypeAlias = tuple[str, str, str, int, str]


def key_of(target: Target, address: str) -> Key:
    """What an episode of silence is kept by."""
    return (*target.key, address)


class Episodes:
    """The silences under way, and what small segments made of them."""

    def __init__(self) -> None:
        self._proven: dict[Key, bool | None] = {}

    def to_try(self, key: Key) -> bool:
        """Whether it was silent last and small segments have not been tried yet."""
        return key in self._proven and self._proven[key] is None

    def told(
        self, key: Key, seen: Observation, small: Observation | None = None
    ) -> Observation:
        """`seen`, with what is proven of its silence.

        Args:
            key: the target and address.
            seen: what the rule's own probe saw.
            small: what was seen beside it with small segments, if that was tried.
        """
        silent = seen.reason is Reason.TIMEOUT and seen.stage in _LATER
        if not silent or seen.via:
            self._proven.pop(key, None)
            return seen
        if len(self._proven) >= _ENTRIES:
            self._proven.clear()
        if small is not None:
            self._proven[key] = small.reason in _ANSWERS
        if not self._proven.setdefault(key, None):
            return seen
        return replace(seen, detail=f"{seen.detail}; {_PROOF}", small_passes=True)
