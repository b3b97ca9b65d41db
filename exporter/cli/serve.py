"""`serve`: probe continuously."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.cli import logs
from exporter.cli.exit_codes import fail
from exporter.cli.options import config_option, config_path, role_option, shard_option
from exporter.config import scalars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.config.sharding import Shard

_LEVELS = ("debug", "info", "warning", "error")


@click.command()
@config_option
@role_option
@shard_option
@click.option(
    "--web.config.file",
    "web_config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TLS and authentication, in the format of Prometheus's exporter-toolkit.",
)
@click.option(
    "--web.listen-address",
    "listen",
    multiple=True,
    help="Listen here instead of where the site file says, such as :9842. Once only.",
)
@click.option(
    "--log.level",
    "level",
    type=click.Choice(_LEVELS),
    default="info",
    show_default=True,
)
def serve(
    config: Path | None,
    roles: Sequence[str],
    shard: Shard | None,
    web_config: Path | None,
    listen: Sequence[str],
    level: str,
) -> None:
    """Run: probe continuously and serve /metrics. The default command."""
    from exporter.app import serve as process  # noqa: PLC0415 - the other commands start without the server

    logs.set_up(level.upper(), "%(asctime)s %(levelname)s %(name)s: %(message)s")
    if len(listen) > 1:
        fail("--web.listen-address may be given once: one address is listened on")
    try:
        address = scalars.listen(listen[0]) if listen else None
    except ValueError as error:
        fail(f"--web.listen-address: {error}")
    asyncio.run(
        process.serve(
            config_path(config),
            roles,
            shard=shard,
            web_config=web_config,
            listen_address=address,
        )
    )
