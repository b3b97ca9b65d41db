"""A page as a catalogue to be: its rules, its ledger, and what a person must look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.diagnostics import ConfigError, Problem
from exporter.model.ledger import Fate
from exporter.vendor.destinations import DraftPlaceholder, Places
from exporter.vendor.drafter import Drafter
from exporter.vendor.ledger import Entry, Ledger
from exporter.vendor.map_file import Answers
from exporter.vendor.prose import read_prose
from exporter.vendor.remarks import Remark, Remarks
from exporter.vendor.tables import read_tables, reading_of
from exporter.vendor.titles import settle_titles

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from exporter.vendor.page import Page, Prose
    from exporter.vendor.rules import DraftRule


@dataclass(frozen=True, slots=True)
class Draft:
    """A catalogue to be: `roles` are titles and wider roles by name.

    `features` are the titles of switches by name. `prose` is the page's text outside
    tables. `ledger` has every row. `questions` has the headings of tables that do not name
    an end, by their letter and that end.
    """

    title: str
    roles: Mapping[str, tuple[str, str | None]]
    placeholders: Mapping[str, DraftPlaceholder]
    features: Mapping[str, str]
    rules: Sequence[DraftRule]
    ledger: Sequence[Entry]
    remarks: Sequence[Remark]
    prose: Sequence[Prose]
    questions: Mapping[tuple[str, str], str]


def draft_of(
    page: Page,
    file: str,
    internal: Collection[str] = (),
    answers: Answers | None = None,
) -> Draft:
    """The rules that a page states, and the fate of all that it asks for.

    Args:
        page: what was read from the file.
        file: its name, for remarks.
        internal: domains whose hosts are examples that each site replaces.
        answers: what a person has said of the page.

    Raises:
        ConfigError: there is no row and no sentence that could be a requirement.
    """
    remarks, ledger = Remarks(file), Ledger()
    for line, said in page.losses:
        remarks.add(line, "", said)
    drafter = Drafter(Places(internal), remarks, ledger)
    reading = reading_of(page, remarks, ledger, answers or Answers())
    for statement in (*read_tables(page, reading), *read_prose(page, reading)):
        drafter.take(statement)
    drafter.finish()
    settle_titles(page, reading, drafter.in_order())
    if all(
        told.fates and {f for f, _ in told.fates} == {Fate.NOT_A_REQUIREMENT}
        for told in ledger.told.values()
    ):
        said = "holds no table of requirements that could be read"
        problems = [remark.problem for remark in remarks.found]
        raise ConfigError([Problem(file, 1, "", said), *problems])
    return Draft(
        title=page.title,
        roles=drafter.roles.tree(),
        placeholders=drafter.places.placeholders,
        features=drafter.switches.among(flow.when for flow in drafter.rules.by_flow),
        rules=drafter.in_order(),
        ledger=[*ledger.entries()],
        remarks=sorted(remarks.found, key=lambda remark: remark.problem.line),
        prose=page.prose,
        questions=reading.questions,
    )
