"""From rules to targets: one for each source, host and port that is to be proven.

Nothing is silently left out: every rule becomes at least one target, and a target that
is not probed says why and carries the example host, the network or the wildcard.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config import destination
from exporter.config.ports import PortPlaceholder, PortRange, of_range
from exporter.model.endpoint import Endpoint
from exporter.model.rule import Proof, Status, Target, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.config.definitions import RuleDefinition
    from exporter.config.feeds import Feed
    from exporter.config.placeholders import Binding
    from exporter.config.rule_schema import DestinationModel
    from exporter.model.rule import Rule

_WEAKEST_FIRST = (Status.NOT_APPLICABLE, Status.UNSET, Status.ACTIVE)


@dataclass(frozen=True, slots=True)
class Flow:
    """One source and one port, or range, of a rule.

    Attributes:
        source: the role.
        ports: None where there is none yet, or none at all.
        status: whether the site has chosen a port, where it has to.
    """

    source: str
    ports: PortRange | None
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule for one flow of its definition, overrides applied.

    `destination` is the definition's, with the members that the site knows.
    """

    definition: RuleDefinition
    flow: Flow
    destination: DestinationModel
    rule: Rule


@dataclass(frozen=True, slots=True)
class SiteBindings:
    """What the names in rules stand for here.

    Attributes:
        bindings: of placeholders.
        feeds: feeds by name.
        features: which there are here; one that the site says nothing of is missing.
        running: the roles whose rules run here.
    """

    bindings: Mapping[str, Binding]
    feeds: Mapping[str, Feed]
    features: Mapping[str, bool]
    running: frozenset[str]


def flows(
    definition: RuleDefinition, bindings: Mapping[str, Binding]
) -> Iterator[Flow]:
    """The flows of a rule, by source and then by port."""
    port = definition.written.port
    chosen: list[tuple[PortRange | None, Status]]
    chosen = [(one, Status.ACTIVE) for one in definition.ports]
    if isinstance(port, PortPlaceholder) and port.placeholder in bindings:
        binding = bindings[port.placeholder]
        chosen = [(_range(one.port), binding.status) for one in binding.endpoints]
    for source in definition.written.source:
        for ports, status in chosen or [(None, Status.ACTIVE)]:
            yield Flow(source, ports, status)


def _range(port: int) -> PortRange | None:
    return PortRange(port, port) if port else None


def proof_of(flow: Flow, lead: DestinationModel) -> Proof:
    """What a probe can show of a flow towards a destination."""
    if lead.network is not None and lead.members is None:
        return Proof.SAMPLE
    ranged = flow.ports is not None and not flow.ports.single
    return Proof.PATH if ranged else Proof.SERVICE


def targets(one: InForce, site: SiteBindings) -> Iterator[Target]:
    """The targets of one rule for one flow.

    One that leads to a feed is unset, with the host that it is fetched from, until it has
    been fetched (see `feeds.expand`).
    """
    rule, flow = one.rule, one.flow
    places, status = _places(one.destination, rule.sample, site)
    status = _status(rule, _weakest((status, flow.status)), site)
    whole = flow.ports
    if status is not Status.ACTIVE or whole is None or whole.single:
        for place in places if status is Status.ACTIVE else _listed(one, places):
            # A placeholder's own port is for those that have one.
            own = 0 if rule.transport is Transport.ICMP else place.port
            yield Target(rule, place.host, own or rule.port, status)
        return
    for place in places:
        for port, slot in of_range(rule, whole):
            yield Target(rule, place.host, port, slot=slot)


def _listed(one: InForce, places: Iterable[Endpoint]) -> Iterable[Endpoint]:
    """Places as they are listed: nobody looks for a sample of what is not probed."""
    if one.rule.proof is Proof.SAMPLE:
        return (Endpoint(one.destination.network or "", 0),)
    return places


def _status(rule: Rule, status: Status, site: SiteBindings) -> Status:
    if rule.source not in site.running:
        return Status.OTHER_ROLE
    if rule.retired is not None:
        return Status.RETIRED
    if rule.unprovable is not None:
        return Status.UNPROVABLE
    if rule.when is None:
        return status
    there = site.features.get(rule.when)
    if there is None:
        return _weakest((status, Status.UNSET))
    return status if there else Status.NOT_APPLICABLE


def _weakest(statuses: Iterable[Status]) -> Status:
    return min(statuses, key=_WEAKEST_FIRST.index)


def _places(
    lead: DestinationModel, sample: int, site: SiteBindings
) -> tuple[tuple[Endpoint, ...], Status]:
    """Where a rule leads; port 0 is the rule's own."""
    if lead.placeholder is not None:
        binding = site.bindings[lead.placeholder]
        return binding.endpoints, binding.status
    if lead.feed is not None:
        return _hosts((site.feeds[lead.feed].host,)), Status.UNSET
    if lead.network is not None:
        named = lead.members or destination.sampled(lead.network, sample)
        return _hosts(named), Status.ACTIVE
    if lead.domain is not None:
        status = Status.UNSET if lead.names is None else Status.ACTIVE
        return _hosts(lead.names or (lead.domain,)), status
    return _filled(lead.hosts or (lead.host or "",), site)


def _hosts(names: Iterable[str]) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(name, 0) for name in names)


def _filled(
    hosts: Iterable[str], site: SiteBindings
) -> tuple[tuple[Endpoint, ...], Status]:
    """Hosts with the site's values in place of placeholders in their names."""
    found: dict[str, None] = {}
    statuses = [Status.ACTIVE]
    for host in hosts:
        bindings = {name: site.bindings[name] for name in destination.fields(host)}
        statuses += [binding.status for binding in bindings.values()]
        for values in itertools.product(*(one.endpoints for one in bindings.values())):
            said = (value.host for value in values)
            filled = destination.filled(host, dict(zip(bindings, said, strict=True)))
            found[filled] = None
    return _hosts(found), _weakest(statuses)
