from __future__ import annotations

import dataclasses
import platform
import re
import time
from html.parser import HTMLParser

import pytest

from exporter.config.feeds import Feed, FeedFormat, Member
from exporter.model.finding import Cause, Finding
from exporter.model.outcome import Conversation, Reason, Stage, Verdict
from exporter.model.rule import Severity, Status
from exporter.model.tls_facts import TlsError
from exporter.monitor.controls import Control
from exporter.monitor.feed_refresh import FeedState
from exporter.present.humanize import moment, span
from exporter.present.pages import render, views
from exporter.present.pages.views import Clock
from tests import exposing, make
from tests.exposing import NOW, Scene

HOSTILE = "<script>alert('x')</script>\"&'"
VOID = {"meta", "br", "input"}
CLOCK = Clock(NOW, lambda _target: 17.0)


class Page(HTMLParser):
    """Checks that elements nest, and keeps texts by the element they stand in."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.tags = set()
        self.attributes = []
        self.texts = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def of(self, tag):
        return [text for where, text in self.texts if where == tag]

    def links(self):
        return [value for name, value in self.attributes if name == "href"]


async def test_feeds_stand_on_the_status_page_with_what_changed_last():
    url = "https://lists.example.org/os"
    never, failing, old = (
        FeedState(
            Feed(name, name.upper(), url, FeedFormat.GITHUB_META, 1, 600.0), False
        )
        for name in ("never", "failing", "old")
    )
    failing.failures = 1
    old.take_in([Member("a.example.org"), Member("b.example.org")], CLOCK.now - 7200)
    text = await render.overview(
        (), (), render.Filter(), CLOCK, feeds=[never, failing, old]
    )
    told = " ".join(text for _, text in Page(text).texts)
    assert "never (NEVER) is being fetched; failing (FAILING) could not be" in told
    assert "old (OLD): 1 of 2 members in force, fetched 2 h ago." in told
    old.take_in([Member("b.example.org")], CLOCK.now - 60)
    text = await render.overview((), (), render.Filter(), CLOCK, feeds=[old])
    assert "came: b.example.org; gone: a.example.org" in text
    assert "Feeds" not in await render.overview((), (), render.Filter(), CLOCK)


async def test_controls_stand_on_the_status_page_with_what_they_do():
    controls = [
        Control(make.target(destination="192.0.2.1"), said)
        for said in (True, False, None)
    ]
    text = await render.overview((), (), render.Filter(), CLOCK, controls)
    told = " ".join(text for _, text in Page(text).texts)
    assert (
        "192.0.2.1:443/tcp ✗ answers: a bare TCP handshake proves nothing here" in told
    )
    assert "✓ does not answer" in told
    assert "? not looked at yet" in told
    without = await render.overview((), (), render.Filter(), CLOCK)
    assert "ontrol" not in without


async def test_a_shard_says_that_it_is_a_part_and_lists_no_others_work():
    others = [
        dataclasses.replace(make.target(destination=f"h{n}"), status=Status.OTHER_SHARD)
        for n in range(3)
    ]
    text = await render.overview((), others, render.Filter(), CLOCK, shard="2/5")
    told = " ".join(text for _, text in Page(text).texts)
    assert "This is shard 2/5 of its roles: 3 targets of other shards are" in told
    assert "Not probed from here" not in told
    assert "shard" not in await render.overview((), (), render.Filter(), CLOCK)
    text = await render.rule(others[:1], [], CLOCK, shard="2/5")
    assert ", shard 2/5" in text
    page = Page(text)
    assert "h0:443/tcp: probed by another shard" in page.of("p")


async def overview(scene, **wanted):
    text = await render.overview(
        scene.store.records(), scene.all_targets, render.Filter.of(wanted), CLOCK
    )
    return Page(text)


def shown(page):
    """Rule ids in the order of the table."""
    return [link[7:] for link in page.links() if link.startswith("/rules/")]


async def test_the_overview_lists_the_worst_first_and_the_idle_apart():
    page = await overview(exposing.populated())
    assert page.of("h1") == ["1 of 5 violated"]
    assert shown(page)[0] == "database"
    assert set(shown(page)[1:3]) == {"dark", "new"}
    assert set(shown(page)[3:5]) == {"api", "closed"}
    assert shown(page)[5:] == ["unset", "retired"]
    cells = page.of("td")
    assert "its placeholder has no value here" in cells
    assert "retired: switched off in 2024" in cells


async def test_a_row_says_what_was_seen_where_and_since_when():
    page = await overview(exposing.populated(), verdict="violated")
    cells = page.of("td") + page.of("span")
    for text in (
        "violated",
        "sql.example.ac.uk:1433/tcp",
        "A firewall said that this traffic is prohibited.",
        "connect, 192.0.2.1, a device on the path (10.9.2.2)",
        "10 s",
        "10 s ago",
        "in 17 s",
    ):
        assert text in cells
    assert shown(page) == ["database", "unset", "retired"]


async def test_a_row_says_how_grave_it_is_and_whose():
    target = make.target(owner="dba", severity=Severity.CRITICAL)
    page = await overview(Scene(target))
    assert "critical, dba" in page.of("span")


async def test_a_rules_page_says_what_was_seen_before_what_the_rule_is():
    page = await rule_page(exposing.populated(), "database")
    said = [text for _, text in page.texts]
    seen = said.index("A firewall said that this traffic is prohibited.")
    assert seen < said.index("The rule") < said.index("Source role")


async def test_severity_breaks_ties_between_equal_verdicts():
    targets = [
        make.target(id=severity, severity=severity) for severity in reversed(Severity)
    ]
    scene = Scene(*targets)
    for target in targets:
        scene.store.add(target, exposing.prohibited())
    assert shown(await overview(scene)) == ["critical", "warning", "info"]


async def test_the_matrix_counts_by_role_and_usage():
    page = await overview(exposing.populated())
    assert "✗ 1 ? 2 ✓ 2" in page.of("a")
    assert "?role=web&usage=vendor-api" in page.links()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"role": "web"}, 5),
        ({"role": "nobody"}, 0),
        ({"usage": "vendor-api"}, 5),
        ({"usage": "mail"}, 0),
        ({"verdict": "unknown"}, 2),
        ({"text": "SQL.example"}, 1),
        ({"text": "dark"}, 1),
        ({"verdict": "holds", "text": "api.example"}, 1),
        ({"text": "10.9.2.2"}, 2),
        ({"text": "traffic is prohibited"}, 2),
        ({"text": "cn=example ca"}, 1),
        ({"verdict": "holds, but"}, 0),
        ({"verdict": "certificate ends within 30 days"}, 0),
    ],
)
async def test_the_table_can_be_filtered(wanted, expected):
    page = await overview(exposing.populated(), **wanted)
    assert f"{expected} of 5 targets, worst first" in page.of("caption")
    assert len(shown(page)) - 2 == expected
    assert ("No target matches." in page.of("td")) is (expected == 0)


async def test_a_long_table_is_paged_and_keeps_the_filter():
    scene = Scene(*(make.target(id=f"rule-{i}") for i in range(250)))
    first = await overview(scene, role="web")
    assert "250 of 250 targets, worst first; page 1 of 3" in first.of("caption")
    assert "?role=web&page=2#targets" in first.links()
    assert not [link for link in first.links() if "page=0" in link]
    last = await overview(scene, role="web", page="3")
    assert shown(last) == [f"rule-{i}" for i in range(200, 250)]
    assert "?role=web&page=2#targets" in last.links()
    for odd in ("0", "-1", "x", "", "²", "9" * 5000):
        page = await overview(scene, page=odd)
        assert len(shown(page)) in (100, 50)


@pytest.mark.parametrize(
    ("verdicts", "headline"),
    [
        ([], "Nothing is probed from here"),
        ([Verdict.HOLDS, Verdict.HOLDS], "All 2 hold"),
        ([Verdict.HOLDS, Verdict.UNKNOWN], "None violated, 1 of 2 unknown"),
        ([Verdict.VIOLATED, Verdict.UNKNOWN], "1 of 2 violated"),
    ],
)
async def test_the_headline_answers_whether_anything_is_broken(verdicts, headline):
    targets = [make.target(id=f"rule-{i}") for i in range(len(verdicts))]
    scene = Scene(*targets)
    for target, verdict in zip(targets, verdicts, strict=True):
        scene.store.add(target, make.result(verdict))
    assert (await overview(scene)).of("h1") == [headline]


def hostile_scene():
    target = make.target(
        id="hostile",
        description=HOSTILE,
        source=HOSTILE,
        owner=HOSTILE,
        section=HOSTILE,
        notes=HOSTILE,
    )
    target = dataclasses.replace(target, destination=HOSTILE)
    scene = Scene(target)
    facts = exposing.tls(subject=HOSTILE, issuer=HOSTILE, error=TlsError.NAME_MISMATCH)
    scene.store.add(target, exposing.answered(tls=facts, detail=HOSTILE))
    return scene


async def test_hostile_texts_are_shown_and_never_run():
    scene = hostile_scene()
    for page in (
        await overview(scene, text=HOSTILE, role=HOSTILE),
        await overview(scene),
        await rule_page(scene, "hostile"),
    ):
        assert "script" not in page.tags
        assert "alert" in "".join(text for _, text in page.texts)
        assert not [name for name, _ in page.attributes if name.startswith("on")]


async def test_pages_load_nothing_from_elsewhere():
    scene = exposing.populated()
    for page in (await overview(scene), await rule_page(scene, "database")):
        assert not page.tags & {"script", "link", "img", "iframe", "object"}
        assert all(link.startswith(("/", "?", "#")) for link in page.links())
        (style,) = page.of("style")
        assert "url(" not in style
        assert "@import" not in style


async def rule_page(scene, rule):
    targets = [target for target in scene.all_targets if target.rule.id == rule]
    return Page(await render.rule(targets, scene.store.of_rule(rule), CLOCK))


async def test_the_page_of_a_rule_says_what_to_ask_for_and_its_history():
    page = await rule_page(exposing.populated(), "database")
    assert page.of("strong") == [
        "Ask the firewall team to allow TCP 1433 from web to sql.example.ac.uk."
    ]
    assert page.of("code").count("ICMP 3/13 from 10.9.2.2") == 2
    assert page.of("caption") == ["Addresses, last round", "History, latest first"]
    states = [text for text in page.of("span") if text in ("violated", "holds")]
    assert states == ["violated", "violated", "violated", "holds"]
    assert ("action", "/api/v1/rules/database/probe") in page.attributes


async def test_the_page_of_a_rule_shows_the_certificate():
    page = await rule_page(exposing.populated(), "api")
    for text in ("CN=web.example.ac.uk", "CN=Example CA", "verifies, root: public"):
        assert text in page.of("dd")
    assert page.of("strong") == []


async def test_nothing_is_asked_for_where_a_denied_rule_holds():
    page = await rule_page(exposing.populated(), "closed")
    assert "holds" in page.of("span")
    assert page.of("strong") == []


async def test_the_page_of_a_rule_not_probed_yet_says_so():
    page = await rule_page(exposing.populated(), "new")
    assert "not probed yet" in page.of("span")
    assert "never" in page.of("dd")
    assert page.of("caption") == []


async def test_the_page_of_an_idle_rule_says_why_and_offers_no_probe():
    page = await rule_page(exposing.populated(), "unset")
    assert "192.0.2.1:443/tcp: its placeholder has no value here" in page.of("p")
    assert "form" not in page.tags


async def test_every_reason_and_status_can_be_shown():
    scene = Scene(make.target())
    target = scene.all_targets[0]
    for reason in Reason:
        for stage in Stage:
            verdict = Verdict.HOLDS if reason is Reason.ANSWERED else Verdict.VIOLATED
            scene.store.add(target, make.result(verdict, reason=reason, stage=stage))
            view = views.view(scene.store.records()[0], CLOCK)
            assert view.row.seen
            assert view.row.verdict == verdict
    assert (await rule_page(scene, "web-api")).of("h1") == ["web-api"]
    for status in set(Status) - {Status.ACTIVE}:
        assert views.idle_row(dataclasses.replace(target, status=status)).why


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "30 d left"),
        ({"expiry_timestamp": NOW + 7200.0}, "2 h left"),
        (
            {"expiry_timestamp": NOW - 300.0, "error": TlsError.EXPIRED},
            "expired 5 min ago",
        ),
        ({"error": TlsError.SELF_SIGNED}, "30 d left, self signed"),
        ({"intercepted": True}, "30 d left, intercepted"),
    ],
)
def test_a_certificate_is_summed_up(changes, expected):
    scene = Scene(make.target())
    facts = exposing.tls(**changes)
    scene.store.add(scene.all_targets[0], exposing.answered(tls=facts))
    assert views.row(scene.store.records()[0], CLOCK).certificate == expected


def test_spans_and_moments_are_read_at_a_glance():
    seconds = (-1, 0, 119, 120, 7199, 7200, 172799, 172800)
    assert [span(s) for s in seconds] == (
        ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]
    )
    assert moment(NOW) == "2026-05-28 20:26:40 UTC"
    assert moment(None) == ""
    assert moment(1e15) == "1000000000000000"


def test_the_policy_allows_our_style_and_nothing_else():
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; "
        r"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        render.CONTENT_SECURITY_POLICY,
    )


async def test_the_page_of_a_failure_shows_what_was_said():
    target = make.target()
    scene = exposing.Scene(target)
    talk = Conversation(r"EHLO app\r\n", "<b>no</b>")
    scene.store.add(target, make.result(Verdict.VIOLATED, conversation=talk, heard=9))
    page = await rule_page(scene, "web-api")
    assert r"EHLO app\r\n" in page.of("dd")
    assert "<b>no</b>" in page.of("dd")


async def test_a_page_says_where_and_when_it_was_drawn_and_does_so_anew():
    scene = exposing.populated()
    page = await overview(scene, role="web")
    assert platform.node() in page.of("b")
    assert page.of("title") == [f"1 of 5 violated · {platform.node()} · connectivity"]
    assert page.of("time") == [moment(NOW)]
    assert ("http-equiv", "refresh") in page.attributes
    assert "?role=web&refresh=off&page=1" in page.links()
    stopped = await overview(scene, role="web", refresh="off")
    assert ("http-equiv", "refresh") not in stopped.attributes
    assert "?role=web&page=1" in stopped.links()
    assert ("value", "off") in stopped.attributes


async def test_the_keyboard_gets_past_the_head_at_once():
    page = await overview(exposing.populated())
    assert page.links()[0] == "#main"
    assert {"main", "header"} <= page.tags
    assert ("id", "main") in page.attributes


async def test_certificates_and_what_holds_but_are_counted_and_can_be_filtered():
    targets = [make.target("https", id=name) for name in ("fine", "ended", "ending")]
    scene = Scene(*targets)
    soon = exposing.tls(expiry_timestamp=NOW + 86400 * 5)
    facts = (exposing.tls(expiry_timestamp=NOW + 86400 * 60), exposing.EXPIRED, soon)
    for target, one in zip(targets, facts, strict=True):
        scene.store.add(target, exposing.answered(tls=one))
    page = await overview(scene)
    assert page.of("h1") == ["All 3 hold, 1 of them with a concern"]
    for text in ("holds: 3", "holds, but: 1", "certificate ends within 30 days: 2"):
        assert text in page.of("a")
    assert shown(await overview(scene, verdict="holds, but")) == ["ended"]
    ending = await overview(scene, verdict="certificate ends within 30 days")
    assert shown(ending) == ["ended", "ending"]
    assert shown(page)[0] == "ended"
    assert "holds, but" in page.of("span")
    rules_own = await rule_page(scene, "ended")
    assert "its certificate does not verify: it has ended" in rules_own.of("dd")


@pytest.mark.parametrize(
    ("host", "together"),
    [
        ("a.test", "a.test:443/tcp"),
        ("a" * 60 + ".files.core.example.com", ".files.core.example.com:443/tcp"),
    ],
)
async def test_a_port_is_never_parted_from_its_host(host, together):
    page = await overview(Scene(make.target(destination=host)))
    assert any(text.endswith(together) for text in page.of("span"))


def finding(*targets, **changes):
    facts = {
        "finding": "resolver-1",
        "cause": Cause.RESOLVER,
        "subject": "192.0.2.53",
        "since": NOW - 600,
        "severity": Severity.CRITICAL,
        "owner": "dns",
        "summary": "No resolver answers.",
        "evidence": ("192.0.2.53 is silent over UDP.",),
        "counter_evidence": ("2 rules by address hold.",),
        "ask": "Please look at the resolvers.\nFrom: app",
        "targets": tuple(target.key for target in targets),
    }
    return Finding(**facts | changes)


async def test_findings_come_first_with_all_that_is_known_and_group_the_targets():
    scene = exposing.populated()
    database = scene.store.of_rule("database")[0].target
    text = await render.overview(
        scene.store.records(),
        scene.all_targets,
        render.Filter(),
        CLOCK,
        findings=[finding(database)],
    )
    page = Page(text)
    said = [text for _, text in page.texts]
    assert page.of("h1") == ["1 finding: 1 of 5 violated"]
    for told in (
        *("10 min", "dns", "192.0.2.53 is silent over UDP.", "1 target: database"),
        "2 rules by address hold.",
    ):
        assert any(told in one for one in said)
    assert page.of("pre") == ["Please look at the resolvers.\nFrom: app"]
    assert said.index("No resolver answers.") < said.index("Targets")
    grouped = [one for one in page.of("th") if one.endswith((".", "itself", "order"))]
    assert grouped == ["No resolver answers.", "Unknown, by itself", "In order"]
    assert "?finding=resolver-1#targets" in page.links()
    assert 'id="finding-resolver-1"' in text
    filtered = await render.overview(
        scene.store.records(),
        scene.all_targets,
        render.Filter.of({"finding": "resolver-1"}),
        CLOCK,
        findings=[finding(database)],
    )
    assert shown(Page(filtered))[0] == "database"
    assert "1 of 5 targets, worst first" in Page(filtered).of("caption")


async def test_more_findings_than_a_page_holds_are_counted():
    scene = exposing.populated()
    found = [finding(finding=f"f{index}") for index in range(23)]
    text = await render.overview(
        scene.store.records(), scene.all_targets, render.Filter(), CLOCK, (), found
    )
    assert text.count('class="finding') == 20
    assert "3 more findings" in text


async def test_a_rules_page_shows_its_finding_and_no_other():
    scene = exposing.populated()
    targets = [t for t in scene.all_targets if t.rule.id == "database"]
    found = [finding(*targets), finding(summary="Another.", finding="f2")]
    text = await render.rule(targets, scene.store.of_rule("database"), CLOCK, found)
    page = Page(text)
    assert "No resolver answers." in page.of("h3")
    assert "Another." not in text
    assert ("open", None) in page.attributes


async def test_thousands_of_targets_are_searched_and_drawn_in_a_second():
    targets = [make.target(id=f"rule-{i}") for i in range(3000)]
    scene = Scene(*targets)
    for target in targets:
        scene.store.add(target, exposing.prohibited())
    begun = time.process_time()
    page = await overview(scene, text="10.9.2.2", verdict="violated")
    assert time.process_time() - begun < 2
    assert "3000 of 3000 targets, worst first; page 1 of 30" in page.of("caption")


async def test_a_rules_page_says_where_this_host_sends_from():
    scene = exposing.populated()
    targets = [t for t in scene.all_targets if t.rule.id == "database"]
    records = scene.store.of_rule("database")
    towards = {"192.0.2.1": "10.20.0.11"}.get
    page = Page(await render.rule(targets, records, CLOCK, (), towards))
    assert "10.20.0.11" in page.of("dd")
    assert "Sent from" not in (await rule_page(scene, "database")).of("dt")
