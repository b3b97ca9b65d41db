"""TLS and passwords of the HTTP server: taken anew when their files change.

Certificates are renewed by tools that know nothing of this process, so the files, which
are small, are read every second, as exporters of Prometheus' toolkit read them at each
handshake. What cannot be used is told once, and what was in force stays.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from exporter.app.blocking import within
from exporter.config.diagnostics import ConfigError
from exporter.http.web_config import WebConfig, read_web_config
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the files."""
_HALVES = 2
"""Looks that must fail before it is told: a certificate and its key are seldom
replaced in the same moment."""


class WebConfigWatch:
    """The protection in force.

    Args:
        file: what `--web.config.file` names, None without it.

    Raises:
        ConfigError: it cannot be used.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._looking: asyncio.Task[None] | None = None
        self._failed = 0
        self._seen = b""
        self._told = ""
        self.in_force = WebConfig()
        self.use(self.read())

    def read(self) -> WebConfig:
        """What the files say now; blocks.

        Raises:
            ConfigError: with every problem of the file.
        """
        if self._file is None:
            return WebConfig()
        return read_web_config(self._file)

    def read_to_tell(self) -> WebConfig:
        """The same, for somebody who tells what is wrong: it is not told twice.

        Raises:
            ConfigError: with every problem of the file.
        """
        try:
            return self.read()
        except ConfigError as error:
            self._told = str(error)
            raise

    def use(self, config: WebConfig) -> None:
        """Puts it in force, for the next connection and the next request."""
        for note in config.notes:
            if note not in self.in_force.notes:
                logger.warning("%s", note)
        self.in_force = config

    def keep_looking(self) -> None:
        """Takes the files anew from now on, whenever they have changed."""
        if self._file is not None and self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="web config")

    async def close(self) -> None:
        """Looks no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                # Without a deadline: where files hang, one thread waits, not one a look.
                config = await within(None, self.read)
            except ConfigError as error:
                self._cannot(str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, what is in force stays
                self._cannot(f"{self._file}: {printable(repr(error))}")
            else:
                self._take(config)

    def _take(self, config: WebConfig) -> None:
        missing = set(self.in_force.guards).difference(config.guards)
        if missing:
            # A file that is cut short, on a full disk or by half an edit, must not open
            # the door.
            gone = ", ".join(key for key in self.in_force.guards if key in missing)
            said = "a reload puts that in force"
            self._cannot(f"{self._file}: says no more of {gone}: {said}")
            return
        self._failed, self._told = 0, ""
        # Two looks must agree: a file may be read while it is written.
        agreed, self._seen = config.digest == self._seen, config.digest
        if agreed and config.digest != self.in_force.digest:
            self.use(config)
            logger.info("%s: certificates and users taken anew", self._file)

    def _cannot(self, problems: str) -> None:
        self._failed += 1
        if self._failed >= _HALVES and problems != self._told:
            self._told = problems
            for problem in problems.splitlines():
                logger.error("not taken, what was in force stays: %s", problem)
