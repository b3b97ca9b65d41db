"""Rules as a site runs them: its schedule, its overrides, the politeness floors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exporter.config import references
from exporter.config.consistency import DENY_ONLY, outsiders
from exporter.config.definitions import checked_probe
from exporter.config.diagnostics import unknown
from exporter.config.expansion import Flow, InForce, flows, proof_of
from exporter.config.site_schema import OverrideModel
from exporter.model.rule import Expect, Proof, Rule, TlsPolicy, Transport
from exporter.probes.protocols import PROBERS
from exporter.probes.protocols.base import FLOOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.config.definitions import RuleDefinition
    from exporter.config.diagnostics import Problem
    from exporter.config.placeholders import Binding
    from exporter.config.references import DeclaredNames
    from exporter.config.rule_schema import DestinationModel, TlsModel
    from exporter.config.site_schema import ScheduleModel
    from exporter.config.yamlfile import YamlFile

_UNCHANGED = OverrideModel()


@dataclass(frozen=True, slots=True)
class _Timing:
    """A rule's times in force, see `Rule`."""

    interval: float
    timeout: float
    unsent_interval: float | None


@dataclass(frozen=True, slots=True)
class Overrides:
    """Applies what one site file says to rules.

    Attributes:
        file: the site file.
        schedule: its timings, for rules without their own.
        overrides: its changes by rule id.
        problems: grows by what cannot be.
        warnings: grows by what is done differently from what is written.
    """

    file: YamlFile
    schedule: ScheduleModel
    overrides: Mapping[str, OverrideModel]
    problems: list[Problem]
    warnings: list[str] = field(default_factory=list)

    def apply(
        self, definitions: Iterable[RuleDefinition], bindings: Mapping[str, Binding]
    ) -> Iterator[InForce]:
        """Each definition's rules in force: one for each source and port.

        `bindings` are of placeholders.
        """
        if self.schedule.timeout >= self.schedule.interval:
            said = "must be shorter than the interval"
            self.problems.append(self.file.problem(("schedule", "timeout"), said))
        for definition in definitions:
            override = self.overrides.get(definition.written.id, _UNCHANGED)
            lead = _with_members(definition.written.destination, override)
            for flow in flows(definition, bindings):
                rule = self._rule(definition, override, flow, proof_of(flow, lead))
                yield InForce(definition, flow, lead, rule)

    def misfits(
        self, definitions: Sequence[RuleDefinition], names: DeclaredNames
    ) -> Iterator[Problem]:
        """Overrides of rules that do not exist, or that do not fit their rule."""
        for rule_id in self.overrides.keys() - names.rules:
            said = unknown("rule", rule_id, names.rules)
            yield self.file.problem(("overrides", rule_id), said)
        by_id = {definition.written.id: definition for definition in definitions}
        for rule_id in self.overrides.keys() & by_id.keys():
            for key, said in self._misfits(by_id[rule_id], by_id, names):
                yield self.file.problem(("overrides", rule_id, key), said)

    def _misfits(
        self,
        definition: RuleDefinition,
        by_id: Mapping[str, RuleDefinition],
        names: DeclaredNames,
    ) -> Iterator[tuple[str, str]]:
        """What one override says of denial that cannot be, by key."""
        override = self.overrides[definition.written.id]
        lead = definition.written.destination
        for key, owner in (("members", "network"), ("names", "domain")):
            if getattr(override, key) and getattr(lead, owner) is None:
                yield key, f"belong to a rule whose destination is a {owner}"
        yield from outsiders(_with_members(lead, override))
        said = {"witness": override.witness, "denial": override.denial}
        if definition.written.expect is not Expect.DENY:
            for key in (key for key, value in said.items() if value):
                yield key, DENY_ONLY
        elif override.witness is not None:
            unfit = references.unfit_witness(definition, override.witness, by_id, names)
            if unfit:
                yield "witness", unfit

    def _rule(
        self,
        definition: RuleDefinition,
        override: OverrideModel,
        flow: Flow,
        proof: Proof,
    ) -> Rule:
        """The rule in force: what the override says goes before what is written."""
        written = definition.written
        probe, options = self._probe(definition, override, flow, proof)
        timing = self._timing(definition, override, probe)
        ranged = flow.ports is not None and not flow.ports.single
        lead = written.destination
        denial = written.denial if override.denial is None else override.denial
        return Rule(
            id=written.id,
            source=flow.source,
            port=flow.ports.first if flow.ports is not None else 0,
            transport=written.transport,
            probe=probe,
            usage=written.usage,
            description=written.description or _described(definition, flow),
            catalogue=definition.catalogue,
            interval=timing.interval,
            timeout=timing.timeout,
            unsent_interval=timing.unsent_interval,
            options=options,
            section=written.section,
            expect=written.expect,
            witness=override.witness or written.witness,
            denial=frozenset(denial),
            severity=override.severity or definition.severity,
            owner=written.owner if override.owner is None else override.owner,
            public=written.public,
            tls=_tls_policy(override.tls or written.tls, probe),
            addresses=override.addresses or written.addresses,
            rows=written.rows,
            retired=written.retired,
            unverifiable=written.unverifiable,
            advisory=written.advisory,
            notes=written.notes if override.notes is None else override.notes,
            feed=lead.feed,
            proof=proof,
            ports=str(flow.ports) if ranged else "",
            sample=written.sample
            if ranged or lead.feed or proof is Proof.SAMPLE
            else 0,
            member_of=lead.network or lead.domain or "",
            when=written.when,
            any_of=written.any_of,
            unprovable=written.unprovable,
        )

    def _probe(
        self,
        definition: RuleDefinition,
        override: OverrideModel,
        flow: Flow,
        proof: Proof,
    ) -> tuple[str, Mapping[str, Any]]:
        if override.probe is None:
            one = flow.ports if proof is Proof.SERVICE else None
            return definition.probe(one), definition.options
        place = (self.file, ("overrides", definition.written.id))
        transport = definition.written.transport
        options = checked_probe(override.probe, transport, place, self.problems)
        return override.probe.name, options

    def _timing(
        self, definition: RuleDefinition, override: OverrideModel, probe: str
    ) -> _Timing:
        floor = PROBERS[probe].floor if probe in PROBERS else FLOOR
        own = override.interval or definition.written.interval
        wished = max(own or self.schedule.interval, FLOOR)
        interval = max(wished, floor)
        timeout = (
            override.timeout or definition.written.timeout or self.schedule.timeout
        )
        if own is not None and own < floor:
            said = (
                f"{definition.written.id}: probed every {floor:g}s, not every {own:g}s"
            )
            self.warnings.append(f"{said}, since {probe} asks for that much")
        if timeout >= interval and self._is_a_catalogues_wish(definition, override):
            timeout = interval / 2
        if timeout >= interval:
            self.problems.extend(
                self._too_slow(definition, override, timeout, interval)
            )
        return _Timing(interval, timeout, wished if wished < interval else None)

    def _is_a_catalogues_wish(
        self, definition: RuleDefinition, override: OverrideModel
    ) -> bool:
        """Whether a catalogue that knew no site asks for the timeout or interval."""
        words_of_its_own = override.timeout or override.interval
        return definition.file is not self.file and not words_of_its_own

    def _too_slow(
        self,
        definition: RuleDefinition,
        override: OverrideModel,
        timeout: float,
        interval: float,
    ) -> Iterator[Problem]:
        """Said where the last word was, or nowhere if the schedule is wrong itself."""
        said = {
            "timeout": f"must be shorter than the rule's interval in force, {interval:g}s",
            "interval": f"must be longer than the timeout in force, {timeout:g}s",
        }
        if override.timeout or override.interval:
            at = ("overrides", definition.written.id)
            key = "timeout" if override.timeout else "interval"
            yield self.file.problem((*at, key), said[key])
        elif definition.written.timeout or definition.written.interval:
            key = "timeout" if definition.written.timeout else "interval"
            yield definition.problem(key, said[key])


def _with_members(lead: DestinationModel, override: OverrideModel) -> DestinationModel:
    """A destination with the members that the site names instead of the catalogue's."""
    given = {key: getattr(override, key) for key in ("members", "names")}
    return lead.model_copy(update={key: one for key, one in given.items() if one})


def _described(definition: RuleDefinition, flow: Flow) -> str:
    """What a rule without a description is for: its flow."""
    rule = definition.written
    ports = f" on {flow.ports}/{rule.transport}" if flow.ports is not None else ""
    if rule.transport is Transport.ICMP:
        ports = f" over {rule.transport.upper()}"
    return f"{flow.source} to {rule.destination}{ports}"


def _tls_policy(model: TlsModel, probe: str) -> TlsPolicy:
    verify = model.verify
    if verify is None:
        verify = probe not in PROBERS or PROBERS[probe].certificates_verify
    return TlsPolicy(verify, model.server_name, model.expected_issuer)
