"""The shape of both files: every key with its type, default and meaning.

Pydantic models, used only while files are read; what passes becomes the frozen
dataclasses of `rule.py`, `catalogue.py` and `site.py`. Types are strict and unknown
keys are errors. The texts under the keys are what an editor shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import models_json_schema

from exporter.rules import options
from exporter.rules.fields import (
    LINE,
    Duration,
    Host,
    Hosts,
    Line,
    Listen,
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
from exporter.rules.rule import (
    AddressPolicy,
    Denial,
    Expect,
    Severity,
    Transport,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Model(BaseModel):
    """What all shapes share: strict types, no unknown keys, texts for editors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class TlsModel(Model):
    """What a rule asks of the certificate it is shown."""

    verify: bool = True
    """false: a certificate that does not verify is expected, and no finding."""
    server_name: Host | None = None
    """The name sent and checked, instead of the destination."""
    expected_issuer: Line | None = None
    """Text that the issuer of the server's certificate must contain."""


class DestinationModel(Model):
    """Where a rule leads: a fixed host, or a placeholder that a site fills in."""

    host: Host | None = None
    """A host that is the same for every site."""
    placeholder: Name | None = None
    """The name of a placeholder of the same catalogue."""

    @model_validator(mode="after")
    def _one_of_two(self) -> DestinationModel:
        if (self.host is None) == (self.placeholder is None):
            raise ValueError("must have either host or placeholder")
        return self


class RuleModel(Model):
    """One requirement."""

    id: Slug
    """Unique over all catalogues and stable: it is the label everywhere."""
    source: Slug
    """The role that the traffic comes from."""
    destination: DestinationModel
    """Where it goes."""
    port: Port
    """The destination port."""
    transport: Annotated[Transport, Field(strict=False)]
    """tcp or udp."""
    probe: Probe | None = None
    """The protocol spoken to prove the rule; by default the port's own."""
    usage: Annotated[Usage, Field(strict=False)]
    """What the traffic is for."""
    description: Line
    """One line for people; shown beside every result."""
    section: Annotated[str, StringConstraints(max_length=300, pattern=LINE)] = ""
    """The part of the vendor's document that the rule comes from."""
    rows: tuple[Row, ...] = ()
    """Ids of the document's table rows that this rule stands for."""
    severity: Annotated[Severity, Field(strict=False)] | None = None
    """How loudly a violation is told: warning by default, info for advisory rules."""
    owner: Annotated[str, StringConstraints(max_length=100, pattern=LINE)] = ""
    """Who can put it right, as a short word for routing."""
    expect: Annotated[Expect, Field(strict=False)] = Expect.ALLOW
    """allow: the path must be open; deny: it must be closed."""
    witness: Slug | None = None
    """For deny: a rule to the same host whose success shows that the host is alive."""
    denial: tuple[Annotated[Denial, Field(strict=False)], ...] = ()
    """For deny: refusals that count as the firewall's own."""
    interval: Duration | None = None
    """Time between two probes; the site's by default, and never below the probe's own."""
    timeout: Duration | None = None
    """How long a probe may take; the site's by default."""
    public: bool = False
    """An Internet service, whose certificate must chain to a public CA."""
    tls: TlsModel = Field(default_factory=TlsModel)
    """What is asked of the certificate."""
    addresses: Annotated[AddressPolicy, Field(strict=False)] = AddressPolicy.ANY
    """How many of the host's addresses must answer."""
    retired: Text | None = None
    """Why and since when the rule is no longer probed; it stays listed."""
    unverifiable: Text | None = None
    """Why no result can prove this rule; it is probed and shown without a verdict."""
    advisory: bool = False
    """Good advice that is not in the vendor's document."""
    notes: Annotated[str, StringConstraints(max_length=2000)] = ""
    """What a person should know about this rule."""


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
    placeholders: dict[Name, PlaceholderModel] = {}
    """Destinations that every site names for itself."""
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


class WebModel(Model):
    """The exporter's own HTTP server."""

    listen: Listen = Field(default="127.0.0.1:9842", validate_default=True)
    """Address and port; `:9842` listens on every address."""


class SiteModel(Model):
    """The site file: which catalogues, which roles this host plays, real hosts."""

    model_config = ConfigDict(title="Site file")

    catalogues: tuple[Line, ...] = Field(min_length=1)
    """Catalogues by name, or by a path ending in .yaml, relative to this file."""
    roles: tuple[Slug, ...] = Field(min_length=1)
    """The roles that this host plays."""
    placeholders: Annotated[dict[Name, Hosts], NoMapping, OrNull] = {}
    """Real hosts by placeholder: one, a list, or null where it does not apply."""
    schedule: ScheduleModel = Field(default_factory=ScheduleModel)
    """When and how many probes run."""
    overrides: Annotated[dict[Slug, OverrideModel], NoMapping, OrNull] = {}
    """Changes to catalogue rules, by rule id."""
    dns: DnsModel = Field(default_factory=DnsModel)
    """How names are resolved."""
    tls: TrustModel = Field(default_factory=TrustModel)
    """Which certificates are trusted."""
    proxy: Proxy | None = None
    """An HTTP proxy that public rules go through by CONNECT."""
    rules: Annotated[tuple[RuleModel, ...], NoList, OrNull] = ()
    """The site's own rules."""
    web: WebModel = Field(default_factory=WebModel)
    """The exporter's own HTTP server."""


def json_schema(probers: Mapping[str, type]) -> dict[str, Any]:
    """One JSON Schema (draft 2020-12) that both files fit, for editors.

    Args:
        probers: the dataclasses whose fields are the options of `probe`, by name.
    """
    references, schema = models_json_schema(
        [(CatalogueModel, "validation"), (SiteModel, "validation")],
        title="connectivity-exporter files",
    )
    definitions = schema["$defs"]
    definitions["Probe"] = _probe_schema(probers)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": schema["title"],
        "description": "A catalogue of rules, or a site file.",
        "anyOf": list(references.values()),
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _probe_schema(probers: Mapping[str, type]) -> dict[str, Any]:
    calls = {
        name: options.options_model(prober).model_json_schema()
        for name, prober in sorted(probers.items())
    }
    with_options = {
        "type": "object",
        "properties": calls,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    names = {"type": "string", "enum": sorted(probers)}
    return {
        "title": "Probe",
        "description": "The protocol spoken: a name, or a name with options.",
        "anyOf": [names, with_options],
    }
