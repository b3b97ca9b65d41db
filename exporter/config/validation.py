"""Shape first: values against a pydantic model, its findings in our own words.

A value of the wrong shape is reported, and what remains is checked as if the value
had not been written, so that one reading of a file finds all of its mistakes.
"""

from __future__ import annotations

import re
import types
from typing import (
    TYPE_CHECKING,
    Any,
    TypeGuard,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ValidationError

from exporter.config.diagnostics import ENOUGH, described, listed, unknown
from exporter.config.field_types import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic_core import ErrorDetails

    from exporter.config.diagnostics import Location, Problem
    from exporter.config.yamlfile import YamlFile

M = TypeVar("M", bound=BaseModel)
_UNIONS = (Union, types.UnionType)


def validate(
    model: type[M],
    value: object,
    file: YamlFile,
    at: Location,
    problems: list[Problem],
) -> M | None:
    """`value`, which stands in `file` at `at`, as the model.

    Adds to `problems` whatever has the wrong shape and gives the rest with defaults
    in its place, or None if something required is missing.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = _findings(model, error)
    for location, words in found.items():
        place = (*at, *location)
        said = file.problem(place, "; or ".join(words))
        if not file.flawed(place):
            problems.append(said)
        elif (spelt := file.misspelt(place)) in problems:
            # In quotes it would be refused as well: this says what is allowed.
            problems[problems.index(spelt)] = said
    rest = _without(value, found)
    try:
        return model.model_validate(rest)
    except ValidationError:
        return None


def _findings(
    model: type[BaseModel], error: ValidationError
) -> dict[Location, list[str]]:
    """What is wrong, by place; a choice of types says one thing for each of them."""
    found: dict[Location, list[str]] = {}
    for detail in error.errors(include_url=False)[:ENOUGH]:
        location = _place(model, detail["loc"])
        found.setdefault(location, []).append(_words(model, location, detail))
    return found


def _place(model: type[BaseModel], parts: Iterable[int | str]) -> Location:
    """A finding's place in the file, without the marks that pydantic adds to it.

    It marks the key of a mapping, and which type of a choice was tried.
    """
    place: list[int | str] = []
    inner: object = model
    for part in parts:
        if part == "[key]":
            continue
        if _is_choice(inner):
            inner = None
            continue
        inner = _below(inner, part)
        place.append(part)
    return tuple(place)


def _without(value: object, wrong: Iterable[Location]) -> object:
    """A copy without the wrong entries: whole keys, or single entries of mappings."""
    if not isinstance(value, dict):
        return value
    rest = dict(value)
    for location in filter(None, wrong):
        if len(location) > 1 and isinstance(inner := rest.get(location[0]), dict):
            rest[location[0]] = {k: v for k, v in inner.items() if k != location[1]}
        else:
            rest.pop(location[0], None)
    return rest


def _words(model: type[BaseModel], location: Location, error: ErrorDetails) -> str:
    """A finding as "what is wrong, what is allowed"."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown("key", str(location[-1]), _keys(model, location[:-1]))
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        keys = _keys(model, location)
        what = f" with the keys {listed(keys)}" if keys else ""
        return f"must be a mapping{what}, not {described(given)}"
    wording = _WORDS.get(kind)
    if wording is None:
        return f"is not allowed: {error['msg']}, not {described(given)}"
    return wording(given, context)


def _not(said: str) -> Callable[[object, Mapping[str, Any]], str]:
    return lambda given, context: (
        f"must be {said.format(**context)}, not {described(given)}"
    )


def _one_of(given: object, context: Mapping[str, Any]) -> str:
    words = re.findall(r"'([^']*)'", context["expected"])
    if isinstance(given, str):
        return unknown("word", given, words)
    return f"must be one of {listed(words)}, not {described(given)}"


def _pattern(given: object, context: Mapping[str, Any]) -> str:
    allowed = PATTERNS.get(context["pattern"], context["pattern"])
    return f"must be {allowed}, not {described(given)}"


def _list(given: object, _context: Mapping[str, Any]) -> str:
    """Says how a list is written, of the words that stand there as one text."""
    words = re.findall(r"[^\s,]+", given) if isinstance(given, str) else []
    bullets = all(word.startswith("-") for word in words)
    written = ", ".join(word.removeprefix("-") if bullets else word for word in words)
    plain = re.fullmatch(r"[\w.:/, -]{1,60}", written)
    such = f" such as [{written}]" if plain else ""
    return f"must be a list{such}, not {described(given)}"


_WORDS: Mapping[str, Callable[[object, Mapping[str, Any]], str]] = {
    "missing": lambda _given, _context: "is required",
    "enum": _one_of,
    "literal_error": _one_of,
    "string_pattern_mismatch": _pattern,
    "value_error": lambda _given, context: str(context["error"]),
    "int_type": _not("a whole number"),
    "float_type": _not("a number"),
    "bool_type": _not("true or false"),
    "string_type": _not("text"),
    "tuple_type": _list,
    "none_required": _not("null"),
    "greater_than_equal": _not("at least {ge}"),
    "less_than_equal": _not("at most {le}"),
    "string_too_short": lambda _given, _context: "must not be empty",
    "too_short": lambda _given, _context: "must not be empty",
    "string_too_long": lambda _given, context: (
        f"must have at most {context['max_length']} characters"
    ),
}


def _keys(model: type[BaseModel], location: Location) -> list[str]:
    """The keys allowed at a location below a model."""
    inner: object = model
    for part in location:
        inner = _below(inner, part)
    bare = _bare(inner)
    if not _is_model(bare):
        return []
    return [field.alias or name for name, field in bare.model_fields.items()]


def _below(annotation: object, part: str | int) -> object:
    """The type of what stands at one key or index of a value of a type."""
    bare = _bare(annotation)
    if _is_model(bare):
        found = bare.model_fields.get(str(part))
        return None if found is None else found.annotation
    arguments = [inner for inner in get_args(bare) if inner is not Ellipsis]
    return arguments[-1] if arguments else None


def _bare(annotation: object) -> object:
    """A type without `| None`."""
    if get_origin(annotation) not in _UNIONS:
        return annotation
    return next(a for a in get_args(annotation) if a is not types.NoneType)


def _is_choice(annotation: object) -> bool:
    """Whether a value may be of several types, None aside."""
    arguments = [a for a in get_args(annotation) if a is not types.NoneType]
    return get_origin(annotation) in _UNIONS and len(arguments) > 1


def _is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
