"""Hosts that answer at some of their addresses, or over one family, only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.diagnose.explanation import Explanation, counted, extent, listed, seen_of
from exporter.diagnose.features import FAMILIES, Kind, is_in_order, words
from exporter.diagnose.self_evident import grouped
from exporter.diagnose.trouble import Trouble, is_named, trouble_of
from exporter.model.addresses import family_of
from exporter.model.finding import Cause
from exporter.model.outcome import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom


def families(scene: Scene) -> list[Explanation]:
    """Families over which nothing answers, while the same hosts answer over the other.

    What has addresses of that family alone, and fails in the same way, goes with it.
    """
    found: list[Explanation] = []
    for some in grouped(
        scene.of(Trouble.PARTIAL), lambda one: _whole_family(scene, one)
    ):
        family = _whole_family(scene, some[0])
        if family is None:
            continue
        members = [*some, *_of_that_alone(scene, family, some)]
        if len({one.host for one in members}) > 1:
            found.append(_family(family, members))
    return found


def _of_that_alone(
    scene: Scene, family: Feature, some: Sequence[Symptom]
) -> list[Symptom]:
    """What fails over a family like the addresses of it that are beside others."""
    alike = {(trouble_of(one.seen), one.place) for one in some}
    kinds = {trouble for trouble, _ in alike}
    return [
        one
        for one in scene.of(Trouble.SILENT, Trouble.HERE, Trouble.REFUSED)
        if family in one.features
        and one.trouble in kinds
        and (one.trouble is not Trouble.REFUSED or (one.trouble, one.place) in alike)
        and (one.trouble is not Trouble.HERE or one.seen.reason is Reason.NO_ROUTE)
    ]


def partial(scene: Scene) -> list[Explanation]:
    """Hosts some addresses of which do not answer, though the rule holds."""
    rest = scene.of(Trouble.PARTIAL)
    return [_partial(members) for members in scene.hosts.grouped(rest)]


def _whole_family(scene: Scene, symptom: Symptom) -> Feature | None:
    """The family, or as much of it as can be, of which no address answers."""
    latest = symptom.record.latest
    failed = {
        family_of(one.observation.address)
        for one in (latest.addresses if latest else ())
        if one.verdict is Verdict.VIOLATED
    }
    if len(failed) != 1:
        return None
    (family,) = failed
    parts = ((kind, family) for kind in FAMILIES)
    answering = scene.answers.features
    mine = (one for one in parts if one in symptom.features and one not in answering)
    return next(mine, None)


def _family(feature: Feature, members: Sequence[Symptom]) -> Explanation:
    own = all(trouble_of(one.seen) is Trouble.HERE for one in members)
    named = {one.place for one in members if is_named(one.seen)}
    part = f"route for {feature[1]}"
    way = words(feature).removeprefix("everything over ")
    return Explanation(
        Cause.THIS_HOST if own else Cause.PATH,
        part if own else next(iter(named)) if len(named) == 1 else way,
        members,
        f"{_nothing(feature)}, though the other family does: {extent(members)}",
        f"Please check the {part} of this host."
        if own
        else f"Please check the way from this host to {words(feature)}: nothing of it"
        " answers.",
        seen_of(members),
        ("the same hosts answer over the other family",),
        common=feature,
    )


def _nothing(feature: Feature) -> str:
    kind, family = feature
    if kind is Kind.PUBLIC_FAMILY:
        return f"No public service answers over {family}"
    beyond = " beyond this host's own network" if kind is Kind.BEYOND_FAMILY else ""
    return f"Nothing answers over {family}{beyond}"


def _partial(members: Sequence[Symptom]) -> Explanation:
    names = sorted({one.host for one in members}, key=lambda name: (len(name), name))
    latest = (one.record.latest for one in members)
    judged = [
        one for result in latest if result is not None for one in result.addresses
    ]
    good = {one.observation.address for one in judged if is_in_order(one)}
    failed = (one.observation for one in judged if one.verdict is Verdict.VIOLATED)
    bad = list(dict.fromkeys(one.address for one in failed))
    does_answer = "answers" if len(good) == 1 else "answer"
    host = names[0]
    also = f" (also {listed(names[1:])})" if len(names) > 1 else ""
    return Explanation(
        Cause.PARTIAL_ADDRESSES,
        host,
        members,
        f"{listed(bad)} of {host}{also} do{'es' if len(bad) == 1 else ''} not answer,"
        f" other addresses do: {extent(members, host)}",
        f"Please check these addresses of {listed(names)}, or take them out of DNS.",
        seen_of(members),
        (f"{counted(len(good), 'address')} of {host} {does_answer}",),
    )
