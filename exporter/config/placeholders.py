"""What placeholders stand for at a site, and which roles a role includes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.catalogue import endpoint
from exporter.config.destination import unreachable
from exporter.config.diagnostics import unknown
from exporter.model.endpoint import Endpoint
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from exporter.config.catalogue import Placeholder, Role
    from exporter.config.diagnostics import Location, Problem
    from exporter.config.yamlfile import YamlFile


@dataclass(frozen=True, slots=True)
class Binding:
    """What a placeholder stands for at this site.

    Attributes:
        placeholder: the catalogue's declaration.
        status: `active` with a value, `unset` without, `not_applicable` when null.
        endpoints: the site's hosts, or the example; port 0 is the rule's own. Of a
            port, without a host.
    """

    placeholder: Placeholder
    status: Status
    endpoints: tuple[Endpoint, ...]


def bind(
    placeholders: Mapping[str, Placeholder],
    declared: Collection[str],
    written: Mapping[str, tuple[str, ...] | None],
    file: YamlFile,
    problems: list[Problem],
) -> dict[str, Binding]:
    """What each placeholder stands for, by its own value or that of its default.

    Args:
        placeholders: of all catalogues.
        declared: their names, with those of which the declaration is wrong.
        written: the site's values by name; a missing one is unset.
        file: the site file that `written` comes from.
        problems: grows by what is wrong with the values.
    """
    given: dict[str, tuple[Endpoint, ...] | None] = {}
    for name, texts in written.items():
        if name not in placeholders:
            said = unknown("placeholder", name, declared)
            if name not in declared:
                problems.append(file.problem(("placeholders", name), said))
            continue
        given[name] = None
        if texts is not None:
            given[name] = _endpoints(placeholders[name], texts, file, problems)
    return {
        name: _binding(placeholder, placeholders, given)
        for name, placeholder in placeholders.items()
    }


def _of_a_host(value: Endpoint) -> Endpoint:
    """The same endpoint.

    Raises:
        ValueError: its address is no host's.
    """
    if said := unreachable(value.host):
        raise ValueError(said)
    return value


def _endpoints(
    placeholder: Placeholder,
    texts: tuple[str, ...],
    file: YamlFile,
    problems: list[Problem],
) -> tuple[Endpoint, ...]:
    found: dict[tuple[str, int], Endpoint] = {}
    for index, text in enumerate(texts):
        at: Location = ("placeholders", placeholder.name, index)
        if at not in file.lines:  # one host, not written as a list
            at = at[:2]
        try:
            value = _of_a_host(
                endpoint(text, port=placeholder.port, url=placeholder.url)
            )
        except ValueError as error:
            if not file.flawed(at):
                problems.append(file.problem(at, str(error)))
            continue
        if found.setdefault((value.host, value.port), value) is not value:
            problems.append(
                file.problem(at, f"{value.host or value.port} stands here twice")
            )
    return tuple(found.values())


def _binding(
    placeholder: Placeholder,
    placeholders: Mapping[str, Placeholder],
    given: Mapping[str, tuple[Endpoint, ...] | None],
) -> Binding:
    example = (placeholder.example,)
    holder: Placeholder | None = placeholder
    passed: set[str] = set()
    while holder is not None and holder.name not in passed:
        if holder.name in given:
            endpoints = given[holder.name]
            if endpoints is None:
                return Binding(placeholder, Status.NOT_APPLICABLE, example)
            if holder.url and not placeholder.url:
                endpoints = tuple(Endpoint(one.host, 0) for one in endpoints)
            return Binding(placeholder, Status.ACTIVE, endpoints)
        passed.add(holder.name)
        holder = placeholders.get(holder.default or "")
    return Binding(placeholder, Status.UNSET, example)


def with_ancestors(name: str, roles: Mapping[str, Role]) -> tuple[str, ...]:
    """A role and every wider role it belongs to: whose rules it runs."""
    chain: list[str] = []
    following: str | None = name
    while following is not None and following in roles and following not in chain:
        chain.append(following)
        following = roles[following].is_a
    return tuple(chain)


def running(roles: Iterable[str], known: Mapping[str, Role]) -> frozenset[str]:
    """The roles whose rules a host runs that plays these."""
    return frozenset(name for role in roles for name in with_ancestors(role, known))
