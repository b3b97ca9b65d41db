"""Public names that stand for this host itself: a filter's doing, or a hosts file's.

Whatever comes of a connection to one is this host's own, and says nothing of the service
that is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.diagnose.explanation import Explanation, extent, seen_of
from exporter.diagnose.self_evident import grouped
from exporter.diagnose.trouble import Trouble
from exporter.model.addresses import is_loopback
from exporter.model.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom

_FAILED = (Trouble.SILENT, Trouble.SHUT, Trouble.CUT, Trouble.WRONG)


def own_names(scene: Scene) -> list[Explanation]:
    """What is wrong with public names that lead no farther than to this host."""
    led_here = [one for one in scene.of(*_FAILED) if _is_led_here(one)]
    return [_explained(members) for members in grouped(led_here, lambda one: one.host)]


def _is_led_here(symptom: Symptom) -> bool:
    named = symptom.address != symptom.host
    return symptom.target.rule.public and named and is_loopback(symptom.address)


def _explained(members: Sequence[Symptom]) -> Explanation:
    host, address = members[0].host, members[0].address
    return Explanation(
        Cause.NAME,
        host,
        members,
        f"{host} stands for {address} here, which is this host itself:"
        f" {extent(members, host)}",
        f"Please check {host} in DNS, and in this host's file of hosts: filters and old"
        " entries lead names back to the host that asks.",
        seen_of(members),
    )
