"""The map of a page as text: the answers there are, and the questions that remain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.ledger import Fate
from exporter.vendor.catalogue_writer import comment, scalar
from exporter.vendor.map_file import FINGERPRINT, Answers, RowModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.vendor.draft import Draft

_LONGEST = 2000
_HEAD = """# What {file} leaves open, for `connectivity-exporter import --map`.
# Write an answer behind each colon; what is empty stays open. Beside these there may be:
#   source: and destination: for all tables, product: what "inbound" leads to,
#   columns: {{heading: meaning}}, roles: {{what the page says: role}},
#   hosts: {{what the page says: host, network or wildcard, or a list of them}}.
# A row takes source, destination, port, transport and usage in place of its cells, or
# a reason: unprovable, not_a_requirement or elsewhere."""


def explained(draft: Draft, file: str, answers: Answers) -> tuple[str, int]:
    """The map as YAML, and how many questions have no answer yet."""
    lines = _HEAD.format(file=comment(file)).splitlines()
    given = answers.given
    for name in ("source", "destination", "product"):
        if said := getattr(given, name):
            lines.append(f"{name}: {scalar(said, _LONGEST)}")
    for name in ("columns", "roles", "hosts"):
        lines += _mapping(name, getattr(given, name))
    asked = dict.fromkeys(letter for letter, _ in draft.questions)
    tables = [*_tables(answers, asked, draft.questions)]
    rows = [*_rows(draft, answers)]
    lines += ["", "tables:", *tables] if tables else []
    lines += ["", "rows:", *rows] if rows else []
    count = sum(line.endswith(":") and line.startswith("    ") for line in tables)
    return "\n".join(lines) + "\n", count + sum("# open: " in line for line in rows)


def _mapping(name: str, values: Mapping[str, str], indent: str = "") -> Iterator[str]:
    if values:
        yield f"{indent}{name}:"
    for key, value in values.items():
        yield f"{indent}  {scalar(key)}: {scalar(value, _LONGEST)}"


def _tables(
    answers: Answers,
    asked: Mapping[str, None],
    questions: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    """Tables with answers or questions; a question is a key without a value."""
    for letter in dict.fromkeys((*answers.given.tables, *asked)):
        known = answers.given.tables.get(letter)
        yield f"  {letter}:"
        for name in ("source", "destination", "product"):
            if said := getattr(known, name, ""):
                yield f"    {name}: {scalar(said, _LONGEST)}"
            elif (letter, name) in questions:
                yield f"    # its headings name no {name}: {comment(questions[letter, name])}"
                yield f"    {name}:"
        if known:
            yield from _mapping("columns", known.columns, "    ")


def _rows(draft: Draft, answers: Answers) -> Iterator[str]:
    """Rows with answers, then open ones."""
    for name, row in answers.given.rows.items():
        yield f"  {scalar(name)}:"
        yield from (f"    {key}: {scalar(said, _LONGEST)}" for key, said in _said(row))
    seen = set(answers.given.rows)
    for entry in draft.ledger:
        name = entry.sha256[:FINGERPRINT]
        if entry.fate is not Fate.OPEN or name in seen:
            continue
        seen.add(name)
        yield f"  # line {entry.line}: {comment(entry.text)}"
        yield f"  # open: {comment(entry.why)}"
        yield f"  {scalar(name)}: {{}}"


def _said(row: RowModel) -> Iterator[tuple[str, str]]:
    for name in type(row).model_fields:
        if said := getattr(row, name):
            yield name, said
