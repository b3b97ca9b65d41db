"""The shape of one rule, in a catalogue or in a site file."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from exporter.config.field_types import (
    LINE,
    Duration,
    Host,
    HostOrTemplate,
    Line,
    Name,
    Network,
    PortOrPlaceholder,
    Ports,
    Probe,
    Row,
    Slug,
    Sources,
    Text,
    UsageWord,
    Wildcard,
    Word,
)
from exporter.config.ports import MOST_SAMPLES
from exporter.model.rule import (
    AddressPolicy,
    Denial,
    Expect,
    Severity,
    Transport,
    Usage,
)
from exporter.probes.wire.text import printable


class Model(BaseModel):
    """What all shapes share: strict types, no unknown keys, texts for editors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class TlsModel(Model):
    """What a rule asks of the certificate it is shown."""

    verify: bool | None = None
    """false: a certificate that does not verify is expected, and no finding. By default
    true, but for probes whose clients usually do not verify: rdp and postgres."""
    server_name: Host | None = None
    """The name sent and checked, instead of the destination."""
    expected_issuer: Line | None = None
    """Text that the issuer of the server's certificate must contain."""


class DestinationModel(Model):
    """Where a rule leads: hosts, what a site has for a placeholder, or members."""

    host: HostOrTemplate | None = None
    """A host that is the same for every site, or a name with a placeholder in it."""
    hosts: Annotated[tuple[HostOrTemplate, ...], Field(min_length=1)] | None = None
    """Several of them: one target each."""
    placeholder: Name | None = None
    """The name of a placeholder of the same catalogue."""
    feed: Name | None = None
    """The name of a feed of the same catalogue: one target for each member in force."""
    network: Network | None = None
    """A network of which members are probed, or else a few of its addresses."""
    members: Annotated[tuple[Host, ...], Field(min_length=1)] | None = None
    """Hosts in the network that are known to be there."""
    domain: Wildcard | None = None
    """A name with a star, which stands for names that somebody has to name."""
    names: Annotated[tuple[Host, ...], Field(min_length=1)] | None = None
    """Names that the wildcard stands for and that are known to be there."""

    WAYS: ClassVar = ("host", "hosts", "placeholder", "feed", "network", "domain")
    """The keys of which a destination has exactly one."""

    def __str__(self) -> str:
        if self.feed is not None:
            return f"the members of {self.feed}"
        if self.hosts is not None:
            return ", ".join(self.hosts)
        whole = self.host or self.network or self.domain
        return whole or f"placeholder {self.placeholder}"

    @model_validator(mode="before")
    @classmethod
    def _no_bare_host(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"must be such as {{host: {printable(value[:60])}}}")  # noqa: TRY004 - pydantic's way to say it
        return value

    @model_validator(mode="after")
    def _only_one(self) -> DestinationModel:
        if sum(getattr(self, way) is not None for way in self.WAYS) != 1:
            ways = ", ".join(self.WAYS)
            raise ValueError(f"must have exactly one of {ways}")
        for key, owner in (("members", "network"), ("names", "domain")):
            if getattr(self, key) is not None and getattr(self, owner) is None:
                raise ValueError(f"{key} belong to a {owner}")
        return self


class RuleKeys(Model):
    """What a rule says, and what `defaults` may say for the rules of a file."""

    source: Sources | None = None
    """The role that the traffic comes from, or a list of roles."""
    destination: DestinationModel | None = None
    """Where it goes."""
    port: PortOrPlaceholder | None = None
    """The destination port, or the placeholder of one that each site chooses."""
    ports: Ports | None = None
    """Several ports and ranges: each port is a target, and some of each range."""
    sample: Annotated[int, Field(ge=0, le=MOST_SAMPLES)] = 3
    """Of a range, or a network without members: how many are probed in place of all."""
    transport: Annotated[Transport, Field(strict=False)] = Transport.TCP
    """tcp, udp, or icmp, which has no ports."""
    probe: Probe | None = None
    """The protocol spoken to prove the rule; by default the port's own."""
    usage: UsageWord = str(Usage.OTHER)
    """What the traffic is for."""
    description: Line | None = None
    """One line for people, shown beside every result; by default the flow."""
    when: Word | None = None
    """The feature for which it is needed: a site says whether it has that."""
    any_of: Word | None = None
    """The name of alternatives: of all rules of this name, one that holds is enough."""
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
    unprovable: Text | None = None
    """Why nothing can prove it from one host: it is listed, counted, never probed."""
    unverifiable: Text | None = None
    """Why no result can prove this rule; it is probed and shown without a verdict."""
    advisory: bool = False
    """Good advice that is not in the vendor's document."""
    notes: Annotated[str, StringConstraints(max_length=2000)] = ""
    """What a person should know about this rule."""


_WITH_OR_WITHOUT_PORT: list[JsonValue] = [
    {"required": ["port"]},
    {"required": ["ports"]},
    {"required": ["unprovable"]},
    {"required": ["transport"], "properties": {"transport": {"const": "icmp"}}},
]


class RuleModel(RuleKeys):
    """One requirement."""

    model_config = ConfigDict(json_schema_extra={"anyOf": _WITH_OR_WITHOUT_PORT})

    id: Slug
    """Unique over all catalogues and stable: it is the label everywhere."""
    source: Sources
    """The role that the traffic comes from, or a list of roles."""
    destination: DestinationModel
    """Where it goes."""


class DefaultsModel(RuleKeys):
    """What the rules of a file say unless they say otherwise."""
