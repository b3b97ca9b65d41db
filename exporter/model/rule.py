"""What must hold: one requirement, and the targets it becomes.

A leaf: frozen values without behaviour beyond naming themselves. Loading and
checking files is the business of `catalogue.py` and `site.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from exporter.model.endpoint import place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.model.maintenance import Maintenance

Key: TypeAlias = tuple[str, str, str, int]
"""A rule's id, its source, a destination and a port."""


class Transport(StrEnum):
    """The transport a rule opens; exported as the `protocol` label."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"


class Expect(StrEnum):
    """Whether the path must be open or must be closed."""

    ALLOW = "allow"
    DENY = "deny"


class Denial(StrEnum):
    """An answer that a deny rule accepts as the firewall's own refusal."""

    RESET = "reset"


class Severity(StrEnum):
    """How loudly a violated rule should be told."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


LOUDEST_FIRST = tuple(Severity)


class AddressPolicy(StrEnum):
    """How many of a host's addresses must answer."""

    ANY = "any"
    ALL = "all"


class Usage(StrEnum):
    """What a rule is for: the vocabulary of the `usage` label, to which files may add."""

    USER_ACCESS = "user-access"
    ADMINISTRATION = "administration"
    DATABASE = "database"
    DIRECTORY = "directory"
    AUTHENTICATION = "authentication"
    FILE_SHARE = "file-share"
    APPLICATION_SERVICES = "application-services"
    ANALYTICS = "analytics"
    CLUSTER_SYNC = "cluster-sync"
    CERTIFICATE_CHECK = "certificate-check"
    TIME = "time"
    OS_UPDATES = "os-updates"
    PACKAGE_REPOSITORY = "package-repository"
    VENDOR_API = "vendor-api"
    CONTENT_DELIVERY = "content-delivery"
    LICENSING = "licensing"
    MAIL = "mail"
    OTHER = "other"


class Proof(StrEnum):
    """What a probe of a rule's target can show.

    `SERVICE`: that the service answers. `PATH`: that the way to one port of a range is
    open, on which nothing need listen. `SAMPLE`: the same of one address of a network,
    which need not exist, so that its silence shows nothing.
    """

    SERVICE = "service"
    PATH = "path"
    SAMPLE = "sample"


class Status(StrEnum):
    """Whether a target is probed from here, and if not, why not."""

    ACTIVE = "active"
    UNSET = "unset"
    OTHER_ROLE = "other_role"
    OTHER_SHARD = "other_shard"
    NOT_APPLICABLE = "not_applicable"
    RETIRED = "retired"
    UNPROVABLE = "unprovable"


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """What a rule asks of the certificate.

    `verify` False: a certificate that does not verify is expected and raises no
    finding. `server_name` replaces the destination as the name sent and checked.
    `expected_issuer` is a piece of text the leaf's issuer must contain.
    """

    verify: bool = True
    server_name: str | None = None
    expected_issuer: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement of a catalogue or site file, overrides applied.

    What a file states of several sources or ports is a rule for each, of one id. `port`
    is 0 where a site has not chosen it yet, or where there is none: ICMP has no ports,
    and an `unprovable` rule need not name one. `ports` is the range that it begins,
    `sample` how many members without a name stand for the others, and `member_of` the
    network or the wildcard that the destination belongs to. `when` is the feature that it
    is needed for, `any_of` the name of the alternatives that it is one of. `usage` is of
    `Usage`, or a file's own. `probe` names the prober and `options` are its constructor
    arguments. `interval` and `timeout` are seconds; `unsent_interval` is the one that
    would hold without a politeness floor, None where that is the same. `rows` are row ids
    of the vendor document. `feed` names the one whose members are the rule's
    destinations.
    """

    id: str
    source: str
    port: int
    transport: Transport
    probe: str
    usage: str
    description: str
    catalogue: str
    interval: float
    timeout: float
    unsent_interval: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    expect: Expect = Expect.ALLOW
    witness: str | None = None
    denial: frozenset[Denial] = frozenset()
    severity: Severity = Severity.WARNING
    owner: str = ""
    public: bool = False
    tls: TlsPolicy = TlsPolicy()
    addresses: AddressPolicy = AddressPolicy.ANY
    rows: tuple[str, ...] = ()
    retired: str | None = None
    unverifiable: str | None = None
    advisory: bool = False
    notes: str = ""
    feed: str | None = None
    proof: Proof = Proof.SERVICE
    ports: str = ""
    sample: int = 0
    member_of: str = ""
    when: str | None = None
    any_of: str | None = None
    unprovable: str | None = None

    @property
    def choice(self) -> tuple[str, str, str] | None:
        """What rules have in common that are alternatives to each other; None if none is."""
        return (
            None if self.any_of is None else (self.catalogue, self.source, self.any_of)
        )


@dataclass(frozen=True, slots=True)
class Target:
    """One rule x one destination host: one set of series.

    `destination` is a host name or IP literal in lower case; `port` is the rule's
    unless the destination carried its own (a base URL, a member of a feed), or 0 where the rule
    has none. An `untrusted`
    destination was named by a list from outside: only public addresses are probed.
    `maintenance` is announced work that touches it; it makes no other target of it.
    `slot` counts the ports of a range that take turns, None for one that stays.
    `key` identifies it among all others.
    """

    rule: Rule
    destination: str
    port: int
    status: Status = Status.ACTIVE
    untrusted: bool = False
    maintenance: tuple[Maintenance, ...] = field(default=(), compare=False)
    slot: int | None = None
    key: Key = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Made once, since it is looked up ten times a probe.
        key = (self.rule.id, self.rule.source, self.destination, self.port)
        object.__setattr__(self, "key", key)

    def muted(self, now: float) -> Maintenance | None:
        """The work that mutes it at a Unix time: what lasts longest, None if none does."""
        under_way = (work for work in self.maintenance if work.lasts(now))
        return max(under_way, key=lambda work: work.end, default=None)

    @property
    def place(self) -> str:
        """Where it leads, for people."""
        return place(self.destination, self.port or "?", self.rule.transport)

    def __str__(self) -> str:
        return f"{self.rule.id} {self.place}"
