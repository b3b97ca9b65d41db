"""`report`: what was proven over a month, for an auditor or a vendor review."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from exporter.cli.exit_codes import fail
from exporter.cli.server_api import server_option
from exporter.report import render
from exporter.report.availability import GROUPS
from exporter.report.gather import gather
from exporter.report.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.report.api import Api
    from exporter.report.gather import Report

_FORMATS: dict[str, Callable[[Report], str]] = {
    "markdown": render.markdown,
    "html": render.html_page,
    "csv": render.csv,
}
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


class _Moment(click.ParamType[float]):
    """`now`, `30d` ago (m, h, d, w), or a date and time as ISO 8601 writes it."""

    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if value == "now":
            return time.time()
        if ago := re.fullmatch(r"(\d{1,5})([mhdw])", value):
            return time.time() - int(ago[1]) * _UNITS[ago[2]]
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            said = f"{value!r} is neither now, nor such as 30d, nor 2027-01-31T08:00Z"
            self.fail(said, param, ctx)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return zoned.timestamp()


@click.command()
@server_option(
    "--prometheus",
    "PROMETHEUS_URL",
    "The server that scrapes the exporters, such as http://localhost:9090.",
)
@click.option(
    "--from",
    "start",
    type=_Moment(),
    default="30d",
    show_default=True,
    help="Begin of the span: such as 30d, or 2027-01-01T00:00Z.",
)
@click.option(
    "--to", "end", type=_Moment(), default="now", show_default=True, help="Its end."
)
@click.option(
    "--by",
    type=click.Choice([*GROUPS]),
    default="owner",
    show_default=True,
    help="What availability is told by.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*_FORMATS]),
    default="markdown",
    show_default=True,
)
def report(
    *,
    api: Api,
    start: float,
    end: float,
    by: str,
    form: str,
) -> None:
    """Tell what was proven, how available it was, and what went wrong.

    Asks Prometheus: availability with coverage, incidents with their causes, and the
    rules that deny as an attestation of what stayed shut.
    """
    if end <= start:
        fail("--to must be later than --from")
    told = asyncio.run(gather(Prometheus(api), start, end, by))
    click.echo(_FORMATS[form](told), nl=False)
