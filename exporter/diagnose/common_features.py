"""The fewest features that all of something that failed has, and nothing that answers."""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TYPE_CHECKING

from exporter.diagnose.features import Kind, domain_of
from exporter.diagnose.scene import STEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene, Steps
    from exporter.diagnose.symptoms import Symptom

FEW = 2
"""Failing hosts from which on what they have in common is unlikely to be chance."""
SOME = 3
"""The same for a weaker feature: a purpose, a network, or a connection that stood."""
STRANGERS = 3
"""Unrelated domains from which on it is no chance that they fail alike."""
NO_STRANGERS = frozenset({Kind.DOMAIN, Kind.NETWORK, Kind.USAGE})
"""What strangers do not fail by: who they are, or what rules are for."""
_WEAK = frozenset({Kind.NETWORK, Kind.USAGE})


def in_common(
    scene: Scene, symptoms: list[Symptom], least: int, place: str = ""
) -> Steps[list[tuple[Feature, list[Symptom]]]]:
    """The fewest features that all of something that failed has, and nothing else.

    Args:
        scene: what answers.
        symptoms: what failed alike.
        least: hosts that must share a feature.
        place: where some of what shares a feature must have ended, if anywhere.
    """
    found: list[tuple[Feature, list[Symptom]]] = []
    groups = yield from _by_feature(scene, symptoms)
    # The widest first; one that has lost members to a wider one waits for its new turn.
    queue = [(-len(members), feature) for feature, members in groups.items()]
    heapq.heapify(queue)
    taken: set[int] = set()
    while queue and len(taken) < len(symptoms):
        size, feature = heapq.heappop(queue)
        members = groups[feature]
        if taken:
            members = [one for one in members if id(one) not in taken]
        yield
        if len(members) < -size:
            groups[feature] = members
            if members:
                heapq.heappush(queue, (-len(members), feature))
            continue
        needed = _least(feature, members, scene, least)
        yield
        if _is_of(place, members) and scene.hosts.are(needed, members):
            found.append((feature, members))
            taken.update(map(id, members))
    return found


def common_to(scene: Scene, members: Sequence[Symptom]) -> Steps[Feature | None]:
    """What they have in common and nothing has that answers."""
    if not scene.hosts.are(FEW, members):
        return None
    answering = scene.answers.features
    own = set(members[0].features.own)
    flows: dict[int, tuple[Feature, ...]] = {}
    for index, one in enumerate(members):
        if index % STEP == 0:
            yield
        features = one.features
        flows[id(features.shared)] = features.shared
        if own:
            own.intersection_update(features.own)
    shared = set.intersection(*map(set, flows.values())) | own
    return min((one for one in shared if one not in answering), default=None)


def are_strangers(symptoms: Iterable[Symptom]) -> bool:
    """Whether so many of those that failed have nothing to do with each other."""
    return len(domains_of(symptoms)) >= STRANGERS


def domains_of(symptoms: Iterable[Symptom]) -> set[str]:
    """The registered domains of the names concerned; an address has none."""
    return {domain_of(one.host) for one in symptoms} - {""}


def _is_of(place: str, members: Sequence[Symptom]) -> bool:
    return not place or any(one.place == place for one in members)


def _least(
    feature: Feature, members: Sequence[Symptom], scene: Scene, least: int
) -> int:
    """Hosts that must share a feature, of something that failed alike.

    That two hosts of one purpose or network are gone may be chance, unless the
    silence is known to begin before them; and so may be whatever they share, if it is
    known to begin at them and nothing of them answers.
    """
    if feature[0] in {Kind.ALL, Kind.DOMAIN}:
        return least
    short = scene.stop_short(members)
    weak = feature[0] in _WEAK and short != {True}
    dead = short == {False} and not any(m.host in scene.answers.hosts for m in members)
    return max(least, SOME) if weak or dead else least


def _by_feature(
    scene: Scene, symptoms: Sequence[Symptom]
) -> Steps[dict[Feature, list[Symptom]]]:
    """What failed, by each feature of it that nothing has that answers.

    Flows alike share most of their features, so these are looked at once for all.
    """
    groups: defaultdict[Feature, list[Symptom]] = defaultdict(list)
    # The tuples are the same objects for flows alike: no need to compare them.
    flows: dict[int, tuple[tuple[Feature, ...], list[Symptom]]] = {}
    answering = scene.answers.features
    for index, one in enumerate(symptoms):
        if index % STEP == 0:
            yield
        found = one.features
        flows.setdefault(id(found.shared), (found.shared, []))[1].append(one)
        for feature in found.own:
            if feature not in answering:
                groups[feature].append(one)
    for shared, members in flows.values():
        yield
        for feature in shared:
            if feature not in answering:
                groups[feature] += members
    return groups
