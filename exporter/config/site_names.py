"""What a site file names: what it declares by that, and what does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.config.catalogue import sources
from exporter.config.catalogue_schema import CatalogueModel
from exporter.config.diagnostics import unknown
from exporter.config.references import DeclaredNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.config.definitions import RuleDefinition
    from exporter.config.diagnostics import Problem
    from exporter.config.site_schema import SiteModel
    from exporter.config.yamlfile import YamlFile


def missing(
    model: SiteModel, rules: tuple[object, ...], file: YamlFile
) -> Iterator[Problem]:
    """What a site file cannot do without."""
    if not model.catalogues and not rules:
        said = "is required: a catalogue such as appsanywhere, or rules of your own"
        yield file.problem(("catalogues",), said)
    if model.catalogues and not model.roles:
        yield file.problem(("roles",), "is required: the roles that this host plays")


def is_catalogue(header: object, rules: tuple[object, ...]) -> bool:
    """Whether what stands beside a file's rules is a catalogue's, not a site's.

    A site file that says `catalogue` for `catalogues` has a list of roles still.
    """
    return (
        rules != ()
        and isinstance(header, dict)
        and isinstance(header.get("catalogue"), str)
        and not isinstance(header.get("roles"), tuple)
        and header.keys() <= CatalogueModel.model_fields.keys()
    )


def lost(problems: Iterable[Problem]) -> bool:
    """Whether a catalogue was refused: what it declares is not known."""
    return any(one.path.startswith("catalogues") for one in problems)


def own_names(
    model: SiteModel, own: Sequence[RuleDefinition], ids: frozenset[str]
) -> DeclaredNames:
    """What the site's own rules declare by naming it.

    Beside a catalogue that is only what the site file says twice, so that a misspelt
    word of the catalogue's is still found.
    """
    roles = sources(own)
    features = frozenset(one.written.when for one in own if one.written.when)
    if model.catalogues:
        roles, features = roles & set(model.roles), features & model.features.keys()
    return DeclaredNames(
        roles=roles,
        placeholders=frozenset(),
        feeds=frozenset(),
        rules=ids,
        features=features,
        usages=frozenset(model.usages),
    )


def played(
    model: SiteModel, own: Sequence[RuleDefinition], instead: Sequence[str]
) -> tuple[str, ...]:
    """The roles that this host plays: `instead` of those it names, if there are any.

    Without a catalogue they are by default all that its rules come from.
    """
    everyone = () if model.catalogues else sorted(sources(own))
    return tuple(dict.fromkeys(instead or model.roles or everyone))


def unknown_roles(
    roles: Sequence[str],
    model: SiteModel,
    file: YamlFile,
    known: frozenset[str],
    own: tuple[Sequence[RuleDefinition], int],
) -> Iterator[Problem]:
    """Roles that this host plays and nobody declares.

    `own` are the file's own rules that could be read, and how many there are: what the
    others come from is not known, so that no role can be called unknown.
    """
    definitions, written = own
    if len(definitions) < written or any("source" in one.unread for one in definitions):
        return
    for role in roles:
        if role not in known:
            written = role in model.roles
            at = ("roles", model.roles.index(role)) if written else ("--role",)
            yield file.problem(at, unknown("role", role, known))


def unknown_features(
    model: SiteModel, file: YamlFile, known: frozenset[str]
) -> Iterator[Problem]:
    """Features that no rule of anybody asks for."""
    for name in model.features:
        if name not in known:
            yield file.problem(("features", name), unknown("feature", name, known))
