"""What `import` and `diff` print and exit with."""

from __future__ import annotations

import json
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
    assert run("diff", "--fields", "appsanywhere", path).exit_code == 1


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
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[1:] == [
        "+ must be opened flow client-device-analytics-9998 tcp 9998 from client-device to analytics.uni.edu",
        "+ must be opened flow analytics-models-vendor-com-443 tcp 443 from analytics to models.vendor.com",
        "- may be closed flow client-analytics-looker tcp 9999 from client-device to analytics.uni.edu",
        "- may be closed flow analytics-bitbucket tcp 443 from analytics to bitbucket.org",
        "2 must be opened, 2 may be closed",
    ]


def test_json_holds_every_change_with_old_and_new(draft):
    _, old = draft(TABLE + "| Web | a.vendor.com | 443 TCP |\n", name="old.yaml")
    _, new = draft(TABLE + "| Web | a.vendor.com | 443, 444 TCP |\n", name="new.yaml")
    done = run("diff", old, new, "--format", "json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "changes": [
            {
                "effect": "must be opened",
                "what": "flow",
                "name": "web-a-vendor-com-444",
                "old": "",
                "new": "tcp 444 from web to a.vendor.com",
                "rows": ["Web | a.vendor.com | 443, 444 TCP"],
            }
        ]
    }
    same = run("diff", old, old, "--format", "json")
    assert (same.exit_code, json.loads(same.stdout)) == (0, {"changes": []})


def test_markdown_is_a_change_request(draft):
    _, old = draft(TABLE + "| Web | a.vendor.com | 443 TCP |\n", name="old.yaml")
    _, new = draft(TABLE + "| Web | *.vendor.com | 443 TCP |\n", name="new.yaml")
    done = run("diff", old, new, "--format", "markdown")
    assert done.exit_code == 1
    assert "## Must be opened\n" in done.stdout
    assert "tcp 443 from web to \\*.vendor.com" in done.stdout
    assert "## May be closed\n" in done.stdout
    assert run("diff", old, old, "--format", "markdown").stdout == "No difference.\n"


def test_text_alone_is_no_alarm_and_an_alias_no_change(draft):
    _, old = draft(TABLE + "| Web | a.vendor.com (old) | 443 TCP |\n", name="old.yaml")
    _, new = draft(TABLE + "| Web | a.vendor.com (new) | 443 TCP |\n", name="new.yaml")
    done = run("diff", old, new)
    assert (done.exit_code, "text only" in done.stdout) == (0, True)
    _, moved = draft(TABLE + "| Web | b.vendor.com | 443 TCP |\n", name="moved.yaml")
    assert run("diff", old, moved).exit_code == 1
    assert (
        run("diff", old, moved, "--alias", "a.vendor.com=b.vendor.com").exit_code == 0
    )
    assert run("diff", old, moved, "--alias", "a.vendor.com").exit_code == 2


@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_fields_are_compared_on_demand(draft, form):
    _, old = draft(TABLE + "| Web | a.vendor.com | 443 TCP |\n", name="old.yaml")
    _, new = draft(TABLE + "| Web | a.vendor.com | 444 TCP |\n", name="new.yaml")
    done = run("diff", "--fields", old, new, "--format", form)
    assert (done.exit_code, "444" in done.stdout) == (1, True)


def test_parts_around_the_rules_have_lines_too(draft):
    _, old = draft(TABLE + "| Web | a.test | 443 TCP |\n", name="old.yaml")
    _, new = draft(TABLE + "| Web | b.test | 443 TCP |\n", name="new.yaml")
    done = run("diff", "--fields", old, new)
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
