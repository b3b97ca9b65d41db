"""Keys of one rule that cannot be true together, or not without one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from exporter.config import destination
from exporter.model.rule import Expect, Transport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from exporter.config.rule_schema import DestinationModel, RuleModel

Wrong: TypeAlias = "tuple[tuple[str, ...], str]"
"""The place below a rule, and what is wrong there."""

DENY_ONLY = "belongs to rules with expect: deny only"


def contradictions(rule: RuleModel, keys: Collection[str]) -> Iterator[Wrong]:
    """What is wrong with a rule as a whole; `keys` are those that stand in the file."""
    if rule.expect is not Expect.DENY:
        if rule.witness is not None:
            yield ("witness",), DENY_ONLY
        if rule.denial:
            yield ("denial",), DENY_ONLY
    elif rule.any_of is not None:
        said = "belongs to rules with expect: allow only: none of two denials is enough"
        yield ("any_of",), said
    if rule.advisory and rule.rows:
        said = "an advisory rule is not in the document, so it has no rows"
        yield ("rows",), said
    yield from _ports(rule, keys)
    probed = rule.unprovable is None and rule.retired is None
    nowhere = unreachable(rule.destination) if probed else ()
    for key, said in (*outsiders(rule.destination), *nowhere):
        yield ("destination", key), said


def _ports(rule: RuleModel, keys: Collection[str]) -> Iterator[Wrong]:
    if rule.transport is Transport.ICMP:
        for key in ("port", "ports"):
            if getattr(rule, key) is not None:
                yield (key,), "does not go with transport: icmp, which has no ports"
        if rule.destination.feed is not None:
            yield ("destination",), "members of a feed are not reached over icmp"
    elif rule.port is not None and rule.ports is not None:
        yield ("ports",), "stands beside port: write one of the two"
    elif "port" not in keys and "ports" not in keys and rule.unprovable is None:
        said = "is required: one port, or ports: with a list such as [80, 5000-5100]"
        yield ("port",), said


def unreachable(lead: DestinationModel) -> Iterator[tuple[str, str]]:
    """Addresses that no probe can reach, or that are no single host's, by key."""
    for key, several in (("host", (lead.host,)), ("hosts", lead.hosts or ())):
        for one in filter(None, several):
            if said := destination.unreachable(one):
                yield key, said
    if lead.network and (said := destination.unreachable(lead.network)):
        yield "network", said


def outsiders(lead: DestinationModel) -> Iterator[tuple[str, str]]:
    """Members that are none, and hosts that stand twice, by key."""
    for key, whole, outside in (
        ("members", lead.network, destination.outside_network),
        ("names", lead.domain, destination.outside_domain),
    ):
        for one in (getattr(lead, key) or ()) if whole else ():
            if said := outside(one, whole or ""):
                yield key, said
    for key in ("hosts", "members", "names"):
        several = getattr(lead, key) or ()
        for host in {one for one in several if several.count(one) > 1}:
            yield key, f"{host} stands here twice"
