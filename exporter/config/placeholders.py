"""From rules to targets: a site's hosts in place of placeholders.

Nothing is silently left out: every rule becomes at least one target, and a target
that is not probed says why and carries the example host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.catalogue import endpoint
from exporter.config.diagnostics import unknown
from exporter.model.endpoint import Endpoint
from exporter.model.rule import Status, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.config.catalogue import Placeholder, Role
    from exporter.config.diagnostics import Location, Problem
    from exporter.config.mirror_list import MirrorList
    from exporter.config.rule_schema import DestinationModel
    from exporter.config.yamlfile import YamlFile
    from exporter.model.rule import Rule


@dataclass(frozen=True, slots=True)
class Binding:
    """What a placeholder stands for at this site.

    Attributes:
        placeholder: the catalogue's declaration.
        status: `active` with a value, `unset` without, `not_applicable` when null.
        endpoints: the site's hosts, or the example; port 0 is the rule's own.
    """

    placeholder: Placeholder
    status: Status
    endpoints: tuple[Endpoint, ...]


def bind(
    placeholders: Mapping[str, Placeholder],
    written: Mapping[str, tuple[str, ...] | None],
    file: YamlFile,
    problems: list[Problem],
) -> dict[str, Binding]:
    """What each placeholder stands for, by its own value or that of its default.

    Args:
        placeholders: of all catalogues.
        written: the site's values by name; a missing one is unset.
        file: the site file that `written` comes from.
        problems: grows by what is wrong with the values.
    """
    given: dict[str, tuple[Endpoint, ...] | None] = {}
    for name, texts in written.items():
        if name not in placeholders:
            said = unknown("placeholder", name, placeholders)
            problems.append(file.problem(("placeholders", name), said))
            continue
        given[name] = None
        if texts is not None:
            given[name] = _endpoints(placeholders[name], texts, file, problems)
    return {
        name: _binding(placeholder, placeholders, given)
        for name, placeholder in placeholders.items()
    }


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
            value = endpoint(text, url=placeholder.url)
        except ValueError as error:
            if not file.flawed(at):
                problems.append(file.problem(at, str(error)))
            continue
        if found.setdefault((value.host, value.port), value) is not value:
            problems.append(file.problem(at, f"{value.host} stands here twice"))
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
            return Binding(placeholder, Status.ACTIVE, endpoints)
        passed.add(holder.name)
        holder = placeholders.get(holder.default or "")
    return Binding(placeholder, Status.UNSET, example)


@dataclass(frozen=True, slots=True)
class SiteBindings:
    """What the names in rules stand for here.

    Attributes:
        bindings: of placeholders.
        mirrors: lists by name.
        running: the roles whose rules run here.
    """

    bindings: Mapping[str, Binding]
    mirrors: Mapping[str, MirrorList]
    running: frozenset[str]


def targets(
    rule: Rule,
    destination: DestinationModel,
    site: SiteBindings,
) -> Iterator[Target]:
    """The targets of one rule.

    One that leads to a mirror list is unset, with the list's own host, until a list has
    been fetched (see `mirrors.expand`).
    """
    endpoints, status = _endpoints_of(destination, site)
    if rule.source not in site.running:
        status = Status.OTHER_ROLE
    elif rule.retired is not None:
        status = Status.RETIRED
    for place in endpoints:
        yield Target(rule, place.host, place.port or rule.port, status)


def _endpoints_of(
    destination: DestinationModel, site: SiteBindings
) -> tuple[tuple[Endpoint, ...], Status]:
    if destination.host is not None:
        return (Endpoint(destination.host, 0),), Status.ACTIVE
    if destination.mirrors is not None:
        host = site.mirrors[destination.mirrors].host
        return (Endpoint(host, 0),), Status.UNSET
    binding = site.bindings[destination.placeholder or ""]
    return binding.endpoints, binding.status


def with_ancestors(name: str, roles: Mapping[str, Role]) -> tuple[str, ...]:
    """A role and every wider role it belongs to: whose rules it runs."""
    chain: list[str] = []
    following: str | None = name
    while following is not None and following in roles and following not in chain:
        chain.append(following)
        following = roles[following].is_a
    return tuple(chain)
