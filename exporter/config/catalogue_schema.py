"""The shape of a catalogue: every key with its type, default and meaning."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from exporter.config.feed_formats import FIELDS
from exporter.config.feeds import FeedFormat
from exporter.config.field_types import (
    FeedInterval,
    FeedUrl,
    Line,
    Name,
    NoList,
    NoMapping,
    OrNull,
    Row,
    Sha256,
    Slug,
    Text,
    Word,
)
from exporter.config.rule_schema import DefaultsModel, Model, RuleModel
from exporter.model.ledger import Fate


def _as_written(value: object) -> object:
    """A number, such as a port, as the text that it was."""
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if number else value


FATES = tuple(map(str, Fate))
"""The keys of which an entry of the ledger has exactly one."""


class RoleModel(Model):
    """Who traffic comes from."""

    title: Line = ""
    """The name for people; by default the role's own."""
    is_a: Slug | None = None
    """The wider role; this one runs its rules as well."""


class PlaceholderModel(Model):
    """A destination that every site names for itself."""

    title: Line = ""
    """What it stands for; by default its own name."""
    example: Annotated[Line, BeforeValidator(_as_written)] = ""
    """The vendor's example; listed while a site has set nothing, never probed."""
    optional: bool = False
    """Sites may well not have it."""
    port: bool = False
    """It is a port that each site chooses, for `port: {placeholder: ...}`."""
    url: bool = False
    """The value is an http:// or https:// URL that gives host and port."""
    default: Name | None = None
    """The placeholder whose value is taken when this one has none."""


class FeedModel(Model):
    """A list of destinations, fetched now and then; rules lead to what it names."""

    title: Line
    """What it lists."""
    url: FeedUrl
    """Where it is fetched, with whatever it asks for."""
    format: Annotated[FeedFormat, Field(strict=False)]
    """mirrorlist: one URL a line; metalink: Metalink 3.0; the others as their vendors have them."""
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    """Members probed at once, at the most, of those for the same ports."""
    interval: FeedInterval = Field(default="6h", validate_default=True)
    """Time between two fetches."""
    select: Annotated[dict[str, tuple[Line, ...] | Line], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Which of its entries are meant: fields of the format, with the values they may have."""

    @model_validator(mode="after")
    def _known_fields(self) -> FeedModel:
        known = FIELDS[self.format]
        for field in self.select:
            if field not in known:
                said = f"by {', '.join(known)}" if known else "by nothing"
                raise ValueError(
                    f"entries of {self.format} can be selected {said}, not by {field}"
                )
        return self

    @property
    def selection(self) -> dict[str, tuple[str, ...]]:
        """Fields with the values they may have."""
        return {
            key: (said,) if isinstance(said, str) else said
            for key, said in self.select.items()
        }


class NoteModel(Model):
    """Something the vendor's document says that is no rule."""

    text: Text
    """What it says."""
    rows: tuple[Row, ...] = ()
    """Ids of the document's rows or lines it comes from."""


class FeatureModel(Model):
    """A condition of some rules: what a site has or has not."""

    title: Line = ""
    """What is had, such as single sign-on by SAML; by default the feature's name."""

    @model_validator(mode="before")
    @classmethod
    def _title_alone(cls, value: object) -> object:
        if isinstance(value, str):
            return {"title": value}
        return {} if value is None else value


class RequirementModel(Model):
    """One entry of the ledger: what the document asks for, and what became of it."""

    row: Line | None = None
    """Where it stands in the document: a row's id, or a heading."""
    line: Annotated[int, Field(ge=1)] | None = None
    """In a draft: the line of the document."""
    text: Text | None = None
    """In a draft: its words."""
    sha256: Sha256 | None = None
    """Of its words, so that a changed one is seen: see `exporter/model/ledger.py`."""
    rules: Annotated[tuple[Slug, ...], Field(min_length=1)] | None = None
    """The ids of the rules that state it."""
    unprovable: Text | None = None
    """Why no host can prove it."""
    open: Text | None = None
    """What a person must decide before it is a rule."""
    not_a_requirement: Text | None = None
    """Why nothing is asked for."""
    elsewhere: Text | None = None
    """The catalogue or the URL that has it."""

    @model_validator(mode="after")
    def _one_fate(self) -> RequirementModel:
        fates = [fate for fate in FATES if getattr(self, fate) is not None]
        if len(fates) != 1:
            told = f", not {' and '.join(fates)}" if fates else ""
            raise ValueError(f"must have one fate of {', '.join(FATES)}{told}")
        if self.row is None and self.line is None and self.text is None:
            raise ValueError("must say where it stands: row, line or text")
        return self


class CatalogueModel(Model):
    """A catalogue: the rules of one vendor document, the same for every site."""

    model_config = ConfigDict(title="Catalogue")

    catalogue: Slug
    """The catalogue's name."""
    title: Line = ""
    """The document's title; by default the catalogue's name."""
    reference: Line = ""
    """Where the document is published."""
    roles: Annotated[dict[Slug, RoleModel], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Who traffic comes from; without any, the sources of the rules."""
    features: Annotated[dict[Word, FeatureModel], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Conditions that rules name with `when`."""
    usages: tuple[Slug, ...] = ()
    """Words for `usage` beyond the common ones."""
    defaults: DefaultsModel = Field(default_factory=DefaultsModel)
    """What the rules say unless they say otherwise."""
    placeholders: dict[Name, PlaceholderModel] = Field(default_factory=dict)
    """Destinations that every site names for itself."""
    feeds: dict[Name, FeedModel] = Field(default_factory=dict)
    """Lists of destinations that their vendor keeps up to date."""
    rules: Annotated[tuple[RuleModel, ...], NoList, OrNull]
    """The requirements, as rules."""
    requirements: Annotated[tuple[RequirementModel, ...], NoList, OrNull] = ()
    """The ledger: all that the document asks for, each with what became of it."""
    notes: tuple[NoteModel, ...] = ()
    """What else the document says."""
