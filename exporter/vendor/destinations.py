"""Where rules lead: hosts of the Internet, and placeholders for what sites name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.vendor import names
from exporter.vendor.hosts import is_internal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_TITLE = 100


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a drafted rule leads: a fixed host, or a placeholder by its name."""

    host: str | None = None
    placeholder: str | None = None

    def __str__(self) -> str:
        return self.host or f"placeholder {self.placeholder}"


@dataclass(slots=True)
class DraftPlaceholder:
    """A destination that sites name for themselves."""

    title: str
    example: str
    url: bool = False
    optional: bool = False


@dataclass(slots=True)
class Places:
    """The placeholders of a draft, which grow with each destination asked for.

    `domains` are those whose hosts are examples.
    """

    domains: Collection[str]
    placeholders: dict[str, DraftPlaceholder] = field(default_factory=dict)

    def of_host(self, host: str, heading: bool | None) -> Destination:
        """The host itself, or a placeholder where each site has a host of its own."""
        if not is_internal(host, heading, self.domains):
            return Destination(host=host)
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
            return Destination(placeholder=own)
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
        while self.placeholders.get(free, place).example != place.example:
            number += 1
            free = f"{name}_{number}"
        self.placeholders.setdefault(free, place)
        return Destination(placeholder=free)
