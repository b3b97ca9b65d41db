"""Rules as a site runs them: its schedule, its overrides, the politeness floors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exporter.config import references
from exporter.config.definitions import checked_probe, tls_policy
from exporter.config.diagnostics import unknown
from exporter.config.schema import OverrideModel
from exporter.model.rule import Expect
from exporter.probes.protocols import PROBERS
from exporter.probes.protocols.base import FLOOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.config.definitions import Entry
    from exporter.config.diagnostics import Problem
    from exporter.config.references import Names
    from exporter.config.schema import ScheduleModel
    from exporter.config.yamlfile import YamlFile
    from exporter.model.rule import Rule

_UNCHANGED = OverrideModel()


@dataclass(frozen=True, slots=True)
class Settler:
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

    def settle(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Rule]]:
        """Each entry with its rule in force."""
        if self.schedule.timeout >= self.schedule.interval:
            said = "must be shorter than the interval"
            self.problems.append(self.file.problem(("schedule", "timeout"), said))
        for entry in entries:
            override = self.overrides.get(entry.rule.id, _UNCHANGED)
            changes = self._changes(entry, override) | self._timing(entry, override)
            yield entry, dataclasses.replace(entry.rule, **changes)

    def misfits(self, entries: Sequence[Entry], names: Names) -> Iterator[Problem]:
        """Overrides of rules that do not exist, or that do not fit their rule."""
        for rule_id in self.overrides.keys() - names.rules:
            said = unknown("rule", rule_id, names.rules)
            yield self.file.problem(("overrides", rule_id), said)
        by_id = {entry.rule.id: entry for entry in entries}
        for rule_id in self.overrides.keys() & by_id.keys():
            for key, said in self._misfits(by_id[rule_id], by_id, names):
                yield self.file.problem(("overrides", rule_id, key), said)

    def _misfits(
        self, entry: Entry, by_id: Mapping[str, Entry], names: Names
    ) -> Iterator[tuple[str, str]]:
        """What one override says of denial that cannot be, by key."""
        override = self.overrides[entry.rule.id]
        said = {"witness": override.witness, "denial": override.denial}
        if entry.rule.expect is not Expect.DENY:
            for key in (key for key, value in said.items() if value):
                yield key, references.DENY_ONLY
        elif override.witness is not None:
            rule = dataclasses.replace(entry.rule, witness=override.witness)
            changed = dataclasses.replace(entry, rule=rule)
            unfit = references.unfit_witness(
                changed, by_id.get(override.witness), names
            )
            if unfit:
                yield "witness", unfit

    def _changes(self, entry: Entry, override: OverrideModel) -> dict[str, Any]:
        changes: dict[str, Any] = {
            key: value
            for key in ("severity", "owner", "addresses", "witness", "notes")
            if (value := getattr(override, key)) is not None
        }
        if override.denial is not None:
            changes["denial"] = frozenset(override.denial)
        if override.tls is not None:
            changes["tls"] = tls_policy(override.tls)
        if override.probe is not None:
            place = (self.file, ("overrides", entry.rule.id))
            changes["probe"] = override.probe.name
            changes["options"] = checked_probe(
                override.probe,
                entry.rule.transport,
                place,
                self.problems,
            )
        return changes

    def _timing(self, entry: Entry, override: OverrideModel) -> dict[str, float]:
        probe = override.probe.name if override.probe else entry.rule.probe
        floor = PROBERS[probe].floor if probe in PROBERS else FLOOR
        own = override.interval or entry.interval
        interval = max(own or self.schedule.interval, floor)
        timeout = override.timeout or entry.timeout or self.schedule.timeout
        if own is not None and own < floor:
            said = f"{entry.rule.id}: probed every {floor:g}s, not every {own:g}s"
            self.warnings.append(f"{said}, since {probe} asks for that much")
        if timeout >= interval and self._is_a_catalogues_wish(entry, override):
            timeout = interval / 2
        if timeout >= interval:
            self.problems.extend(self._too_slow(entry, override))
        return {"interval": interval, "timeout": timeout}

    def _is_a_catalogues_wish(self, entry: Entry, override: OverrideModel) -> bool:
        """Whether a catalogue that knew no site asks for the timeout or interval."""
        words_of_its_own = override.timeout or override.interval
        return entry.file is not self.file and not words_of_its_own

    def _too_slow(self, entry: Entry, override: OverrideModel) -> Iterator[Problem]:
        """Said where the last word was, or nowhere if the schedule is wrong itself."""
        said = "must be shorter than the rule's interval in force"
        if override.timeout or override.interval:
            at = ("overrides", entry.rule.id)
            key = "timeout" if override.timeout else "interval"
            yield self.file.problem((*at, key), _from(key, said))
        elif entry.timeout or entry.interval:
            key = "timeout" if entry.timeout else "interval"
            yield entry.problem(key, _from(key, said))


def _from(key: str, said: str) -> str:
    """The same said of the interval, where only that was written."""
    return said if key == "timeout" else "must be longer than the timeout in force"
