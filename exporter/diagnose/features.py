"""What targets have in common that a device on the way could go by.

A firewall knows addresses, ports, transports and families, and somebody wrote its rules
for a purpose or a vendor. So what failed alike is looked at for a feature that all of it
has, and nothing that answers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.addresses import family_of, neighbourhood
from exporter.model.outcome import Origin, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.model.outcome import Observation
    from exporter.model.rule import Target
    from exporter.monitor.store import Record


class Kind(IntEnum):
    """Kinds of features, from the one that is told first where several explain the same.

    What a domain has in common is whose it is; all others are what a device goes by.
    """

    ALL = 0
    FAMILY = 1
    DOMAIN = 2
    PUBLIC = 3
    PORT = 4
    PUBLIC_TRANSPORT = 5
    PUBLIC_PORT = 6
    NETWORK = 7
    USAGE = 8


Feature: TypeAlias = tuple[Kind, str]
EVERYTHING: Feature = (Kind.ALL, "")

_WORDS = {
    Kind.ALL: "everything",
    Kind.FAMILY: "everything over {}",
    Kind.PUBLIC: "every public service",
    Kind.PORT: "everything to port {}",
    Kind.PUBLIC_TRANSPORT: "every public service over {}",
    Kind.PUBLIC_PORT: "every public service on port {}",
    Kind.NETWORK: "everything in {}",
    Kind.USAGE: "everything for {}",
    Kind.DOMAIN: "every host of {}",
}
_SHORT = 3


def words(feature: Feature) -> str:
    """A feature as the subject of a sentence."""
    return _WORDS[feature[0]].format(feature[1])


def features(target: Target, address: str) -> tuple[Feature, ...]:
    """The features of what goes to a target at one of its addresses."""
    rule = target.rule
    flow = (target.destination, target.port, str(rule.transport), address)
    return _features(*flow, str(rule.usage), rule.public)


@lru_cache(1 << 16)
def _features(
    host: str, port: int, transport: str, address: str, usage: str, public: bool
) -> tuple[Feature, ...]:
    to = f"{port}/{transport}"
    found: list[Feature] = [EVERYTHING, (Kind.PORT, to), (Kind.USAGE, usage)]
    if public:
        found.append((Kind.PUBLIC, ""))
        found.append((Kind.PUBLIC_TRANSPORT, transport.upper()))
        found.append((Kind.PUBLIC_PORT, to))
    if address:
        found.append((Kind.FAMILY, family_of(address)))
        found.append((Kind.NETWORK, neighbourhood(address)))
    if domain := domain_of(host):
        found.append((Kind.DOMAIN, domain))
    return tuple(found)


@lru_cache(1 << 16)
def domain_of(host: str) -> str:
    """The domain that somebody registered, as far as its form tells; empty for none.

    Of `www.example.ac.uk` it is `example.ac.uk`: a short label below a country's two
    letters is the registry's own.
    """
    labels = host.rstrip(".").split(".")
    if ":" in host or labels[-1].isdigit() or len(labels) < 2:  # noqa: PLR2004 - a name
        return ""
    country = len(labels[-1]) == 2 and len(labels[-2]) <= _SHORT  # noqa: PLR2004 - ISO 3166
    return ".".join(labels[-3 if country else -2 :])


@dataclass(frozen=True, slots=True)
class Heard:
    """One address that answered, with all that it is counted by."""

    names: tuple[str, str]
    network: str
    features: tuple[Feature, ...]


def heard(record: Record) -> tuple[Heard, ...]:
    """The addresses of a target that answered."""
    latest = record.latest
    if latest is None:
        return ()
    target = record.target
    return tuple(
        Heard(
            (target.destination, seen.address),
            neighbourhood(seen.address),
            features(target, seen.address),
        )
        for seen in (one.observation for one in latest.addresses)
        if answers(seen)
    )


@dataclass(slots=True)
class Answers:
    """What answers at present: how much of each feature, of each host, of each address."""

    features: Counter[Feature] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)

    def add(self, one: Heard) -> None:
        """Counts what answered."""
        self.features.update(one.features)
        self.hosts.update(one.names)
        self.networks[one.network] += 1

    def any_of(self, names: Iterable[str]) -> int:
        """How much answers at any of some hosts or addresses, at the most."""
        return max((self.hosts[name] for name in names), default=0)


def answers(seen: Observation) -> bool:
    """Whether the destination itself was heard, and not through a proxy."""
    said = seen.reason is Reason.PORT_UNREACHABLE and seen.origin is Origin.DESTINATION
    return (seen.reason is Reason.ANSWERED or said) and not seen.via
