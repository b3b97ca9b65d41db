"""What targets have in common that a device on the way could go by.

A firewall knows addresses, ports, transports and families, and somebody wrote its rules
for a purpose or a vendor. So what failed alike is looked at for a feature that all of it
has, and nothing that answers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import IntEnum, auto
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.addresses import family_of, is_public, neighbourhood
from exporter.model.outcome import Origin, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.model.outcome import Judged, Observation
    from exporter.model.rule import Target
    from exporter.monitor.store import Record


class Kind(IntEnum):
    """Kinds of features, from the one that is told first where several explain the same.

    What a domain has in common is whose it is; all others are what a device goes by.
    """

    # Enum's own is written in Python, and features are counted by the hundred thousand.
    __hash__ = int.__hash__

    ALL = 0
    BEYOND = auto()
    FAMILY = auto()
    BEYOND_FAMILY = auto()
    DOMAIN = auto()
    PUBLIC = auto()
    PUBLIC_FAMILY = auto()
    TRANSPORT = auto()
    PORT = auto()
    PUBLIC_TRANSPORT = auto()
    PUBLIC_PORT = auto()
    NETWORK = auto()
    USAGE = auto()


Feature: TypeAlias = tuple[Kind, str]
EVERYTHING: Feature = (Kind.ALL, "")
BEYOND: Feature = (Kind.BEYOND, "")
"""What leaves this host's own network."""
FAMILIES = (Kind.FAMILY, Kind.BEYOND_FAMILY, Kind.PUBLIC_FAMILY)
"""How much of a family may fail, the widest first."""

_WORDS = {
    Kind.ALL: "everything",
    Kind.BEYOND: "everything beyond this host's own network",
    Kind.FAMILY: "everything over {}",
    Kind.BEYOND_FAMILY: "everything over {} beyond this host's own network",
    Kind.PUBLIC: "every public service",
    Kind.PUBLIC_FAMILY: "every public service over {}",
    Kind.TRANSPORT: "everything over {}",
    Kind.PORT: "everything to port {}",
    Kind.PUBLIC_TRANSPORT: "every public service over {}",
    Kind.PUBLIC_PORT: "every public service on port {}",
    Kind.NETWORK: "everything in {}",
    Kind.USAGE: "everything for {}",
    Kind.DOMAIN: "every host of {}",
}
_SHORT = 3
_THROUGH = "\0"
"""Stands before the proxy in the value of a feature of what passes one."""


def everything(via: str) -> Feature:
    """What all has that passes a proxy, or that passes none."""
    return (Kind.ALL, f"{_THROUGH}{via}") if via else EVERYTHING


def words(feature: Feature) -> str:
    """A feature as the subject of a sentence."""
    value, _, via = feature[1].partition(_THROUGH)
    said = _WORDS[feature[0]].format(value)
    return f"{said} through the proxy {via}" if via else said


@dataclass(slots=True, eq=False)
class Features:
    """The features of what goes to a target at one of its addresses.

    Attributes:
        shared: those of its flow, one object for all flows alike: there are few.
        own: those of its host.
    """

    shared: tuple[Feature, ...]
    own: tuple[Feature, ...]

    def __iter__(self) -> Iterator[Feature]:
        return chain(self.shared, self.own)

    def __contains__(self, feature: Feature) -> bool:
        return feature in self.shared or feature in self.own


def features(target: Target, address: str, source: str, via: str = "") -> Features:
    """The features of what goes to a target at one of its addresses.

    Args:
        target: where it goes.
        address: empty through a proxy and without one.
        source: the address that it was sent from; empty if none was chosen.
        via: the proxy that it passed, if it did.
    """
    if via:
        return Features(*_behind(target, via))
    return Features(*_parts(target, address, source, beyond=False))


def _behind(
    target: Target, via: str
) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
    """The same of a flow that a proxy has let through: another way than this host's."""
    shared, own = _parts(target, "", "", beyond=False)
    return _through(shared, via), own


def _parts(
    target: Target, address: str, source: str, *, beyond: bool
) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
    """The features of a flow, and those of its host.

    Args:
        target: where it goes.
        address: empty through a proxy and without one.
        source: the address that it was sent from; empty if none was chosen.
        beyond: whether it counts as leaving this host's network where that is not known.
    """
    if source and address:
        beyond = neighbourhood(source) != neighbourhood(address)
    rule = target.rule
    family = family_of(address) if address else ""
    shared = shared_features(
        target.port, rule.transport, rule.usage, rule.public, family, beyond
    )
    return shared, own_features(target.destination, address)


def features_on_the_way(
    address: str, port: int, transport: str, source: str | None
) -> frozenset[Feature]:
    """What a flow to a server that rules depend on has in common with theirs.

    Args:
        address: of the server, such as a resolver or a proxy.
        port: where it is asked.
        transport: `tcp` or `udp`.
        source: the address that it is asked from; None if that is not known.
    """
    network = neighbourhood(address)
    beyond = bool(source) and neighbourhood(source or "") != network
    flow = (port, transport, "", is_public(address), family_of(address), beyond)
    return frozenset({*shared_features(*flow), (Kind.NETWORK, network)})


@lru_cache(1 << 12)
def shared_features(
    port: int, transport: str, usage: str, public: bool, family: str, beyond: bool
) -> tuple[Feature, ...]:
    """The features of all flows alike; `family` is empty where no address is known."""
    over = str(transport)
    to = f"{port}/{over}"
    kinds: dict[Kind, str] = {
        Kind.ALL: "",
        Kind.TRANSPORT: over.upper(),
        Kind.PORT: to,
        Kind.USAGE: str(usage),
    }
    if public:
        kinds |= {
            Kind.PUBLIC: "",
            Kind.PUBLIC_TRANSPORT: over.upper(),
            Kind.PUBLIC_PORT: to,
        }
    if family:
        kinds[Kind.FAMILY] = family
    if family and public:
        kinds[Kind.PUBLIC_FAMILY] = family
    if beyond:
        kinds[Kind.BEYOND] = ""
    if beyond and family:
        kinds[Kind.BEYOND_FAMILY] = family
    # ICMP has no ports, which is nothing that its flows have in common.
    if not port:
        del kinds[Kind.PORT]
        kinds.pop(Kind.PUBLIC_PORT, None)
    return tuple(kinds.items())


@lru_cache(1 << 12)
def _through(shared: tuple[Feature, ...], via: str) -> tuple[Feature, ...]:
    """Features of what passed a proxy: none of what goes its own way."""
    return tuple((kind, f"{value}{_THROUGH}{via}") for kind, value in shared)


@lru_cache(1 << 16)
def own_features(host: str, address: str) -> tuple[Feature, ...]:
    """The features of a host, as far as its name and its address tell."""
    found: list[Feature] = []
    if address:
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


@dataclass(slots=True, eq=False)
class Heard:
    """One address that answered, with all that it is counted by.

    Through a proxy it is neither that host nor an address that is known to answer.
    """

    host: str
    address: str
    shared: tuple[Feature, ...]
    own: tuple[Feature, ...]


def heard(record: Record) -> list[Heard]:
    """The addresses of a target that answered."""
    latest, target = record.latest, record.target
    found: list[Heard] = []
    for one in latest.addresses if latest is not None else ():
        seen = one.observation
        if seen.via and seen.reason is Reason.ANSWERED:
            found.append(Heard("", "", *_behind(target, seen.via)))
        elif answers(seen):
            at, source = seen.address, seen.source_address
            of = _parts(target, at, source, beyond=True)
            found.append(Heard(target.destination, at, *of))
    return found


class Answers:
    """What answers at present: how much of each feature, of each host, of each address."""

    def __init__(self) -> None:
        self.hosts: defaultdict[str, int] = defaultdict(int)
        self._own: defaultdict[Feature, int] = defaultdict(int)
        self._flows: defaultdict[int, int] = defaultdict(int)
        self._of_flow: dict[int, tuple[Feature, ...]] = {}
        self._features: Counter[Feature] | None = None

    def add(self, one: Heard) -> None:
        """Counts what answered."""
        for name in filter(None, (one.host, one.address)):
            self.hosts[name] += 1
        # The tuples are the same objects for flows alike: no need to compare them.
        flow = id(one.shared)
        self._flows[flow] += 1
        self._of_flow[flow] = one.shared
        for feature in one.own:
            self._own[feature] += 1
        self._features = None

    @property
    def features(self) -> Counter[Feature]:
        """How many addresses that answer have each feature."""
        if self._features is None:
            self._features = Counter(self._own)
            for flow, number in self._flows.items():
                for feature in self._of_flow[flow]:
                    self._features[feature] += number
        return self._features

    def in_network(self, network: str) -> int:
        """How many addresses answer in a network."""
        return self._own.get((Kind.NETWORK, network), 0)

    def any_of(self, names: Iterable[str]) -> int:
        """How much answers at any of some hosts or addresses, at the most."""
        return max((self.hosts.get(name, 0) for name in names), default=0)


def answers(seen: Observation) -> bool:
    """Whether the destination itself was heard, and not through a proxy."""
    if seen.reason is Reason.ANSWERED:
        return not seen.via
    said = seen.reason is Reason.PORT_UNREACHABLE and seen.origin is Origin.DESTINATION
    return said and not seen.via


def is_in_order(one: Judged) -> bool:
    """Whether an address itself gives what a rule asks for, which a refusal is not."""
    return one.verdict is Verdict.HOLDS and answers(one.observation)
