"""Reports over hours that a real Prometheus remembers."""

from __future__ import annotations

import csv
import io
import re

import pytest
from click.testing import CliRunner

from exporter.cli.main import main
from exporter.report.availability import incidents
from exporter.report.prometheus import Series
from tests.dashboards.cases import END, STEP
from tests.dashboards.history import History
from tests.servers.process import free_port
from tests.servers.threaded import answers, scripted

HOURS = 10
START = END - HOURS * 3600


def target(
    rule, owner, *, destination="db.example.org", expect="allow", usage="database"
):
    same = f'rule="{rule}",source_role="web",destination="{destination}",port="443",protocol="tcp",usage="{usage}"'
    return (
        same,
        f'{same},probe="tcp",expect="{expect}",severity="critical",owner="{owner}",catalogue="shop"',
    )


FINE, FINE_INFO = target("fine", "dba")
BROKEN, BROKEN_INFO = target(
    "broken", "network", destination="2001:db8::1", usage="mail"
)
SHUT, SHUT_INFO = target("shut", "security", expect="deny")
ODD, ODD_INFO = target("odd", "=cmd()|x", destination="odd.example.org")


def _lines(name, labels, value):
    """Samples once a minute; `value(minute)` gives None where there is none."""
    for minute in range(HOURS * 60 + 1):
        if (number := value(minute)) is not None:
            yield f"{name}{{{labels}}} {number} {START + minute * STEP}"


def samples():
    text = []

    def gauge(name, *series):
        text.append(f"# TYPE {name} gauge")
        for labels, value in series:
            text.extend(_lines(name, labels, value))

    one, other = 'job="c",instance="a",', 'job="c",instance="b",'

    def outage(minute):
        return 0 if 60 <= minute < 120 else 1

    gauge(
        "connectivity_rule_satisfied",
        (one + FINE, lambda _: 1),
        (other + FINE, lambda minute: 1 if minute < 300 else None),
        (one + BROKEN, outage),
        (one + SHUT, lambda minute: 0 if minute > 590 else 1),
        (one + ODD, lambda minute: 1 if minute < 2 else None),
    )
    gauge(
        "connectivity_rule_info",
        *(
            (one + info, lambda _: 1)
            for info in (FINE_INFO, BROKEN_INFO, SHUT_INFO, ODD_INFO)
        ),
    )
    finding = 'finding="f1",cause="path",subject="10.9.2.2",source_role="web",usage="mail",severity="critical",owner="network"'
    open_now = 'finding="f2",cause="forbidden_path",subject="shut",source_role="web",usage="database",severity="critical",owner="security"'
    gauge(
        "connectivity_finding",
        (one + finding, lambda minute: 1 if 60 <= minute < 120 else None),
        (other + finding, lambda minute: 1 if 62 <= minute < 110 else None),
        (one + open_now, lambda minute: 1 if minute > 590 else None),
    )
    gauge(
        "connectivity_catalogue_info",
        (one + 'catalogue="shop",sha256="00ff"', lambda _: 1),
    )
    return "\n".join([*text, "# EOF\n"])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    past = History(tmp_path_factory.mktemp("prometheus"))
    past.remember(samples())
    with past.served() as url:
        yield url


def report(url, *words):
    span = ("--from", f"{_iso(START)}", "--to", f"{_iso(END)}")
    return CliRunner().invoke(main, ["report", "--prometheus", url, *span, *words])


def _iso(at):
    from datetime import UTC, datetime  # noqa: PLC0415 - beside its one use

    return datetime.fromtimestamp(at, UTC).isoformat()


def rows(markdown, heading):
    """The cells of the table below a heading."""
    part = markdown.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [one for one in part.splitlines() if one.startswith("|")][2:]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", one)[1:-1]] for one in lines
    ]


def test_availability_comes_with_its_coverage_and_the_worst_first(server):
    done = report(server)
    assert done.exit_code == 0, done.output
    groups = rows(done.output, "Availability by owner")
    assert [one[0] for one in groups] == ["network", "=cmd()\\|x", "dba"]
    network, _, dba = groups
    assert network[1:] == ["1", "90.017 %", "100 %"]
    # The second exporter was seen for half the time: what it held is not all that could be.
    assert dba[2] == "100 %"
    assert 74 < float(dba[3].split()[0]) < 77


def test_an_incident_has_its_cause_its_owner_and_how_long_it_lasted(server):
    past, lasting = rows(report(server).output, "Incidents")
    assert past[1:] == ["1.1 h", "path", "10.9.2.2", "network", "mail (web)"]
    assert lasting[1:5] == ["lasts", "forbidden_path", "shut", "security"]


def test_the_same_cause_at_two_sites_is_two_incidents():
    def found(instance, site):
        labels = {"cause": "path", "subject": "10.9.2.2", "owner": "network"}
        where = {"source_role": "web", "usage": "mail", "site": site}
        return Series(labels | where | {"instance": instance}, [(60.0, 1.0)])

    seen = [found("a", "north"), found("b", "north"), found("c", "south")]
    assert [one.hurt for one in incidents(seen, end=600, step=60)] == [
        ("mail (web, north)",),
        ("mail (web, south)",),
    ]


def test_what_must_stay_shut_is_attested(server):
    (shut,) = rows(report(server).output, "What must stay shut")
    assert shut[:3] == ["shut", "web", "db.example.org:443/tcp"]
    assert shut[3].startswith("98.")
    assert shut[-1] == "open"


def test_the_requirements_in_force_are_named(server):
    assert rows(report(server).output, "Requirements in force") == [["shop", "00ff"]]


@pytest.mark.parametrize(
    ("by", "first"),
    [("usage", "mail"), ("role", "web"), ("destination", "2001:db8::1")],
)
def test_targets_are_grouped_as_asked(server, by, first):
    assert (
        rows(report(server, "--by", by).output, f"Availability by {by}")[0][0] == first
    )


def test_a_spreadsheet_runs_no_cell(server):
    told = [*csv.DictReader(io.StringIO(report(server, "--format", "csv").output))]
    assert {one["rule"] for one in told} == {"fine", "broken", "shut", "odd"}
    odd = next(one for one in told if one["rule"] == "odd")
    assert odd["owner"] == "'=cmd()|x"
    assert 0 < float(odd["coverage"]) < 0.02


def test_the_page_is_whole_and_loads_nothing(server):
    page = report(server, "--format", "html").output
    assert page.startswith("<!DOCTYPE html>")
    assert "<table>" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_time_without_data_is_told_as_such(server):
    words = ("--from", _iso(START - 86400), "--to", _iso(START - 80000))
    done = CliRunner().invoke(main, ["report", "--prometheus", server, *words])
    assert "Nothing was measured in this time." in done.output
    assert "None was found" in done.output


@pytest.mark.parametrize(
    "words",
    [
        ("--from", "yesterday"),
        ("--from", "now", "--to", "30d"),
        ("--token-file", "missing"),
    ],
)
def test_what_cannot_be_asked_is_refused(words):
    done = CliRunner().invoke(
        main, ["report", "--prometheus", "http://127.0.0.1:1", *words]
    )
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_nobody_there_is_told():
    done = report(f"http://127.0.0.1:{free_port()}")
    assert done.exit_code == 2
    assert "http://127.0.0.1" in done.output


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"hello", "no answer of Prometheus's API"),
        (b"[]", "no answer of Prometheus's API"),
        (b'{"status":"success","data":{"result":[{"metric":{}}]}}', "no answer"),
        (b'{"status":"error","error":"too\\u001b[31m many"}', "too"),
    ],
)
def test_an_answer_that_is_none_is_told(body, said, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    with scripted(answers(head % len(body) + body)) as port:
        done = report(f"http://127.0.0.1:{port}", "--token-file", str(token))
    assert done.exit_code == 2
    assert said in done.output
    assert "\x1b" not in done.output
