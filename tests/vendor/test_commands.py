"""What `import` and `diff` print and exit with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter.cli.main import main

PAGES = Path(__file__).parent / "pages"
TABLE = "| Source | Destination | Port |\n|-|-|-|\n"


def run(*words):
    return CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False)


@pytest.fixture
def draft(tmp_path):
    def write(text, *options, name="draft.yaml"):
        page = tmp_path / "page.md"
        page.write_text(text)
        done = run("import", page, *options)
        path = tmp_path / name
        path.write_text(done.stdout)
        return done, path

    return write


def test_a_page_that_was_read_in_full_exits_with_0(draft):
    done, _ = draft(TABLE + "| Web | a.vendor.com | 443 TCP |\n")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "catalogue: page\n" in done.stdout


def test_a_row_that_needs_a_person_exits_with_1_and_is_told(draft):
    rows = "| Web | a.vendor.com | 443 TCP |\n| Web | b.vendor.com | 40 calls |\n"
    done, _ = draft(TABLE + rows)
    assert done.exit_code == 1
    assert "page.md:4: A2: which ports are meant by '40 calls'?" in done.stderr
    assert "b.vendor.com" in done.stdout


@pytest.mark.parametrize("text", [None, "no table at all"])
def test_a_file_that_cannot_be_read_exits_with_2_and_prints_no_catalogue(
    tmp_path, text
):
    path = tmp_path / "page.md"
    if text is not None:
        path.write_text(text)
    done = run("import", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{path}:1: ")


def test_options_name_the_catalogue_and_its_document(draft):
    done, _ = draft(
        TABLE + "| Web | a.shop.com | 443 TCP |\n",
        *("--catalogue", "shop", "--title", "The shop: needs"),
        *("--reference", "https://shop.com/needs", "--internal", "*.shop.com"),
    )
    assert "catalogue: shop\n" in done.stdout
    assert 'title: "The shop: needs"\n' in done.stdout
    assert 'reference: "https://shop.com/needs"\n' in done.stdout
    assert "destination: {placeholder: a}\n" in done.stdout


@pytest.mark.parametrize("name", ["No", "a--b", "x" * 61, ""])
def test_a_name_that_is_none_is_refused(draft, name):
    done, _ = draft(TABLE + "| Web | a.vendor.com | 443 TCP |\n", "--catalogue", name)
    assert done.exit_code == 2
    assert "lower-case letters" in done.stderr


def test_a_draft_in_a_site_file_is_fine_to_validate(draft, tmp_path):
    done = run("import", PAGES / "appsanywhere.html")
    (tmp_path / "draft.yaml").write_text(done.stdout)
    site = tmp_path / "site.yaml"
    site.write_text("catalogues: [draft.yaml]\nroles: [appsanywhere01]\n")
    checked = run("validate", "--config", site)
    assert (checked.exit_code, "fine: 65 rules" in checked.stdout) == (0, True)


def test_a_draft_of_the_page_asks_for_what_the_shipped_catalogue_has(tmp_path):
    path = tmp_path / "draft.yaml"
    path.write_text(run("import", PAGES / "appsanywhere.html").stdout)
    done = run("diff", "--flows", "appsanywhere", path)
    assert (done.exit_code, done.stdout) == (0, "no difference\n")
    assert run("diff", "appsanywhere", path).exit_code == 1


def test_next_year_s_page_tells_what_came_went_and_changed(tmp_path):
    page = (PAGES / "appsanywhere.md").read_text()
    later = tmp_path / "page.md"
    later.write_text(
        page.replace("| 9999 TCP |", "| 9998 TCP |")
        .replace("(https://bitbucket.org/)", "")
        .replace("[bitbucket.org]", "models.vendor.com")
    )
    path = tmp_path / "draft.yaml"
    path.write_text(run("import", later).stdout)
    done = run("diff", "--flows", "appsanywhere", path)
    assert done.exit_code == 1
    lines = [line.split() for line in done.stdout.splitlines()]
    flow = ["tcp", "443", "from", "analytics", "to"]
    assert lines[1:] == [
        ["~", "rule", "client-analytics-looker", "port", "9999", "9998"],
        ["-", "rule", "analytics-bitbucket", *flow, "bitbucket.org"],
        ["+", "rule", "analytics-models-vendor-com-443", *flow, "models.vendor.com"],
        ["1", "changed,", "1", "removed,", "1", "added"],
    ]


def test_the_worked_example_of_the_docs_is_true(tmp_path, monkeypatch):
    text = (PAGES.parents[2] / "docs" / "importing.md").read_text()
    page, yaml = (
        re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL)[1]
        for kind in ("markdown", "yaml")
    )
    command, told = re.search(
        r"\$ connectivity-exporter (.*?) > .*\n((?:page.*\n)+)", text
    ).groups()
    (tmp_path / "page.md").write_text(page)
    monkeypatch.chdir(tmp_path)
    done = run(*command.split())
    assert done.stderr == told
    assert done.stdout.endswith(yaml)


def test_json_holds_every_change_with_old_and_new(draft):
    _, old = draft(TABLE + "| Web | a.vendor.com | 443 TCP |\n", name="old.yaml")
    _, new = draft(TABLE + "| Web | a.vendor.com | 444 TCP |\n", name="new.yaml")
    done = run("diff", old, new, "--flows", "--format", "json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "changes": [
            {
                "change": "changed",
                "what": "rule",
                "name": "web-a-vendor-com-443",
                "old": {"port": "443"},
                "new": {"port": "444"},
            }
        ]
    }
    same = run("diff", old, old, "--format", "json")
    assert (same.exit_code, json.loads(same.stdout)) == (0, {"changes": []})


def test_parts_around_the_rules_have_lines_too(draft):
    _, old = draft(TABLE + "| Web | a.test | 443 TCP |\n", name="old.yaml")
    _, new = draft(TABLE + "| Web | b.test | 443 TCP |\n", name="new.yaml")
    done = run("diff", old, new)
    found = [line.split()[:3] for line in done.stdout.splitlines()[1:-1]]
    assert found == [
        ["-", "placeholder", "a"],
        ["+", "placeholder", "b"],
        ["-", "rule", "web-a-443"],
        ["+", "rule", "web-b-443"],
    ]


@pytest.mark.parametrize("other", ["nosuch", "nosuch.yaml"])
def test_a_catalogue_that_cannot_be_read_exits_with_2(other):
    done = run("diff", "appsanywhere", other)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(other)
