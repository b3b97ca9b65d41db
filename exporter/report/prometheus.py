"""Questions to a Prometheus server over its HTTP API.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from exporter.probes.wire.http import USER_AGENT
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 120.0
"""Seconds for one answer; Prometheus itself gives up after two minutes."""
_MAX_BYTES = 256 * 2**20


class PrometheusError(Exception):
    """A question could not be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Series:
    """Labels, and samples as (Unix time, value)."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]


class Prometheus:
    """Asks a server.

    Args:
        url: where its API is, without `/api/v1`.
        token: of a bearer, if it wants one.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = {"User-Agent": USER_AGENT}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    async def instant(self, expr: str, at: float) -> list[Series]:
        """What an expression gives at one time.

        Raises:
            PrometheusError: no answer, or a refusal.
        """
        return await self._ask("query", {"query": expr, "time": f"{at:.3f}"})

    async def over(
        self, expr: str, start: float, end: float, step: float
    ) -> list[Series]:
        """What an expression gives every `step` seconds.

        Raises:
            PrometheusError: no answer, or a refusal.
        """
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return await self._ask("query_range", {"query": expr, **span})

    async def _ask(self, what: str, form: Mapping[str, str]) -> list[Series]:
        patience = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=patience, headers=self._headers
                ) as session,
                session.post(f"{self._url}/api/v1/{what}", data=form) as answer,
            ):
                body = await answer.content.read(_MAX_BYTES + 1)
                while chunk := await answer.content.read(_MAX_BYTES + 1 - len(body)):
                    body += chunk
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = printable(str(error)) or type(error).__name__
            raise PrometheusError(f"{self._url}: {why}") from None
        return self._read(answer.status, body)

    def _read(self, status: int, body: bytes) -> list[Series]:
        if len(body) > _MAX_BYTES:
            raise PrometheusError(f"{self._url}: an answer of more than 256 MiB")
        try:
            told = json.loads(body)
            if told["status"] != "success":
                raise PrometheusError(f"{self._url}: {printable(str(told['error']))}")
            return [_series(one) for one in told["data"]["result"]]
        except (ValueError, KeyError, TypeError, AttributeError):
            said = (
                f"{self._url}: HTTP status {status}, and no answer of Prometheus's API"
            )
            raise PrometheusError(said) from None


def _series(one: Mapping[str, Any]) -> Series:
    pairs = one["values"] if "values" in one else [one["value"]]
    labels = {str(name): str(value) for name, value in one["metric"].items()}
    return Series(labels, tuple((float(at), float(value)) for at, value in pairs))
