"""Questions to a Prometheus server over its HTTP API.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.report.api import Answer, Api


@dataclass(frozen=True, slots=True)
class Series:
    """Labels, and samples as (Unix time, value)."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]


class Prometheus:
    """Asks a server, whose API is below `/api/v1`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def instant(self, expr: str, at: float) -> list[Series]:
        """What an expression gives at one time.

        Raises:
            ApiError: no answer, or a refusal.
        """
        return await self._ask("query", {"query": expr, "time": f"{at:.3f}"})

    async def over(
        self, expr: str, start: float, end: float, step: float
    ) -> list[Series]:
        """What an expression gives every `step` seconds.

        Raises:
            ApiError: no answer, or a refusal.
        """
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return await self._ask("query_range", {"query": expr, **span})

    async def _ask(self, what: str, form: Mapping[str, str]) -> list[Series]:
        answer = await self._api.post(f"api/v1/{what}", form=form)
        try:
            told = answer.json()
            if told["status"] != "success":
                raise self._api.failed(str(told["error"]))
            return [_series(one) for one in told["data"]["result"]]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._api.failed(_no_answer(answer)) from None


def _no_answer(answer: Answer) -> str:
    return f"HTTP status {answer.status}, and no answer of Prometheus's API"


def _series(one: Mapping[str, Any]) -> Series:
    pairs = one["values"] if "values" in one else [one["value"]]
    labels = {str(name): str(value) for name, value in one["metric"].items()}
    return Series(labels, tuple((float(at), float(value)) for at, value in pairs))
