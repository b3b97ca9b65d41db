"""A target's part of the exposition, rendered when its result changes.

A `TargetSeries` holds one piece of text per family: all samples of that family for one target,
ready to be put between those of its neighbours. A scrape only joins pieces. What
cannot have changed since the last round is not rendered again, and what a target
does not have costs nothing, since all empty pieces are one object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from exporter.metrics import samples
from exporter.metrics.labels import common_labels
from exporter.metrics.samples import Explained, state_of
from exporter.metrics.target_families import TARGET
from exporter.model.outcome import NO_EVIDENCE, Observation, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.metrics.samples import Samples, State
    from exporter.model.tls_facts import TlsFacts
    from exporter.monitor.store import Record

T = TypeVar("T")


def _placed(
    samplers: Mapping[str, Callable[[T], Samples]],
) -> tuple[tuple[int, str, Callable[[T], Samples]], ...]:
    """Samplers with their family's place and the beginning of its lines."""
    places = {family.name: index for index, family in enumerate(TARGET)}
    return tuple((places[n], f"{n}{{", sampler) for n, sampler in samplers.items())


_OF_EXPLAINED = _placed(samples.OF_EXPLAINED)
_OF_STATE = _placed(samples.OF_STATE)
_OF_RECORD = _placed(samples.OF_RECORD)
_OF_LATEST = _placed(samples.OF_LATEST)
_OF_EVIDENCE = _placed(samples.OF_EVIDENCE)
_OF_ANSWERED = _placed(samples.OF_ANSWERED)
_OF_TLS = _placed(samples.OF_TLS)


class TargetSeries:
    """The rendered pieces of one target.

    Args:
        record: whose they are.
        finding: what explains it, as far as is known.
        more: labels besides its own, led by a comma.

    Attributes:
        record: whose they are.
        finding: the finding that explains the target; empty for none.
        pieces: one per family of `TARGET`, empty where there is no sample. Replaced,
            never altered, so whoever holds it has one consistent state.
    """

    __slots__ = (
        *("_evidence", "_explained", "_labels", "_state", "_tls"),
        *("finding", "pieces", "record"),
    )

    def __init__(self, record: Record, finding: str = "", more: str = "") -> None:
        self.record = record
        self.finding = finding
        self._explained: Explained | None = None
        self.pieces: tuple[bytes, ...] = (b"",) * len(TARGET)
        self._labels = common_labels(record.target) + more
        self._tls: TlsFacts | None = None
        self._state: State | None = None
        self._evidence = NO_EVIDENCE
        pieces = list(self.pieces)
        answered = _last_answered(record)
        if answered is not None:
            self._render(pieces, _OF_ANSWERED, answered)
        self.pieces = tuple(pieces)
        self.refresh()

    def refresh(self) -> None:
        """Takes in the latest round."""
        record = self.record
        pieces = list(self.pieces)
        state = state_of(record)
        if state != self._state:
            self._state = state
            self._render(pieces, _OF_STATE, state)
        self._render(pieces, _OF_RECORD, record)
        self._render_info(pieces)
        if record.latest is not None:
            self._render_latest(pieces, record.latest.observation)
        self.pieces = tuple(pieces)

    def _render_latest(self, pieces: list[bytes], seen: Observation) -> None:
        self._render(pieces, _OF_LATEST, seen)
        if seen.reason is Reason.ANSWERED:
            self._render(pieces, _OF_ANSWERED, seen)
        if seen.evidence is not self._evidence and seen.evidence != self._evidence:
            self._evidence = seen.evidence
            self._render(pieces, _OF_EVIDENCE, seen.evidence)
        if seen.tls is not self._tls and seen.tls != self._tls:
            self._tls = seen.tls
            self._render_tls(pieces)

    def explain(self, finding: str) -> None:
        """Takes in the finding that the target is in; empty for none."""
        if finding != self.finding:
            self.finding = finding
            pieces = list(self.pieces)
            self._render_info(pieces)
            self.pieces = tuple(pieces)

    def _render_info(self, pieces: list[bytes]) -> None:
        latest = self.record.latest
        via = latest.observation.via if latest is not None else ""
        explained = Explained(self.record.target, via, self.finding)
        if explained != self._explained:
            self._explained = explained
            self._render(pieces, _OF_EXPLAINED, explained)

    def _render_tls(self, pieces: list[bytes]) -> None:
        if self._tls is not None:
            self._render(pieces, _OF_TLS, self._tls)
            return
        for index, _, _ in _OF_TLS:
            pieces[index] = b""

    def _render(
        self,
        pieces: list[bytes],
        samplers: tuple[tuple[int, str, Callable[[T], Samples]], ...],
        source: T,
    ) -> None:
        labels = self._labels
        for index, name, sampler in samplers:
            text = ""
            for own, value in sampler(source):
                text += f"{name}{labels}{own}}} {value}\n"
            pieces[index] = text.encode() if text else b""


def _last_answered(record: Record) -> Observation | None:
    """The latest answered observation the history still has."""
    for episode in reversed(record.episodes):
        if episode.sample.reason is Reason.ANSWERED:
            return episode.sample
    return None
