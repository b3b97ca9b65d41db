"""What drops packets without a word: the path, a host, or one service.

Of silence the trace tells where it begins, and what still answers tells what it is not: a
hop that others pass is not broken as a whole, a host that answers on another port is up.
So silence is the path's only if it begins where neighbours of the same network are passed
on, or at a hop that nothing passes; or if all that has a feature in common is silent and
nothing that has it answers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.diagnose.common_features import FEW, SOME, in_common
from exporter.diagnose.counter_evidence import hosts_of, is_alive, what_passes, without
from exporter.diagnose.explanation import (
    ASK_WHO_DROPS,
    Explanation,
    dropped,
    extent,
    seen_of,
)
from exporter.diagnose.features import Kind, words
from exporter.diagnose.hosts import host_or_service
from exporter.diagnose.trouble import Trouble
from exporter.model.addresses import family_of
from exporter.model.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene, Steps
    from exporter.diagnose.symptoms import Symptom


@dataclass(frozen=True, slots=True, eq=False)
class _Silence:
    """Silence that begins at one place, and what all that meets it has in common."""

    place: str
    feature: Feature | None
    members: list[Symptom]

    @property
    def hop(self) -> int:
        """The number of the place; 0 if it is unknown."""
        hops = (one.hop for one in self.members if one.place == self.place)
        return next(filter(None, hops), 0)


def silences(scene: Scene) -> Steps[list[Explanation]]:
    """What explains everything that never got an answer."""
    rest = scene.of(Trouble.SILENT)
    found = yield from _with_something_in_common(scene, rest)
    rest = without(rest, (one for each in found for one in each.members))
    yield
    cut_off = _short_of_neighbours(scene, rest)
    rest = without(rest, (one for each in cut_off for one in each.members))
    yield
    cut_off += _at_a_hop_that_nothing_passes(scene, rest)
    rest = without(rest, (one for each in cut_off for one in each.members))
    explanations = yield from host_or_service(scene, rest)
    for one in found + cut_off:
        explanation = yield from _silent(scene, one)
        explanations.append(explanation)
    return explanations


def _with_something_in_common(
    scene: Scene, symptoms: list[Symptom]
) -> Steps[list[_Silence]]:
    rest = symptoms
    found: list[_Silence] = []
    for place in _places(symptoms):
        yield
        either = {place, ""}
        here = [one for one in rest if one.place in either]
        chosen = yield from in_common(scene, here, FEW, place)
        rest = without(rest, (one for _, members in chosen for one in members))
        for feature, members in chosen:
            more = _other_ports(scene, place, members, rest)
            rest = without(rest, more)
            common = None if more else feature
            found.append(_Silence(place, common, members + more))
    return _over_both_families(found)


def _over_both_families(found: Iterable[_Silence]) -> list[_Silence]:
    """One for each hop that drops the same of both families, from an address of each."""
    joined: dict[tuple[object, ...], _Silence] = {}
    for one in found:
        shared = (one.feature, one.hop) if one.feature and one.hop else (id(one),)
        before = joined.get(shared)
        if before is None:
            joined[shared] = one
        elif family_of(before.place) != family_of(one.place):
            place = min(before.place, one.place, key=lambda at: (":" in at, at))
            both = [*before.members, *one.members]
            joined[shared] = _Silence(place, one.feature, both)
        else:
            joined[(id(one),)] = one
    return list(joined.values())


def _short_of_neighbours(scene: Scene, rest: Iterable[Symptom]) -> list[_Silence]:
    """What ends at a hop behind which routers still pass its neighbours on."""
    short: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in rest:
        if scene.stops_short(one):
            short[one.place].append(one)
    return [_Silence(place, None, members) for place, members in short.items()]


def _at_a_hop_that_nothing_passes(
    scene: Scene, rest: Iterable[Symptom]
) -> list[_Silence]:
    """Hosts that share nothing but the hop they end at, which no answer comes past."""
    ended: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in rest:
        if one.place and scene.known.answering_paths:
            ended[one.place].append(one)
    return [
        _Silence(place, None, members)
        for place, members in ended.items()
        if len({one.network for one in members}) >= SOME
        and scene.hosts.are(SOME, members)
        and not scene.past(place)
    ]


def _other_ports(
    scene: Scene, place: str, members: Sequence[Symptom], rest: Iterable[Symptom]
) -> list[Symptom]:
    """What else of the same hosts ends at the same place, if nothing of them answers.

    Hosts that share a port and are silent on all others too are cut off as hosts. Where
    some of them answer elsewhere, it is the port that is cut off; and the rest is not.
    """
    hosts = {one.host for one in members}
    more = [one for one in rest if one.place == place and one.host in hosts]
    alive = more and any(is_alive(scene, one) for one in members)
    return more if place and not alive else []


def _places(symptoms: Iterable[Symptom]) -> list[str]:
    """Where silence begins, the place of most of it first; unknown comes last."""
    counts = Counter(one.place for one in symptoms)
    counts.pop("", None)
    return [*sorted(counts, key=lambda place: (-counts[place], place)), ""]


def _silent(scene: Scene, silence: _Silence) -> Steps[Explanation]:
    """Silence that begins on the path, or at what somebody runs."""
    hop, feature, members = silence.place, silence.feature, silence.members
    yield
    said = extent(members)
    yield
    passes = what_passes(scene, hop, members)
    yield
    vendors = feature is not None and feature[0] is Kind.DOMAIN
    if feature is not None and vendors and scene.stop_short(members) != {True}:
        return Explanation(
            Cause.DESTINATION,
            feature[1],
            members,
            f"No host of {feature[1]} answers: {said}",
            f"Please check what serves {feature[1]}: nothing of it answers from here.",
            seen_of(members),
            passes,
        )
    what = words(feature) if feature else f"what goes to {hosts_of(members)}"
    return Explanation(
        Cause.PATH,
        hop or (words(feature) if feature else hosts_of(members)),
        members,
        f"{dropped(what, hop, silence.hop)}: {said}",
        ASK_WHO_DROPS,
        seen_of(members),
        passes,
        common=feature,
    )
