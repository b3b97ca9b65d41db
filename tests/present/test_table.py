"""What `check` and `rules` print: findings first, whole names, nothing wider than the window."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from exporter.model.finding import Cause, Finding
from exporter.model.outcome import Icmp, Origin, Reason, Verdict
from exporter.model.rule import Severity
from exporter.monitor.store import Record
from exporter.present.formats import layout, table
from exporter.present.formats.interface import CheckOutcome, Rows
from tests import exposing, make

LONG = "analytics-rocky-rocky-mirrors-https"
HOST = "download.mirrors.packages.example.ac.uk"


def record(result=None, **changes):
    one = Record(make.target(**changes))
    one.add(result or make.result(Verdict.VIOLATED, latency=0.000184))
    return one


def finding(*records, **changes):
    facts = {
        "finding": "path-1",
        "cause": Cause.PATH,
        "subject": "10.9.2.2",
        "since": 1000.0,
        "severity": Severity.CRITICAL,
        "owner": "network",
        "summary": "A firewall (10.9.2.2) refuses what is public.",
        "evidence": ("ICMP 3/13 came from 10.9.2.2.",),
        "counter_evidence": ("11 rules past the same hop hold.",),
        "ask": "Allow this.\nFrom: app\nTo: everywhere",
        "targets": tuple(one.target.key for one in records),
    }
    return Finding(**facts | changes)


@pytest.fixture
def window(monkeypatch):
    """A terminal of so many columns."""

    def opened(width):
        screen = layout.Screen(width, bounded=True)
        monkeypatch.setattr(layout.Screen, "standard", classmethod(lambda _: screen))

    return opened


def test_a_finding_is_told_before_anything_else_with_all_that_it_explains():
    records = [
        *(record(id=f"rule-{i}", source="web") for i in range(20)),
        *(record(id=f"other-{i}", source="batch") for i in range(2)),
        record(make.result(Verdict.HOLDS), id="fine"),
    ]
    told = table.check(CheckOutcome(records, [finding(*records[:-1])])).splitlines()
    assert told == [
        "✗ A firewall (10.9.2.2) refuses what is public.",
        "  explains  22 rules of 2 roles: rule-0, rule-1, rule-2, rule-3 and 18 more",
        "  evidence  ICMP 3/13 came from 10.9.2.2.",
        "  rules out 11 rules past the same hop hold.",
        "  owner     network (critical)",
        "  ask       Allow this.",
        "",
        "23 targets: 1 holds, 22 violated, 0 unknown. More: --all, --format request",
    ]


def test_what_waits_for_a_feed_is_told_apart_from_what_failed():
    records = [record(id=f"rule-{i}") for i in range(22)]
    waiting = [make.target(id=f"mirrors-{i}") for i in range(6)]
    keys = tuple(one.key for one in (*(one.target for one in records), *waiting))
    one = finding(targets=keys, summary="No resolver answers: 22 rules to 20 hosts.")
    outcome = CheckOutcome(records, [one], without_feed=waiting)
    told = table.check(outcome).splitlines()
    assert told[:3] == [
        "✗ No resolver answers: 22 rules to 20 hosts.",
        "  explains  22 rules: rule-0, rule-1, rule-2, rule-3, rule-4, rule-5 and 16 more",
        "            and 6 rules that wait for a feed: mirrors-0, mirrors-1 and 4 more",
    ]
    assert told[-2].startswith("22 targets: 0 holds, 22 violated")
    assert told[-1].startswith("not probed: 6 without")
    alone = finding(targets=keys[-6:], summary="The feed os has never been fetched.")
    [_, explains, *_] = table.check(CheckOutcome([], [alone])).splitlines()
    assert explains.startswith("  explains  6 rules: mirrors-0, mirrors-1")


def test_what_no_finding_explains_is_told_by_itself():
    records = [record(id="folded"), record(id="alone", rows=("C1",), owner="dba")]
    told = table.check(CheckOutcome(records, [finding(records[0])]))
    assert "✗ violated  alone\n  flow      TCP 443 from web" in told
    assert "✗ violated  folded" not in told
    assert "  owner     dba\n  rows      C1\n" in told


def test_what_holds_but_is_told_and_counted():
    concerned = record(exposing.answered(tls=exposing.EXPIRED), probe="https")
    told = table.check(CheckOutcome([concerned]))
    assert told.startswith("✓ holds, but  ")
    assert "its certificate does not verify: it has ended" in told
    assert '1 target: 1 holds, 0 violated, 0 unknown (1 of them "holds, but")' in told
    one = finding(concerned, summary="A certificate ended.", cause=Cause.CERTIFICATE)
    assert table.check(CheckOutcome([concerned], [one])).startswith("! A certificate")


def test_a_finding_of_what_is_only_unknown_is_marked_so():
    doubtful = record(make.result(Verdict.UNKNOWN, reason=Reason.UNTESTED))
    assert table.check(CheckOutcome([doubtful], [finding(doubtful)])).startswith("? A")


def test_a_finding_without_targets_stands_for_itself():
    told = table.check(CheckOutcome([], [finding(owner="", ask="")]))
    assert "explains" not in told
    assert "owner     nobody named (critical)" in told
    assert "ask" not in told


def test_rows_come_on_request():
    records = [record(id="bad"), record(make.result(Verdict.HOLDS), id="good")]
    outcome = CheckOutcome(records)
    heading = "verdict     rule"
    assert heading not in table.check(outcome)
    failed = table.check(dataclasses.replace(outcome, rows=Rows.FAILED))
    everything = table.check(dataclasses.replace(outcome, rows=Rows.ALL))
    assert "✗ violated  bad   web" in failed
    assert "184 µs" in failed
    assert "good" not in failed
    assert "✓ holds     good" in everything


def test_what_was_not_probed_is_counted():
    listed = [make.target(feed="epel"), make.target(feed="epel")]
    outcome = CheckOutcome([], missing=3, without_feed=listed, unset=2)
    assert table.check(outcome).splitlines()[1:] == [
        "not probed: 3 interrupted, 2 without 1 feed, 2 without a value",
    ]
    assert len(table.check(CheckOutcome([])).splitlines()) == 1


def test_a_total_outage_is_told_on_one_screen(window):
    records = [record(id=f"{LONG}-{i}", destination=HOST) for i in range(338)]
    much = "said at some length by whoever was asked of this, and again " * 4
    one = finding(
        *records,
        summary="No answer comes from the resolvers 192.0.2.53 and 192.0.2.54: 338 rules",
        evidence=(much, much, much),
        counter_evidence=(much,),
        ask="Please check these resolvers, and that this host may ask them over UDP and "
        "TCP port 53.\nmore",
    )
    window(80)
    told = table.check(CheckOutcome(records, [one], unset=5, missing=1)).splitlines()
    assert len(told) <= 12
    assert max(map(len, told)) <= 80
    assert sum(line.endswith(" …") for line in told) == 2


def test_a_finding_of_few_targets_is_told_in_full():
    one = record()
    much = "said at some length by whoever was asked of this, and again " * 4
    told = table.check(CheckOutcome([one], [finding(one, evidence=(much, much))]))
    assert "…" not in told
    assert told.count("evidence") == 1


@pytest.mark.parametrize("width", [60, 72, 80, 100, 132, 200])
def test_nothing_is_wider_than_the_window_and_ids_stay_whole(window, width):
    icmp = Icmp(3, 13, "2001:db8:1234:5678:9abc:def0:1234:5678")
    refused = make.result(
        Verdict.VIOLATED, reason=Reason.PROHIBITED, origin=Origin.PATH, icmp=icmp
    )
    records = [
        record(refused, id=LONG, destination=HOST, description="a " * 90),
        record(id="short", destination="2001:db8:1234:5678:9abc:def0:1234:5678"),
        record(make.result(Verdict.HOLDS), id="fine"),
    ]
    found = finding(records[1], summary="Words to be wrapped " * 9)
    window(width)
    told = table.check(CheckOutcome(records, [found], rows=Rows.ALL))
    told += table.rules([one.target for one in records])
    assert max(map(len, told.splitlines())) <= width
    assert told.count(LONG) >= 3
    assert ":443/tcp" in told


def test_a_host_loses_its_middle_before_anything_else_is_lost(window):
    one = record(id="x", destination=HOST)
    window(100)
    (line,) = [
        line
        for line in table.check(CheckOutcome([one], rows=Rows.ALL)).splitlines()
        if "…" in line
    ]
    assert line.endswith("timeout at connect  184 µs")
    assert "✗ violated  x     web   download" in line


def test_a_pipe_gets_whole_columns_whatever_the_window(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    one = record(id=LONG, destination=HOST)
    told = table.check(CheckOutcome([one], rows=Rows.ALL))
    assert f"✗ violated  {LONG}  web   {HOST}:443/tcp  vendor-api  timeout" in told
    assert max(map(len, table.check(CheckOutcome([one])).splitlines())) <= 80


def test_the_screen_is_what_standard_output_is(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "93")
    assert layout.Screen.standard() == layout.Screen(93, bounded=True)


@pytest.mark.parametrize(
    ("place", "room", "told"),
    [
        ("host.example.test:443/tcp", 30, "host.example.test:443/tcp"),
        ("host.example.test:443/tcp", 20, "host.e….test:443/tcp"),
        ("host.example.test:443/tcp", 5, "host.example.test:443/tcp"),
        ("host.example.test", 9, "host…test"),
    ],
)
def test_a_place_keeps_its_port(place, room, told):
    assert layout.shortened(place, room) == told


def test_a_host_in_a_sentence_is_shortened_and_an_id_is_not():
    host, name = "a" * 90 + ".example.test", "b" * 90
    lines = layout.wrapped(f"ask {host}:443/tcp: {name}", "  ", "    ", 60)
    assert lines[0] == "  ask"
    assert lines[1].startswith("    aaaa")
    assert lines[1].endswith(".example.test:443/tcp:")
    assert len(lines[1]) == 60
    assert lines[2] == f"    {name}"
