"""The process around the service: its server, its signals, and what systemd is told."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING

from exporter.app import systemd
from exporter.app.service import Exporter
from exporter.config.scalars import listen
from exporter.config.site import load_site
from exporter.http import server
from exporter.monitor.gc_pacing import incremental_gc
from exporter.monitor.loop_lag import LoopLag

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from exporter.config.sharding import Shard

logger = logging.getLogger(__name__)

_SHARE = 0.001
"""Seconds of the interpreter that a thread has while the event loop waits for it, as at
each of its turns while a configuration is loaded (5 ms unless told)."""


async def serve(
    path: Path,
    roles: Sequence[str] = (),
    *,
    shard: Shard | None = None,
    web_config: Path | None = None,
    listen_address: str | None = None,
) -> None:
    """Runs the service until SIGTERM or SIGINT; SIGHUP reloads.

    Args:
        path: the site file, read again at each reload.
        roles: roles to play instead of those in the file.
        shard: the part of their targets to be probed from here, None for all of them.
        web_config: file with TLS and passwords of the server, if any; read again at
            each reload as well.
        listen_address: where to listen instead of where the site file says.

    Raises:
        ConfigError: the files cannot be used.
        ValueError: the listen address is none.
        OSError: the address cannot be listened on.
    """
    sys.setswitchinterval(_SHARE)
    site = load_site(path, roles, shard)
    endpoint = site.web.listen if listen_address is None else listen(listen_address)
    async with LoopLag() as lag:
        exporter = Exporter(site, roles, lag, web_config)
        parts = exporter.parts()
        async with server.serve(parts, endpoint.host, endpoint.port) as port:
            logger.info("listening on %s", endpoint if endpoint.port else port)
            exporter.start()
            try:
                async with incremental_gc(), systemd.watched(exporter.store):
                    await _until_told(exporter.reload)
            finally:
                await exporter.close()


async def _until_told(reload: Callable[[], Coroutine[None, None, object]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    reloads: set[asyncio.Task[object]] = set()

    def on_hangup() -> None:
        task = loop.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await stop.wait()
