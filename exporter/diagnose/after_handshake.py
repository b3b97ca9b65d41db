"""Connections that stood and came to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.diagnose.common_features import SOME, in_common
from exporter.diagnose.counter_evidence import hosts_of, others, without
from exporter.diagnose.explanation import Explanation, extent, seen_of
from exporter.diagnose.features import Kind, words
from exporter.diagnose.hosts import host_or_service
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene, Steps
    from exporter.diagnose.symptoms import Symptom


def behind_the_handshake(scene: Scene) -> Steps[list[Explanation]]:
    """What explains connections that stood and came to nothing."""
    found: list[Explanation] = []
    small = scene.of(Trouble.SMALL)
    hosts = {one.host for one in small}
    cut = scene.of(Trouble.CUT)
    small += [one for one in cut if one.host in hosts]
    if small:
        found.append(_large_packets(scene, small))
    rest = [one for one in cut if one.host not in hosts]
    for feature, members in (yield from in_common(scene, rest, SOME)):
        found.append(_inspected(scene, feature, members))
        rest = without(rest, members)
    return found + (yield from host_or_service(scene, rest))


def _inspected(
    scene: Scene, feature: Feature, members: Sequence[Symptom]
) -> Explanation:
    what = words(feature)
    if feature[0] is Kind.DOMAIN:
        return Explanation(
            Cause.DESTINATION,
            feature[1],
            members,
            f"Connections stand and are then cut off for {what}: {extent(members)}",
            f"Please check what serves {feature[1]}: it takes connections and ends them.",
            seen_of(members),
            others(scene),
        )
    if via := members[0].seen.via:
        return Explanation(
            Cause.PROXY,
            via,
            members,
            f"Connections stand and are then cut off for {what}: {extent(members)}",
            "Please check what the proxy does with these connections: it lets them"
            " begin, and they are then cut off.",
            seen_of(members),
            others(scene, via),
        )
    return Explanation(
        Cause.PATH,
        what,
        members,
        f"Connections stand and are then cut off for {what}: {extent(members)}",
        "Please check whether a device inspects these connections and cuts them off.",
        seen_of(members),
        others(scene),
        common=feature,
    )


def _large_packets(scene: Scene, members: Sequence[Symptom]) -> Explanation:
    return Explanation(
        Cause.PATH_MTU,
        hosts_of(members),
        members,
        f"The path to {hosts_of(members)} loses large packets:"
        f" {extent(members, members[0].host)}",
        "Please let ICMP messages about too large packets (type 3 code 4; ICMPv6 type 2)"
        " pass, or lower the MSS of TCP on this way.",
        seen_of(members),
        others(scene),
    )
