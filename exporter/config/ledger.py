"""A catalogue's ledger as it stands in the file, and whether it accounts for all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.config.diagnostics import unknown
from exporter.model.ledger import Fate, Requirement, ledger_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporter.config.catalogue_schema import RequirementModel
    from exporter.config.definitions import RuleDefinition
    from exporter.config.diagnostics import Problem
    from exporter.config.yamlfile import YamlFile
    from exporter.model.ledger import Ledger

_IDLE = ("retired", "unverifiable", "unprovable")
"""What a rule says that proves nothing."""


def entry(written: RequirementModel) -> Requirement:
    """One entry as the rest of the program knows it."""
    fate = next(fate for fate in Fate if getattr(written, fate) is not None)
    said = getattr(written, fate)
    ours = fate is Fate.RULES
    return Requirement(
        fate=fate,
        rules=said if ours else (),
        why="" if ours else said,
        row=written.row or "",
        line=written.line,
        text=written.text or "",
        sha256=written.sha256 or "",
    )


def unaccounted(
    entries: Sequence[Requirement],
    definitions: Sequence[RuleDefinition],
    file: YamlFile,
) -> Iterator[Problem]:
    """Rules that no entry names, and entries that name rules which do not exist.

    A catalogue without a ledger has nothing to account for.
    """
    if not entries:
        return
    ids = {definition.written.id for definition in definitions}
    for index, one in enumerate(entries):
        for number, name in enumerate(one.rules):
            if name not in ids:
                at = ("requirements", index, "rules", number)
                yield file.problem(at, unknown("rule", name, ids))
    named = {name for one in entries for name in one.rules}
    for definition in definitions:
        rule = definition.written
        if rule.id not in named and not rule.advisory and not definition.unread:
            said = "no entry of requirements names it: whatever the document asks for"
            yield definition.problem("id", f"{said} stands there, and so does its rule")


def ledgers(
    kept: Mapping[str, Sequence[Requirement]], definitions: Iterable[RuleDefinition]
) -> Iterator[Ledger]:
    """The counts of the catalogues that keep a ledger.

    Args:
        kept: the entries of each catalogue by its name.
        definitions: all rules.
    """
    proving = {
        definition.written.id
        for definition in definitions
        if not any(getattr(definition.written, key) for key in _IDLE)
    }
    for name, entries in kept.items():
        if entries:
            yield ledger_of(name, entries, proving)
