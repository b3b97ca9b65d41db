"""Catalogues: the rules of one vendor document, as read from its YAML file.

Shape, then the meaning of each rule by itself (`definitions.py`), then the names that
parts of the file use for each other. A name declared in a part that is itself wrong
still counts as known, so that one mistake is one message.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.config import references, scalars
from exporter.config.catalogue_schema import CatalogueModel
from exporter.config.definitions import RuleDefinition, read_rules, written_ids
from exporter.config.diagnostics import ConfigError, Problem, unknown
from exporter.config.feeds import Feed
from exporter.config.ledger import entry, unaccounted
from exporter.config.ports import chosen_port
from exporter.config.references import DeclaredNames
from exporter.config.renamed_keys import in_current_words
from exporter.config.validation import validate
from exporter.config.yamlfile import YamlFile, read_yaml
from exporter.model.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.config.catalogue_schema import FeedModel, PlaceholderModel
    from exporter.model.ledger import Requirement

_PACKAGE = Path(__file__).resolve().parent.parent
_SHIPPED = (_PACKAGE / "catalogues", _PACKAGE.parent / "config" / "catalogues")
"""Where shipped catalogues lie: in an installed package, and in a checkout."""


@dataclass(frozen=True, slots=True)
class Role:
    """Who traffic comes from; `is_a` names the wider role whose rules it runs too."""

    name: str
    title: str
    is_a: str | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """A condition of some rules: what a site has or has not."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A destination that every site names for itself; see `PlaceholderModel`."""

    name: str
    title: str
    example: Endpoint
    optional: bool = False
    port: bool = False
    url: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something the document says that is no rule, with the rows that say it."""

    text: str
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{', '.join(self.rows)}: {self.text}" if self.rows else self.text


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One vendor document's rules, not yet bound to any site.

    `requirements` is its ledger, empty if it keeps none. `names` are all that the file
    declares, for checking what refers to them. `sha256` is that of the file's bytes.
    """

    name: str
    title: str
    reference: str
    roles: Mapping[str, Role]
    placeholders: Mapping[str, Placeholder]
    feeds: Mapping[str, Feed]
    features: Mapping[str, Feature]
    definitions: tuple[RuleDefinition, ...]
    notes: tuple[Note, ...]
    requirements: tuple[Requirement, ...]
    names: DeclaredNames
    sha256: str


def load_catalogue(source: str | Path) -> Catalogue:
    """A catalogue by the name of a shipped one, or by its path.

    Args:
        source: such as `appsanywhere`, or a path ending in `.yaml`.

    Raises:
        ConfigError: with every problem of the file.
    """
    try:
        path = locate(str(source), Path())
    except ValueError as error:
        raise ConfigError([Problem(str(source), 1, "", str(error))]) from error
    problems: list[Problem] = []
    catalogue = read_catalogue(path, problems)
    if problems or catalogue is None:
        raise ConfigError(problems)
    return catalogue


def locate(source: str, folder: Path) -> Path:
    """The file of a catalogue named in a site file that lies in `folder`.

    Raises:
        ValueError: no catalogue of that name is shipped.
    """
    if source.endswith((".yaml", ".yml")):
        return folder / source
    files = shipped()
    if source not in files:
        said = unknown("catalogue", source, files)
        raise ValueError(f"{said}; or a path ending in .yaml")
    return files[source]


def shipped() -> dict[str, Path]:
    """The files of the catalogues that come with the exporter, by name."""
    return {
        path.stem: path for place in _SHIPPED for path in sorted(place.glob("*.yaml"))
    }


def read_catalogue(path: Path, problems: list[Problem]) -> Catalogue | None:
    """The catalogue in a file, as far as it can be understood.

    Adds every problem to `problems`; gives None if there is nothing to go on with.
    """
    try:
        file = in_current_words(read_yaml(path))
    except ConfigError as error:
        problems.extend(error.problems)
        return None
    problems.extend(file.problems)
    header, rules = split_rules(file.value)
    model = validate(CatalogueModel, header, file, (), problems)
    name = "" if model is None else model.catalogue
    definitions = read_rules(file, rules, name, problems)
    if model is None:
        return None
    catalogue = Catalogue(
        name=model.catalogue,
        title=model.title or model.catalogue,
        reference=model.reference,
        roles=_roles(model, definitions),
        placeholders=_placeholders(model, file, problems),
        feeds={name: _feed(name, written) for name, written in model.feeds.items()},
        features={
            name: Feature(name, feature.title or name)
            for name, feature in model.features.items()
        },
        definitions=definitions,
        notes=tuple(Note(note.text, note.rows) for note in model.notes),
        requirements=tuple(map(entry, model.requirements)),
        names=DeclaredNames(
            roles=_written_names(file.value, "roles") or sources(definitions),
            placeholders=_written_names(file.value, "placeholders"),
            feeds=_written_names(file.value, "feeds"),
            rules=written_ids(rules),
            features=_written_names(file.value, "features"),
            usages=frozenset(model.usages),
        ),
        sha256=file.sha256,
    )
    _check_names(catalogue, file, problems)
    return catalogue


def split_rules(value: object) -> tuple[object, tuple[object, ...]]:
    """A file's content without its rules, and the rules as they stand there.

    Rules are checked one by one, so that a wrong one spoils none of the others, and
    with them what they say by default.
    """
    if not isinstance(value, dict):
        return value, ()
    header = {key: part for key, part in value.items() if key != "defaults"}
    if not isinstance(value.get("rules"), tuple):
        return header, ()
    return header | {"rules": ()}, value["rules"]


def sources(definitions: Iterable[RuleDefinition]) -> frozenset[str]:
    """The roles that rules come from."""
    return frozenset(
        source
        for definition in definitions
        if "source" not in definition.unread
        for source in definition.written.source
    )


def _roles(
    model: CatalogueModel, definitions: Iterable[RuleDefinition]
) -> dict[str, Role]:
    """Those declared, or those that rules come from."""
    if not model.roles:
        return {name: Role(name, name) for name in sorted(sources(definitions))}
    return {
        name: Role(name, role.title or name, role.is_a)
        for name, role in model.roles.items()
    }


def _feed(name: str, written: FeedModel) -> Feed:
    fields = {**written.model_dump(), "select": written.selection}
    return Feed(name, **fields)


def _placeholders(
    model: CatalogueModel, file: YamlFile, problems: list[Problem]
) -> dict[str, Placeholder]:
    found = {}
    for name, written in model.placeholders.items():
        try:
            example = _example(written)
        except ValueError as error:
            at = ("placeholders", name, "example")
            problems.append(file.problem(at, str(error)))
            continue
        found[name] = Placeholder(
            name,
            written.title or name,
            example,
            written.optional,
            written.port,
            written.url,
            written.default,
        )
    return found


def _example(written: PlaceholderModel) -> Endpoint:
    """The vendor's example; a port need not have one.

    Raises:
        ValueError: there is none, or it is of another kind.
    """
    if written.port and written.url:
        raise ValueError("a placeholder is a port or a URL, not both")
    if written.example:
        return endpoint(written.example, port=written.port, url=written.url)
    if written.port:
        return Endpoint("", 0)
    raise ValueError("is required: a host to be listed while a site names none")


def endpoint(text: str, *, port: bool, url: bool) -> Endpoint:
    """A placeholder's value; port 0 leaves the port to the rule.

    Of one that is a port the host is empty.

    Raises:
        ValueError: it is not a host, or a port or URL where that is due.
    """
    if port:
        return Endpoint("", chosen_port(text))
    return scalars.url(text) if url else Endpoint(scalars.host(text), 0)


def _check_names(catalogue: Catalogue, file: YamlFile, problems: list[Problem]) -> None:
    roles = {role.name: role.is_a for role in catalogue.roles.values()}
    defaults = {item.name: item.default for item in catalogue.placeholders.values()}
    names, definitions = catalogue.names, catalogue.definitions
    problems += references.broken_pointers(
        file, "roles", "is_a", "role", roles, names.roles
    )
    problems += references.broken_pointers(
        file, "placeholders", "default", "placeholder", defaults, names.placeholders
    )
    kinds = {item.name: item.port for item in catalogue.placeholders.values()}
    problems += references.duplicates(definitions)
    problems += references.unresolved(definitions, definitions, names)
    problems += references.misused(definitions, kinds)
    problems += references.unlike(file, defaults, kinds)
    problems += unaccounted(catalogue.requirements, definitions, file)


def _written_names(value: object, section: str) -> frozenset[str]:
    """The keys of a section as they stand in a file, right or wrong."""
    found = value.get(section) if isinstance(value, dict) else None
    return frozenset(found) if isinstance(found, dict) else frozenset()
