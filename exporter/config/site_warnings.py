"""What is not wrong with a site and is still worth a line at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.config import references
from exporter.config.diagnostics import listed
from exporter.config.placeholders import with_ancestors
from exporter.config.rule_schema import TlsModel
from exporter.model.rule import Status, Transport
from exporter.probes.protocols import PROBERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.config.expansion import InForce, SiteBindings
    from exporter.config.merge import MergedCatalogues
    from exporter.config.site_schema import OverrideModel, ScheduleModel
    from exporter.config.yamlfile import YamlFile
    from exporter.model.rule import Target

_RESENT = 1.0
"""Seconds after which Linux sends a lost SYN again (TCP_TIMEOUT_INIT, RFC 6298 2.1)."""


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


def hasty(in_force: Iterable[InForce]) -> Iterator[str]:
    """One line for the rules whose timeout ends before a lost SYN is sent again."""
    ids = dict.fromkeys(
        one.rule.id
        for one in in_force
        if one.rule.transport is Transport.TCP and one.rule.timeout < _RESENT
    )
    if ids:
        said = "TCP sends what was lost again after 1s, which is too late"
        yield f"timeout under 1s: {said}: {listed(ids)}"


def overcrowded(targets: Iterable[Target], schedule: ScheduleModel) -> Iterator[str]:
    """One line if more probes are due than may be started."""
    active = (one.rule for one in targets if one.status is Status.ACTIVE)
    due = sum(1 / rule.interval for rule in active)
    if round(due, 6) > schedule.rate:
        said = f"{due:.3g} probes are due per second, and {schedule.rate:g} may start"
        yield f"schedule.rate: {said}: targets are probed late"


def alone(targets: Iterable[Target]) -> Iterator[str]:
    """One line for each word of `any_of` that has no alternatives."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in targets:
        if one.rule.choice is not None:
            groups.setdefault(one.rule.choice, []).append(one.rule.id)
    for (catalogue, source, word), ids in groups.items():
        if len(ids) == 1:
            said = f"no other rule of {source} in {catalogue} has any_of: {word}"
            yield f"{ids[0]}: {said}: it has no alternative"


def without_tls(
    in_force: Iterable[InForce], overrides: Mapping[str, OverrideModel]
) -> Iterator[str]:
    """One line for each rule that asks something of a certificate it is never shown."""
    probes: dict[str, set[str]] = {}
    for one in in_force:
        written, override = one.definition.written, overrides.get(one.rule.id)
        if written.tls != TlsModel() or (override and override.tls is not None):
            probes.setdefault(one.rule.id, set()).add(one.rule.probe)
    for rule, names in probes.items():
        if not any(PROBERS[name].speaks_tls for name in names if name in PROBERS):
            said = f"tls has no effect, since {listed(sorted(names))} speaks none"
            yield f"{rule}: {said} (probe: tls does)"


def changing_nothing(
    file: YamlFile, overrides: Mapping[str, OverrideModel]
) -> Iterator[str]:
    """One line for each key of an override behind which nothing stands."""
    for rule, override in overrides.items():
        for key in sorted(override.model_fields_set):
            if getattr(override, key) is None:
                at = ("overrides", rule, key)
                said = "is empty and changes nothing (# begins a comment: quote it)"
                yield str(file.problem(at, said))


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
