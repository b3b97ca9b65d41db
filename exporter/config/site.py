"""The site file, with its catalogues, as the exporter runs it.

Loading gathers the problems of all files and raises them together; a `Site` that
exists is right in every part and never changes. A reload makes a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config import maintenance, placeholders, site_names, site_warnings
from exporter.config.catalogue import split_rules
from exporter.config.definitions import read_rules, written_ids
from exporter.config.diagnostics import ConfigError, unsaid
from exporter.config.expansion import SiteBindings
from exporter.config.expansion import targets as expand
from exporter.config.ledger import ledgers
from exporter.config.merge import merge_catalogues, read_catalogues
from exporter.config.overrides import Overrides
from exporter.config.regular_files import read_regular
from exporter.config.renamed_keys import in_current_words
from exporter.config.sharding import divided
from exporter.config.site_schema import SiteModel
from exporter.config.validation import validate
from exporter.config.yamlfile import read_yaml
from exporter.model.muting import muted
from exporter.model.rule import Expect, Rule, Target, Transport, Usage
from exporter.probes.pem import damaged
from exporter.probes.protocols.base import FLOOR
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from exporter.config.catalogue import Catalogue
    from exporter.config.diagnostics import Problem
    from exporter.config.feeds import Feed
    from exporter.config.placeholders import Binding
    from exporter.config.sharding import Shard
    from exporter.config.yamlfile import YamlFile
    from exporter.model.endpoint import Endpoint
    from exporter.model.finding import Cause
    from exporter.model.ledger import Ledger
    from exporter.model.muting import Window

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
class FeedSettings:
    """The feeds of all catalogues by name, and how far they are trusted."""

    known: Mapping[str, Feed]
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
        sha256: of its bytes, in hexadecimal.
        name: what tells this site from others, empty if nothing has to.
        catalogues: as loaded, in the order of the file.
        roles: those this host plays.
        placeholders: what each placeholder stands for here.
        rules: every rule of every role, overrides and politeness floors applied; of
            several sources or ports, one for each.
        targets: every rule's targets with their status; members of feeds are not among them.
        ledgers: of the catalogues that keep one, what became of their requirements.
        owners: whose each cause of findings is, where the file says so.
        controls: what must not answer: probed by itself, and no target of a rule.
        maintenance: announced work; each target has what touches it.
        notes: what the catalogues say besides rules.
        warnings: what is not wrong and still worth a line at start.
        shard: the part of the targets that is probed from here, None for all of them.
    """

    path: Path
    sha256: str
    name: str
    catalogues: tuple[Catalogue, ...]
    roles: tuple[str, ...]
    placeholders: tuple[Binding, ...]
    rules: tuple[Rule, ...]
    targets: tuple[Target, ...]
    ledgers: tuple[Ledger, ...]
    schedule: Schedule
    dns: DnsSettings
    tls: TlsSettings
    proxy: Endpoint | None
    feeds: FeedSettings
    owners: Mapping[Cause, str]
    controls: tuple[Target, ...]
    maintenance: tuple[Window, ...]
    web: WebSettings
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    shard: Shard | None = None

    @property
    def hashes(self) -> Mapping[str, str]:
        """The SHA-256 of each catalogue's bytes, by its name."""
        return {one.name: one.sha256 for one in self.catalogues}


def load_site(
    path: Path, roles_override: Sequence[str] = (), shard: Shard | None = None
) -> Site:
    """Reads a site file and the catalogues it names.

    Args:
        path: the site file.
        roles_override: roles to play instead of those in the file.
        shard: the part of the targets to be probed from here, None for all of them.

    Raises:
        ConfigError: with every problem of all files.
    """
    file = in_current_words(read_yaml(path))
    problems = list(file.problems)
    header, written = split_rules(file.value)
    model = _model(header, written, file, problems)
    own = read_rules(file, written, SITE, problems)
    if model is None:
        raise ConfigError(problems)
    tls = TlsSettings(_ca_file(model, file, problems))
    catalogues = read_catalogues(model.catalogues, file, problems)
    if catalogues is None:
        # What the unreadable one declares is not known, so names cannot be checked.
        raise ConfigError(problems)
    names = site_names.own_names(model, own, written_ids(written))
    whole = merge_catalogues(catalogues, own, names, file, problems)
    roles = site_names.played(model, own, roles_override)
    problems += site_names.unknown_roles(
        roles, model, file, whole.names.roles, (own, len(written))
    )
    problems += site_names.unknown_features(model, file, whole.names.features)
    bindings = placeholders.bind(
        whole.placeholders,
        whole.names.placeholders,
        model.placeholders,
        file,
        problems,
    )
    overrides = Overrides(file, model.schedule, model.overrides, problems)
    problems += overrides.misfits(whole.definitions, whole.names)
    known = {"rules": whole.names.rules, "roles": whole.names.roles}
    windows = maintenance.windows(model.maintenance, known, file, problems)
    in_force = tuple(overrides.apply(whole.definitions, bindings))
    if problems:
        raise ConfigError(problems)
    running = placeholders.running(roles, whole.roles)
    bound = SiteBindings(bindings, whole.feeds, model.features, running)
    targets = tuple(target for one in in_force for target in expand(one, bound))
    mine = divided(muted(windows, targets), shard)
    warnings = (
        *dict.fromkeys(overrides.warnings),
        *site_warnings.without_rules(roles, whole),
        *site_warnings.unset(in_force, targets, bound, whole),
        *site_warnings.unwatched(targets),
        *site_warnings.changing_nothing(file, model.overrides),
        *site_warnings.without_tls(in_force, model.overrides),
        *site_warnings.alone(targets),
        *site_warnings.hasty(in_force),
        *site_warnings.overcrowded(mine, model.schedule),
        *maintenance.doubtful(windows, targets),
    )
    return Site(
        path=path,
        sha256=file.sha256,
        name=model.site or "",
        catalogues=whole.catalogues,
        roles=roles,
        placeholders=tuple(bindings.values()),
        rules=tuple(one.rule for one in in_force),
        targets=mine,
        ledgers=tuple(ledgers(whole.ledgers, whole.definitions)),
        schedule=Schedule(**model.schedule.model_dump()),
        dns=DnsSettings(model.dns.servers, model.dns.search),
        tls=tls,
        proxy=model.proxy,
        feeds=FeedSettings(whole.feeds, model.feeds.allow_private),
        owners=model.owners,
        controls=_controls(model, roles[0]),
        maintenance=windows,
        web=WebSettings(model.web.listen, model.web.hosts),
        notes=tuple(str(note) for one in whole.catalogues for note in one.notes),
        warnings=warnings,
        shard=shard,
    )


def _model(
    header: object,
    rules: tuple[object, ...],
    file: YamlFile,
    problems: list[Problem],
) -> SiteModel | None:
    """What stands in the file beside its rules, if names in it can be looked up."""
    if site_names.is_catalogue(header, rules):
        said = (
            f"this is a catalogue: a site file names it, catalogues: [{file.path.name}]"
        )
        raise ConfigError([file.problem(("catalogue",), said)])
    model = validate(SiteModel, header, file, (), problems)
    if model is not None:
        refused = tuple(problems)
        missing = unsaid(site_names.missing(model, rules, file), refused)
        problems += missing
        if site_names.lost(refused) or len(problems) > len(refused):
            return None
    return model


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
                usage=str(Usage.ADMINISTRATION),
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
