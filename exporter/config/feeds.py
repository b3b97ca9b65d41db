"""Feeds: lists of destinations that a vendor publishes, and the targets they make.

A feed decides whom this host connects to, so what it brings is text from outside:
whatever is not plainly a host, a network or a wildcard of the Internet is left out, and
a feed of which nothing is left is none (see `feed_formats`).

No input or output here: `expand` takes what is in force.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from exporter.config import scalars
from exporter.config.destination import sampled
from exporter.model.endpoint import place
from exporter.model.rule import Proof, Status, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.model.rule import Key, Rule

Selection: TypeAlias = "Mapping[str, tuple[str, ...]]"
"""Which entries of a feed are meant: fields, each with the values it may have."""

# The URLs that a rule means, by its probe; any other probe means both kinds.
_TLS_BY_PROBE = {"http": False, "https": True, "tls": True}
_MOST_IN_FORCE = 500


class FeedFormat(StrEnum):
    """How a feed is written."""

    MIRRORLIST = "mirrorlist"
    METALINK = "metalink"
    M365_ENDPOINTS = "m365-endpoints"
    AZURE_SERVICE_TAGS = "azure-service-tags"
    AWS_IP_RANGES = "aws-ip-ranges"
    GITHUB_META = "github-meta"

    @property
    def shuffled(self) -> bool:
        """Whether each fetch brings other members, so that those of a few count."""
        return self in (FeedFormat.MIRRORLIST, FeedFormat.METALINK)


class MemberKind(StrEnum):
    """What a member is: of a network or a wildcard no host is known."""

    HOST = "host"
    NETWORK = "network"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Member:
    """What a feed names.

    Attributes:
        host: the host, the network or the wildcard.
        port: its own port; 0 for the rule's.
        tls: whether its URL is https; None where it has none.
        kind: what `host` is.
        flows: (transport, first port, last port) that it is for; None for any.
    """

    host: str
    port: int = 0
    tls: bool | None = None
    kind: MemberKind = MemberKind.HOST
    flows: frozenset[tuple[str, int, int]] | None = None

    def __str__(self) -> str:
        return place(self.host, self.port) if self.port else self.host

    def is_meant_by(self, rule: Rule) -> bool:
        """Whether a rule leads to it: by its probe, its transport and its port."""
        tls = _TLS_BY_PROBE.get(rule.probe)
        if None not in (tls, self.tls) and tls is not self.tls:
            return False
        return self.flows is None or any(
            transport == rule.transport and first <= rule.port <= last
            for transport, first, last in self.flows
        )


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that a catalogue names; `interval` is in seconds.

    Attributes:
        name: what rules call it, and the `list` label.
        title: the name for people.
        url: where it is fetched.
        format: how it is written.
        limit: members in force at once, at the most, of those for the same ports.
        interval: time between two fetches.
        select: which entries are meant; all if empty.
    """

    name: str
    title: str
    url: str
    format: FeedFormat
    limit: int
    interval: float
    select: Selection = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The host that the feed is fetched from."""
        return scalars.host(urlsplit(self.url).hostname)

    def in_force(self, members: Iterable[Member]) -> tuple[Member, ...]:
        """The first members, as many as the limit allows of those for the same ports."""
        counts: dict[object, int] = {}
        chosen: list[Member] = []
        for member in members:
            counts[member.flows] = counts.get(member.flows, 0) + 1
            if counts[member.flows] <= self.limit and len(chosen) < _MOST_IN_FORCE:
                chosen.append(member)
        return tuple(chosen)


def expand(
    targets: Iterable[Target],
    members: Mapping[str, tuple[Member, ...]],
    *,
    allow_private: bool = False,
) -> tuple[Target, ...]:
    """`targets` with the members in force in place of the feeds that have any.

    A rule whose feed names no member of its kind does not apply at the moment.

    Args:
        targets: as configured; one for each rule that leads to a feed.
        members: the members in force by feed; one never fetched is missing.
        allow_private: members may have addresses that are not public.
    """
    whole: list[Target] = []
    for target in targets:
        name = target.rule.feed
        if name is None or target.status is not Status.UNSET or name not in members:
            whole.append(target)
            continue
        meant = [one for one in members[name] if one.is_meant_by(target.rule)]
        found: dict[Key, Target] = {}  # sets of a feed may overlap
        for made in (made for one in meant for made in _targets(target.rule, one)):
            found.setdefault(made.key, replace(made, untrusted=not allow_private))
        whole += found.values()
        if not meant:
            whole.append(replace(target, status=Status.NOT_APPLICABLE))
    return tuple(whole)


def _targets(rule: Rule, member: Member) -> Iterator[Target]:
    """What is probed of a member: of a network a sample, of a wildcard nothing yet."""
    match member.kind:
        case MemberKind.HOST:
            yield Target(rule, member.host, member.port or rule.port)
        case MemberKind.NETWORK:
            one = replace(rule, proof=Proof.SAMPLE, member_of=member.host)
            for address in sampled(member.host, rule.sample):
                yield Target(one, address, rule.port)
        case MemberKind.DOMAIN:
            listed = replace(rule, feed=None, member_of=member.host)
            yield Target(listed, member.host, rule.port, Status.UNSET)


def needed(targets: Sequence[Target]) -> frozenset[str]:
    """The feeds that rules of this host wait for or lead to."""
    return frozenset(
        target.rule.feed
        for target in targets
        if target.rule.feed is not None and target.status is Status.UNSET
    )
