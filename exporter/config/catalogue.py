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
from exporter.config.definitions import RuleDefinition, read_rules, written_ids
from exporter.config.diagnostics import ConfigError, Problem, unknown
from exporter.config.mirror_list import MirrorList
from exporter.config.references import DeclaredNames
from exporter.config.schema import CatalogueModel
from exporter.config.validation import validate
from exporter.config.yamlfile import YamlFile, read_yaml
from exporter.model.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

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
class Placeholder:
    """A destination that every site names for itself; see `PlaceholderModel`."""

    name: str
    title: str
    example: Endpoint
    optional: bool = False
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

    `names` are all that the file declares, for checking what refers to them.
    """

    name: str
    title: str
    reference: str
    roles: Mapping[str, Role]
    placeholders: Mapping[str, Placeholder]
    mirrors: Mapping[str, MirrorList]
    definitions: tuple[RuleDefinition, ...]
    notes: tuple[Note, ...]
    names: DeclaredNames


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
    shipped = {
        path.stem: path for place in _SHIPPED for path in sorted(place.glob("*.yaml"))
    }
    if source not in shipped:
        said = unknown("catalogue", source, shipped)
        raise ValueError(f"{said}; or a path ending in .yaml")
    return shipped[source]


def read_catalogue(path: Path, problems: list[Problem]) -> Catalogue | None:
    """The catalogue in a file, as far as it can be understood.

    Adds every problem to `problems`; gives None if there is nothing to go on with.
    """
    try:
        file = read_yaml(path)
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
        title=model.title,
        reference=model.reference,
        roles={
            name: Role(name, role.title, role.is_a)
            for name, role in model.roles.items()
        },
        placeholders=_placeholders(model, file, problems),
        mirrors={
            name: MirrorList(name, **written.model_dump())
            for name, written in model.mirrors.items()
        },
        definitions=definitions,
        notes=tuple(Note(note.text, note.rows) for note in model.notes),
        names=DeclaredNames(
            roles=_written_names(file.value, "roles"),
            placeholders=_written_names(file.value, "placeholders"),
            mirrors=_written_names(file.value, "mirrors"),
            rules=written_ids(rules),
        ),
    )
    _check_names(catalogue, file, problems)
    return catalogue


def split_rules(value: object) -> tuple[object, tuple[object, ...]]:
    """A file's content with an empty rule list, and the rules as they stand there.

    Rules are checked one by one, so that a wrong one spoils none of the others.
    """
    if not isinstance(value, dict) or not isinstance(value.get("rules"), tuple):
        return value, ()
    return value | {"rules": ()}, value["rules"]


def _placeholders(
    model: CatalogueModel, file: YamlFile, problems: list[Problem]
) -> dict[str, Placeholder]:
    found = {}
    for name, written in model.placeholders.items():
        try:
            example = endpoint(written.example, url=written.url)
        except ValueError as error:
            at = ("placeholders", name, "example")
            problems.append(file.problem(at, str(error)))
            continue
        found[name] = Placeholder(
            name, written.title, example, written.optional, written.url, written.default
        )
    return found


def endpoint(text: str, *, url: bool) -> Endpoint:
    """A placeholder's value; port 0 leaves the port to the rule.

    Raises:
        ValueError: it is not a host, or where a URL is due, not a URL.
    """
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
    problems += references.duplicates(definitions)
    problems += references.unresolved(definitions, definitions, names)


def _written_names(value: object, section: str) -> frozenset[str]:
    """The keys of a section as they stand in a file, right or wrong."""
    found = value.get(section) if isinstance(value, dict) else None
    return frozenset(found) if isinstance(found, dict) else frozenset()
