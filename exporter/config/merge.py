"""A site's catalogues together: one set of roles, placeholders, lists and rules.

Two catalogues may both speak of a role, a placeholder or a feed if they say the
same of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from exporter.config import references
from exporter.config.catalogue import (
    Catalogue,
    Feature,
    Role,
    locate,
    read_catalogue,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.config.catalogue import Placeholder
    from exporter.config.definitions import RuleDefinition
    from exporter.config.diagnostics import Problem
    from exporter.config.feeds import Feed
    from exporter.config.references import DeclaredNames
    from exporter.config.yamlfile import YamlFile
    from exporter.model.ledger import Requirement

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class MergedCatalogues:
    """All that a site's files declare; `definitions` are in the order of the files."""

    catalogues: tuple[Catalogue, ...]
    roles: Mapping[str, Role]
    placeholders: Mapping[str, Placeholder]
    feeds: Mapping[str, Feed]
    features: Mapping[str, Feature]
    definitions: tuple[RuleDefinition, ...]
    names: DeclaredNames

    @property
    def ledgers(self) -> Mapping[str, tuple[Requirement, ...]]:
        """The entries of each catalogue's ledger, by its name."""
        return {one.name: one.requirements for one in self.catalogues}


def read_catalogues(
    sources: Iterable[str],
    file: YamlFile,
    problems: list[Problem],
) -> tuple[Catalogue, ...] | None:
    """The catalogues that a site file names; None if one of them is unreadable."""
    found: list[Catalogue | None] = []
    seen = set()
    for index, source in enumerate(sources):
        at = ("catalogues", index)
        try:
            # Unlike Path.resolve, it has no error for links in a ring: reading has one.
            path = os.path.realpath(locate(source, file.path.parent))
        except ValueError as error:
            problems.append(file.problem(at, str(error)))
            found.append(None)
            continue
        if path in seen:
            problems.append(file.problem(at, "this catalogue stands here twice"))
            continue
        seen.add(path)
        found.append(read_catalogue(locate(source, file.path.parent), problems))
    whole = tuple(catalogue for catalogue in found if catalogue is not None)
    return whole if len(whole) == len(found) else None


def merge_catalogues(
    catalogues: tuple[Catalogue, ...],
    own: tuple[RuleDefinition, ...],
    own_names: DeclaredNames,
    file: YamlFile,
    problems: list[Problem],
) -> MergedCatalogues:
    """Catalogues and the site's own rules as one, their names checked across files."""
    definitions = (
        *(definition for one in catalogues for definition in one.definitions),
        *own,
    )
    names = own_names.with_all(one.names for one in catalogues)
    problems += references.duplicates(definitions)
    problems += references.unresolved(own, definitions, names)
    roles = _merged("role", [one.roles for one in catalogues], file, problems)
    placeholders = _merged(
        "placeholder", [one.placeholders for one in catalogues], file, problems
    )
    found = [one.feeds for one in catalogues]
    feeds = _merged("feed", found, file, problems)
    features = _merged("feature", [one.features for one in catalogues], file, problems)
    kinds = {item.name: item.port for item in placeholders.values()}
    problems += references.misused(own, kinds)
    roles |= {name: Role(name, name) for name in own_names.roles - roles.keys()}
    features |= {
        name: Feature(name, name) for name in own_names.features - features.keys()
    }
    read = tuple(definition for definition in definitions if not definition.unread)
    return MergedCatalogues(
        catalogues, roles, placeholders, feeds, features, read, names
    )


def _merged(
    what: str,
    parts: Sequence[Mapping[str, D]],
    file: YamlFile,
    problems: list[Problem],
) -> dict[str, D]:
    whole: dict[str, D] = {}
    for index, part in enumerate(parts):
        for name, declared in part.items():
            if whole.setdefault(name, declared) != declared:
                said = f"says otherwise of {what} {name} than a catalogue before it"
                problems.append(file.problem(("catalogues", index), said))
    return whole
