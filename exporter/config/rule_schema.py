"""The shape of one rule, in a catalogue or in a site file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from exporter.config.field_types import (
    LINE,
    Duration,
    Host,
    Line,
    Name,
    Port,
    Probe,
    Row,
    Slug,
    Text,
)
from exporter.model.rule import (
    AddressPolicy,
    Denial,
    Expect,
    Severity,
    Transport,
    Usage,
)


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
    """Where a rule leads: a host, what a site has for a placeholder, or mirrors."""

    host: Host | None = None
    """A host that is the same for every site."""
    placeholder: Name | None = None
    """The name of a placeholder of the same catalogue."""
    mirrors: Name | None = None
    """The name of a mirror list of the same catalogue: one target for each mirror."""

    def __str__(self) -> str:
        if self.mirrors is not None:
            return f"the mirrors of {self.mirrors}"
        return self.host or f"placeholder {self.placeholder}"

    @model_validator(mode="after")
    def _only_one(self) -> DestinationModel:
        if [self.host, self.placeholder, self.mirrors].count(None) != 2:  # noqa: PLR2004 - two of the three
            raise ValueError("must have exactly one of host, placeholder and mirrors")
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
