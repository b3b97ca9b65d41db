"""The maps that are shipped, and what page and map make together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.vendor.map_file import FINGERPRINT, read_answers
from tests.vendor.drafting import imported

MAPS = sorted((Path(__file__).parents[2] / "config/maps").glob("*.yaml"))
PAGE = """# Copier ports

- 9191 for the web page
- Oracle: 1521

| Component | Port |
|-|-|
| Web | TCP 80 |
| Cache | one that you choose |
"""


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_a_shipped_map_can_be_read_and_answers_something(path):
    given = read_answers(path).given
    assert given.rows
    assert all(len(name) == FINGERPRINT for name in given.rows)
    assert all(row.fate or row.cells for row in given.rows.values())
    assert path.read_text().startswith("# ")


def run(folder, seed, *words):
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "import", *words],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_page_and_map_give_the_same_catalogue_every_time(tmp_path):
    (tmp_path / "page.md").write_text(PAGE)
    asked = run(tmp_path, "1", "page.md", "--explain")
    answered = asked.replace(
        ": {}", ": {destination: Copier server, port: 9191, transport: TCP}", 1
    )
    answered = answered.replace("    source:", "    source: User")
    answered = answered.replace(
        ": {}", ": {source: Copier server, destination: Oracle, port: 1521}"
    )
    (tmp_path / "page.map.yaml").write_text(answered)
    words = ("page.md", "--map", "page.map.yaml")
    first, again = (run(tmp_path, seed, *words) for seed in ("1", "2"))
    assert first == again
    assert " open: " not in first


def test_words_for_a_host_are_answered_in_the_answer_to_a_sentence_too(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# X\n\nOpen TCP 9 where it is needed.\n")
    answers = tmp_path / "map.yaml"
    answers.write_text(
        "hosts: {Cloud: 198.51.100.0/24}\n"
        "rows: {text-1: {source: App, destination: Cloud, port: 9}}\n"
    )
    found = imported(path, tmp_path, answers=read_answers(answers))
    assert found.flows == {("text-1", "app", "198.51.100.0/24", 9, "tcp")}
