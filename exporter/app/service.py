"""The running service: the rooms built from a site file, and built anew at a reload.

`oneshot.py` runs one round of the same parts, `serve.py` is the process around it. A reload
builds everything anew from the files and swaps it in only if they are free of
problems; after a failed reload the old configuration stays in force. Feeds
bring other targets without one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.app import systemd
from exporter.app.blocking import within
from exporter.app.change_log import ChangeLog
from exporter.app.diagnosis_loop import DiagnosisLoop
from exporter.app.factories import (
    active,
    engine_of,
    known_of,
    limits_of,
    resolver_of,
    runner_of,
    source_towards,
)
from exporter.app.reload import Reloader
from exporter.app.web_config_watch import WebConfigWatch
from exporter.config.diagnostics import ConfigError
from exporter.config.ports import rotated, until_next_turn
from exporter.config.site import load_site
from exporter.http import handlers
from exporter.http.admission import Admission
from exporter.metrics.exposition import Exposition
from exporter.metrics.sources import Sources
from exporter.metrics.telemetry import Telemetry
from exporter.model.outcome import Verdict
from exporter.monitor.comparison_traces import ComparisonTraces
from exporter.monitor.controls import Controls
from exporter.monitor.feed_refresh import FeedRefresher, FeedSource, feeds_for
from exporter.monitor.resolver_watch import ResolverWatch
from exporter.monitor.rounds import Rounds
from exporter.monitor.scheduler import Scheduler
from exporter.monitor.store import Store
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from pathlib import Path

    from exporter.config.site import Site
    from exporter.diagnose.known import Known
    from exporter.model.rule import Target
    from exporter.monitor.loop_lag import LoopLag
    from exporter.probes.resolver import Resolver
    from exporter.probes.runner import Runner
    from exporter.probes.tls import TlsEngine

logger = logging.getLogger(__name__)

_READING = 5.0
"""Seconds that the files of a reload may take to be read."""


class Exporter:
    """The running service without its server.

    Args:
        site: the configuration to begin with.
        roles: roles to play instead of the file's, at each reload too.
        lag: measures the running event loop.
        web_config: file with TLS and passwords of the server, if any; read again at
            each reload.

    Raises:
        ConfigError: the file of TLS and passwords cannot be used.
    """

    def __init__(
        self,
        site: Site,
        roles: Sequence[str],
        lag: LoopLag,
        web_config: Path | None = None,
    ) -> None:
        self._site = site
        self._roles = roles
        self._lag = lag
        self._store = Store()
        self._store.listeners.append(ChangeLog().hear)
        self._targets: Sequence[Target] = site.targets
        self._turns: asyncio.Task[None] | None = None
        self._resolver = resolver_of(site, lag)
        source = FeedSource.of(site, self._resolver)
        self._feeds = FeedRefresher(source, self._expand, socket.gethostname())
        self._watch = ResolverWatch(self._servers, lag.stalled)
        self._controls = Controls()
        self._admission = Admission()
        runner = self._runner(site, engine_of(site), self._resolver)
        self._rounds = Rounds(runner, self._store)
        self._comparisons = ComparisonTraces(runner, self._store)
        self._telemetry = Telemetry(
            Sources(
                targets=lambda: self._targets,
                lag=lambda: lag.latest,
                load=lambda: self._scheduler,
                feeds=self._feeds.states,
                controls=self._controls.states,
                ledgers=lambda: self._site.ledgers,
                config_sha256=lambda: self._site.sha256,
                catalogues=lambda: self._site.hashes,
                site=lambda: self._site.name,
                roles=lambda: self._site.roles,
                shard=lambda: self._site.shard,
                resolvers=self._watch.states,
                clients=lambda: self._admission,
                certificate_expiry=lambda: (
                    self._web_config_watch.in_force.certificate_expiry
                ),
            )
        )
        self._scheduler = Scheduler(
            self._run,
            limits_of(site),
            lateness=self._telemetry.observe_lateness,
            sooner=self._sooner,
            salt=socket.gethostname(),
        )
        self._exposition = Exposition(self._store, self._telemetry)
        self._diagnosis = DiagnosisLoop(
            self._known, self._compare, self._exposition.explain
        )
        self._store.listeners.append(self._diagnosis.hear)
        self._store.trace_listeners.append(self._diagnosis.hear)
        self._reloader = Reloader(lambda: systemd.reloading(self._reload))
        self._web_config_watch = WebConfigWatch(web_config)
        self._web_config_file = web_config

    @property
    def store(self) -> Store:
        """What is known of the targets."""
        return self._store

    def start(self) -> None:
        """Begins to probe."""
        self._web_config_watch.keep_looking()
        self._bring_into_force(self._site)
        self._turns = asyncio.create_task(self._take_turns(), name="turns")

    async def close(self) -> None:
        """Stops probing; nothing is left under way."""
        if self._turns is not None:
            self._turns.cancel()
            await asyncio.gather(self._turns, return_exceptions=True)
        await self._reloader.close()
        await self._web_config_watch.close()
        await self._diagnosis.close()
        await self._watch.close()
        await self._controls.close()
        await self._feeds.close()
        await self._scheduler.close()
        await self._rounds.close()
        await self._resolver.close()

    async def reload(self) -> Sequence[str]:
        """Loads the configuration anew; returns the problems, none if it is in force."""
        return await self._reloader.reload()

    async def _reload(self) -> Sequence[str]:
        site_file, web_file = self._site.path, self._web_config_file
        file = site_file
        try:
            site, engine = await within(_READING, self._load)
            file = web_file or file
            protection = await within(_READING, self._web_config_watch.read_to_tell)
            resolver = resolver_of(site, self._lag)
            runner = self._runner(site, engine, resolver)
        except ConfigError as error:
            return self._failed(str(error).splitlines())
        except TimeoutError:
            return self._failed([f"{file}: not read within {_READING:g} s"])
        except Exception as error:
            logger.debug("reload", exc_info=True)
            said = printable(f"{type(error).__name__}: {error}")
            return self._failed([f"{file}: cannot be read: {said}"])
        self._web_config_watch.use(protection)
        if site.web.listen != self._site.web.listen:
            logger.warning("web.listen: another address is taken at the next start")
        before, self._resolver = self._resolver, resolver
        rounds, self._rounds = self._rounds, Rounds(runner, self._store)
        self._comparisons = ComparisonTraces(runner, self._store)
        self._bring_into_force(site)
        await rounds.close()
        await before.retire()
        return []

    def _load(self) -> tuple[Site, TlsEngine]:
        """All that is read from files, and takes long enough for a thread of its own."""
        site = load_site(self._site.path, self._roles, self._site.shard)
        return site, engine_of(site)

    def _runner(self, site: Site, engine: TlsEngine, resolver: Resolver) -> Runner:
        own = (self._store, self._lag, self._controls)
        return runner_of(site, engine, resolver, *own)

    def _failed(self, problems: Sequence[str]) -> Sequence[str]:
        self._telemetry.reloaded(False, time.time())
        for problem in problems:
            logger.error("reload failed, the old rules stay: %s", problem)
        return problems

    def parts(self) -> handlers.Parts:
        """What the HTTP server tells of, and may ask for."""
        return handlers.Parts(
            store=self._store,
            exposition=self._exposition,
            targets=lambda: self._targets,
            reload=self.reload,
            probe_now=self._probe_now,
            next_due=self._scheduler.next_due,
            controls=self._controls.states,
            ledgers=lambda: self._site.ledgers,
            feeds=self._feeds.states,
            admission=self._admission,
            findings=self._diagnosis.findings,
            shard=lambda: str(self._site.shard or ""),
            source=source_towards,
            protection=lambda: self._web_config_watch.in_force,
            hosts=lambda: self._site.web.hosts,
        )

    def _bring_into_force(self, site: Site) -> None:
        self._site = site
        feeds = feeds_for(site, site.targets)
        self._feeds.use(feeds, FeedSource.of(site, self._resolver))
        self._controls.keep_looking()
        self._watch.keep_looking()
        self._diagnosis.keep_explaining()
        self._expand()
        self._telemetry.reloaded(True, time.time())
        for warning in site.warnings:
            logger.warning("%s", warning)

    def _expand(self) -> None:
        """Makes the site's targets with the members of feeds in force the ones that are probed."""
        failing = (
            record.target
            for record in self._store.records()
            if record.verdict is not Verdict.HOLDS and record.latest is not None
        )
        listed = self._feeds.expand(self._site)
        self._targets = rotated(listed, time.time(), failing)
        targets = active(self._targets)
        self._store.replace(targets)
        self._scheduler.replace(targets, limits_of(self._site))
        roles, shard = ", ".join(self._site.roles), self._site.shard
        part = f", shard {shard}," if shard is not None else ""
        logger.info("%d targets of %s%s are probed", len(targets), roles, part)

    async def _take_turns(self) -> None:
        """Has other ports of ranges probed whenever it is their turn."""
        while True:
            await asyncio.sleep(until_next_turn(time.time()))
            if any(target.slot is not None for target in self._targets):
                self._expand()

    def _run(self, target: Target) -> Awaitable[float | None]:
        return self._rounds.run(target)

    def _known(self) -> Known:
        """What is known now, for a diagnosis."""
        own = (self._store, self._resolver, self._controls, self._comparisons)
        site = replace(self._site, targets=tuple(self._targets))
        return replace(
            known_of(site, *own),
            resolvers=self._watch.states(),
            feeds=self._feeds.states(),
        )

    async def _compare(self) -> bool:
        """Traces what still answers beside what is silent."""
        return await self._comparisons.look()

    def _servers(self) -> Sequence[str]:
        """The resolvers in use: those of the configuration in force, or the host's."""
        return self._resolver.servers()

    def _sooner(self, target: Target) -> float | None:
        """A round that sent the peer nothing does not count against its patience."""
        if target.rule.unsent_interval is None:
            return None
        record = self._store.record(target)
        if record is None or record.latest is None or record.latest.sent:
            return None
        return target.rule.unsent_interval

    async def _probe_now(self, rule_id: str) -> bool:
        records = self._store.of_rule(rule_id)
        started = [self._scheduler.run_soon(record.target) for record in records]
        return any(started)
