"""Checks of many site files without starting an interpreter for each.

    python -m tests.lab.warm_checks

Reads one JSON array of arguments a line, runs the command line with them in a process of
its own that has everything imported already, and writes one JSON object a line: its
`code`, `out` and `err`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.lab.lab import Lab


class WarmChecks:
    """Runs `check` on the prober, unprivileged.

    Args:
        pipe: the process of this module.
    """

    def __init__(self, pipe: subprocess.Popen[str]) -> None:
        self._pipe = pipe

    def check(self, config: Path, *words: str) -> dict[str, Any]:
        """What `check --format json` prints with a site file."""
        told = self.run("check", "--config", str(config), "--format", "json", *words)
        assert told["code"] in {0, 1, 3}, told["err"]
        found: dict[str, Any] = json.loads(told["out"])
        return found

    def run(self, *words: str) -> dict[str, Any]:
        """What the command line ends with and prints."""
        assert self._pipe.stdin is not None
        assert self._pipe.stdout is not None
        self._pipe.stdin.write(json.dumps(words) + "\n")
        self._pipe.stdin.flush()
        told: dict[str, Any] = json.loads(self._pipe.stdout.readline())
        return told


@contextlib.contextmanager
def warm_checks(lab: Lab) -> Iterator[WarmChecks]:
    """The process, as long as it is wanted."""
    entered = lab.cell.enter(lab.prober.name, unprivileged=True, pid=True)
    command = [*entered, sys.executable, "-m", "tests.lab.warm_checks"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as pipe:
        yield WarmChecks(pipe)


def _serve() -> None:
    from exporter.app import oneshot  # noqa: F401, PLC0415 - imported once for all
    from exporter.cli.main import main  # noqa: PLC0415 - likewise
    from exporter.present import formats  # noqa: F401, PLC0415 - likewise

    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                _run(main, json.loads(line))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = {"out": _text(out), "err": _text(err)}
        sys.stdout.write(json.dumps({"code": code} | texts) + "\n")
        sys.stdout.flush()


def _run(main: Any, words: Sequence[str]) -> None:
    code = 70
    try:
        main(words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _text(file: Any) -> str:
    file.seek(0)
    content: bytes = file.read()
    return content.decode("utf-8", "replace")


if __name__ == "__main__":
    _serve()
