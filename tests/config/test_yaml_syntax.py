"""A slip of the hand is told at its line, with what to write instead."""

from __future__ import annotations

import pytest

from exporter.config.diagnostics import ConfigError
from exporter.config.yamlfile import read_yaml

QUOTE = "the quote that begins here is not closed"
INDENT = "this line is not indented as those that it belongs to"
QUOTES = "a value that begins with {} needs quotes"
COLON = "a value with a colon in it needs quotes"
COMMA = "a comma is missing here, or quotes around a value with a colon in it"
AFTER = "text follows a closing quote or bracket: quote the whole value"
SIGN = "a value is missing here, or one that begins with a sign needs quotes"
BACKSLASH = "a backslash in double quotes has a meaning of its own: take single quotes"
TAB = "a tab stands where only spaces may: indent with spaces"
NO_KEY = "this line has no key with a colon, and is not indented as the rest of a value"
LIST = "a list begins on a line of its own; a value that begins with - needs quotes"
EMPTY = "the {} is the value of this key: take it away, and the lines below are"
CONFLICT = "a conflict of versions is not resolved: choose one of them"
STRAY = (
    "this line does not belong to what stands above it: is it a file of another kind?"
)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("roles:[web]\nsite: a\n", 1, "a space is missing behind the colon"),
        ("roles:[web]\n\n# why\nsite: a\n", 1, "a space is missing behind the colon"),
        ("a:\u00a0b\nc: d\n", 1, "a space is missing behind the colon"),
        ("owner: team: dba\n", 1, COLON),
        ("rules:\n  - {owner: team: dba}\n", 2, COMMA),
        ("rules:\n  - {id: a port: 5}\n", 2, COMMA),
        ("a:\n  b: c\n   d: e\n", 3, INDENT),
        ("a:\n    b: c\n  d: e\n", 3, INDENT),
        ("a: {}\n  b: {c: d}\n", 1, EMPTY.format("{}")),
        ("a: {} # none\n# yet\n  b:\n    c: d\n", 1, EMPTY.format("{}")),
        ("a: []\n  - {b: c}\n", 1, EMPTY.format("[]")),
        ("a: []\n- b\n", 1, EMPTY.format("[]")),
        ("a: null\n  b: c\n", 1, EMPTY.format("null")),
        ("a: {b: []}\n  c: d\n", 2, INDENT),
        ("a:\n  - b\n  c: d\n", 3, INDENT),
        ("a:\n  b: c\n  - d\n", 3, INDENT),
        ("a:\n  b: c\nd\ne: f\n", 3, NO_KEY),
        ('a:\n  b: "c\n  d: e\nf: g\n', 2, QUOTE),
        ('a:\n  b: "c\'\n  d: "e"\nf: g\n', 2, QUOTE),
        ("a:\n  b: 'c\n  d: e\n", 2, QUOTE),
        (
            "a: [b, c\nd: e\n",
            1,
            "the [ here has no ], or a comma is missing before line 2",
        ),
        (
            "a: {b: c\nd: e\n",
            1,
            "the { here has no }, or a comma is missing before line 2",
        ),
        ("a: [b] c\n", 1, AFTER),
        ('a: "b" c\n', 1, AFTER),
        ("a: *.example.com\n", 1, QUOTES.format("*")),
        ("a: [*]\n", 1, QUOTES.format("*")),
        ("a: & b\n", 1, QUOTES.format("&")),
        ("a: @dba\n", 1, QUOTES.format("@")),
        ("a: %b\n", 1, QUOTES.format("%")),
        ("a: `b`\n", 1, QUOTES.format("`")),
        ("a: > 5\n", 1, QUOTES.format(">")),
        ("a: | b\n", 1, QUOTES.format("|")),
        ("a: ? b\n", 1, QUOTES.format("?")),
        ("a: - b\n", 1, LIST),
        ("web: {listen: :9842}\n", 1, SIGN),
        ("a: [::1]\n", 1, SIGN),
        ('a: "C:\\share"\n', 1, BACKSLASH),
        ('a: "C:\\xyz"\n', 1, BACKSLASH),
        ("a:\n\tb: c\n", 2, TAB),
        ("a:\n  b: c\n\td: e\n", 3, TAB),
        ("a: b\n<<<<<<< HEAD\nc: d\n=======\nc: e\n>>>>>>> f\n", 2, CONFLICT),
        ("[global]\nfoo = bar\n", 2, STRAY),
        ("a: b\nr\0o\0l\0e\0", 2, "it is UTF-16, or no text at all: save it as UTF-8"),
        # What else the parser says is told in its own words.
        ("a: !<x\n", 1, "while scanning a tag did not find the expected '>'"),
    ],
)
def test_a_slip_is_told_at_its_line(tmp_path, text, line, said):
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert [str(one) for one in caught.value.problems] == [
        f"{path}:{line}: is not YAML: {said}"
    ]


@pytest.mark.parametrize(
    "text",
    [
        'a: x # 5" wide\n  b: c\n',
        'a: x\nb: 19" rack\nc: d\n e: f\n',
        'a: "x # y"\nc: d\n e: f\n',
    ],
)
def test_no_quote_is_called_open_that_is_none(tmp_path, text):
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=INDENT):
        read_yaml(path)
