"""The shape of the site file: every key with its type, default and meaning.

Pydantic models, used only while files are read; what passes becomes the frozen
dataclasses of `rule.py`, `catalogue.py` and `site.py`. Types are strict and unknown
keys are errors. The texts under the keys are what an editor shows.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.json_schema import models_json_schema

from exporter.config import probe_options
from exporter.config.catalogue_schema import CatalogueModel
from exporter.config.field_types import (
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
    SiteName,
    Slug,
    Text,
    Word,
)
from exporter.config.maintenance import MaintenanceModel
from exporter.config.rule_schema import DefaultsModel, Model, RuleModel, TlsModel
from exporter.model.finding import Cause
from exporter.model.rule import AddressPolicy, Denial, Severity, Usage
from exporter.probes.protocols import PROBERS

OwnedCause: TypeAlias = Annotated[Cause, Field(strict=False)]


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
    members: Annotated[tuple[Host, ...], Field(min_length=1)] | None = None
    """Hosts in the rule's network: they are probed in place of its members."""
    names: Annotated[tuple[Host, ...], Field(min_length=1)] | None = None
    """Names that the rule's wildcard stands for here: they are probed."""


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


class FeedsModel(Model):
    """How far feeds are trusted."""

    allow_private: bool = False
    """Members may have addresses that are not public, such as the site's own."""


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

    catalogues: Annotated[tuple[Line, ...], NoList, OrNull] = ()
    """Catalogues by name, or by a path ending in .yaml, relative to this file."""
    roles: Annotated[tuple[Slug, ...], NoList, OrNull] = ()
    """The roles that this host plays; without catalogues, all of its own rules."""
    site: SiteName | None = None
    """A label on every series: which campus, cluster or customer this is."""
    features: Annotated[dict[Word, bool], NoMapping, OrNull] = Field(
        default_factory=dict
    )
    """Which features there are here: true or false; what is left out is unset."""
    usages: tuple[Slug, ...] = ()
    """Words for the `usage` of own rules beyond the common ones."""
    defaults: DefaultsModel = Field(default_factory=DefaultsModel)
    """What own rules say unless they say otherwise."""
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
    feeds: FeedsModel = Field(default_factory=FeedsModel)
    """How far feeds are trusted."""
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
    definitions["Usage"] = {
        "title": "Usage",
        "description": "The common words; a file's `usages` may add to them.",
        "type": "string",
        "enum": [str(usage) for usage in Usage],
    }
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
