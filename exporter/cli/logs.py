"""How the log looks: one line a message, and nothing in it that a terminal obeys."""

from __future__ import annotations

import logging

from exporter.probes.wire.text import visible


class _Visible(logging.Formatter):
    """Escapes the message, whoever wrote it; a traceback keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = visible(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - the library's name
        return visible(super().formatException(ei), keep="\n")  # type: ignore[arg-type] # as it came


def set_up(level: int | str, form: str) -> None:
    """Logs to standard error from now on.

    Args:
        level: the least one that is logged.
        form: of a line, as `logging` has it.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Visible(form))
    logging.basicConfig(level=level, handlers=[handler])
