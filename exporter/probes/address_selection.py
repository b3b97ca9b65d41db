"""Which addresses of a host are probed in a round, and which speaks for the round.

A host may have many more addresses than it is polite to probe at once. Those not seen
for the longest time come next, so many at a time that each has its turn within the
rounds for which a sighting may be used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.addresses import is_public
from exporter.model.outcome import Judged, Observation, Origin, Reason, Stage, Verdict
from exporter.model.verdict_case import ROUNDS
from exporter.probes import host_network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model.rule import Target
    from exporter.model.tls_facts import TlsFacts
    from exporter.probes.lookup import Resolved

MAX_ADDRESSES = 8
"""Addresses of one name that are all probed in each round."""
_MOST = 32
"""Addresses of one name probed in a round, however many a CDN lists."""
_LISTED = 256
"""Addresses of one name that are told one by one."""
_STAGES = list(Stage)


def listed(resolved: Resolved) -> tuple[Sequence[str], tuple[str, ...]]:
    """The members of a host's set, and in words what else may belong to it.

    IPv6 addresses that could not be learned belong to it only where this host has an
    address of that family itself: it could not use theirs.
    """
    addresses = resolved.addresses
    if not resolved.unlearned and len(addresses) <= _LISTED:
        return addresses, ()
    unlearned = tuple(
        f"the {one.family} addresses could not be learned: {one.why}"
        for one in resolved.unlearned
        if one.family == "IPv4" or host_network.has_global_ipv6()
    )
    if len(addresses) > _LISTED:
        unlearned += (f"{len(addresses) - _LISTED} more addresses are left out",)
    return addresses[:_LISTED], unlearned


def next_ones(
    addresses: Sequence[str], seen: Mapping[str, Observation]
) -> Sequence[str]:
    """Those to probe in this round: the ones seen longest ago, or never."""
    if len(addresses) <= MAX_ADDRESSES:
        return addresses
    ordered = sorted(addresses, key=lambda a: seen[a].ended if a in seen else 0.0)
    v4 = [address for address in ordered if ":" not in address]
    v6 = [address for address in ordered if ":" in address]
    # A family that has many leaves the other room, and has half of it in any case.
    share = -(-max(len(v4), len(v6)) // ROUNDS)
    most = min(max(MAX_ADDRESSES, 2 * share), _MOST)
    kept = v6[: max(most // 2, most - len(v4))]
    return v4[: most - len(kept)] + kept


def refused(target: Target, addresses: Sequence[str]) -> Sequence[str]:
    """Those that are not probed, since a list from outside may only name public ones."""
    if not target.untrusted:
        return ()
    return [address for address in addresses if not is_public(address)]


def left_out(address: str) -> Observation:
    """What is known of a refused address."""
    detail = f"refused to probe {address}: not public, and a feed leads to it"
    return Observation(address, Stage.RESOLVE, Reason.UNTESTED, detail)


def deciding(judged: Sequence[Judged], verdict: Verdict) -> Observation:
    """The observation that stands for the round.

    Of those that share its verdict: an answer, then one in which somebody said who
    refused, then the one that came furthest.
    """
    if len(judged) == 1:
        return judged[0].observation
    seen = max(
        (one.observation for one in judged if one.verdict is verdict),
        key=lambda seen: (
            seen.reason is Reason.ANSWERED,
            seen.origin is not Origin.NOBODY,
            _STAGES.index(seen.stage),
        ),
    )
    facts = worst([o.tls for one in judged if (o := one.observation).tls is not None])
    if facts is not seen.tls:
        seen = replace(seen, tls=facts)
    untested = sum(one.observation.reason is Reason.UNTESTED for one in judged)
    if not untested or len(judged) == untested:
        return seen
    detail = f"{untested} of {len(judged)} addresses untested"
    return replace(seen, detail=f"{seen.detail} ({detail})" if seen.detail else detail)


def worst(facts: Sequence[TlsFacts]) -> TlsFacts | None:
    """What the certificates of several addresses are worth to who may meet any of them.

    The one that is worst, with the earliest of all dates.
    """
    if not facts or all(one is facts[0] for one in facts):
        return facts[0] if facts else None
    chosen = min(
        facts, key=lambda one: (not one.intercepted, one.verified, one.expiry_timestamp)
    )
    first = min(facts, key=lambda one: one.chain_expiry_timestamp)
    failing = [one for one in (chosen, *facts) if not one.verified]
    return replace(
        chosen,
        error=failing[0].error if failing else chosen.error,
        expiry_timestamp=min(one.expiry_timestamp for one in facts),
        chain_expiry_timestamp=first.chain_expiry_timestamp,
        chain_expiry_subject=first.chain_expiry_subject,
        verified=all(one.verified for one in facts),
        named=all(one.named for one in facts),
    )
