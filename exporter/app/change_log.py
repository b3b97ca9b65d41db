"""What the log says of targets: what became of one when that changes, and only then."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exporter.model.outcome import Verdict

if TYPE_CHECKING:
    from exporter.model.rule import Key
    from exporter.monitor.store import Record

logger = logging.getLogger(__name__)


class ChangeLog:
    """Logs what became of a target when that changes, and only then."""

    def __init__(self) -> None:
        self._logged: dict[Key, Verdict] = {}

    def hear(self, record: Record) -> None:
        """Takes in the latest of a target."""
        before = self._logged.get(record.target.key)
        if record.latest is None or before is record.verdict:
            return
        self._logged[record.target.key] = record.verdict
        if before is None and record.verdict is Verdict.HOLDS:
            return
        seen = record.latest.observation
        logger.log(
            logging.INFO if record.verdict is Verdict.HOLDS else logging.WARNING,
            "%s: %s: %s at %s: %s",
            *(record.target, record.verdict, seen.reason, seen.stage, seen.detail),
        )
