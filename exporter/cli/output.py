"""Where results go: to standard output, or into a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click


def deliver(text: str, output: Path | None) -> None:
    """Prints a result, or puts it in the place of a file at once.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    if output is None:
        click.echo(text, nl=False)
    elif output.exists() and not output.is_file():
        # A device or a pipe cannot be put in another's place.
        output.write_text(text, encoding="utf-8")
    else:
        try:
            # Unlike Path.resolve, it has no error for links in a ring.
            _replace(Path(os.path.realpath(output)), text)
        except OSError as error:
            # Not the name of the file that was to take its place.
            raise OSError(error.errno, error.strerror, str(output)) from error


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, _mode(path))
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except BaseException:
        beside.unlink()
        raise


def _mode(path: Path) -> int:
    """The permissions that a file has, or that a new one gets."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
