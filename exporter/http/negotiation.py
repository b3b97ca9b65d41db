"""What a client wants: media type and compression, by its Accept headers.

Quality values and specificity follow RFC 9110, section 12.5. Headers are foreign
text: what cannot be understood is passed over, and somebody who accepts nothing we
have is sent the plain form rather than an error, as Prometheus clients expect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.metrics.text_format import ExpositionFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_ITEMS = 64
"""Items of a header looked at; nobody honest sends more."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of an Accept header, in lower case."""

    name: str
    quality: float
    parameters: Mapping[str, str]


def exposition_format(accept: str) -> ExpositionFormat:
    """The format that `accept` prefers; plain text when in doubt."""
    items = list(_items(accept))
    # A wildcard covers plain text only: OpenMetrics is for those who name it.
    openmetrics = _quality(items, ["application/openmetrics-text"], "1.0.0")
    text = _quality(items, ["text/plain", "text/*", "*/*"], "0.0.4")
    return ExpositionFormat.OPENMETRICS if openmetrics > text else ExpositionFormat.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is accepted, and no less welcome than no compression at all."""
    named = {item.name: item.quality for item in _items(accept_encoding)}
    gzip = named.get("gzip", named.get("x-gzip", named.get("*", 0.0)))
    return gzip > 0 and gzip >= named.get("identity", 0.0)


def prefers_html(accept: str) -> bool:
    """Whether a person's browser asks, rather than a program."""
    return any(item.name == "text/html" and item.quality for item in _items(accept))


def _quality(items: list[_Item], names: list[str], version: str) -> float:
    """The best quality under the first, most specific name that occurs; else 0."""
    for name in names:
        found = [
            item.quality
            for item in items
            if item.name == name and item.parameters.get("version", version) == version
        ]
        if found:
            return max(found)
    return 0.0


def _items(header: str) -> Iterator[_Item]:
    for part in header.lower().split(",")[:_MAX_ITEMS]:
        name, *rest = (word.strip() for word in part.split(";"))
        parameters = dict(_parameter(word) for word in rest)
        quality = _number(parameters.pop("q", "1"))
        if name and quality is not None:
            yield _Item(name, quality, parameters)


def _parameter(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name.strip(), value.strip().strip('"')


def _number(text: str) -> float | None:
    """A quality from 0 to 1 (RFC 9110 12.4.2), or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None
