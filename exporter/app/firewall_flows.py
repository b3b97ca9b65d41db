"""What a firewall has to know: rules with the addresses that they mean here and now."""

from __future__ import annotations

import asyncio
import platform
from typing import TYPE_CHECKING

from exporter.app.factories import resolver_of, source_towards
from exporter.model.outcome import ProbeError
from exporter.model.rule import Status
from exporter.present.formats.interface import Flow
from exporter.probes.proxy import proxy_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.config.site import Site
    from exporter.model.rule import Target
    from exporter.probes.resolver import Resolver

_LOOK_UPS = 16
"""Names asked for at once."""


async def flows(site: Site, targets: Iterable[Target]) -> list[Flow]:
    """The flows of targets that have a host, of this host's roles and shard and of others.

    Args:
        site: as it was loaded.
        targets: those to be listed; what waits for a host, is retired or does not
            apply has no flow.
    """
    open_ones = {Status.ACTIVE, Status.OTHER_ROLE, Status.OTHER_SHARD}
    chosen = [target for target in targets if target.status in open_ones]
    hosts = {target.destination for target in chosen}
    if site.proxy is not None:
        hosts.add(site.proxy.host)
    resolver = resolver_of(site)
    try:
        addresses = await _looked_up(resolver, sorted(hosts))
    finally:
        await resolver.close()
    return [flow for target in chosen for flow in _of(target, site, addresses)]


async def _looked_up(
    resolver: Resolver, hosts: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    slots = asyncio.Semaphore(_LOOK_UPS)

    async def one(host: str) -> tuple[str, ...]:
        async with slots:
            try:
                return tuple((await resolver.resolve(host)).addresses)
            except ProbeError:
                # The flow is listed by its name: it is wanted nevertheless.
                return ()

    return dict(zip(hosts, await asyncio.gather(*map(one, hosts)), strict=True))


def _of(
    target: Target, site: Site, addresses: Mapping[str, tuple[str, ...]]
) -> Iterator[Flow]:
    """One flow, or the two on both sides of a proxy."""
    there = addresses[target.destination]
    proxy = proxy_for(target.rule, site.proxy)
    if proxy is None:
        source, own = _source(target, there)
        yield Flow(target, source, own, target.destination, there, target.port)
        return
    between = addresses[proxy.host]
    source, own = _source(target, between)
    via = str(proxy)
    yield Flow(target, source, own, proxy.host, between, proxy.port, via)
    yield Flow(target, proxy.host, between, target.destination, there, target.port, via)


def _source(target: Target, towards: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Who sends: this host with its addresses, or another role or shard without."""
    if target.status is not Status.ACTIVE:
        return target.rule.source, ()
    own = dict.fromkeys(filter(None, map(source_towards, towards)))
    return platform.node(), tuple(own)
