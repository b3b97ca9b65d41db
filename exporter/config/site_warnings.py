"""What is not wrong with a site and is still worth a line at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.config import references
from exporter.config.diagnostics import listed
from exporter.config.placeholders import with_ancestors
from exporter.model.rule import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.config.expansion import InForce, SiteBindings
    from exporter.config.merge import MergedCatalogues
    from exporter.model.rule import Target


def unwatched(targets: Sequence[Target]) -> Iterator[str]:
    """One line for each deny rule whose witness is not probed from here."""
    active = [one for one in targets if one.status is Status.ACTIVE]
    probed = {(one.rule.id, one.destination) for one in active}
    for one in active:
        witness = one.rule.witness
        if witness is not None and (witness, one.destination) not in probed:
            said = f"its witness {witness} is not probed from here"
            yield f"{one.rule.id}: {said}: silence proves no block of {one.destination}"


def without_rules(roles: Sequence[str], whole: MergedCatalogues) -> Iterator[str]:
    """One line for each role that no rule comes from."""
    sources = {name for one in whole.definitions for name in one.written.source}
    for role in roles:
        if sources.isdisjoint(with_ancestors(role, whole.roles)):
            yield f"role {role} has no rules: nothing is probed for it"


def unset(
    in_force: Iterable[InForce],
    targets: Iterable[Target],
    site: SiteBindings,
    whole: MergedCatalogues,
) -> Iterator[str]:
    """One line for each thing that the site does not say and rules of it wait for."""
    waiting = {one.rule.id for one in targets if one.status is Status.UNSET}
    causes: dict[str, dict[str, None]] = {}
    for one in in_force:
        if one.rule.id in waiting:
            for cause in _causes(one, site, whole):
                causes.setdefault(cause, {})[one.rule.id] = None
    for cause, ids in causes.items():
        yield f"{cause}: not probed: {listed(ids)}"


def _causes(one: InForce, site: SiteBindings, whole: MergedCatalogues) -> Iterator[str]:
    """What a rule waits for."""
    for _, name in references.placeholders_of(one.definition):
        if site.bindings[name].status is Status.UNSET:
            declared = site.bindings[name].placeholder
            also = f", nor has {declared.default}" if declared.default else ""
            optional = " (it is optional)" if declared.optional else ""
            yield f"placeholder {name} ({declared.title}) has no value{also}{optional}"
    when = one.rule.when
    if when is not None and when not in site.features:
        title = whole.features[when].title
        of = f" ({title})" if title != when else ""
        yield f"feature {when}{of} is neither true nor false in features"
    if one.destination.domain is not None and one.destination.names is None:
        yield f"no name of {one.destination.domain} is known: overrides may list names"
