"""A draft as the text of a catalogue file, with comments on what a person must do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from exporter.config import yamlfile
from exporter.config.diagnostics import ConfigError, Problem
from exporter.model.ledger import Fate
from exporter.model.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.vendor.destinations import DraftPlaceholder
    from exporter.vendor.draft import Draft
    from exporter.vendor.ledger import Entry
    from exporter.vendor.rules import DraftRule

_SAFE = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _./()+;&'-]*[A-Za-z0-9.)])?")
_LINE = 300
_NOTES = 2000
_COMMENT = 400
_MAX_PROSE = 100


def written(draft: Draft, file: str, name: str, title: str, reference: str) -> str:
    """The draft as YAML that `validate` accepts.

    Args:
        draft: the rules and what to look at.
        file: the page's file, for the first line.
        name: the catalogue's name.
        title: the document's title, the page's own by default.
        reference: where it is published, if anywhere.

    Raises:
        ConfigError: the file would be larger than a catalogue may be.
    """
    lines = [
        f"# A draft, read from {comment(file)} by `connectivity-exporter import`.",
        "# Before it is used: look at each remark below and at each guessed usage,",
        "# and give the rules that matter a severity, an owner and a probe.",
        *_remarks(draft),
        "",
        f"catalogue: {scalar(name)}",
        f"title: {scalar(title or draft.title or name)}",
        *([f"reference: {scalar(reference)}"] if reference else []),
        "",
        "roles:" if draft.roles else "roles: {}",
        *_roles(draft.roles),
        *_placeholders(draft.placeholders),
        *_features(draft.features),
        "",
        "rules:" if draft.rules else "rules: []",
        *(line for rule in draft.rules for line in _rule(rule)),
        "",
        "requirements:",
        *(line for entry in draft.ledger for line in _entry(entry)),
        *_prose(draft),
    ]
    text = "\n".join(lines) + "\n"
    if len(text.encode()) > yamlfile.MAX_BYTES:
        said = (
            f"makes a catalogue larger than {yamlfile.MAX_BYTES} bytes: split the page"
        )
        raise ConfigError([Problem(file, 1, "", said)])
    return text


def _remarks(draft: Draft) -> Iterator[str]:
    if draft.remarks:
        yield "#"
    for remark in draft.remarks:
        yield f"# {comment(str(remark.problem))}"
        yield from (f"#     {comment(text)}" for text in remark.kept)


def _roles(roles: Mapping[str, tuple[str, str | None]]) -> Iterator[str]:
    for name, (title, wider) in roles.items():
        yield f"  {scalar(name)}:"
        yield f"    title: {scalar(title)}"
        if wider is not None:
            yield f"    is_a: {scalar(wider)}"


def _placeholders(placeholders: Mapping[str, DraftPlaceholder]) -> Iterator[str]:
    if placeholders:
        yield from ("", "placeholders:")
    for name, place in placeholders.items():
        yield f"  {scalar(name)}:"
        yield f"    title: {scalar(place.title)}"
        yield f"    example: {scalar(place.example)}"
        if place.url:
            yield "    url: true"


def _features(features: Mapping[str, str]) -> Iterator[str]:
    if features:
        yield from ("", "features:")
    for name, title in features.items():
        yield f"  {scalar(name)}:"
        yield f"    title: {scalar(title)}"


def _rule(rule: DraftRule) -> Iterator[str]:
    flow = rule.flow
    yield from ("", f"  - id: {scalar(rule.id)}")
    yield f"    source: {scalar(flow.source)}"
    yield f"    destination: {{{flow.lead.key}: {scalar(flow.lead.name)}}}"
    single = flow.span.low == flow.span.high
    if flow.transport is not Transport.ICMP:
        yield f"    port: {flow.span}" if single else f"    ports: [{flow.span}]"
    yield f"    transport: {flow.transport}"
    if rule.probe:
        yield f"    probe: {rule.probe}"
    if flow.when:
        yield f"    when: {scalar(flow.when)}"
    if rule.any_of:
        yield f"    any_of: {scalar(rule.any_of)}"
    yield f"    usage: {rule.usage.usage}  # {comment(rule.usage.why)}"
    if flow.lead.public:
        yield "    public: true"
    yield f"    description: {scalar(rule.description)}"
    if rule.section:
        yield f"    section: {scalar(rule.section)}"
    yield f"    rows: [{', '.join(map(scalar, rule.rows))}]"
    whole = [rule.description] if len(rule.description) > _LINE else []
    if notes := [*whole, *rule.notes]:
        sentences = (note if note[-1] in ".!?" else f"{note}." for note in notes)
        yield f"    notes: {scalar(' '.join(sentences), _NOTES)}"


def _entry(entry: Entry) -> Iterator[str]:
    yield f"  - row: {scalar(entry.row)}"
    yield f"    line: {entry.line}"
    yield f"    text: {scalar(entry.text, _NOTES)}"
    yield f"    sha256: {entry.sha256}"
    if entry.fate is Fate.RULES:
        yield f"    rules: [{', '.join(map(scalar, entry.rules))}]"
    else:
        yield f"    {entry.fate}: {scalar(entry.why, _NOTES)}"


def _prose(draft: Draft) -> Iterator[str]:
    if draft.prose:
        yield from ("", "# What the page says outside its tables:")
    yield from (f"# {comment(item.text)}" for item in draft.prose[:_MAX_PROSE])
    if (left := len(draft.prose) - _MAX_PROSE) > 0:
        yield f"# ... and {left} lines more, from line {draft.prose[_MAX_PROSE].line} on"


def scalar(text: str, longest: int = _LINE) -> str:
    """Text as a YAML scalar that every reader takes for that text."""
    line = " ".join(_printable(text).split())
    short = line if len(line) <= longest else line[: longest - 3] + "..."
    if _SAFE.fullmatch(short) and yamlfile.is_text(short):
        return short
    return json.dumps(short, ensure_ascii=False)


def comment(text: str) -> str:
    """Text for the end of a comment line."""
    return _printable(text)[:_COMMENT]


def _printable(text: str) -> str:
    """Text without what YAML or a terminal would take for more than text."""
    return "".join(c if c.isprintable() else " " for c in text)
