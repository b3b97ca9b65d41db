"""Rules as they stand in a file, each understood by itself.

A definition becomes a `Rule` once the site's schedule and overrides are known
(`overrides.py`), and targets once its placeholders are (`placeholders.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from exporter.config import probe_options
from exporter.config.diagnostics import ENOUGH, unknown
from exporter.config.rule_schema import RuleModel
from exporter.config.scalars import ProbeCall
from exporter.config.validation import validate
from exporter.model.rule import Expect, Severity, Transport
from exporter.probes.protocols import PROBERS, default_probe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config.diagnostics import Location, Problem
    from exporter.config.yamlfile import YamlFile


DENY_ONLY = "belongs to rules with expect: deny only"

_STAND_INS: dict[str, object] = {
    "id": "unread",
    "source": "unread",
    "destination": {"host": "unread.invalid"},
    "port": 1,
    "transport": "tcp",
    "usage": "administration",
    "description": "unread",
}
"""For the required keys of a rule."""


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """One rule of one file, as it is written there.

    Attributes:
        written: what the file says, each value by itself in order.
        catalogue: the name of the file's catalogue.
        probe: the prober, the port's own where the file names none.
        options: what its constructor takes.
        file: where the rule stands.
        at: its place in `file`.
        unread: required keys that are missing or wrong, and have a stand-in in
            `written`: what else the rule says can still be checked.
    """

    written: RuleModel
    catalogue: str
    probe: str
    options: Mapping[str, Any]
    file: YamlFile
    at: Location
    unread: frozenset[str] = frozenset()

    @property
    def severity(self) -> Severity:
        """How loudly a violation is told, before any override."""
        quiet = Severity.INFO if self.written.advisory else Severity.WARNING
        return self.written.severity or quiet

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
    for index, written in enumerate(rules):
        if len(problems) >= ENOUGH:
            break
        at = ("rules", index)
        model = validate(RuleModel, written, file, at, problems)
        unread: frozenset[str] = frozenset()
        if model is None:
            if not isinstance(written, dict):
                continue
            model, unread = _patched(written)
        call = model.probe or ProbeCall(default_probe(model.port, model.transport))
        transport = None if "transport" in unread else model.transport
        chosen = checked_probe(call, transport, (file, at), problems)
        definition = RuleDefinition(
            model, catalogue, call.name, chosen, file, at, unread
        )
        problems += _contradictions(definition)
        definitions.append(definition)
    return tuple(definitions)


def _patched(written: Mapping[str, object]) -> tuple[RuleModel, frozenset[str]]:
    """A rule with stand-ins for what is missing or wrong, and for which keys."""
    good = {key: value for key, value in written.items() if _fits(key, value)}
    unread = frozenset(_STAND_INS.keys() - good.keys())
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


def _contradictions(definition: RuleDefinition) -> list[Problem]:
    """Keys of one rule that cannot be true together."""
    rule = definition.written
    found = []
    if rule.expect is not Expect.DENY:
        if rule.witness is not None:
            found.append(definition.problem("witness", DENY_ONLY))
        if rule.denial:
            found.append(definition.problem("denial", DENY_ONLY))
    if rule.advisory and rule.rows:
        said = "an advisory rule is not in the document, so it has no rows"
        found.append(definition.problem("rows", said))
    return found
