"""The sources and the switches that a draft's rules refer to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.vendor import names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.vendor.conditions import Condition


@dataclass(slots=True)
class Roles:
    """Sources by the names of their roles."""

    known: dict[str, names.Source] = field(default_factory=dict)

    def add(self, role: names.Source) -> None:
        """One more source, with the wider one that it is part of."""
        known = self.known.get(role.name)
        if known is None or (role.wider and not known.wider):
            self.known[role.name] = role
        if role.wider:
            self.add(role.wider)

    def with_wider(self, name: str) -> set[str]:
        """A role's name and that of the wider one."""
        wider = self.known[name].wider
        return {name} | ({wider.name} if wider else set())

    def tree(self) -> dict[str, tuple[str, str | None]]:
        """Roles by name: their title, and the wider role.

        `appsanywhere01` is one of `appsanywhere`, if the page knows that one as well.
        """
        tree = {}
        for name, role in self.known.items():
            wider = role.wider.name if role.wider else None
            numbered = re.fullmatch(r"(.*[a-z])-?[0-9]+", name)
            if numbered and numbered[1] in self.known:
                wider = wider or numbered[1]
            tree[name] = (role.title, wider)
        return tree


@dataclass(slots=True)
class Switches:
    """Titles of conditions by the names of their features."""

    known: dict[str, str] = field(default_factory=dict)

    def name(self, when: Condition | None) -> str:
        """The feature of a condition; another one of the same name gets a number."""
        if when is None:
            return ""
        free, number = when.name, 1
        while self.known.get(free, when.title) != when.title:
            number += 1
            free = f"{when.name}-{number}"
        self.known[free] = when.title
        return free

    def among(self, used: Iterable[str]) -> dict[str, str]:
        """The switches that some rule depends on."""
        wanted = set(used)
        return {name: title for name, title in self.known.items() if name in wanted}
