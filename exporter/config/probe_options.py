"""A prober's options, checked against the fields of its own dataclass.

Probers are given as a mapping from name to dataclass type, since this room knows
nothing of the one they live in. A prober says with class variables which transports
it speaks (`transports`) and how seldom it must be repeated (`floor`, seconds), and
may refuse a value by raising ValueError when it is constructed.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from exporter.model.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOOR = 5.0
"""Seconds between two probes of one target, where the prober says nothing."""

_BY_PORT = {
    (22, Transport.TCP): "ssh",
    (80, Transport.TCP): "http",
    (88, Transport.TCP): "kerberos",
    (88, Transport.UDP): "kerberos",
    (123, Transport.UDP): "ntp",
    (443, Transport.TCP): "https",
    (445, Transport.TCP): "smb",
    (587, Transport.TCP): "smtp",
    (636, Transport.TCP): "ldaps",
    (1433, Transport.TCP): "mssql",
    (1434, Transport.UDP): "sqlbrowser",
}


def default_probe(port: int, transport: Transport, probers: Mapping[str, type]) -> str:
    """The port's own protocol where it can be spoken, else the bare transport."""
    name = _BY_PORT.get((port, transport), str(transport))
    return name if name in probers else str(transport)


def floor(prober: type) -> float:
    """Seconds between two probes of one target, at the least."""
    return float(getattr(prober, "floor", FLOOR))


def transports(prober: type) -> frozenset[str]:
    """The transports a prober speaks; all, where it says nothing."""
    return frozenset(getattr(prober, "transports", Transport))


@cache
def options_model(prober: type) -> type[BaseModel]:
    """A strict model with the fields of a prober's dataclass, for shape and schema."""
    hints = get_type_hints(prober)
    texts = _attribute_texts(prober)
    fields: dict[str, Any] = {
        item.name: (hints[item.name], _field_info(item, texts.get(item.name)))
        for item in dataclasses.fields(prober)
    }
    config = ConfigDict(extra="forbid", strict=True, title=f"{prober.__name__} options")
    return create_model(f"{prober.__name__}Options", __config__=config, **fields)


def _field_info(item: dataclasses.Field[Any], text: str | None) -> FieldInfo:
    if item.default is not dataclasses.MISSING:
        return FieldInfo(default=item.default, description=text)
    if item.default_factory is not dataclasses.MISSING:
        return FieldInfo(default_factory=item.default_factory, description=text)
    return FieldInfo(description=text)


def _attribute_texts(prober: type) -> dict[str, str]:
    """The lines of the docstrings' `Attributes:` parts, inherited ones too."""
    texts: dict[str, str] = {}
    for kind in reversed(prober.__mro__):
        _, _, part = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
        entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", part, re.MULTILINE)
        texts |= {name: " ".join(text.split()) for name, text in entries}
    return texts
