"""Servers in the lab: told apart from the nsenter(1) that started them.

Entering a PID namespace takes a fork, so what we started is nsenter, and the server
is its only child: signals go to the child, and nsenter passes on how it ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


_PATIENCE = 60.0
"""Seconds, far more than anything here takes on a machine that is not busy."""


class LabError(Exception):
    """A part of the lab does not work; the message carries its log."""


def wait_until(
    check: Callable[[], bool], what: str, seconds: float = _PATIENCE
) -> None:
    """Asks every 10 ms until `check` is true.

    Raises:
        LabError: if it is not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)


class Process:
    """A server in the cell; `log` is where its output goes."""

    def __init__(self, entered: subprocess.Popen[bytes], log: Path) -> None:
        self._entered = entered
        self.log = log

    @property
    def pid(self) -> int | None:
        """Its process id as seen from outside the cell; None once it ended."""
        entered = self._entered.pid
        try:
            children = Path(f"/proc/{entered}/task/{entered}/children").read_text()
        except OSError:
            return None
        return int(children.split()[0]) if children.strip() else None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._entered.poll() is None

    def wait_until(
        self, check: Callable[[], bool], what: str, seconds: float = _PATIENCE
    ) -> None:
        """Waits for a fact about this server; if it ends before, that is an error."""

        def checked() -> bool:
            if not self.running:
                raise LabError(f"{self.log.stem} ended: {self.tail()}")
            return check()

        wait_until(checked, f"{self.log.stem}: {what}: {self.tail()}", seconds)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to it."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, by force after five seconds; its exit code (see Popen)."""
        self.send(number)
        try:
            return self._entered.wait(5)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            return self._entered.wait(5)

    def reap(self) -> None:
        """Waits for the end that the kernel gives it."""
        self._entered.wait(10)

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
