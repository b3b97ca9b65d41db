"""`alert-test`: one finding that is none, to see who is told."""

from __future__ import annotations

import asyncio
import platform
import re
import secrets
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.cli.exit_codes import EXIT_UNKNOWN, EXIT_VIOLATED, fail
from exporter.cli.output import deliver
from exporter.cli.server_api import server_option
from exporter.probes.wire.text import visible
from exporter.report.alert_trial import Trial, now, rehearse
from exporter.report.alertmanager import Alertmanager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.report.alert_trial import Outcome
    from exporter.report.api import Api

_ARRIVES = 10.0
"""Seconds in which Alertmanager finds the routes of an alert that it was sent."""
_ROUND_TRIP = 300.0
"""Seconds for a scrape, two evaluations and the alert's `for`."""


class _Word(click.ParamType[str]):
    """The value of a label that needs no escape anywhere."""

    name = "word"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not re.fullmatch(r"[\w.:@/+ -]{1,100}", value):
            self.fail("letters, digits, spaces and . : @ / + - _ only", param, ctx)
        return value


class _Label(_Word):
    """NAME=VALUE."""

    name = "name=value"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        name, _, said = value.partition("=")
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            self.fail(f"{value!r} is not such as site=north", param, ctx)
        return f"{name}={super().convert(said, param, ctx)}"


@click.command("alert-test")
@server_option(
    "--alertmanager",
    "ALERTMANAGER_URL",
    "The one that Prometheus sends to, such as http://localhost:9093.",
)
@click.option(
    "--severity",
    type=click.Choice(["critical", "warning", "info"]),
    default="warning",
    show_default=True,
    help="critical pages somebody, if the routes are right.",
)
@click.option("--owner", type=_Word(), default="network", show_default=True)
@click.option(
    "--role", type=_Word(), default="alert-test", help="The source role it tells of."
)
@click.option(
    "--usage", type=_Word(), default="alert-test", help="The usage it tells of."
)
@click.option(
    "--label",
    "labels",
    type=_Label(),
    multiple=True,
    help="What your scrape targets carry, such as site=north; repeatable.",
)
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Go through Prometheus and its rules: for so long, this file holds the finding as"
    " a metric, for a textfile collector or whatever else is scraped.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=60,
    show_default=True,
    help="Seconds for receivers to be told, above the routes' group_wait; 0: do not wait.",
)
def alert_test(  # noqa: PLR0913 - one for each option
    *,
    api: Api,
    severity: str,
    owner: str,
    role: str,
    usage: str,
    labels: tuple[str, ...],
    textfile: Path | None,
    wait: float,
) -> None:
    """Send one finding that is none, and tell who got it.

    It is marked as a test, looks like ConnectivityFinding otherwise, and ends by itself
    within five minutes. Exit status: 0 receivers were told, 1 nobody is or a
    notification failed, 3 that is not known, 2 it could not be sent.
    """
    if textfile and labels:
        fail("--label: through Prometheus, the labels are those of the scrape target")
    host = re.sub(r"[^A-Za-z0-9.-]", "-", platform.node())
    trial = Trial(
        subject=f"test-{host}-{secrets.token_hex(4)}",
        severity=severity,
        owner=owner,
        role=role,
        usage=usage,
        labels=dict(one.split("=", 1) for one in labels),
    )
    told = asyncio.run(_sent(api, trial, textfile, wait))
    for line in _said(trial, api.shown, told, waited=wait > 0):
        click.echo(visible(line))
    sys.exit(_status(told, waited=wait > 0))


async def _sent(api: Api, trial: Trial, textfile: Path | None, wait: float) -> Outcome:
    server = Alertmanager(api)
    if textfile is None:
        link = f"{api.shown}/#/alerts?filter={{subject=%22{trial.subject}%22}}"
        # Before it is sent, lest a quick receiver goes uncounted.
        before = await server.counted()
        await server.post(trial.alert(now(), link))
        return await rehearse(
            server, trial.subject, before, arrives=_ARRIVES, told=wait
        )
    said = f"{textfile} holds the finding; waiting up to five minutes for its alert"
    click.echo(said, err=True)
    with _holding(textfile, trial.metric()):
        before = await server.counted()
        return await rehearse(
            server, trial.subject, before, arrives=_ROUND_TRIP, told=wait
        )


@contextmanager
def _holding(file: Path, text: str) -> Iterator[None]:
    """A file of ours that is there for a while; nobody else's is touched."""
    if file.exists():
        fail(f"{file} is there already: name one that may be written and removed")
    deliver(text, file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _said(trial: Trial, where: str, told: Outcome, *, waited: bool) -> Iterator[str]:
    if told.routed is None:
        yield f"{trial.subject}: never came to {where}"
        yield (
            "  Is the file scraped, are the rules of alerts/ loaded, does Prometheus"
            " send to this Alertmanager?"
        )
        return
    labels = ", ".join(f"{k}={v}" for k, v in sorted(told.routed.labels.items()))
    yield f"{where} has the alert: {labels}"
    for why in told.routed.muted:
        yield f"  {why}: nobody is told"
    for name, ways in told.ways.items():
        whom = ", ".join(
            f"{one.kind} to {one.whom}" if one.whom else one.kind for one in ways
        )
        yield f"  receiver {name}: {whom or 'tells nobody'}"
    if waited and not told.reaches_nobody:
        yield from _delivered(told)


def _delivered(told: Outcome) -> Iterator[str]:
    if told.counted is None:
        yield "  its counters cannot be read: whether they were told is not known"
        return
    for kind, due in told.kinds.items():
        if kind in told.failed:
            yield f"  {kind}: FAILED, and why stands in Alertmanager's log"
        elif kind in told.waiting:
            yield f"  {kind}: nothing was sent yet: the route's group_wait may be longer, or group_interval if it joins a group"
        else:
            yield f"  {kind}: sent{f' ({due})' if due > 1 else ''}"


def _status(told: Outcome, *, waited: bool) -> int:
    if told.reaches_nobody or told.failed:
        return EXIT_VIOLATED
    if waited and (told.counted is None or told.waiting):
        return EXIT_UNKNOWN
    return 0
