"""The site file, with its catalogues, as the exporter runs it.

Loading gathers the problems of all files and raises them together; a `Site` that
exists is right in every part and never changes. A reload makes a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config import maintenance, placeholders
from exporter.config.catalogue import split_rules
from exporter.config.definitions import read_rules, written_ids
from exporter.config.diagnostics import ConfigError, listed, unknown
from exporter.config.files import read_regular
from exporter.config.merge import merge_catalogues, read_catalogues
from exporter.config.overrides import Overrides
from exporter.config.placeholders import SiteBindings
from exporter.config.schema import SiteModel
from exporter.config.validation import validate
from exporter.config.yamlfile import read_yaml
from exporter.model.rule import Expect, Rule, Status, Target, Transport, Usage
from exporter.probes.protocols.base import FLOOR
from exporter.probes.trust import damaged
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from exporter.config.catalogue import Catalogue, Role
    from exporter.config.definitions import RuleDefinition
    from exporter.config.diagnostics import Problem
    from exporter.config.maintenance import Window
    from exporter.config.merge import MergedCatalogues
    from exporter.config.mirror_list import MirrorList
    from exporter.config.placeholders import Binding
    from exporter.config.yamlfile import YamlFile
    from exporter.model.endpoint import Endpoint
    from exporter.model.finding import Cause

SITE = "site"
"""The catalogue label of a site's own rules."""
_MAX_CA_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Schedule:
    """When and how many probes run; seconds, and starts per second."""

    interval: float
    timeout: float
    concurrency: int
    rate: float


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Name servers as `address` or `address:port`, and search domains."""

    servers: tuple[str, ...]
    search: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The site's own CAs: a readable PEM file, or None."""

    ca_file: Path | None


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """The mirror lists of all catalogues by name, and how far they are trusted."""

    lists: Mapping[str, MirrorList]
    allow_private: bool


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where the exporter listens, and the names it is asked by.

    An empty host is every address. Without `hosts`, a server on loopback answers to
    this host's own names only, and any other one to every name.
    """

    listen: Endpoint
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a site file and its catalogues say, checked and bound.

    Attributes:
        path: the site file.
        catalogues: as loaded, in the order of the file.
        roles: those this host plays.
        roles_known: all roles by name.
        placeholders: what each placeholder stands for here.
        rules: every rule of every role, overrides and politeness floors applied.
        targets: every rule's targets with their status; mirrors are not among them.
        owners: whose each cause of findings is, where the file says so.
        controls: what must not answer: probed by itself, and no target of a rule.
        maintenance: announced work; each target has what touches it.
        notes: what the catalogues say besides rules.
        warnings: what is not wrong and still worth a line at start.
    """

    path: Path
    catalogues: tuple[Catalogue, ...]
    roles: tuple[str, ...]
    roles_known: Mapping[str, Role]
    placeholders: tuple[Binding, ...]
    rules: tuple[Rule, ...]
    targets: tuple[Target, ...]
    schedule: Schedule
    dns: DnsSettings
    tls: TlsSettings
    proxy: Endpoint | None
    mirrors: MirrorSettings
    owners: Mapping[Cause, str]
    controls: tuple[Target, ...]
    maintenance: tuple[Window, ...]
    web: WebSettings
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def load_site(path: Path, roles_override: Sequence[str] = ()) -> Site:
    """Reads a site file and the catalogues it names.

    Args:
        path: the site file.
        roles_override: roles to play instead of those in the file.

    Raises:
        ConfigError: with every problem of all files.
    """
    file = read_yaml(path)
    problems = list(file.problems)
    header, written = split_rules(file.value)
    model = validate(SiteModel, header, file, (), problems)
    own = read_rules(file, written, SITE, problems)
    if model is None:
        raise ConfigError(problems)
    tls = TlsSettings(_ca_file(model, file, problems))
    catalogues = read_catalogues(model.catalogues, file, problems)
    if catalogues is None:
        # What the unreadable one declares is not known, so names cannot be checked.
        raise ConfigError(problems)
    whole = merge_catalogues(catalogues, own, written_ids(written), file, problems)
    roles = tuple(dict.fromkeys(roles_override or model.roles))
    problems += _unknown_roles(roles, model, file, whole.names.roles)
    bindings = placeholders.bind(whole.placeholders, model.placeholders, file, problems)
    overrides = Overrides(file, model.schedule, model.overrides, problems)
    problems += overrides.misfits(whole.definitions, whole.names)
    known = {"rules": whole.names.rules, "roles": whole.names.roles}
    windows = maintenance.windows(model.maintenance, known, file, problems)
    in_force = tuple(overrides.apply(whole.definitions))
    if problems:
        raise ConfigError(problems)
    running = frozenset(
        name
        for role in roles
        for name in placeholders.with_ancestors(role, whole.roles)
    )
    site_bindings = SiteBindings(bindings, whole.mirrors, running)
    targets = tuple(
        target
        for definition, rule in in_force
        for target in placeholders.targets(
            rule, definition.written.destination, site_bindings
        )
    )
    idle = _without_rules(roles, whole)
    unset = _unset(whole.definitions, targets, bindings)
    return Site(
        path=path,
        catalogues=whole.catalogues,
        roles=roles,
        roles_known=whole.roles,
        placeholders=tuple(bindings.values()),
        rules=tuple(rule for _, rule in in_force),
        targets=maintenance.muted(windows, targets),
        schedule=Schedule(**model.schedule.model_dump()),
        dns=DnsSettings(model.dns.servers, model.dns.search),
        tls=tls,
        proxy=model.proxy,
        mirrors=MirrorSettings(whole.mirrors, model.mirrors.allow_private),
        owners=model.owners,
        controls=_controls(model, roles[0]),
        maintenance=windows,
        web=WebSettings(model.web.listen, model.web.hosts),
        notes=tuple(str(note) for one in whole.catalogues for note in one.notes),
        warnings=(
            *(*overrides.warnings, *idle, *unset, *_unwatched(targets)),
            *maintenance.doubtful(windows, targets),
        ),
    )


def _ca_file(model: SiteModel, file: YamlFile, problems: list[Problem]) -> Path | None:
    """The CA file, known to be readable and to hold certificates."""
    if model.tls.ca_file is None:
        return None
    path = file.beside(model.tls.ca_file)
    try:
        content = read_regular(path, _MAX_CA_BYTES)
    except OSError as error:
        said = f"{printable(str(path))} cannot be read: {error.strerror}"
    else:
        said = damaged(content)
        if not said:
            return path
        said = f"{printable(str(path))} {said}"
    problems.append(file.problem(("tls", "ca_file"), said))
    return None


def _unknown_roles(
    roles: Sequence[str], model: SiteModel, file: YamlFile, known: frozenset[str]
) -> Iterator[Problem]:
    for role in roles:
        if role not in known:
            written = role in model.roles
            at = ("roles", model.roles.index(role)) if written else ("--role",)
            yield file.problem(at, unknown("role", role, known))


def _controls(model: SiteModel, role: str) -> tuple[Target, ...]:
    """Each control as the target of a rule that says what it is."""
    schedule = model.schedule
    return tuple(
        Target(
            Rule(
                id=f"control-{one.host}-{one.port}",
                source=role,
                port=one.port,
                transport=Transport.TCP,
                probe="tcp",
                usage=Usage.ADMINISTRATION,
                description="Must not answer",
                catalogue=SITE,
                expect=Expect.DENY,
                interval=max(schedule.interval, FLOOR),
                timeout=schedule.timeout,
            ),
            one.host,
            one.port,
        )
        for one in dict.fromkeys(model.controls)
    )


def _unwatched(targets: Sequence[Target]) -> Iterator[str]:
    """One line for each deny rule whose witness is not probed from here."""
    active = [one for one in targets if one.status is Status.ACTIVE]
    probed = {(one.rule.id, one.destination) for one in active}
    for one in active:
        witness = one.rule.witness
        if witness is not None and (witness, one.destination) not in probed:
            said = f"its witness {witness} is not probed from here"
            yield f"{one.rule.id}: {said}: silence proves no block of {one.destination}"


def _without_rules(roles: Sequence[str], whole: MergedCatalogues) -> Iterator[str]:
    sources = {definition.written.source for definition in whole.definitions}
    for role in roles:
        if sources.isdisjoint(placeholders.with_ancestors(role, whole.roles)):
            yield f"role {role} has no rules: nothing is probed for it"


def _unset(
    definitions: Sequence[RuleDefinition],
    targets: Sequence[Target],
    bindings: Mapping[str, Binding],
) -> Iterator[str]:
    """One line for each placeholder that keeps rules of this host from being probed."""
    waiting = {one.rule.id for one in targets if one.status is Status.UNSET}
    by_placeholder: dict[str, list[str]] = {}
    for definition in definitions:
        if (
            definition.written.id in waiting
            and definition.written.destination.placeholder is not None
        ):
            ids = by_placeholder.setdefault(
                definition.written.destination.placeholder, []
            )
            ids.append(definition.written.id)
    for name, ids in by_placeholder.items():
        declared = bindings[name].placeholder
        also = f", nor has {declared.default}" if declared.default else ""
        optional = " (it is optional)" if declared.optional else ""
        said = f"placeholder {name} ({declared.title}) has no value{also}{optional}"
        yield f"{said}: not probed: {listed(ids)}"
