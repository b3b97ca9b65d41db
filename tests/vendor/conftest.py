"""A page written down, and what the importer makes of it."""

from __future__ import annotations

import pytest

from tests.vendor.drafting import imported


@pytest.fixture
def page(tmp_path):
    def read(text, name="page.md"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return imported(path, tmp_path)

    return read
