"""Requests to the HTTP APIs of Prometheus and Alertmanager."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from exporter.monitor.fetch import why
from exporter.probes.wire.http import USER_AGENT
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    _Request = AbstractAsyncContextManager[aiohttp.ClientResponse]

PATIENCE = 120.0
"""Seconds for one answer; Prometheus itself gives up after two minutes."""
_MAX_BYTES = 256 * 2**20


class ApiError(Exception):
    """A request had no answer of use; the message says whose, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever it is: the status of HTTP, and the body."""

    status: int
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - any value is JSON
        """The body's value.

        Raises:
            ValueError: it is no JSON.
        """
        return json.loads(self.body)


class Api:
    """Where requests go, and what they carry.

    Args:
        url: where the server is, as far as the paths of its API; user and password in it
            are used, and shown to nobody.
        token: of a bearer, if the server wants one.
        ca_file: PEM certificates to trust instead of the system's.

    Attributes:
        shown: the URL for messages.

    Raises:
        ApiError: the URL is none of HTTP, or the file holds no certificate.
    """

    def __init__(self, url: str, token: str = "", ca_file: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self.shown = _without_password(self._url)
        self._tls = _trusting(ca_file)
        self._headers = {"User-Agent": USER_AGENT}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """What is at a path below the URL.

        Raises:
            ApiError: no answer.
        """
        return await self._answer(
            lambda session: session.get(self._at(path), params=params, ssl=self._tls)
        )

    async def post(
        self, path: str, *, form: Mapping[str, str] | None = None, value: object = None
    ) -> Answer:
        """What a form, or a value as JSON, is answered with.

        Raises:
            ApiError: no answer.
        """
        return await self._answer(
            lambda session: session.post(
                self._at(path), data=form, json=value, ssl=self._tls
            )
        )

    def _at(self, path: str) -> str:
        return f"{self._url}/{path}"

    async def _answer(self, ask: Callable[[aiohttp.ClientSession], _Request]) -> Answer:
        patience = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=patience, headers=self._headers
                ) as session,
                ask(session) as answer,
            ):
                body = await answer.content.read(_MAX_BYTES + 1)
                while chunk := await answer.content.read(_MAX_BYTES + 1 - len(body)):
                    body += chunk
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self.failed(why(error)) from None
        if len(body) > _MAX_BYTES:
            raise self.failed("an answer of more than 256 MiB")
        return Answer(answer.status, body)

    def failed(self, why: str) -> ApiError:
        """The error that says so of this server."""
        return ApiError(f"{self.shown}: {printable(why)}")


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # Not shown: what is mistyped may be a password.
        raise ApiError("the server's URL must be such as https://host:9090")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _trusting(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise ApiError(f"{ca_file}: no certificates in PEM") from None
