"""The causes that need no comparison: each is proven by what it left behind."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    seen_of,
    where,
)
from exporter.diagnose.features import Kind
from exporter.diagnose.trouble import Trouble
from exporter.model.addresses import family_of
from exporter.model.finding import Cause
from exporter.model.outcome import Reason
from exporter.model.rule import Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.outcome import Observation


_REFUSALS = frozenset({Reason.REFUSED, Reason.PORT_UNREACHABLE})
_WAY = "want of a way to the host"
_WHO_REFUSED = "want of proof of who refused"
_WANTS = {
    Reason.REFUSED: _WHO_REFUSED,
    Reason.PORT_UNREACHABLE: _WHO_REFUSED,
    Reason.HOST_UNREACHABLE: _WAY,
    Reason.NETWORK_UNREACHABLE: _WAY,
    Reason.TIMEOUT: "want of a witness that answers",
}
"""What is missing where nothing can be concluded from a reason."""


def grouped(
    symptoms: Iterable[Symptom], key: Callable[[Symptom], Hashable]
) -> list[list[Symptom]]:
    """Those of one key together, in the order of the first of each."""
    groups: defaultdict[Hashable, list[Symptom]] = defaultdict(list)
    for one in symptoms:
        groups[key(one)].append(one)
    return list(groups.values())


def forbidden(scene: Scene) -> list[Explanation]:
    """Paths that are open and must not be: never folded into anything else."""
    return [
        Explanation(
            Cause.FORBIDDEN_PATH,
            members[0].target.rule.id,
            members,
            f"A path is open that must be closed: {extent(members)}",
            "Please block these connections: they must not pass.",
            seen_of(members)
            or (f"{where(members[0])}: the connection was let through",),
        )
        for members in grouped(scene.of(Trouble.OPEN), lambda one: one.target.rule.id)
    ]


def this_host(scene: Scene) -> list[Explanation]:
    """What this host does itself, by the part of it that is at fault."""
    found = []
    for members in grouped(scene.of(Trouble.HERE), lambda one: _part(one.seen)):
        part = _part(members[0].seen)
        found.append(
            Explanation(
                Cause.THIS_HOST,
                part,
                members,
                f"{_broken(members[0].seen, part)}: {extent(members)}",
                f"Please check the {part} of this host.",
                seen_of(members),
                _still_gets_out(scene, members),
            )
        )
    for members in grouped(scene.of(Trouble.UNABLE), lambda one: _lack(one.seen)):
        part = _lack(members[0].seen)
        found.append(
            Explanation(
                Cause.THIS_HOST,
                part,
                members,
                f"This host could not probe for want of {part}: {extent(members)}",
                "Please check this host's load and limits (CPU, file descriptors, and "
                "for pings net.ipv4.ping_group_range).",
                seen_of(members),
            )
        )
    return found


def exporter(scene: Scene) -> list[Explanation]:
    """What the exporter itself does wrong."""
    groups = grouped(scene.of(Trouble.BUG), lambda one: one.seen.detail.split(":")[0])
    return [
        Explanation(
            Cause.EXPORTER,
            members[0].seen.detail.split(":")[0],
            members,
            f"The exporter itself failed, so nothing is known of {extent(members)}",
            "Please report this with the exporter's log.",
            seen_of(members),
        )
        for members in groups
    ]


def unproven(scene: Scene, left: Iterable[Symptom]) -> list[Explanation]:
    """What nothing can be concluded of, by why.

    Args:
        scene: everything.
        left: what is unknown and explained by nothing else.
    """
    found = [neither(_why(members[0]), members) for members in grouped(left, _why)]
    for members in grouped(scene.of(Trouble.NEVER_PROVEN), _why):
        why = _why(members[0])
        found.append(
            Explanation(
                Cause.NEVER_PROVEN,
                why,
                members,
                f"Never proven since this exporter watches it, for {why}: {extent(members)}",
                _wish(why),
                seen_of(members),
            )
        )
    return found


def neither(why: str, members: Sequence[Symptom]) -> Explanation:
    """What is neither proven nor refuted, for one reason."""
    return Explanation(
        Cause.UNPROVEN,
        why,
        members,
        f"Neither proven nor refuted, for {why}: {extent(members)}",
        _wish(why),
        seen_of(members),
    )


def _why(symptom: Symptom) -> str:
    rule, reason = symptom.target.rule, symptom.seen.reason
    if rule.unverifiable is not None:
        return "want of a way to verify it"
    if rule.proof is Proof.SAMPLE and reason not in _REFUSALS:
        return "want of a host that answers there"
    if reason in _WANTS:
        return _WANTS[reason]
    if rule.probe == "udp":
        return "want of a reply over UDP"
    return "want of a look at every address"


def _wish(why: str) -> str:
    if why == _WHO_REFUSED:
        return (
            "Please tell whether the host itself refuses, or a firewall before it; "
            "where a firewall resets, `denial: [reset]` in the rule says so."
        )
    if why == _WAY:
        return (
            "Please check the routes to these hosts: what does not arrive there says"
            " nothing of a block."
        )
    return "Please give these rules a probe, a payload or a witness that can tell."


def _part(seen: Observation) -> str:
    if seen.broken:
        return seen.broken
    if seen.reason is Reason.NO_ROUTE:
        return f"route for {family_of(seen.address)}"
    return "own firewall"


def _broken(seen: Observation, part: str) -> str:
    if seen.broken:
        return f"Nothing gets out of this host, for its {part} is broken"
    if seen.reason is Reason.NO_ROUTE:
        return f"This host has no {part}"
    return "This host's own firewall keeps connections back"


def _lack(seen: Observation) -> str:
    return "CPU time" if "busy" in seen.detail else seen.detail


def _still_gets_out(scene: Scene, members: Sequence[Symptom]) -> tuple[str, ...]:
    family = family_of(members[0].seen.address)
    number = scene.answers.features[Kind.FAMILY, family]
    return (f"{counted(number, 'address')} of other rules answer",) if number else ()
