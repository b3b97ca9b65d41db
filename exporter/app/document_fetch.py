"""A vendor's page, fetched once: what `import` reads from a URL."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from exporter.app.factories import resolver_of
from exporter.monitor.fetch import Fetcher
from exporter.probes.resolver import Resolver
from exporter.vendor.readers import MAX_BYTES

if TYPE_CHECKING:
    from exporter.config.site import Site


async def fetched(url: str, site: Site | None) -> bytes:
    """The bytes of a page, through the site's proxy and with its authorities if any.

    A redirect is not followed: where a document has moved to is for a person to see,
    and a login page is no document.

    Raises:
        FetchError: anything but a 200 with at most 4 MiB came, or nothing.
    """
    resolver = resolver_of(site) if site else Resolver()
    async with contextlib.AsyncExitStack() as ending:
        ending.push_async_callback(resolver.close)
        ca_file, proxy = (site.tls.ca_file, site.proxy) if site else (None, None)
        return await Fetcher(resolver, ca_file, proxy, limit=MAX_BYTES).fetch(url)
