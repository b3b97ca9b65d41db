"""What an Alertmanager does with an alert, asked over its HTTP API.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.report.api import Answer, Api

_OK = 200
_WHERE = ("to", "channel", "room", "url", "webhook_url", "api_url")
"""Keys of an integration that say whom it tells."""
_COUNTERS = {
    "alertmanager_notification_requests_total": "tried",
    "alertmanager_notification_requests_failed_total": "failed",
}


@dataclass(frozen=True, slots=True)
class Routed:
    """An alert as Alertmanager has it.

    Attributes:
        labels: those that it came with.
        receivers: names of those that its routes lead to.
        muted: why it is told to nobody as yet: "silenced by ID", "inhibited by ID".
    """

    labels: Mapping[str, str]
    receivers: Sequence[str]
    muted: Sequence[str]


@dataclass(frozen=True, slots=True)
class Integration:
    """One way of a receiver to tell somebody.

    Attributes:
        kind: such as `email`.
        whom: an address, a channel, or the host of a URL; empty if it is secret.
    """

    kind: str
    whom: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Notifications of one kind that were tried, of all alerts; retries count."""

    tried: float = 0
    failed: float = 0

    def since(self, before: Counted) -> Counted:
        """What came to it after another count."""
        return Counted(self.tried - before.tried, self.failed - before.failed)


class Alertmanager:
    """Asks, and posts to, a server."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def post(self, alert: Mapping[str, Any]) -> None:
        """Sends an alert, as Prometheus does.

        Raises:
            ApiError: it was not accepted.
        """
        answer = await self._api.post("api/v2/alerts", value=[alert])
        if answer.status != _OK:
            raise self._api.failed(_refused(answer))

    async def routed(self, subject: str) -> Routed | None:
        """What became of the alert with that subject, once it is known.

        Raises:
            ApiError: no answer, or a refusal.
        """
        found = await self._json("alerts", {"filter": f'subject="{subject}"'})
        try:
            alerts = [_routed(one) for one in found if _processed(one)]
        except (KeyError, TypeError, AttributeError):
            raise self._api.failed("no answer of Alertmanager's API v2") from None
        return alerts[0] if alerts else None

    async def receivers(self) -> dict[str, list[Integration]]:
        """Whom each receiver tells, by its name.

        Raises:
            ApiError: no answer, or a refusal.
        """
        status = await self._json("status")
        try:
            content = yaml.safe_load(status["config"]["original"])
            return {one["name"]: _integrations(one) for one in content["receivers"]}
        except (yaml.YAMLError, KeyError, TypeError, AttributeError):
            raise self._api.failed("no status of Alertmanager's API v2") from None

    async def counted(self) -> dict[str, Counted]:
        """Notifications so far by kind, such as `email`; none if it does not say.

        Raises:
            ApiError: no answer.
        """
        answer = await self._api.get("metrics")
        text = answer.body.decode("utf-8", "replace") if answer.status == _OK else ""
        sums: dict[str, dict[str, float]] = {}
        try:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if counter := _COUNTERS.get(sample.name):
                        kind = sums.setdefault(sample.labels["integration"], {})
                        kind[counter] = kind.get(counter, 0) + sample.value
        except (ValueError, KeyError):
            return {}
        return {name: Counted(**each) for name, each in sums.items()}

    async def _json(self, what: str, params: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - any value is JSON
        answer = await self._api.get(f"api/v2/{what}", params)
        try:
            if answer.status == _OK:
                return answer.json()
        except ValueError:
            pass
        raise self._api.failed(_refused(answer))


def _refused(answer: Answer) -> str:
    said = answer.body.decode("utf-8", "replace").strip()
    return f"HTTP status {answer.status} {said}"


def _processed(alert: Mapping[str, Any]) -> bool:
    return bool(alert["status"]["state"] != "unprocessed")


def _routed(alert: Mapping[str, Any]) -> Routed:
    status = alert["status"]
    muted = [
        f"{word} by {name}"
        for word, key in (
            ("silenced", "silencedBy"),
            ("inhibited", "inhibitedBy"),
            ("muted", "mutedBy"),
        )
        for name in status.get(key) or ()
    ]
    names = [one["name"] for one in alert["receivers"]]
    return Routed(alert["labels"], names, muted)


def _integrations(receiver: Mapping[str, Any]) -> list[Integration]:
    return [
        Integration(name.removesuffix("_configs"), _whom(one))
        for name, each in receiver.items()
        if name.endswith("_configs")
        for one in each or ()
    ]


def _whom(integration: Mapping[str, Any]) -> str:
    """Of a URL its host only: the rest of it may be a secret."""
    for key in _WHERE:
        said = str(integration.get(key) or "")
        parts = urlsplit(said)
        whom = (parts.hostname or "") if parts.scheme else said
        if whom and whom != "<secret>":
            return whom
    return ""
