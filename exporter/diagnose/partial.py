"""Hosts that answer at some of their addresses, or over one family, only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.diagnose.explanation import Explanation, counted, extent, listed, seen_of
from exporter.diagnose.features import Kind, answers
from exporter.diagnose.self_evident import grouped
from exporter.diagnose.trouble import Trouble, is_named, trouble_of
from exporter.model.addresses import family_of
from exporter.model.finding import Cause
from exporter.model.outcome import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        members = [*some, *_of_that_alone(scene, family, some)] if family else some
        if family and len({one.host for one in members}) > 1:
            found.append(_family(family, members))
    return found


def _of_that_alone(scene: Scene, family: str, some: Sequence[Symptom]) -> list[Symptom]:
    """What fails over a family like the addresses of it that are beside others."""
    alike = {(trouble_of(one.seen), one.place) for one in some}
    kinds = {trouble for trouble, _ in alike}
    return [
        one
        for one in scene.of(Trouble.SILENT, Trouble.HERE, Trouble.REFUSED)
        if (Kind.FAMILY, family) in one.features
        and one.trouble in kinds
        and (one.trouble is not Trouble.REFUSED or (one.trouble, one.place) in alike)
        and (one.trouble is not Trouble.HERE or one.seen.reason is Reason.NO_ROUTE)
    ]


def partial(scene: Scene) -> list[Explanation]:
    """Hosts some addresses of which do not answer, though the rule holds."""
    rest = scene.of(Trouble.PARTIAL)
    return [_partial(members) for members in grouped(rest, lambda one: one.host)]


def _whole_family(scene: Scene, symptom: Symptom) -> str:
    """The family of which no address of anything answers, if that is what failed."""
    latest = symptom.record.latest
    failed = {
        family_of(one.observation.address)
        for one in (latest.addresses if latest else ())
        if one.verdict is Verdict.VIOLATED
    }
    if len(failed) != 1:
        return ""
    (family,) = failed
    return "" if scene.answers.features[Kind.FAMILY, family] else family


def _family(family: str, members: Sequence[Symptom]) -> Explanation:
    own = all(trouble_of(one.seen) is Trouble.HERE for one in members)
    named = {one.place for one in members if is_named(one.seen)}
    part = f"route for {family}"
    return Explanation(
        Cause.THIS_HOST if own else Cause.PATH,
        part if own else next(iter(named)) if len(named) == 1 else family,
        members,
        f"Nothing answers over {family}, though the other family does: {extent(members)}",
        f"Please check the {part} of this host."
        if own
        else f"Please check the way of {family} from this host: no host answers over it.",
        seen_of(members),
        ("the same hosts answer over the other family",),
    )


def _partial(members: Sequence[Symptom]) -> Explanation:
    first = members[0]
    latest = first.record.latest
    addresses = latest.addresses if latest is not None else ()
    good = sum(answers(one.observation) for one in addresses)
    bad = [o.observation.address for o in addresses if o.verdict is Verdict.VIOLATED]
    return Explanation(
        Cause.PARTIAL_ADDRESSES,
        first.host,
        members,
        f"{listed(bad)} of {first.host} do{'es' if len(bad) == 1 else ''} not answer,"
        f" other addresses do: {extent(members, first.host)}",
        f"Please check these addresses of {first.host}, or take them out of DNS.",
        seen_of(members),
        (
            f"{counted(good, 'address')} of {first.host} answer{'s' if good == 1 else ''}",
        ),
    )
