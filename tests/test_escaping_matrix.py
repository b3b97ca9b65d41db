"""Whatever a string comes from, no medium lets it be more than text.

Every string of a record, wherever it is, is replaced by an evil one, and everything
that shows records is shown it: fields are found by walking the values, formats in their
registry, so neither a new field nor a new format can be forgotten. What comes out must
have the structure that it has with harmless strings.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import logging
import re
import sys
import unicodedata
from html.parser import HTMLParser
from urllib.parse import quote
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as opened,
)
from prometheus_client.parser import text_string_to_metric_families as parsed
from yarl import URL

from exporter.app import change_log
from exporter.cli import logs
from exporter.cli.check import check as check_command
from exporter.cli.exit_codes import fail
from exporter.cli.report import report as report_command
from exporter.config.diagnostics import ConfigError, Problem
from exporter.config.feeds import Feed, FeedFormat, Member
from exporter.http.server import make_app, serve
from exporter.metrics import textfile
from exporter.metrics.text_format import ExpositionFormat
from exporter.model import finding, outcome, rule
from exporter.model.network_path import Hop, Path
from exporter.model.outcome import Conversation, Icmp, Reason, Result, Stage, Verdict
from exporter.monitor.controls import Control
from exporter.monitor.feed_refresh import FeedState
from exporter.present import formats
from exporter.present.formats.interface import CheckOutcome, Traced
from exporter.present.formats.json import findings_text, rule_text, targets_text
from exporter.present.pages import render
from exporter.present.pages.views import Clock
from exporter.report import render as report
from exporter.report.availability import IDENTITY, Group, Incident, Measured
from exporter.report.gather import Report
from tests import exposing, make
from tests.exposing import NOW

EVIL = {
    "escape": "\x1b[2J\x1b]0;pwned\x07",
    "c1": "\x9b2J\x90q\x9c",
    "nul": "a\0b\x7f",
    "bidi": "\u202egnp\u2066.exe\u200f",
    "quotes": "\"'`\\",
    "html": "</td></style><script>alert(1)</script><!-- ]]> &amp; {{7*7}}",
    "attribute": '" onmouseover="alert(1)" x="',
    "formula": "=cmd|' /C calc'!A0",
    "formulas": "\t@SUM(1)",
    "markdown": "| x | [a](javascript:alert) ![b](http://evil.example/) `c` <b> *d*",
    "lines": 'a\nb\r\n# HELP x\nup{} 1\n"}\u2028c\x85d',
    "surrogate": "\ud800 \udcff",
    "long": "=\x1b\n" * 4000,
}
HARMLESS = "x"
_KEPT = {
    ("Rule", "probe"): "a prober's name; any other is refused with the file",
}
"""Strings that never hold anything else, and why."""


def full():
    """A record in which every string that there may be is one."""
    talk = Conversation("sent", "received")
    icmp = Icmp(3, 13, "192.0.2.9")
    seen = make.seen(
        Reason.PROHIBITED,
        Stage.CONNECT,
        detail="ICMP",
        icmp=icmp,
        tls=exposing.tls(),
        via="proxy",
        broken="gateway",
        source_address="192.0.2.7",
        conversation=talk,
        evidence=outcome.Evidence("said", instances=(outcome.Instance("name", 1),)),
    )
    asked = make.rule(
        section="1",
        witness="other",
        owner="somebody",
        tls=rule.TlsPolicy(True, "name", "issuer"),
        rows=("r1", "r2"),
        retired="gone",
        unverifiable="because",
        notes="note",
        feed="list",
        options={"key": "value"},
        usage="local-usage",
        any_of="group",
        when="condition",
        unprovable="because",
    )
    target = rule.Target(asked, "www.example.ac.uk", 443)
    judged = outcome.Judged(seen, Verdict.VIOLATED)
    result = Result(Verdict.VIOLATED, seen, (judged,), 0.1, NOW)
    hop = Hop(1, "192.0.2.1", 0.001)
    path = Path((hop,), 2, Reason.PROHIBITED, "192.0.2.1", 1)
    cause = finding.Finding(
        "id",
        finding.Cause.PATH,
        "192.0.2.1",
        NOW,
        rule.Severity.WARNING,
        "owner",
        "summary",
        ("evidence",),
        ("against",),
        "ask\nthem",
        (target.key,),
    )
    return target, result, path, cause


def planted(value, text, seen):
    """The value with `text` for each of its strings; notes which fields these were."""
    if dataclasses.is_dataclass(value):
        changes = {}
        for field in dataclasses.fields(value):
            if not field.init:  # made of the others
                continue
            at = (type(value).__name__, field.name)
            old = getattr(value, field.name)
            new = old if at in _KEPT else planted(old, text, seen)
            if new != old:
                seen.add(at)
                changes[field.name] = new
        return dataclasses.replace(value, **changes)
    if type(value) is tuple:
        return tuple(planted(one, text, seen) for one in value)
    if type(value) is dict:
        return {key: planted(one, text, seen) for key, one in value.items()}
    return text if type(value) is str else value


@dataclasses.dataclass
class Given:
    """What a medium shows."""

    text: str
    scene: exposing.Scene
    target: rule.Target
    idle: rule.Target
    path: Path
    finding: finding.Finding

    @property
    def records(self):
        return self.scene.store.records()


def given(text):
    """Everything with `text` in it, violated and unknown, probed and not."""
    target, result, path, cause = planted(full(), text, set())
    idle = dataclasses.replace(target, port=444, status=rule.Status.RETIRED)
    unknown = dataclasses.replace(target, port=445)
    holds = dataclasses.replace(target, port=446)
    scene = exposing.Scene(target, idle, unknown, holds)
    scene.store.add(target, result)
    scene.store.add(target, dataclasses.replace(result, finished_timestamp=NOW + 1))
    (record, *_) = scene.store.records()
    record.path = path
    scene.store.add(unknown, dataclasses.replace(result, verdict=Verdict.UNKNOWN))
    scene.store.add(holds, dataclasses.replace(result, verdict=Verdict.HOLDS))
    scene.controls.append(Control(target, True))
    url = "https://lists.example.org/os"
    feed = Feed("feed", text, url, FeedFormat.MIRRORLIST, 9, 600.0)
    scene.feeds.append(FeedState(feed, allow_private=True))
    scene.feeds[0].take_in([Member(text)], NOW - 60)
    scene.feeds[0].take_in([Member("b.example.org")], NOW)
    cause = dataclasses.replace(cause, targets=(target.key, unknown.key))
    return Given(text, scene, target, idle, path, cause)


def test_every_string_of_the_values_is_planted():
    """A new field of a result or a rule must be filled in `full`."""
    seen = set()
    planted(full(), HARMLESS, seen)
    found = set()
    for module in (outcome, rule, finding):
        for kind in vars(module).values():
            made = isinstance(kind, type) and dataclasses.is_dataclass(kind)
            if made and kind.__module__ == module.__name__:
                hints = {field.name: field.type for field in dataclasses.fields(kind)}
                found |= {
                    (kind.__name__, name)
                    for name, hint in hints.items()
                    if re.search(r"\bstr\b|\bAny\b", hint)
                }
    assert found - set(_KEPT) <= seen


# What must be true of a medium, whatever is in it; with harmless strings it is the
# structure that evil ones may not change.


def orderless(text):
    """Nothing that a terminal obeys or hides."""
    for char in text:
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs"), (
            f"{char!r} in {text[:2000]!r}"
        )
    text.encode("utf-8")


def some_json(text):
    orderless(text)
    assert text.isascii()

    def shape(value):
        if isinstance(value, dict):
            return {key: shape(one) for key, one in value.items()}
        return [shape(one) for one in value] if isinstance(value, list) else type(value)

    return shape(json.loads(text))


def a_csv(text):
    orderless(text)
    rows = list(csv.reader(io.StringIO(text), strict=True))
    for cell in (cell for row in rows for cell in row):
        number = re.fullmatch(r"[-+]?[\d.e-]+", cell)
        assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return [len(row) for row in rows]


def some_xml(text):
    orderless(text)
    root = ET.fromstring(text)  # noqa: S314 - our own
    return [(one.tag, sorted(one.attrib)) for one in root.iter()]


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, [name for name, _ in attributes]))
        for name, value in attributes:
            if name in ("href", "src", "action"):
                assert not (value or "").lower().startswith(("javascript:", "data:"))

    def handle_endtag(self, tag):
        self.found.append(tag)

    def handle_comment(self, data):
        self.found.append("comment")


def a_page(text):
    orderless(text)
    tags = _Tags()
    tags.feed(text)
    return tags.found


def some_markdown(text):
    orderless(text)
    lines = text.splitlines()
    drawn = MarkdownIt("commonmark").enable("table").render(text)
    return len(lines), a_page(drawn)


def an_exposition(parse):
    def check(text):
        # Prometheus takes any UTF-8; a line feed in a label is written as an escape.
        orderless(text)
        return [
            (sample.name, sorted(sample.labels))
            for family in parse(text)
            for sample in family.samples
            if sample.name.startswith("connectivity_rule")
        ]

    return check


def some_lines(text):
    orderless(text)
    return text.count("\n")


CHECKS = {
    "table": orderless,
    "json": some_json,
    "csv": a_csv,
    "junit": some_xml,
    "markdown": some_markdown,
    "request": orderless,  # an ask has lines of its own
}
"""By the name of a format: one that is new needs one."""
HANDED = {
    "CHECK": lambda given: CheckOutcome(
        given.records, [given.finding], [given.target], 1
    ),
    "RULES": lambda given: [given.target, given.idle],
    "TRACE": lambda given: [
        Traced(given.target, {"192.0.2.1": given.path}),
        Traced(given.target, error=given.text),
    ],
}
"""By the name of a registry of formats: what its formats are handed."""
REGISTRIES = {
    name: formats_of
    for name, formats_of in vars(formats).items()
    if name.isupper() and isinstance(formats_of, dict)
}


def rendered(registry, name):
    async def render_it(given):
        return REGISTRIES[registry][name](HANDED[registry](given))

    return render_it


async def joined(chunks):
    return b"".join([chunk async for chunk in chunks]).decode()


async def targets_json(given):
    return await joined(targets_text(given.records))


async def rule_json(given):
    return await joined(rule_text([given.target, given.idle], given.records))


async def findings_json(given):
    return await joined(findings_text([given.finding]))


async def overview(given):
    wanted = render.Filter(text=f"none of {given.text[:90]}")
    targets = [given.target, given.idle]
    everything = render.Filter()
    return "".join(
        [
            await render.overview(
                given.records,
                targets,
                which,
                Clock(NOW),
                given.scene.controls,
                [given.finding],
                feeds=given.scene.feeds,
            )
            for which in (everything, wanted)
        ]
    )


async def rule_page(given):
    return await render.rule(
        [given.target, given.idle], given.records, Clock(NOW), [given.finding]
    )


def exposition(form):
    async def scraped(given):
        return await given.scene.scrape(form)

    return scraped


async def one_round_file(given):
    scene = given.scene
    return textfile.exposition(given.records, [given.finding], scene.sources)


def reported(render_it):
    """A report in which every string that Prometheus may have answered is evil."""
    one = Measured(
        dict.fromkeys([*IDENTITY, "owner", "severity", "expect"], "x"), 1, 2, 3, False
    )
    group = Group("x", (one,))
    incident = Incident(NOW, None, "x", "x", "x", ("x",))
    whole = Report(
        0.0, NOW, 60.0, "owner", (group,), (incident,), (one,), (("x", "x"),)
    )

    async def show(given):
        # Of what targets are grouped by there is a closed list.
        evil = planted(whole, given.text, set())
        return render_it(dataclasses.replace(evil, by="owner"))

    return show


async def log(given):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs._Visible("%(levelname)s %(message)s"))
    change_log.logger.addHandler(handler)
    try:
        changes = change_log.ChangeLog()
        for record in given.records:
            changes.hear(record)
    finally:
        change_log.logger.removeHandler(handler)
    return stream.getvalue()


async def problem_lines(given):
    return str(ConfigError([Problem(given.text, 1, given.text, given.text)]))


async def last_words(given):
    said, sys.stderr = sys.stderr, io.StringIO()
    try:
        with pytest.raises(SystemExit):
            fail(given.text.replace("\n", " "))
        return sys.stderr.getvalue()
    finally:
        sys.stderr = said


MEDIA = {
    f"{registry.lower()}-{name}": (rendered(registry, name), CHECKS[name])
    for registry, names in REGISTRIES.items()
    for name in names
} | {
    "api-targets": (targets_json, some_json),
    "api-rule": (rule_json, some_json),
    "api-findings": (findings_json, some_json),
    "overview": (overview, a_page),
    "rule-page": (rule_page, a_page),
    "text": (exposition(ExpositionFormat.TEXT), an_exposition(parsed)),
    "openmetrics": (exposition(ExpositionFormat.OPENMETRICS), an_exposition(opened)),
    "check-prometheus": (one_round_file, an_exposition(parsed)),
    "log": (log, some_lines),
    "report-markdown": (reported(report.markdown), some_markdown),
    "report-html": (reported(report.html_page), a_page),
    "report-csv": (reported(report.csv), a_csv),
    "problems": (problem_lines, some_lines),
    "last-words": (last_words, some_lines),
}
ROUTES = {
    "/": "overview",
    "/metrics": "text",
    "/rules/{rule}": "rule-page",
    "/api/v1/targets": "api-targets",
    "/api/v1/findings": "api-findings",
    "/api/v1/rules/{rule}": "api-rule",
    # These say the same to everybody, or repeat problem lines.
    "/-/healthy": None,
    "/-/ready": None,
    "/-/reload": "problems",
    "/api/v1/rules/{rule}/probe": None,
}
"""The medium behind each route; a new one needs one."""


def test_every_route_has_its_medium():
    app = make_app(exposing.populated().parts())
    routes = {route.resource.canonical for route in app.router.routes()}
    assert routes == set(ROUTES)
    assert {*filter(None, ROUTES.values())} <= set(MEDIA)


def test_every_format_of_a_check_is_a_medium():
    (option,) = (one for one in check_command.params if one.name == "form")
    assert {f"check-{name}" for name in option.type.choices} <= set(MEDIA)


def test_every_format_of_a_report_is_a_medium():
    (option,) = (one for one in report_command.params if one.name == "form")
    assert {f"report-{name}" for name in option.type.choices} <= set(MEDIA)


@pytest.mark.parametrize("evil", EVIL)
async def test_what_a_client_says_is_repeated_to_nobody(evil, caplog):
    """But for the filter of a page, which is a source of its own above."""
    caplog.set_level(logging.DEBUG)
    text = EVIL[evil].encode("utf-8", "surrogatepass")[:2000]
    name = quote(text, safe="")
    async with (
        serve(exposing.populated().parts(), "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        for path in (
            f"/rules/{name}",
            f"/api/v1/rules/{name}",
            f"/{name}",
            f"/api/v1/targets?{name}",
        ):
            url = URL(path, encoded=True)
            async with client.get(url, headers={"Accept": name}) as answer:
                said = await answer.read()
            assert text not in said
            assert not any(name in value for value in answer.headers.values())
    assert name not in caplog.text


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("medium", MEDIA)
async def test_no_string_is_more_than_text(medium, evil):
    show, check = MEDIA[medium]
    text = await show(given(EVIL[evil]))
    assert check(text) == check(await show(given(HARMLESS)))
