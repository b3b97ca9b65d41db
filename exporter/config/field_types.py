"""The types of single keys, for `site_schema.py`: how text becomes a value, and its words.

Each is what pydantic needs to read one kind of value strictly, with the JSON Schema
that an editor is shown for it.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from exporter.config import destination, ports, scalars
from exporter.config.ports import PortPlaceholder, PortRange
from exporter.config.scalars import ProbeCall
from exporter.model.endpoint import MAX_PORT, Endpoint

WORD = r"^[a-z0-9]+([_-][a-z0-9]+)*$"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
NAME = r"^[a-z][a-z0-9_]*$"
LINE = r"^[^\x00-\x1f\x7f]*$"
SHA256 = r"^[0-9a-f]{64}$"
ROW = r"^[A-Za-z0-9._-]+$"
PATTERNS = {
    SLUG: "lower-case letters, digits and single hyphens",
    WORD: "lower-case letters, digits, single hyphens and underscores",
    SHA256: "64 hexadecimal digits in lower case",
    NAME: "lower-case letters, digits and underscores, beginning with a letter",
    LINE: "one line of text",
    ROW: "letters, digits, dots, hyphens and underscores",
}
"""What each pattern allows, in words."""

Slug: TypeAlias = Annotated[str, StringConstraints(max_length=100, pattern=SLUG)]
Name: TypeAlias = Annotated[str, StringConstraints(max_length=60, pattern=NAME)]
Line: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=300, pattern=LINE)
]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Row: TypeAlias = Annotated[str, StringConstraints(max_length=20, pattern=ROW)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=MAX_PORT)]
Word: TypeAlias = Annotated[str, StringConstraints(max_length=60, pattern=WORD)]
Sha256: TypeAlias = Annotated[str, StringConstraints(pattern=SHA256)]


def _written(pattern: str | None, *examples: str) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "examples": list(examples)}
    return WithJsonSchema(schema | ({"pattern": pattern} if pattern else {}))


Duration: TypeAlias = Annotated[
    float,
    PlainValidator(scalars.duration),
    _written(scalars.DURATION_PATTERN, "500ms", "5s", "2m", "6h"),
]
Rate: TypeAlias = Annotated[
    float, PlainValidator(scalars.rate), _written(scalars.RATE_PATTERN, "200/s")
]
Host: TypeAlias = Annotated[
    str, PlainValidator(scalars.host), _written(None, "api.example.com", "192.0.2.1")
]
HostOrTemplate: TypeAlias = Annotated[
    str,
    PlainValidator(destination.host),
    _written(None, "api.example.com", "192.0.2.1", "{tenant}.example.com"),
]
Network: TypeAlias = Annotated[
    str, PlainValidator(destination.network), _written(None, "198.51.100.0/24")
]
Wildcard: TypeAlias = Annotated[
    str, PlainValidator(destination.wildcard), _written(None, "*.cdn.example.com")
]
_PORT: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": MAX_PORT}
_BY_NAME: dict[str, Any] = {
    "type": "object",
    "properties": {"placeholder": {"type": "string", "pattern": NAME}},
    "required": ["placeholder"],
    "additionalProperties": False,
}
PortOrPlaceholder: TypeAlias = Annotated[
    int | PortPlaceholder,
    PlainValidator(ports.port),
    WithJsonSchema({"anyOf": [_PORT, _BY_NAME]}),
]
Ports: TypeAlias = Annotated[
    tuple[PortRange, ...],
    PlainValidator(ports.ports),
    WithJsonSchema(
        {
            "type": "array",
            "items": {
                "anyOf": [_PORT, {"type": "string", "pattern": "^[0-9]+-[0-9]+$"}]
            },
            "minItems": 1,
            "examples": [[80, 443, "5000-5100"]],
        }
    ),
]
Sources: TypeAlias = Annotated[
    tuple[Slug, ...],
    BeforeValidator(scalars.several),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": SLUG},
                {
                    "type": "array",
                    "items": {"type": "string", "pattern": SLUG},
                    "minItems": 1,
                },
            ]
        }
    ),
]
SiteName: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=LINE)
]
UsageWord: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=40, pattern=SLUG),
    WithJsonSchema(
        {"anyOf": [{"$ref": "#/$defs/Usage"}, {"type": "string", "pattern": SLUG}]}
    ),
]
FeedUrl: TypeAlias = Annotated[
    str,
    PlainValidator(scalars.feed_url),
    _written(None, "https://lists.example.org/mirrorlist?repo=os"),
]
FeedInterval: TypeAlias = Annotated[
    float,
    PlainValidator(scalars.feed_interval),
    _written(scalars.DURATION_PATTERN, "6h"),
]
NameServer: TypeAlias = Annotated[
    str, PlainValidator(scalars.name_server), _written(None, "192.0.2.53")
]
Proxy: TypeAlias = Annotated[
    Endpoint,
    PlainValidator(scalars.proxy),
    _written(None, "http://proxy.example.ac.uk:3128"),
]
Listen: TypeAlias = Annotated[
    Endpoint,
    PlainValidator(scalars.listen),
    _written(None, "127.0.0.1:9842", ":9842"),
]
Probe: TypeAlias = Annotated[
    ProbeCall, PlainValidator(scalars.probe), WithJsonSchema({"$ref": "#/$defs/Probe"})
]
Hosts: TypeAlias = Annotated[
    tuple[str, ...] | None,
    PlainValidator(scalars.hosts),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "integer"]},
                {
                    "type": "array",
                    "items": {"type": ["string", "integer"]},
                    "minItems": 1,
                },
                {"type": "null"},
            ]
        }
    ),
]


def _or_null(schema: dict[str, Any]) -> None:
    schema["type"] = [schema["type"], "null"]


OrNull = Field(json_schema_extra=_or_null)
"""For a section: one whose lines are all commented out is an empty one."""
NoMapping = BeforeValidator(lambda value: {} if value is None else value)
NoList = BeforeValidator(lambda value: () if value is None else value)
"""The same, for what is validated."""
