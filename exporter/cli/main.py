"""The group of commands: one file each, one line here."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import NoReturn

import click

from exporter import __version__
from exporter.cli.alert_test import alert_test
from exporter.cli.check import check
from exporter.cli.diff import diff
from exporter.cli.exit_codes import EXIT_AGAIN, EXIT_CANNOT_RUN, fail
from exporter.cli.import_document import import_document
from exporter.cli.init import init
from exporter.cli.report import report
from exporter.cli.rules import list_rules
from exporter.cli.schema import schema
from exporter.cli.serve import serve
from exporter.cli.trace import trace
from exporter.cli.validate import validate
from exporter.config.diagnostics import ConfigError
from exporter.probes.wire.text import printable

logger = logging.getLogger(__name__)

_OF_THE_GROUP = ("-h", "--help", "--version")


class _Commands(click.Group):
    """The commands: `serve` if none is named, and one way to say why one cannot run.

    Exit status 1 means that something is violated, so nothing else may end with it:
    neither an error of ours nor one of the runtime.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in _OF_THE_GROUP):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        _escape_what_cannot_be_written()
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            # Bare lines, which editors can jump to.
            click.echo(str(error), err=True)
            sys.exit(EXIT_CANNOT_RUN)
        except BrokenPipeError:
            _nobody_reads()
        except OSError as error:
            fail(_without_number(error), _code(ctx, error))
        except KeyboardInterrupt:
            fail("interrupted")
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            logger.debug("unexpected", exc_info=True)
            said = printable(f"{type(error).__name__}: {error}")
            fail(f"unexpected error: {said}")


def _code(ctx: click.Context, error: OSError) -> int:
    """The exit status of what the system did not do.

    A service that could not listen yet is worth another start; what it may not do will
    not be allowed by then.
    """
    again = ctx.invoked_subcommand == "serve" and not isinstance(error, PermissionError)
    return EXIT_AGAIN if again else EXIT_CANNOT_RUN


def _without_number(error: OSError) -> str:
    """What the system says, and of which file, without the number of the error."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def _escape_what_cannot_be_written() -> None:
    """A terminal or pipe in another encoding shows escapes instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nobody_reads() -> NoReturn:
    """Ends quietly: whoever read along has had enough."""
    # What is still buffered must not fail again when the process ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(EXIT_CANNOT_RUN)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="connectivity-exporter")
def main() -> None:
    """Proves connectivity requirements continuously and tells Prometheus.

    Without a command: serve.
    """


for command in (
    *(serve, check, list_rules, trace, validate, schema),
    *(import_document, diff, init, report, alert_test),
):
    main.add_command(command)
