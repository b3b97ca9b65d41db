"""Muting: which targets announced maintenance touches.

`config/maintenance.py` reads the windows, each target carries those that touch it, and
`Target.muted` says whether one lasts: then no finding has the target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model.maintenance import Maintenance
    from exporter.model.rule import Target


@dataclass(frozen=True, slots=True)
class Window:
    """One entry of a site file's `maintenance`; an empty set of names is every name."""

    work: Maintenance
    rules: frozenset[str]
    destinations: frozenset[str]
    roles: frozenset[str]

    def touches(self, target: Target) -> bool:
        """Whether the target is among what is worked on."""
        return (
            (not self.rules or target.rule.id in self.rules)
            and (not self.destinations or target.destination in self.destinations)
            and (not self.roles or target.rule.source in self.roles)
        )


def muted(entries: Sequence[Window], targets: Iterable[Target]) -> tuple[Target, ...]:
    """The targets, each with the windows that touch it."""
    if not entries:
        return tuple(targets)
    return tuple(
        replace(target, maintenance=tuple(e.work for e in entries if e.touches(target)))
        for target in targets
    )
