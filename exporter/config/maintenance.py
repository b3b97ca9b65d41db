"""The site file's `maintenance`: which targets are muted, from when until when.

A window ends by itself. One that touches nothing, or everything that is probed, is
most likely a slip and gets a line in the log.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from exporter.config.diagnostics import described, unknown
from exporter.config.field_types import Host, Line, Slug
from exporter.config.rule_schema import Model
from exporter.model.maintenance import Maintenance
from exporter.model.muting import Window
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from exporter.config.diagnostics import Problem
    from exporter.config.yamlfile import YamlFile
    from exporter.model.rule import Target


_A_MOMENT = 'must be a date and time with its zone, such as "2026-03-01T22:00+01:00"'


def moment(value: object) -> float:
    """`"2026-03-01T22:00+01:00"` (ISO 8601, with its zone) as Unix time.

    Raises:
        ValueError: it is no date and time, or does not say of which zone.
    """
    written = value if isinstance(value, str) else ""
    if written.endswith(("Z", "z")):
        written = f"{written[:-1]}+00:00"
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{_A_MOMENT}, not {described(value)}") from None
    if found.tzinfo is None:
        raise ValueError(f"{_A_MOMENT}; {described(value)} has none (Z is UTC)")
    return found.timestamp()


_MOMENT = Annotated[
    float,
    PlainValidator(moment),
    WithJsonSchema({"type": "string", "examples": ["2026-03-01T22:00+01:00"]}),
]


class MaintenanceModel(Model):
    """Announced work: what is muted, and until when."""

    rules: tuple[Slug, ...] = ()
    """Rules by id."""
    destinations: tuple[Host, ...] = ()
    """Destinations by host; with `rules` or `roles` beside it, only what is in each."""
    roles: tuple[Slug, ...] = ()
    """Source roles."""
    start: _MOMENT | None = Field(default=None, alias="from")
    """When it begins; without it, it has begun."""
    until: _MOMENT
    """When it is over; nothing has to be taken out of the file then."""
    why: Line
    """What is done, for whoever wonders."""


def windows(
    models: Sequence[MaintenanceModel],
    names: Mapping[str, Collection[str]],
    file: YamlFile,
    problems: list[Problem],
) -> tuple[Window, ...]:
    """The windows of a site file; adds to `problems` what no window can be.

    `names` are the rules and the roles that there are, by these words.
    """
    for index, model in enumerate(models):
        at = ("maintenance", index)
        problems += (file.problem((*at, *place), said) for place, said in _slips(model))
        for key, what in (("rules", "rule"), ("roles", "role")):
            problems += (
                file.problem((*at, key, place), unknown(what, name, names[key]))
                for place, name in enumerate(getattr(model, key))
                if name not in names[key]
            )
    return tuple(
        Window(
            Maintenance(model.start or 0.0, model.until, model.why),
            frozenset(model.rules),
            frozenset(model.destinations),
            frozenset(model.roles),
        )
        for model in models
    )


def _slips(model: MaintenanceModel) -> Iterator[tuple[tuple[str, ...], str]]:
    if not (model.rules or model.destinations or model.roles):
        yield (), "must name rules, destinations or roles"
    if model.start is not None and model.start >= model.until:
        yield ("until",), "must be later than from"


def doubtful(entries: Sequence[Window], targets: Sequence[Target]) -> Iterator[str]:
    """One line for each window that touches nothing that is probed, or all of it."""
    active = [target for target in targets if target.status is Status.ACTIVE]
    for entry in entries:
        touched = sum(map(entry.touches, active))
        if not touched:
            yield f"maintenance {entry.work}: mutes nothing that is probed from here"
        elif touched == len(active):
            yield f"maintenance {entry.work}: mutes everything that is probed from here"
