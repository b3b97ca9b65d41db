"""How commands end: their exit codes, and the one line of what cannot run."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from exporter.probes.wire.text import visible

EXIT_VIOLATED = 1
EXIT_CANNOT_RUN = 2
EXIT_UNKNOWN = 3
EXIT_AGAIN = 75
"""`serve` could not listen and may, if it is started again (EX_TEMPFAIL, sysexits.h): the
units start it again after any status but `EXIT_CANNOT_RUN`."""


def fail(message: str, code: int = EXIT_CANNOT_RUN) -> NoReturn:
    """Ends with one line, since nothing could be run."""
    click.echo(f"connectivity-exporter: {visible(message, keep=chr(10))}", err=True)
    sys.exit(code)
