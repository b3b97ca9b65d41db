"""Fetching feeds and pages: one bounded GET, through the site's proxy where it has one.

Names are resolved as for probes, the server's certificate must verify against the
public authorities or the site's own, redirects are not followed (a login page is no
feed), and neither the size nor the time an answer takes is the server's to choose.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import TYPE_CHECKING

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult

from exporter.config.feed_formats import MAX_BYTES
from exporter.model.outcome import ProbeError
from exporter.probes.wire.http import USER_AGENT
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.model.endpoint import Endpoint
    from exporter.probes.resolver import Resolver

PATIENCE = 30.0
"""Seconds for a whole answer."""
_OK = 200


class FetchError(Exception):
    """A document could not be fetched; the message says why."""


class Fetcher:
    """Fetches documents.

    Args:
        resolver: names to addresses, as for probes.
        ca_file: the site's own authorities.
        proxy: an HTTP proxy to go through.
        patience: seconds for a whole answer.
        limit: bytes of it.
    """

    def __init__(
        self,
        resolver: Resolver,
        ca_file: Path | None = None,
        proxy: Endpoint | None = None,
        patience: float = PATIENCE,
        limit: int = MAX_BYTES,
    ) -> None:
        self._resolver = resolver
        self._ca_file = ca_file
        self._proxy = f"http://{proxy}" if proxy is not None else None
        self._patience = patience
        self._limit = limit

    async def fetch(self, url: str) -> bytes:
        """The body of a 200 answer to a GET, at most `limit` bytes of it.

        Raises:
            FetchError: anything else came, or nothing.
        """
        try:
            async with asyncio.timeout(self._patience):
                return await self._get(url)
        except TimeoutError as error:
            said = f"no whole answer within {self._patience:g} s"
            raise FetchError(said) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(why(error)) from error

    async def _get(self, url: str) -> bytes:
        context = await asyncio.to_thread(_trust, self._ca_file)
        connector = aiohttp.TCPConnector(
            resolver=_Names(self._resolver), ssl=context, force_close=True
        )
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        async with (
            aiohttp.ClientSession(
                connector=connector,
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                # What would not stay as small as it comes is not unpacked.
                auto_decompress=False,
            ) as session,
            session.get(url, allow_redirects=False, proxy=self._proxy) as answer,
        ):
            return await _body(answer, self._limit)


def why(error: Exception) -> str:
    """What went wrong below the client library, where it says that."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return printable(os.strerror(error.errno) if error.errno else str(error))
    return printable(f"{type(error).__name__}: {error}")


async def _body(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    if answer.status != _OK:
        target = answer.headers.get("Location")
        leads = f", which leads to {printable(target)}" if target else ""
        raise FetchError(f"HTTP {answer.status}{leads}")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise FetchError(f"longer than {limit} bytes")
    return bytes(body)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    # A site's own authority need not be as strict as the public ones must.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _Names(AbstractResolver):
    """The exporter's resolver as the client library wants it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host of a family, or of any."""
        try:
            addresses = (await self._resolver.resolve(host)).addresses
        except ProbeError as error:
            raise OSError(error.detail) from error
        families = [socket.AF_INET6 if ":" in a else socket.AF_INET for a in addresses]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=own,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address, own in zip(addresses, families, strict=True)
            if family in {own, socket.AF_UNSPEC}
        ]

    async def close(self) -> None:
        """Nothing: the resolver is not ours."""
