"""Parts that the service and a single round are both made of."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING

from exporter.diagnose.known import Known
from exporter.model.addresses import family_of
from exporter.model.rule import Status
from exporter.monitor.scheduler import Limits
from exporter.probes import host_network
from exporter.probes.own_host import fault_towards
from exporter.probes.resolver import Resolver
from exporter.probes.runner import Runner
from exporter.probes.tls import TlsEngine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.config.site import Site
    from exporter.model.outcome import Result
    from exporter.model.rule import Target
    from exporter.monitor.comparison_traces import ComparisonTraces
    from exporter.monitor.controls import Controls
    from exporter.monitor.loop_lag import LoopLag
    from exporter.monitor.store import Store


def active(targets: Iterable[Target]) -> list[Target]:
    """The targets that are probed from here."""
    return [target for target in targets if target.status is Status.ACTIVE]


def limits_of(site: Site) -> Limits:
    """How many probes a site allows at once and a second."""
    return Limits(site.schedule.concurrency, site.schedule.rate)


def resolver_of(site: Site, lag: LoopLag | None = None) -> Resolver:
    """A resolver that asks the servers a site names, or the host's."""
    resolver = Resolver(site.dns.servers, site.dns.search)
    if lag is not None:
        resolver.stalled = lag.stalled
    return resolver


def engine_of(site: Site) -> TlsEngine:
    """TLS with the authorities that a site trusts; blocks while they are read.

    Raises:
        OSError: a file of them cannot be read.
    """
    return TlsEngine(site.tls.ca_file)


def runner_of(
    site: Site,
    engine: TlsEngine,
    resolver: Resolver,
    store: Store,
    lag: LoopLag,
    controls: Controls,
) -> Runner:
    """The runner of a site's targets; `controls` are the site's from now on."""
    witnesses = _witnesses(site)

    def witness(rule_id: str, host: str) -> tuple[Target, Result | None] | None:
        """The witness as the store knows it, or as one that was not chosen for a check."""
        known, own = store.witness(rule_id, host), witnesses.get((rule_id, host))
        return (own, None) if known is None and own is not None else known

    controls.use(site.controls, Runner(resolver, engine, stalled=lag.stalled))
    runner = Runner(resolver, engine, witness=witness, stalled=lag.stalled)
    runner.doubt = controls.doubt
    runner.proxy = site.proxy
    return runner


def known_of(
    site: Site,
    store: Store,
    resolver: Resolver,
    controls: Controls,
    comparisons: ComparisonTraces,
) -> Known:
    """What is known now of a site's targets, and of this host, for a diagnosis."""
    waiting = [target for target in site.targets if target.status is Status.UNSET]
    return Known(
        records=store.records(),
        now=time.time(),
        host=platform.node(),
        servers=resolver.servers(),
        waiting=[target for target in waiting if target.rule.feed is not None],
        urls={name: one.url for name, one in site.feeds.known.items()},
        controls=controls.states(),
        documents={one.name: one.reference for one in site.catalogues},
        owners=site.owners,
        answering_paths=comparisons.paths(),
        source=source_towards,
        fault=_fault,
    )


def source_towards(address: str) -> str | None:
    """The address that this host sends from to another; None if it cannot tell."""
    route = host_network.route_to(address)
    return route.source if route is not None else None


def _fault(address: str) -> tuple[str, str] | None:
    if not host_network.has_route(address):
        return f"route for {family_of(address)}", f"this host has no route to {address}"
    fault = fault_towards(address)
    return (fault.broken, fault.detail) if fault is not None and fault.broken else None


def _witnesses(site: Site) -> dict[tuple[str, str], Target]:
    needed = {target.rule.witness for target in site.targets}
    return {
        (target.rule.id, target.destination): target
        for target in active(site.targets)
        if target.rule.id in needed
    }
