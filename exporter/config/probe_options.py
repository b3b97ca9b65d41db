"""A prober's options, checked against the fields of its own dataclass.

A prober may refuse a value by raising ValueError when it is constructed.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo


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
