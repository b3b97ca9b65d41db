"""Rules as they stand in a file, each understood by itself.

A definition becomes a `Rule` once the site's schedule and overrides are known
(`overrides.py`), and targets once its placeholders are (`placeholders.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from exporter.config import probe_options
from exporter.config.consistency import contradictions
from exporter.config.diagnostics import ENOUGH, unknown
from exporter.config.foreign_syntax import Misspelt
from exporter.config.ports import PortRange
from exporter.config.rule_schema import DefaultsModel, RuleModel
from exporter.config.validation import validate
from exporter.model.rule import Severity
from exporter.probes.protocols import PROBERS, default_probe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config.diagnostics import Location, Problem
    from exporter.config.scalars import ProbeCall
    from exporter.config.yamlfile import YamlFile
    from exporter.model.rule import Transport


_STAND_INS: dict[str, object] = {
    "id": "unread",
    "source": "unread",
    "destination": {"host": "unread.invalid"},
}
"""For the required keys of a rule."""


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """One rule of one file, as it is written there.

    Attributes:
        written: what the file says, each value by itself in order.
        catalogue: the name of the file's catalogue.
        options: what the constructor of its prober takes.
        file: where the rule stands.
        at: its place in `file`.
        unread: keys that are missing or wrong and that others rest on: what else the
            rule says can still be checked.
    """

    written: RuleModel
    catalogue: str
    options: Mapping[str, Any]
    file: YamlFile
    at: Location
    unread: frozenset[str] = frozenset()

    @property
    def severity(self) -> Severity:
        """How loudly a violation is told, before any override."""
        quiet = Severity.INFO if self.written.advisory else Severity.WARNING
        return self.written.severity or quiet

    @property
    def ports(self) -> tuple[PortRange, ...]:
        """The ports that it states itself: none where a site chooses one."""
        one = self.written.port
        if isinstance(one, int):
            return (PortRange(one, one),)
        return self.written.ports or ()

    def probe(self, port: PortRange | None) -> str:
        """The prober for a port: the rule's own, else the port's.

        None stands for a port that says nothing of what answers there: one of a
        range, or of a host that may not exist.
        """
        if self.written.probe is not None:
            return self.written.probe.name
        if port is None:
            return str(self.written.transport)
        return default_probe(port.first, self.written.transport)

    def problem(self, key: str, message: str) -> Problem:
        """A problem with one key of this rule."""
        return self.file.problem((*self.at, key), message)


def written_ids(rules: tuple[object, ...]) -> frozenset[str]:
    """The ids of rules as they stand in a file, right or wrong."""
    ids = (rule.get("id") for rule in rules if isinstance(rule, dict))
    return frozenset(written for written in ids if isinstance(written, str))


def read_rules(
    file: YamlFile,
    rules: tuple[object, ...],
    catalogue: str,
    problems: list[Problem],
) -> tuple[RuleDefinition, ...]:
    """The rules of a file; `problems` grows by what is wrong with them."""
    definitions = []
    defaults = _defaults(file, problems)
    misspelt = Misspelt(file)
    for index, written in enumerate(rules):
        if len(problems) >= ENOUGH:
            break
        if misspelt.takes(index, written):
            continue
        at = ("rules", index)
        definition = _read(file, at, _completed(written, defaults), catalogue, problems)
        if definition is not None:
            keys = _keys_of(written) | defaults.keys()
            wrong = contradictions(definition.written, keys)
            problems += (file.problem((*at, *key), said) for key, said in wrong)
            definitions.append(definition)
    problems += misspelt.answer()
    return tuple(definitions)


def _read(
    file: YamlFile,
    at: Location,
    written: object,
    catalogue: str,
    problems: list[Problem],
) -> RuleDefinition | None:
    model = validate(RuleModel, written, file, at, problems)
    unread: frozenset[str] = frozenset()
    if model is None:
        if not isinstance(written, dict):
            return None
        model, unread = _patched(written)
    options: Mapping[str, Any] = {}
    if model.probe is not None:
        transport = None if "transport" in unread else model.transport
        options = checked_probe(model.probe, transport, (file, at), problems)
    return RuleDefinition(model, catalogue, options, file, at, unread)


def _keys_of(written: object) -> frozenset[str]:
    """The keys that say something: a null one does not."""
    said = written.items() if isinstance(written, dict) else ()
    return frozenset(key for key, value in said if value is not None)


def _defaults(file: YamlFile, problems: list[Problem]) -> Mapping[str, object]:
    """What the file's rules say unless they say otherwise, as it stands there."""
    section = file.value.get("defaults") if isinstance(file.value, dict) else None
    if section is None:
        return {}
    model = validate(DefaultsModel, section, file, ("defaults",), problems)
    if model is None or not isinstance(section, dict):
        return {}
    return {key: section[key] for key in section if key in model.model_fields_set}


def _completed(written: object, defaults: Mapping[str, object]) -> object:
    """A rule with the defaults for what it leaves out."""
    if not isinstance(written, dict) or not defaults:
        return written
    said = {"port", "ports"} if written.keys() & {"port", "ports"} else set()
    return {k: v for k, v in defaults.items() if k not in said} | written


def _patched(written: Mapping[str, object]) -> tuple[RuleModel, frozenset[str]]:
    """A rule with stand-ins for what is missing or wrong, and for which keys."""
    good = {key: value for key, value in written.items() if _fits(key, value)}
    needed = _STAND_INS.keys() | (written.keys() & {"port", "ports", "transport"})
    unread = frozenset(needed - good.keys())
    return RuleModel.model_validate(_STAND_INS | good), unread


def _fits(key: str, value: object) -> bool:
    """Whether a rule may say this, whatever was told of it before."""
    try:
        RuleModel.model_validate(_STAND_INS | {key: value})
    except ValidationError:
        return False
    return True


def checked_probe(
    call: ProbeCall,
    transport: Transport | None,
    place: tuple[YamlFile, Location],
    problems: list[Problem],
) -> Mapping[str, Any]:
    """A probe's options as its constructor takes them.

    `transport` is the rule's, None if it could not be read. `place` is the file and
    the location of the rule or override that names the probe. What is wrong is added to `problems`, and the options are then empty.
    """
    file, at = place[0], (*place[1], "probe")
    if call.name not in PROBERS:
        if not file.flawed(at):
            problems.append(file.problem(at, unknown("probe", call.name, PROBERS)))
        return {}
    prober = PROBERS[call.name]
    spoken = prober.transports
    if transport is not None and transport not in spoken:
        said = f"{call.name} runs over {' and '.join(sorted(spoken))}, not {transport}"
        problems.append(file.problem(at, said))
    model = probe_options.options_model(prober)
    inner = (*at, call.name)
    checked = validate(model, dict(call.options), file, inner, problems)
    if checked is None:
        return {}
    chosen = {name: getattr(checked, name) for name in checked.model_fields_set}
    try:
        prober(**chosen)
    except ValueError as error:
        problems.append(file.problem(inner, str(error)))
        return {}
    return chosen
