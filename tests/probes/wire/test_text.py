from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.probes.wire.text import printable
from tests.probes.wire.codec import steady


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("x" * 300, "x" * 200 + "…"),
        ("", ""),
    ],
)
def test_text_is_one_visible_bounded_line(said, shown):
    assert printable(said) == shown


@steady
@given(st.binary() | st.text(), st.integers(1, 50))
def test_no_text_escapes_its_line_or_its_bound(said, limit):
    shown = printable(said, limit)
    assert shown.isprintable()
    assert len(shown) <= limit + 1
