"""Maps: what a page leaves open is asked once, and answered in a file."""

from __future__ import annotations

import pytest
import yaml
from click.testing import CliRunner

from exporter.cli.main import main

PAGE = """# Zork ports

| Port | Protocol | Direction | Zone | Reason |
|---|---|---|---|---|
| 443 | TCP | Inbound | blue | web |
| 25 | TCP | Outbound | red | Mail relay |
| 40 calls | TCP | Inbound | red | phones |
| 9 or any | TCP | Inbound | red | tests |

| Comms | Far side | Sockets |
|---|---|---|
| Hub | Red cloud | 8443/tcp |

Open the usual ports 135 and 139 for all.
"""
MAP = """source: Clients
product: Zork server
destination: relay.zork.org
columns: {Comms: source, Far side: destination, Sockets: port}
roles: {Hub: Zork hub}
hosts: {Red cloud: [192.0.2.0/28, "*.red.org"]}
"""


@pytest.fixture
def run(tmp_path):
    def call(*options, text=PAGE, answers=None):
        (tmp_path / "page.md").write_text(text)
        words = ["import", str(tmp_path / "page.md"), *options]
        if answers is not None:
            (tmp_path / "map.yaml").write_text(answers)
            words += ["--map", str(tmp_path / "map.yaml")]
        return CliRunner().invoke(main, words, catch_exceptions=False)

    return call


def flows(text):
    return {
        (r["source"], *r["destination"].values(), r["port"])
        for r in yaml.safe_load(text)["rules"]
    }


def test_answers_of_the_page_of_a_table_and_of_names(run):
    found = flows(run(answers=MAP).stdout)
    assert found == {
        ("client", "zork_server", 443),
        ("zork-server", "relay.zork.org", 25),
        ("zork-hub", "192.0.2.0/28", 8443),
        ("zork-hub", "*.red.org", 8443),
    }
    other = flows(run(answers=MAP + "tables: {A: {source: Phones}}\n").stdout)
    assert ("phones", "zork_server", 443) in other


def test_without_a_map_the_same_is_open_or_told(run):
    done = run()
    assert done.exit_code == 1
    fates = {
        e["row"]: next(key for key in e if key in ("rules", "open"))
        for e in yaml.safe_load(done.stdout)["requirements"]
    }
    assert fates == {
        "A1": "rules",
        "A2": "rules",
        "A3": "open",
        "A4": "open",
        "other-1": "open",
        "other-2": "open",
        "text-1": "open",
    }


def test_a_page_and_its_map_give_the_same_every_time(run):
    assert run(answers=MAP).stdout == run(answers=MAP).stdout


def test_explain_asks_and_what_is_answered_is_asked_no_more(run):
    first = run("--explain")
    assert first.exit_code == 1
    asked = yaml.safe_load(first.stdout)
    assert asked["tables"]["A"] == {"source": None, "destination": None}
    assert len(asked["rows"]) == 5
    assert "# open: which ports are meant by '40 calls'?" in first.stdout
    answered = {
        **yaml.safe_load(MAP),
        "tables": asked["tables"],
        "rows": dict(
            zip(
                run_rows(run("--explain", answers=MAP).stdout),
                (
                    {"port": "5000-5010", "transport": "udp"},
                    {"unprovable": "any port at all"},
                    {
                        "source": "Admins",
                        "destination": "Hub",
                        "port": 135,
                        "transport": "tcp",
                    },
                ),
                strict=True,
            )
        ),
    }
    text = yaml.safe_dump(answered)
    last = run("--explain", answers=text)
    assert last.exit_code == 0, last.stdout
    assert yaml.safe_load(last.stdout)["rows"] == {
        name: {key: str(said) for key, said in reply.items()}
        for name, reply in answered["rows"].items()
    }
    done = run(answers=text)
    assert done.stderr.count("which ports") == 0
    rules = yaml.safe_load(done.stdout)["rules"]
    assert [r["ports"] for r in rules if "ports" in r] == [["5000-5010"]]
    assert ("admins", "hub", 135) in {
        (r["source"], *r["destination"].values(), r.get("port")) for r in rules
    }


def run_rows(text):
    return list(yaml.safe_load(text)["rows"])


def test_next_year_s_page_asks_only_new_questions(run):
    names = run_rows(run("--explain", answers=MAP).stdout)
    known = (
        MAP
        + "rows:\n"
        + "".join(f"  '{n}': {{elsewhere: other page}}\n" for n in names)
    )
    assert run("--explain", answers=known).exit_code == 0
    later = PAGE.replace("| 443 |", "| 1 call | TCP | Inbound | blue | new |\n| 443 |")
    asked = run("--explain", text=later, answers=known)
    assert asked.exit_code == 1
    assert asked.stdout.count("# open: ") == 1
    assert "1 call | TCP | Inbound" in asked.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: x\n", "map.yaml:1: sources: "),
        ("columns: {Comms: nonsense}\n", "must be one of port, direction, "),
        ("rows: {A1: {fate: x}}\n", "rows.A1.fate: "),
        ("- a\n", "map.yaml:1: "),
    ],
)
def test_a_map_that_is_none_is_refused(run, text, said):
    done = run(answers=text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_an_empty_map_answers_nothing(run):
    assert run(answers="").stdout == run().stdout
