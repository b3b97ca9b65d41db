"""`import --against`: what a vendor's page asks for beyond the catalogue in use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter.cli.main import main
from tests.servers.threaded import answers, closes_at_once, scripted

HEAD = "# Shop\n\n| Source | Destination | Port |\n|-|-|-|\n"
ROWS = "| Till | pay.vendor.com | TCP 443 |\n| Till | stock.vendor.com | TCP 9 |\n"
MORE = "| Till | new.vendor.com | TCP 8443 |\n"


def http(body, status="200 OK", more=""):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\n{more}\r\n"
    return (head + body).encode()


def run(*words):
    return CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False)


@pytest.fixture
def known(tmp_path, monkeypatch):
    """The catalogue in use; no site file is near."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONNECTIVITY_CONFIG", raising=False)
    (tmp_path / "page.md").write_text(HEAD + ROWS)
    assert run("import", "page.md", "--output", "shop.yaml").exit_code == 0
    return tmp_path / "shop.yaml"


def watch(known, treatment, *options, path="needs.md"):
    with scripted(treatment) as port:
        url = f"http://127.0.0.1:{port}/{path}"
        return run("import", "--against", known, url, *options)


def test_a_page_that_asks_for_the_same_exits_with_0(known):
    done = watch(known, answers(http(HEAD + ROWS)))
    assert (done.exit_code, done.stdout) == (0, "no difference\n")


def test_other_words_and_another_order_are_no_change(known):
    rows = "".join(reversed(ROWS.splitlines(keepends=True)))
    page = f"<h1>Shop 2027</h1><p>Welcome.</p>\n\n{HEAD}{rows}"
    assert watch(known, answers(http(page))).exit_code == 0


def test_a_new_row_exits_with_1_and_is_told_in_the_form_asked_for(known):
    treatment = answers(http(HEAD + ROWS + MORE))
    done = watch(known, treatment, "--format", "json")
    assert done.exit_code == 1
    [change] = json.loads(done.stdout)["changes"]
    assert change["effect"] == "must be opened"
    assert change["new"] == "tcp 8443 from till to new.vendor.com"
    assert "## Must be opened" in watch(known, treatment, "--format", "markdown").stdout


def test_a_file_is_compared_like_a_url(known, tmp_path):
    page = tmp_path / "saved.md"
    page.write_text(HEAD + ROWS.replace("TCP 9", "TCP 10"))
    done = run("import", "--against", known, page)
    assert done.exit_code == 1
    assert "tcp 10 from till to stock.vendor.com" in done.stdout


def test_a_host_with_another_name_is_told_to_be_the_same(known, tmp_path):
    page = tmp_path / "saved.md"
    page.write_text(HEAD + ROWS.replace("stock.", "store."))
    alias = "stock.vendor.com=store.vendor.com"
    assert run("import", "--against", known, page, "--alias", alias).exit_code == 0


def test_the_new_draft_is_kept_if_it_is_asked_for(known, tmp_path):
    new = tmp_path / "new.yaml"
    watch(known, answers(http(HEAD + ROWS + MORE)), "--output", new)
    assert "new.vendor.com" in new.read_text()
    assert "new.vendor.com" not in known.read_text()


TORN = "<table><tr><td>Source<td>Destination<td>Port<tr><td>Till<td>a.vendor.com<td>TCP 9</table><script>"


@pytest.mark.parametrize(
    ("treatment", "said"),
    [
        (answers(http("gone", "404 Not Found")), "HTTP 404"),
        (answers(http("", "302 Found", "Location: /login\r\n")), "leads to /login"),
        (answers(http("")), "is empty"),
        (answers(http("<h1>Please log in</h1>")), "holds no table of requirements"),
        (answers(http(TORN)), "never ends"),
        (answers(http("%PDF-1.7 \0\0")), "is not text"),
        (closes_at_once, "needs.html: "),
    ],
)
def test_a_broken_page_exits_with_2_and_replaces_nothing(
    known, tmp_path, treatment, said
):
    new = tmp_path / "new.yaml"
    new.write_text("as it was")
    done = watch(known, treatment, "--output", new, path="needs.html")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert new.read_text() == "as it was"


def test_a_page_without_end_is_not_read_to_its_end(known):
    huge = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + "x" * (5 << 20)
    done = watch(known, answers(huge.encode()))
    assert done.exit_code == 2
    assert "longer than 4194304 bytes" in done.stderr


def test_a_catalogue_that_is_not_there_exits_with_2(tmp_path):
    assert run("import", "--against", tmp_path / "no.yaml", "x.md").exit_code == 2


def test_a_page_is_fetched_through_the_proxy_of_the_site_file(known, tmp_path):
    heard = []

    def proxy(sock):
        heard.append(sock.recv(65536))
        sock.sendall(http(HEAD + ROWS))

    with scripted(proxy) as port:
        site = tmp_path / "site.yaml"
        site.write_text(
            f"catalogues: [shop.yaml]\nroles: [till]\nproxy: http://127.0.0.1:{port}\n"
        )
        url = "http://docs.vendor.com/needs.md"
        done = run("import", "--against", known, url, "--config", site)
    assert done.exit_code == 0
    assert heard[0].startswith(b"GET http://docs.vendor.com/needs.md HTTP/1.1\r\n")


def test_what_comes_from_a_url_has_it_as_its_reference(known, tmp_path):
    with scripted(answers(http(HEAD + ROWS))) as port:
        done = run("import", f"http://127.0.0.1:{port}/needs.md?v=2")
    assert f'reference: "http://127.0.0.1:{port}/needs.md?v=2"' in done.stdout
    assert "catalogue: needs\n" in done.stdout


@pytest.mark.parametrize("form", ["csv", "html", "md", "txt"])
def test_the_page_of_the_shipped_catalogue_asks_for_nothing_else(form):
    page = Path(__file__).parent / f"pages/appsanywhere.{form}"
    done = run("import", "--against", "appsanywhere", page)
    assert (done.exit_code, done.stdout) == (0, "no difference\n")
