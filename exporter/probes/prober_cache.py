"""The probers of rules: made once each, with the rule's options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.probes.protocols import PROBERS

if TYPE_CHECKING:
    from exporter.model.rule import Rule
    from exporter.probes.protocols.base import Prober


class ProberCache:
    """One prober for each rule and protocol: each port of a rule may have its own."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Prober] = {}

    def of(self, rule: Rule) -> Prober:
        """The prober of a rule."""
        key = rule.id, rule.probe
        if (prober := self._made.get(key)) is None:
            prober = self._made[key] = PROBERS[rule.probe](**rule.options)
        return prober
