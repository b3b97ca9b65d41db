"""Files that say `mirrors` for what is `feeds` today."""

from __future__ import annotations

import pytest

from exporter.config.diagnostics import ConfigError
from exporter.config.site import load_site

CATALOGUE = """\
catalogue: older
title: Older
roles: {web: {title: Web}}
KEY:
  os: {title: Packages, url: "https://lists.example.ac.uk/os", format: mirrorlist}
rules:
  - {id: one, source: web, destination: {WORD: os}, port: 443}
  - {id: two, source: web, destination: {host: www.example.ac.uk}, port: 443}
"""
SITE = "catalogues: [catalogue.yaml]\nroles: [web]\nKEY: {allow_private: true}\n"


def loaded(folder, key, word):
    (folder / "catalogue.yaml").write_text(
        CATALOGUE.replace("KEY", key).replace("WORD", word)
    )
    (folder / "site.yaml").write_text(SITE.replace("KEY", key))
    return load_site(folder / "site.yaml")


def test_both_words_say_the_same(tmp_path):
    old, new = (tmp_path / name for name in ("old", "new"))
    old.mkdir()
    new.mkdir()
    before, now = loaded(old, "mirrors", "mirrors"), loaded(new, "feeds", "feed")
    assert before.targets == now.targets
    assert before.feeds == now.feeds
    assert now.feeds.allow_private


def test_a_mistake_is_told_with_its_line(tmp_path):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "mirrors", "mirrors: os, port")
    (problem,) = caught.value.problems
    assert problem.line == 7


def test_both_words_at_once_are_one_too_many(tmp_path):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "mirrors", "mirrors: os, feed")
    assert any("unknown key 'mirrors'" in str(one) for one in caught.value.problems)
