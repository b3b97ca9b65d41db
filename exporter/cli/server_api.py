"""What the commands share that ask another server's API: where it is, and how to get in."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.cli.exit_codes import fail
from exporter.report.api import Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable


def server_option(
    flag: str, envvar: str, whose: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Options for a server, which a command gets as `api`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            flag, "url", envvar=envvar, show_envvar=True, required=True, help=whose
        )
        @click.option(
            "--token-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A file with the bearer token that the server wants.",
        )
        @click.option(
            "--ca-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="PEM certificates to trust for it, instead of the system's.",
        )
        @functools.wraps(command)
        def wrapped(
            *, url: str, token_file: Path | None, ca_file: Path | None, **rest: object
        ) -> None:
            token = token_file.read_text().strip() if token_file is not None else ""
            try:
                command(api=Api(url, token, ca_file), **rest)
            except ApiError as error:
                fail(str(error))

        return wrapped

    return decorate
