"""Where rules lead: hosts of the Internet, and placeholders for what sites name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.vendor import names
from exporter.vendor.hosts import End, Kind, is_internal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_TITLE = 100


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a drafted rule leads: `key` is the one of a rule's keys, `name` its value."""

    key: str
    name: str

    @property
    def placeholder(self) -> str | None:
        """The placeholder's name, if it is one."""
        return self.name if self.key == "placeholder" else None

    @property
    def public(self) -> bool:
        """Whether it is a service of the Internet, by its name."""
        return self.key in ("host", "domain")

    def __str__(self) -> str:
        return f"placeholder {self.name}" if self.key == "placeholder" else self.name


@dataclass(slots=True)
class DraftPlaceholder:
    """A destination that sites name for themselves."""

    title: str
    example: str
    url: bool = False


@dataclass(slots=True)
class Places:
    """The placeholders of a draft, which grow with each destination asked for.

    `domains` are those whose hosts are examples.
    """

    domains: Collection[str]
    placeholders: dict[str, DraftPlaceholder] = field(default_factory=dict)

    def of_end(self, end: End, heading: bool | None) -> Destination:
        """What a page names by its own name.

        A host is itself, or a placeholder where each site has one of its own.
        """
        if end.kind is Kind.PATTERN:
            label = re.sub(r"[^a-z0-9]+", "_", end.name).strip("_")
            title = f"Hosts that {end.name} stands for"
            example = re.sub(r"[^a-z0-9.-]", "", end.name.replace("*", "any"))
            return self._placed(
                names.placeholder(label), DraftPlaceholder(title, example)
            )
        for slot in re.findall(r"\{([a-z0-9_]+)\}", end.name):
            place = DraftPlaceholder(
                f"What stands for {slot} in names", slot.replace("_", "-")
            )
            self.placeholders.setdefault(slot, place)
        if end.kind in (Kind.NETWORK, Kind.DOMAIN):
            return Destination(str(end.kind), end.name)
        host = end.name
        if end.kind is Kind.TEMPLATE or not is_internal(host, heading, self.domains):
            return Destination("host", host)
        label = host if re.fullmatch(r"[0-9.]+|.*:.*", host) else host.partition(".")[0]
        place = DraftPlaceholder(f"Destination {host} of the page", host)
        return self._placed(names.placeholder(label), place)

    def of_words(self, words: str, sections: Sequence[str]) -> Destination:
        """A placeholder for what the page describes, with an example made up.

        For a URL the example is the server that the section is about, if it is known.
        """
        name = names.placeholder(words.partition("(")[0] or words)
        url = re.search(r"\burl\b", words, re.IGNORECASE) is not None
        own = self._own(sections) if url else None
        made_up = f"{name.replace('_', '-')}.example"
        host = self.placeholders[own].example if own else made_up
        title = words.replace("\n", " ")[:_TITLE]
        example = f"https://{host}" if url else host
        return self._placed(name, DraftPlaceholder(title, example, url))

    def of_nothing(self, sections: Sequence[str]) -> Destination:
        """The server that the section is about."""
        own = self._own(sections)
        if own:
            return Destination("placeholder", own)
        title = next(iter(sections), "") or "Destination"
        name = names.placeholder(title)
        example = f"{name.replace('_', '-')}.example"
        return self._placed(name, DraftPlaceholder(title[:_TITLE], example))

    def _own(self, sections: Sequence[str]) -> str | None:
        """The placeholder that has the name of a section, innermost first."""
        for title in reversed(sections):
            found = self.placeholders.get(names.placeholder(title))
            if found and not found.url:
                return names.placeholder(title)
        return None

    def _placed(self, name: str, place: DraftPlaceholder) -> Destination:
        """Keeps a placeholder; another one of the same name gets a number."""
        free, number = name, 1
        while free in self.placeholders and not _same(self.placeholders[free], place):
            number += 1
            free = f"{name}_{number}"
        if place.example.endswith(".example") and number > 1:
            place.example = place.example.replace(".example", f"-{number}.example")
        self.placeholders.setdefault(free, place)
        return Destination("placeholder", free)


def _same(known: DraftPlaceholder, place: DraftPlaceholder) -> bool:
    """Whether two placeholders are one: of hosts that a page names the host decides."""
    if known.title.startswith("Destination ") or place.title.startswith("Destination "):
        return known.example == place.example
    return known.title.lower() == place.title.lower()
