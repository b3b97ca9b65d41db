"""A map: a person's answers to what a page leaves open, asked once and kept in a file.

An empty answer is one not given yet. Rows are named by the first digits of their
fingerprint, so that an answer holds for next year's page as long as the row does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from exporter.config.diagnostics import ConfigError
from exporter.config.field_types import NoMapping, OrNull
from exporter.config.rule_schema import Model
from exporter.config.validation import validate
from exporter.config.yamlfile import read_yaml
from exporter.model.ledger import Fate
from exporter.vendor.headings import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FINGERPRINT = 12
"""Digits of a row's sha256 by which a map names it."""


def _as_text(value: object) -> object:
    """Nothing as the empty text, a number such as a port as its digits, a list in lines."""
    if value is None:
        return ""
    if isinstance(value, tuple) and all(isinstance(item, str | int) for item in value):
        return "\n".join(map(str, value))
    return str(value) if isinstance(value, int) else value


def _meaning(value: str) -> str:
    if value and value not in MEANINGS:
        raise ValueError(f"must be one of {', '.join(MEANINGS)}")
    return value


Answer = Annotated[str, BeforeValidator(_as_text), Field(max_length=2000)]
Meaning = Annotated[Answer, AfterValidator(_meaning)]


class TableModel(Model):
    """What holds for one table, or for the whole page."""

    source: Answer = ""
    """Who connects, where a table names no sources."""
    destination: Answer = ""
    """Where to, where a table names no destinations."""
    product: Answer = ""
    """What "inbound" leads to and "outbound" comes from."""
    columns: Annotated[dict[str, Meaning], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """What a column means, by its heading."""


class RowModel(Model):
    """What a row says, in place of its cells; or why it is no rule."""

    source: Answer = ""
    destination: Answer = ""
    port: Answer = ""
    transport: Answer = ""
    usage: Answer = ""
    unprovable: Answer = ""
    not_a_requirement: Answer = ""
    elsewhere: Answer = ""

    @property
    def fate(self) -> tuple[Fate, str] | None:
        """Why the row is no rule, if that is the answer."""
        for fate in (Fate.UNPROVABLE, Fate.NOT_A_REQUIREMENT, Fate.ELSEWHERE):
            if why := getattr(self, str(fate)):
                return fate, why
        return None

    @property
    def cells(self) -> dict[str, str]:
        """What stands in place of the row's cells, by their meaning."""
        names = ("source", "destination", "port", "transport", "usage")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


class MapModel(TableModel):
    """A map."""

    roles: Annotated[dict[str, Answer], NoMapping, OrNull] = Field(default_factory=dict)
    """Other names for sources, by what the page calls them."""
    hosts: Annotated[dict[str, Answer], NoMapping, OrNull] = Field(default_factory=dict)
    """Hosts, networks or wildcards, by what the page calls them."""
    tables: Annotated[dict[str, TableModel], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """The same for single tables, by their letters."""
    rows: Annotated[dict[str, RowModel], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Single rows and sentences, by their ids or fingerprints."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A map, and what it answers of one page."""

    given: MapModel = field(default_factory=MapModel)

    def of_table(self, letter: str, name: str) -> str:
        """An answer for a table, or else for the whole page."""
        table = self.given.tables.get(letter, TableModel())
        return str(getattr(table, name) or getattr(self.given, name))

    def columns(self, letter: str) -> Mapping[str, str]:
        """Meanings by headings."""
        own = self.given.tables.get(letter, TableModel()).columns
        return {
            name: said for name, said in {**self.given.columns, **own}.items() if said
        }

    def role(self, words: str) -> str:
        """Another name for a source, or its own."""
        return _found(self.given.roles, words) or words

    def hosts(self, words: str) -> str:
        """What words for a destination stand for, or the words."""
        return _found(self.given.hosts, words) or words

    def row(self, name: str, sha256: str) -> RowModel:
        """The answer to a row; an empty one if there is none."""
        rows = self.given.rows
        return rows.get(sha256[:FINGERPRINT]) or rows.get(name) or RowModel()


def _found(names: Mapping[str, str], words: str) -> str:
    folded = " ".join(words.lower().split())
    return next(
        (v for k, v in names.items() if " ".join(k.lower().split()) == folded), ""
    )


def read_answers(path: Path) -> Answers:
    """The map in a file.

    Raises:
        ConfigError: with every problem of the file.
    """
    file = read_yaml(path)
    problems = list(file.problems)
    value: Any = {} if file.value is None else file.value
    model = validate(MapModel, value, file, (), problems)
    if problems or model is None:
        raise ConfigError(problems)
    return Answers(model)
