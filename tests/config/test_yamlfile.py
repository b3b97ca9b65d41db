"""YAML with positions: values, lines, traps, bounds."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.catalogue import load_catalogue
from exporter.config.diagnostics import ConfigError
from exporter.config.site import load_site
from exporter.config.yamlfile import MAX_BYTES, read_yaml
from tests.config.standins import STEADY


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "file.yaml"
        path.write_text(text, encoding="utf-8")
        return read_yaml(path)

    return read_text


def test_values_are_plain_and_lists_are_tuples(read):
    file = read("a: [1, -2, 1.5, true, False, ~, null, x, '7']\nb: {c: }\n")
    assert file.value == {
        "a": (1, -2, 1.5, True, False, None, None, "x", "7"),
        "b": {"c": None},
    }
    assert not file.problems


def test_every_value_knows_its_line(read):
    file = read("a:\n  - x\n  - b: 1\n    c:\n      d: 2\n")
    assert [
        file.problem(location, "").line
        for location in [(), ("a",), ("a", 0), ("a", 1, "b"), ("a", 1, "c", "d")]
    ] == [1, 1, 2, 3, 5]


def test_a_missing_key_is_told_at_the_nearest_place_above(read):
    file = read("x: 1\na:\n  - b: 1\n")
    problem = file.problem(("a", 0, "port"), "is required")
    assert str(problem).endswith("file.yaml:3: a[0].port: is required")


def test_an_empty_file_holds_nothing(read):
    assert read("").value is None
    assert read("# only a comment\n").value is None


def test_a_byte_order_mark_is_no_part_of_the_first_key(read):
    assert read("\ufeffa: 1\n").value == {"a": 1}


@pytest.mark.parametrize(
    "word",
    [
        "yes",
        "No",
        "ON",
        "off",
        "22:22",
        "1:30.5",
        "010",
        "0x1F",
        "0b1",
        "1_000",
        ".inf",
        ".nan",
        "1.",
        "2024-07-01",
        "=",
    ],
)
def test_an_unquoted_word_that_readers_disagree_about_is_refused(read, word):
    file = read(f"a: 1\nb: {word}\n")
    assert [(p.line, p.path) for p in file.problems] == [(2, "b")]
    assert file.value["b"] == word
    assert file.flawed(("b",))
    assert not file.flawed(("a",))


@pytest.mark.parametrize("word", ["'no'", '"22:22"', "|-\n  010", ">-\n  2024-07-01"])
def test_a_quoted_word_is_text_whatever_it_looks_like(read, word):
    file = read(f"a: {word}\n")
    assert isinstance(file.value["a"], str)
    assert not file.problems


@pytest.mark.parametrize(
    "word", ["::1", "10.0.0.1", "1.2.3", "5s", "a:b", "v1.0", "2001:db8::1", "1e5", "y"]
)
def test_everyday_words_are_text_without_quotes(read, word):
    file = read(f"a: {word}\n")
    assert file.value["a"] == word
    assert not file.problems


def test_a_number_of_a_thousand_digits_is_text(read):
    assert read("a: " + "9" * 1000 + "\n").value["a"] == "9" * 1000


def test_an_address_of_only_digits_and_colons_must_be_quoted(read):
    [problem] = read("a: 2001:0:0:1:2:3:4:5\n").problems
    assert "base 60" in problem.message


def test_aliases_are_refused_before_they_can_grow(read):
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 30)]
    file = read("\n".join(lines))
    assert file.value["a29"] == (None, None)
    assert len(file.problems) == 30 + 58


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_whatever_its_form(read, opening):
    # Newer parsers refuse such depth by themselves.
    said = r"nested deeper than 12|a key must be text|maximum nesting depth"
    with pytest.raises(ConfigError, match=said):
        read(opening * 50_000)


def test_a_file_over_the_limit_is_not_parsed(read):
    assert read("#" * (MAX_BYTES - 1) + "\n").value is None
    with pytest.raises(ConfigError, match="larger than 16777216 bytes"):
        read("#" * MAX_BYTES + "\n")


def test_a_file_is_read_no_further_than_the_limit(tmp_path):
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match="larger than 16777216 bytes"):
        read_yaml(path)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/"])
def test_what_is_no_regular_file_is_not_read(device):
    with pytest.raises(ConfigError, match="cannot be read: "):
        read_yaml(Path(device))


@pytest.mark.parametrize("path", ["/nonexistent/x.yaml", "/"])
def test_a_file_that_cannot_be_read_says_why(path):
    with pytest.raises(ConfigError, match="cannot be read: "):
        read_yaml(Path(path))


def test_paths_in_a_file_start_at_its_folder(read, tmp_path):
    assert read("a: 1").beside("ca.pem") == tmp_path / "ca.pem"
    assert read("a: 1").beside("/etc/ca.pem") == Path("/etc/ca.pem")


KEYS = st.sampled_from(
    [
        "catalogue",
        "catalogues",
        "title",
        "roles",
        "placeholders",
        "rules",
        "id",
        "source",
        "destination",
        "host",
        "port",
        "transport",
        "probe",
        "usage",
        "description",
        "is_a",
        "default",
        "example",
        "url",
        "schedule",
        "interval",
        "overrides",
        "dns",
        "servers",
        "tls",
        "ca_file",
        "proxy",
        "web",
        "listen",
        "witness",
        "x",
    ]
)
LEAVES = st.one_of(
    st.sampled_from(
        ["shop", "till", "tcp", "443", "5s", "no", "~", "22:22", "*a", "!x"]
    ),
    st.text(max_size=8).map(repr),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda v: f"[{', '.join(v)}]"),
        st.dictionaries(KEYS, inner, max_size=5).map(
            lambda v: (
                "{" + ", ".join(f"{key}: {value}" for key, value in v.items()) + "}"
            )
        ),
    ),
    max_leaves=20,
)


@STEADY
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        TREES.map(str.encode),
        st.dictionaries(KEYS, TREES, max_size=6).map(
            lambda top: "\n".join(f"{k}: {v}" for k, v in top.items()).encode()
        ),
    )
)
def test_whatever_a_file_holds_is_loaded_or_refused_with_problems(data):
    handle, name = tempfile.mkstemp(suffix=".yaml")
    try:
        os.write(handle, data)
        os.close(handle)
        for load in (load_catalogue, load_site):
            try:
                load(Path(name))
            except ConfigError as error:
                assert min(one.line for one in error.problems) >= 1  # noqa: PT017 - either end is right
    finally:
        Path(name).unlink()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_named_as_such(tmp_path, encoding):
    path = tmp_path / "site.yaml"
    path.write_bytes("\ufeffroles: [till]\n".encode(encoding))
    with pytest.raises(ConfigError, match="is UTF-16 text: save it as UTF-8"):
        read_yaml(path)
