"""The shape of both files: every key with its type, default and meaning.

Pydantic models, used only while files are read; what passes becomes the frozen
dataclasses of `rule.py`, `catalogue.py` and `site.py`. Types are strict and unknown
keys are errors. The texts under the keys are what an editor shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.json_schema import models_json_schema

from exporter.config import probe_options
from exporter.config.field_types import (
    Duration,
    Host,
    Hosts,
    Line,
    Listen,
    ListInterval,
    ListUrl,
    Name,
    NameServer,
    NoList,
    NoMapping,
    OrNull,
    Port,
    Probe,
    Proxy,
    Rate,
    Row,
    Slug,
    Text,
)
from exporter.config.maintenance import MaintenanceModel
from exporter.config.mirror_list import ListFormat
from exporter.config.rule_schema import Model, RuleModel, TlsModel
from exporter.model.finding import Cause
from exporter.model.rule import AddressPolicy, Denial, Severity
from exporter.probes.protocols import PROBERS

if TYPE_CHECKING:
    pass


OwnedCause: TypeAlias = Annotated[Cause, Field(strict=False)]


class RoleModel(Model):
    """Who traffic comes from."""

    title: Line
    """The name for people."""
    is_a: Slug | None = None
    """The wider role; this one runs its rules as well."""


class PlaceholderModel(Model):
    """A destination that every site names for itself."""

    title: Line
    """What it stands for."""
    example: Line
    """The vendor's example; listed while a site has set nothing, never probed."""
    optional: bool = False
    """Sites may well not have it."""
    url: bool = False
    """The value is an http:// or https:// URL that gives host and port."""
    default: Name | None = None
    """The placeholder whose value is taken when this one has none."""


class MirrorListModel(Model):
    """A list of mirrors, fetched now and then; rules lead to what it names."""

    title: Line
    """What is mirrored."""
    url: ListUrl
    """Where the list is fetched, with whatever it asks for."""
    format: Annotated[ListFormat, Field(strict=False)]
    """mirrorlist: one URL a line; metalink: Metalink 3.0."""
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    """Mirrors probed at once, at the most."""
    interval: ListInterval = Field(default="6h", validate_default=True)
    """Time between two fetches."""


class NoteModel(Model):
    """Something the vendor's document says that is no rule."""

    text: Text
    """What it says."""
    rows: tuple[Row, ...] = ()
    """Ids of the document's rows or lines it comes from."""


class CatalogueModel(Model):
    """A catalogue: the rules of one vendor document, the same for every site."""

    model_config = ConfigDict(title="Catalogue")

    catalogue: Slug
    """The catalogue's name."""
    title: Line
    """The document's title."""
    reference: Line = ""
    """Where the document is published."""
    roles: dict[Slug, RoleModel] = Field(min_length=1)
    """Who traffic comes from."""
    placeholders: dict[Name, PlaceholderModel] = Field(default_factory=dict)
    """Destinations that every site names for itself."""
    mirrors: dict[Name, MirrorListModel] = Field(default_factory=dict)
    """Lists of destinations that change by themselves."""
    rules: tuple[RuleModel, ...]
    """The requirements."""
    notes: tuple[NoteModel, ...] = ()
    """What else the document says."""


class ScheduleModel(Model):
    """When and how many probes run."""

    interval: Duration = Field(default="60s", validate_default=True)
    """Time between two probes of a target."""
    timeout: Duration = Field(default="5s", validate_default=True)
    """How long a probe may take; shorter than the interval."""
    concurrency: Annotated[int, Field(ge=1, le=10000)] = 256
    """Probes under way at once, at the most."""
    rate: Rate = Field(default="200/s", validate_default=True)
    """Probes started per second, at the most."""


class OverrideModel(Model):
    """What a site changes of one catalogue rule."""

    severity: Annotated[Severity, Field(strict=False)] | None = None
    """How loudly a violation is told."""
    owner: Line | None = None
    """Who can put it right."""
    interval: Duration | None = None
    """Time between two probes."""
    timeout: Duration | None = None
    """How long a probe may take."""
    addresses: Annotated[AddressPolicy, Field(strict=False)] | None = None
    """How many of the host's addresses must answer."""
    witness: Slug | None = None
    """For deny: a rule to the same host whose success shows that the host is alive."""
    denial: tuple[Annotated[Denial, Field(strict=False)], ...] | None = None
    """For deny: refusals that count as the firewall's own."""
    tls: TlsModel | None = None
    """What is asked of the certificate; replaces the rule's whole tls section."""
    probe: Probe | None = None
    """The protocol spoken; replaces the rule's probe with all its options."""
    notes: Text | None = None
    """What a person should know about this rule here."""


class DnsModel(Model):
    """How names are resolved; hosts files always count."""

    servers: tuple[NameServer, ...] = ()
    """Name servers to ask, by default the system's."""
    search: tuple[Host, ...] = ()
    """Domains tried for short names, by default the system's."""


class TrustModel(Model):
    """Which certificates are trusted besides the public ones."""

    ca_file: Line | None = None
    """A PEM file with the site's own CAs, added to the system's trust store."""


class MirrorsModel(Model):
    """How far mirror lists are trusted."""

    allow_private: bool = False
    """Mirrors may have addresses that are not public, such as the site's own."""


class ControlModel(Model):
    """An address and port that must not answer."""

    host: Host
    """An address that nothing has, or a host on which nothing listens there."""
    port: Port
    """The TCP port."""


class WebModel(Model):
    """The exporter's own HTTP server."""

    listen: Listen = Field(default="127.0.0.1:9842", validate_default=True)
    """Address and port; `:9842` listens on every address."""
    hosts: tuple[Host, ...] = ()
    """Names that clients may ask for; by default the loopback's own where it listens there, and any where it listens elsewhere."""


class SiteModel(Model):
    """The site file: which catalogues, which roles this host plays, real hosts."""

    model_config = ConfigDict(title="Site file")

    catalogues: tuple[Line, ...] = Field(min_length=1)
    """Catalogues by name, or by a path ending in .yaml, relative to this file."""
    roles: tuple[Slug, ...] = Field(min_length=1)
    """The roles that this host plays."""
    placeholders: Annotated[dict[Name, Hosts], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Real hosts by placeholder: one, a list, or null where it does not apply."""
    schedule: ScheduleModel = Field(default_factory=ScheduleModel)
    """When and how many probes run."""
    overrides: Annotated[dict[Slug, OverrideModel], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Changes to catalogue rules, by rule id."""
    dns: DnsModel = Field(default_factory=DnsModel)
    """How names are resolved."""
    tls: TrustModel = Field(default_factory=TrustModel)
    """Which certificates are trusted."""
    proxy: Proxy | None = None
    """An HTTP proxy that public rules go through by CONNECT."""
    mirrors: MirrorsModel = Field(default_factory=MirrorsModel)
    """How far mirror lists are trusted."""
    rules: Annotated[tuple[RuleModel, ...], NoList, OrNull] = ()
    """The site's own rules."""
    owners: Annotated[dict[OwnedCause, Line], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Whose each cause of findings is, where it is not as usual; by cause."""
    controls: Annotated[tuple[ControlModel, ...], NoList, OrNull] = ()
    """What must not answer: if it does, bare TCP handshakes prove nothing."""
    maintenance: Annotated[tuple[MaintenanceModel, ...], NoList, OrNull] = ()
    """Announced work, whose targets are muted until it is over."""
    web: WebModel = Field(default_factory=WebModel)
    """The exporter's own HTTP server."""


def json_schema() -> dict[str, Any]:
    """One JSON Schema (draft 2020-12) that both files fit, for editors."""
    references, schema = models_json_schema(
        [(CatalogueModel, "validation"), (SiteModel, "validation")],
        title="connectivity-exporter files",
    )
    definitions = schema["$defs"]
    definitions["Probe"] = _probe_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": schema["title"],
        "description": "A catalogue of rules, or a site file.",
        "anyOf": list(references.values()),
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _probe_schema() -> dict[str, Any]:
    calls = {
        name: probe_options.options_model(prober).model_json_schema()
        for name, prober in sorted(PROBERS.items())
    }
    with_options = {
        "type": "object",
        "properties": calls,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    names = {"type": "string", "enum": sorted(PROBERS)}
    return {
        "title": "Probe",
        "description": "The protocol spoken: a name, or a name with options.",
        "anyOf": [names, with_options],
    }
