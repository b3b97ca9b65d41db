"""The process around the service: its server, its signals, and what systemd is told."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING, Self

from exporter.app import systemd
from exporter.app.blocking import join_left
from exporter.app.service import Exporter
from exporter.config.site import load_site
from exporter.http import server
from exporter.monitor.gc_pacing import incremental_gc
from exporter.monitor.loop_lag import LoopLag

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from exporter.config.sharding import Shard
    from exporter.model.endpoint import Endpoint

logger = logging.getLogger(__name__)

_LEAVE = 3.0
"""Seconds for which the end waits for a configuration that is being loaded."""
_SHARE = 0.001
"""Seconds of the interpreter that a thread has while the event loop waits for it, as at
each of its turns while a configuration is loaded (5 ms unless told)."""


async def serve(
    path: Path,
    roles: Sequence[str] = (),
    *,
    shard: Shard | None = None,
    web_config: Path | None = None,
    listen_address: Endpoint | None = None,
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
        OSError: the address cannot be listened on.
    """
    sys.setswitchinterval(_SHARE)
    with _Hangups() as hangups:
        site = load_site(path, roles, shard)
        endpoint = listen_address or site.web.listen
        async with LoopLag() as lag:
            exporter = Exporter(site, roles, lag, web_config)
            parts = exporter.parts()
            async with server.serve(parts, endpoint.host, endpoint.port) as port:
                logger.info("listening on %s", endpoint if endpoint.port else port)
                exporter.start()
                try:
                    async with (
                        incremental_gc(lambda: parts.admission.ended),
                        systemd.watched(exporter.store),
                    ):
                        await _until_told(hangups, exporter.reload)
                finally:
                    await exporter.close()
                    join_left(_LEAVE)


class _Hangups:
    """Hears SIGHUP from the beginning on, so that nobody dies of one too early or late.

    The loop's own handler would be taken away before the process ends.
    """

    def __init__(self) -> None:
        self._missed = False
        self._heard: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def on_signal(_number: int, _frame: object) -> None:
            loop.call_soon_threadsafe(self._hear)

        signal.signal(signal.SIGHUP, on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def tell(self, heard: Callable[[], None]) -> None:
        """Calls `heard` at each from now on, and at once if there was one already."""
        self._heard = heard
        if self._missed:
            heard()

    def _hear(self) -> None:
        if self._heard is None:
            self._missed = True
        else:
            self._heard()


async def _until_told(
    hangups: _Hangups, reload: Callable[[], Coroutine[None, None, object]]
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    reloads: set[asyncio.Task[object]] = set()

    def on_hangup() -> None:
        task = loop.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    hangups.tell(on_hangup)
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    await stop.wait()
