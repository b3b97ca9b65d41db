from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.config.feeds import Feed, FeedFormat, Member
from exporter.config.sharding import Shard
from exporter.metrics import (
    exporter_families,
    samples,
    target_families,
    telemetry,
    textfile,
)
from exporter.metrics.exposition import CHUNK, HELD, STEP
from exporter.metrics.labels import COMMON_LABELS, MAX_LABEL
from exporter.metrics.sources import Sources
from exporter.metrics.telemetry import Telemetry
from exporter.metrics.text_format import ExpositionFormat
from exporter.model.ledger import Fate, Requirement, ledger_of
from exporter.model.maintenance import Maintenance
from exporter.model.network_path import Hop, Path
from exporter.model.outcome import Evidence, Judged, Reason, Result, Stage, Verdict
from exporter.model.rule import Expect, Target, Transport
from exporter.model.tls_facts import Trust
from exporter.monitor.controls import Control
from exporter.monitor.feed_refresh import FeedState
from tests import exposing, make
from tests.exposing import NOW, Scene

HOSTILE = 'a"b\\c\nd\u2028é\ud800' + "x" * 1000
LABELS = (
    'rule="web-api",source_role="web",destination="192.0.2.1",port="443",'
    'protocol="tcp",usage="vendor-api"'
)


def told(lines):
    """Lines without the labels that all of these tests' series share."""
    short = (line.removeprefix("connectivity_rule_") for line in lines)
    return [line.replace(LABELS + ",", "").replace(LABELS, "") for line in short]


async def scene_after(*results, **rule):
    target = make.target(**rule)
    scene = Scene(target)
    for result in results:
        scene.store.add(target, result)
    return scene


async def test_a_target_has_its_description_and_counters_from_the_start():
    scene = await scene_after(owner="network", section="Outbound")
    assert told(await scene.lines()) == [
        "probe_attempts_total{} 0",
        "probes_total{} 0",
        "probe_failures_total{} 0",
        (
            'info{probe="tcp",expect="allow",severity="warning",owner="network",'
            'catalogue="test",section="Outbound",description="API of the vendor",public="",via="",finding=""} 1'
        ),
    ]


async def test_an_answer_is_told_in_full():
    scene = await scene_after(exposing.answered())
    assert told(await scene.lines())[:-1] == [
        "reachable{} 1",
        "satisfied{} 1",
        "latency_seconds{} 0.012300",
        'phase_duration_seconds{phase="resolve"} 0.000500',
        'phase_duration_seconds{phase="connect"} 0.012500',
        'addresses{state="reachable"} 1',
        'addresses{state="unreachable"} 0',
        'addresses{state="untested"} 0',
        "syn_retransmits{} 0",
        "probe_attempts_total{} 1",
        "probes_total{} 1",
        "probe_failures_total{} 0",
        "last_probe_timestamp_seconds{} 1779999990.000",
        "last_success_timestamp_seconds{} 1779999990.000",
        "state_change_timestamp_seconds{} 1779999990.000",
    ]


async def test_a_failure_says_stage_reason_and_origin_and_keeps_the_answered_phases():
    scene = await scene_after(exposing.answered(NOW - 70), exposing.prohibited())
    assert told(await scene.lines())[:-1] == [
        "reachable{} 0",
        "satisfied{} 0",
        'failure{stage="connect",reason="prohibited",origin="path"} 1',
        'phase_duration_seconds{phase="resolve"} 0.000500',
        'phase_duration_seconds{phase="connect"} 0.012500',
        'addresses{state="reachable"} 0',
        'addresses{state="unreachable"} 1',
        'addresses{state="untested"} 0',
        "probe_attempts_total{} 2",
        "probes_total{} 2",
        "probe_failures_total{} 1",
        "last_probe_timestamp_seconds{} 1779999990.000",
        "last_success_timestamp_seconds{} 1779999930.000",
        "state_change_timestamp_seconds{} 1779999990.000",
    ]


async def test_phases_are_kept_through_failures_between_scrapes_too():
    scene = await scene_after(exposing.answered(NOW - 70))
    before = await scene.lines("connectivity_rule_phase_duration_seconds")
    target = scene.all_targets[0]
    failed = exposing.prohibited(phases={Stage.RESOLVE: 0.7})
    scene.store.add(target, failed)
    assert await scene.lines("connectivity_rule_phase_duration_seconds") == before
    slower = {Stage.RESOLVE: 0.0, Stage.CONNECT: 1e-7}
    scene.store.add(target, exposing.answered(phases=slower))
    after = await scene.lines("connectivity_rule_phase_duration_seconds")
    assert [line.rpartition(" ")[2] for line in after] == ["0.000000", "0.000000"]


async def test_a_deny_rule_is_satisfied_by_what_does_not_reach_it():
    denied = exposing.prohibited(Verdict.HOLDS)
    scene = await scene_after(denied, expect=Expect.DENY)
    assert told(await scene.lines())[:3] == [
        "reachable{} 0",
        "satisfied{} 1",
        'failure{stage="connect",reason="prohibited",origin="path"} 1',
    ]


@pytest.mark.parametrize("reason", [Reason.UNTESTED, Reason.LOCAL_FAULT, Reason.BUG])
async def test_what_proves_nothing_is_neither_reachable_nor_satisfied(reason):
    seen = make.result(Verdict.UNKNOWN, at=NOW, reason=reason)
    scene = await scene_after(seen)
    assert told(await scene.lines())[:-1] == [
        f'failure{{stage="connect",reason="{reason}",origin=""}} 1',
        'addresses{state="reachable"} 0',
        'addresses{state="unreachable"} 0',
        'addresses{state="untested"} 1',
        "probe_attempts_total{} 1",
        "probes_total{} 0",
        "probe_failures_total{} 0",
        "last_probe_timestamp_seconds{} 1780000000.000",
        "state_change_timestamp_seconds{} 1780000000.000",
    ]


PATH = Path((Hop(1, "10.9.1.1"), Hop(2, "10.9.2.2")), 3, Reason.REFUSED, "10.9.2.2", 2)


async def test_how_far_whoever_answered_is_is_told_by_itself_or_by_the_trace():
    target = make.target()
    scene = Scene(target)
    scene.store.add(target, exposing.prohibited())
    assert not [x for x in told(await scene.lines()) if x.startswith("answer_hops")]
    scene.store.add_path(target, PATH)
    assert "answer_hops{} 3" in told(await scene.lines())
    scene.store.add(target, make.result(reason=Reason.ANSWERED, answer_hops=5))
    assert "answer_hops{} 5" in told(await scene.lines())


async def test_a_trace_of_a_failure_is_told_until_the_failure_ends():
    target = make.target()
    scene = Scene(target)
    scene.store.add(target, exposing.prohibited())
    await scene.scrape()
    scene.store.add_path(target, PATH)
    lines = told(await scene.lines())
    assert "path_hops{} 3" in lines
    assert 'path_break_info{last_hop="10.9.2.2",ttl="2"} 1' in lines
    scene.store.add(target, exposing.answered())
    assert not [line for line in told(await scene.lines()) if "path" in line]
    scene.store.add_path(target, PATH)
    assert not [line for line in told(await scene.lines()) if "path" in line]


async def test_a_trace_is_not_another_probe():
    target = make.target()
    scene = Scene(target)
    scene.store.add(target, exposing.prohibited())
    scene.store.add_path(target, PATH)
    text = await scene.scrape()
    (count,) = re.findall(
        r"^connectivity_probe_duration_seconds_count.* (\d+)", text, re.MULTILINE
    )
    assert count == "1"


async def test_silence_at_the_last_hop_has_no_answering_hop():
    target = make.target()
    scene = Scene(target)
    scene.store.add(target, exposing.prohibited())
    scene.store.add_path(target, Path((), None, None, "", 0))
    lines = told(await scene.lines())
    assert 'path_break_info{last_hop="",ttl="0"} 1' in lines
    assert not [line for line in lines if line.startswith("path_hops")]


async def test_an_unverifiable_rule_may_be_reachable_but_is_never_satisfied():
    seen = exposing.answered(verdict=Verdict.UNKNOWN)
    scene = await scene_after(seen, unverifiable="nothing answers there")
    lines = told(await scene.lines())
    assert "reachable{} 1" in lines
    assert "probes_total{} 0" in lines
    assert not [line for line in lines if line.startswith("satisfied")]


async def test_addresses_are_counted_by_what_became_of_each():
    reasons = [Reason.ANSWERED, Reason.TIMEOUT, Reason.REFUSED, Reason.LOCAL_FAULT]
    judged = tuple(Judged(make.seen(reason), Verdict.HOLDS) for reason in reasons)
    scene = await scene_after(
        Result(Verdict.HOLDS, judged[0].observation, judged, 0.1, NOW)
    )
    assert told(await scene.lines("connectivity_rule_addresses")) == [
        'addresses{state="reachable"} 1',
        'addresses{state="unreachable"} 2',
        'addresses{state="untested"} 1',
    ]


@pytest.mark.parametrize("reason", [Reason.NXDOMAIN, Reason.BUG])
async def test_a_name_without_addresses_has_no_address_counts(reason):
    nowhere = make.seen(reason, Stage.RESOLVE)
    nowhere = type(nowhere)("", Stage.RESOLVE, reason)
    judged = (Judged(nowhere, Verdict.VIOLATED),)
    result = Result(Verdict.VIOLATED, nowhere, judged, 0.1, NOW)
    scene = await scene_after(result)
    assert await scene.lines("connectivity_rule_addresses") == []


async def test_a_certificate_is_told_though_it_does_not_verify():
    scene = await scene_after(exposing.answered(tls=exposing.EXPIRED))
    text = told(await scene.lines())
    assert [line for line in text if line.startswith("tls_")] == [
        "tls_expiry_timestamp_seconds{} 1779740800.000",
        "tls_chain_expiry_timestamp_seconds{} 1781728000.000",
        "tls_verified{} 0",
        (
            'tls_info{version="TLSv1.3",cipher="TLS_AES_256_GCM_SHA384",'
            'issuer="CN=Example CA",subject="CN=web.example.ac.uk",'
            f'fingerprint_sha256="{"ab" * 32}",trust="none",error="expired"}} 1'
        ),
    ]


async def test_a_renewed_certificate_replaces_the_old_one_and_none_removes_it():
    scene = await scene_after(exposing.answered(tls=exposing.EXPIRED))
    target = scene.all_targets[0]
    await scene.scrape()
    scene.store.add(target, exposing.answered(tls=exposing.tls(trust=Trust.SITE)))
    (info,) = await scene.lines("connectivity_rule_tls_info")
    assert 'trust="site",error=""' in info
    intercepted = await scene.lines("connectivity_rule_tls_intercepted")
    assert told(intercepted) == ["tls_intercepted{} 0"]
    scene.store.add(target, exposing.prohibited())
    assert not [line for line in told(await scene.lines()) if line.startswith("tls")]


async def test_protocol_evidence_is_told_when_there_is_some():
    seen = Evidence(http_status=503, ntp_offset=-0.0000125, ntp_stratum=2)
    scene = await scene_after(exposing.answered(evidence=seen))
    lines = told(await scene.lines())
    assert "http_status_code{} 503" in lines
    assert "ntp_offset_seconds{} -0.000013" in lines
    assert "ntp_stratum{} 2" in lines


async def test_a_target_that_leaves_takes_its_series_along_at_once():
    stays, leaves = make.target(id="stays"), make.target(id="leaves")
    scene = Scene(stays, leaves)
    for target in (stays, leaves):
        scene.store.add(target, exposing.answered())
    assert 'rule="leaves"' in await scene.scrape()
    scene.reload(stays)
    text = await scene.scrape()
    assert 'rule="leaves"' not in text
    assert 'connectivity_rule_probes_total{rule="stays"' in text


async def test_a_target_whose_rule_changed_starts_afresh():
    scene = await scene_after(exposing.answered(), interval=60.0)
    await scene.scrape()
    scene.reload(make.target(interval=30.0))
    assert told(await scene.lines("connectivity_rule_probes_total")) == [
        "probes_total{} 0"
    ]
    scene.store.add(scene.all_targets[0], exposing.answered())
    assert told(await scene.lines("connectivity_rule_probes_total")) == [
        "probes_total{} 1"
    ]


async def test_one_scrape_tells_one_state_of_each_target():
    targets = [make.target(id=f"rule-{i}") for i in range(2 * STEP)]
    scene = Scene(*targets)
    chunks = scene.exposition.chunks(ExpositionFormat.TEXT)
    text = await anext(chunks)
    for target in targets:
        scene.store.add(target, exposing.answered())
    text += b"".join([chunk async for chunk in chunks])
    assert b"connectivity_rule_reachable{" not in text
    counted = [line for line in text.splitlines() if b"probes_total{" in line]
    assert len(counted) == len(targets)
    assert all(line.endswith(b"} 0") for line in counted)
    assert "connectivity_rule_reachable{" in await scene.scrape()


def after(seconds):
    """A clock that goes on by so much whenever it is looked at."""
    return itertools.accumulate(itertools.repeat(seconds)).__next__


async def turns_during(work, others=lambda: None):
    """How often the loop turned, with `others` at work, until `work` ended."""
    task = asyncio.create_task(work)
    turns = 0
    while not task.done():
        turns += 1
        others()
        await asyncio.sleep(0)
    return turns, await task


async def sizes(scene):
    return [
        len(chunk) async for chunk in scene.exposition.chunks(ExpositionFormat.TEXT)
    ]


async def many_targets():
    targets = [make.target(id=f"rule-{i}") for i in range(5 * STEP)]
    scene = Scene(*targets)
    for target in targets:
        scene.store.add(target, exposing.answered(tls=exposing.tls()))
    await scene.scrape()
    return scene


async def test_a_scrape_gives_way_to_the_loop_when_it_kept_it_and_bounds_its_parts():
    scene = await many_targets()
    scene.exposition._clock = after(1.01 * HELD)
    turns, parts = await turns_during(sizes(scene))
    assert turns >= 5 * len(target_families.TARGET)
    assert max(parts) < 6 * CHUNK
    assert len(parts) > 5


async def test_a_scrape_does_not_wait_for_a_busy_loop_more_often_than_it_must():
    scene = await many_targets()
    scene.exposition._clock = after(HELD / 100)
    turns, _ = await turns_during(sizes(scene))
    assert turns < 5 * len(target_families.TARGET)


async def test_a_scrape_takes_more_of_a_loop_that_others_keep_for_long():
    scene = await many_targets()
    clock = scene.exposition._clock = after(1.01 * HELD)
    alone, _ = await turns_during(sizes(scene))
    # Looking at the clock makes it go on.
    crowded, _ = await turns_during(
        sizes(scene), others=lambda: [clock() for _ in range(12)]
    )
    assert crowded < 0.7 * alone


async def test_rendering_many_new_targets_gives_way_to_the_loop():
    scene = Scene(*(make.target(id=f"rule-{i}") for i in range(1000)))
    scene.exposition._clock = after(HELD / 64)
    turns, _ = await turns_during(sizes(scene))
    assert turns > 1000 / 64


async def test_what_was_rendered_for_a_target_goes_when_it_does():
    scene = Scene(*(make.target(id=f"rule-{i}") for i in range(9)))
    await scene.scrape()
    scene.reload(make.target(id="rule-3"))
    await scene.scrape()
    assert len(scene.exposition._rows) == 1


async def test_two_scrapes_at_once_around_a_reload_tell_two_configurations():
    scene = Scene(*(make.target(id=f"old-{i}") for i in range(200)))
    first = asyncio.create_task(scene.scrape())
    await asyncio.sleep(0)
    scene.reload(*(make.target(id=f"new-{i}") for i in range(200)))
    second = await scene.scrape()
    assert ('rule="old-7"' in second, 'rule="new-7"' in second) == (False, True)
    assert 'rule="new-7"' not in await first
    scene.store.add(scene.all_targets[7], exposing.answered())
    lines = await scene.lines("connectivity_rule_reachable")
    assert len(lines) == 1


async def test_samples_of_a_family_stand_together_and_in_the_order_of_the_table():
    scene = exposing.populated()
    text = await scene.scrape()
    typed = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert typed[: len(target_families.TARGET)] == [
        f.name for f in target_families.TARGET
    ]
    assert len(set(typed)) == len(typed)
    seen = []
    for line in text.splitlines():
        name = line.partition("{")[0]
        if line.startswith("connectivity_rule_") and name not in seen[-1:]:
            seen.append(name)
    assert len(set(seen)) == len(seen)


def samples_of(parsed):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parsed
        for sample in family.samples
        if sample.name.startswith("connectivity_rule_")
    }


async def test_both_formats_parse_and_say_the_same():
    scene = exposing.populated()
    scene.telemetry.observe_lateness(0.002)
    text = samples_of(parse_text(await scene.scrape()))
    formal = samples_of(
        parse_openmetrics(await scene.scrape(ExpositionFormat.OPENMETRICS))
    )
    assert text == formal
    assert len(text) > 50
    assert sum(value for (name, _), value in text.items() if "satisfied" in name) == 2


async def test_openmetrics_names_counters_without_total_and_ends_once():
    scene = exposing.populated()
    text = await scene.scrape(ExpositionFormat.OPENMETRICS)
    assert "# TYPE connectivity_rule_probes counter\n" in text
    assert "# TYPE process_cpu_seconds counter\n" in text
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    plain = await scene.scrape()
    assert "# TYPE connectivity_rule_probes_total counter\n" in plain
    assert "# TYPE process_cpu_seconds_total counter\n" in plain
    assert "# EOF" not in plain


async def test_hostile_labels_are_escaped_bounded_and_survive_the_way_back():
    facts = exposing.tls(subject=HOSTILE, issuer=HOSTILE)
    scene = await scene_after(exposing.answered(tls=facts), description=HOSTILE)
    visible = HOSTILE.replace("\ud800", r"\ud800").replace("\u2028", r"\u2028")
    bounded = visible[: MAX_LABEL - 1] + "…"
    for form, parse in (
        (ExpositionFormat.TEXT, parse_text),
        (ExpositionFormat.OPENMETRICS, parse_openmetrics),
    ):
        labels = {
            sample.name: sample.labels
            for family in parse(await scene.scrape(form))
            for sample in family.samples
        }
        assert labels["connectivity_rule_info"]["description"] == bounded
        assert labels["connectivity_rule_tls_info"]["subject"] == bounded
        assert labels["connectivity_rule_tls_info"]["trust"] == "public"


def one_round_of(scene):
    explained = exposing.finding(scene.all_targets[1])
    return textfile.exposition(scene.store.records(), [explained], scene.sources)


async def test_one_round_has_the_samples_of_a_scrape_but_for_what_takes_time():
    scene = exposing.populated()
    scene.site = "north"
    scene.controls.append(Control(make.target(), True))
    await scene.exposition.explain([exposing.finding(scene.all_targets[1])])
    scraped = (await scene.scrape()).splitlines()
    told = one_round_of(scene).splitlines()
    assert set(told) < set(scraped)
    left = [line for line in scraped if line not in told and line[0] != "#"]
    names = {re.split("[{ ]", line)[0] for line in left}
    ours = {name for name in names if name.startswith("connectivity_")}
    assert {name for name in ours if not name.endswith("_total")} == {
        "connectivity_exporter_event_loop_lag_seconds",
        *(
            f"connectivity_probe_duration_seconds_{x}"
            for x in ("bucket", "count", "sum")
        ),
        *(
            f"connectivity_exporter_schedule_lateness_seconds_{x}"
            for x in ("bucket", "count", "sum")
        ),
        "connectivity_finding_since_timestamp_seconds",
        "connectivity_rule_state_change_timestamp_seconds",
        "connectivity_exporter_http_connections",
    }
    assert all(line.startswith("# ") or 'site="north"' in line for line in told)
    kinds = {line.split()[-1] for line in told if line.startswith("# TYPE")}
    assert kinds == {"gauge"}


def test_a_round_names_no_family_that_it_has_nothing_of():
    target = make.target()
    scene = Scene(target)
    scene.store.add(target, make.result())
    text = textfile.exposition(scene.store.records(), [], scene.sources)
    families_told = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert all(f"\n{name}{{" in text or f"\n{name} " in text for name in families_told)
    assert "connectivity_rule_satisfied" in families_told
    assert "connectivity_rule_tls_verified" not in families_told


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing")
async def test_promtool_has_nothing_to_say():
    scene = exposing.populated()
    scene.telemetry.reloaded(True, NOW)
    for text in (await scene.scrape(), one_round_of(scene)):
        done = await asyncio.to_thread(
            subprocess.run,
            ["promtool", "check", "metrics"],
            input=text.encode(),
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")


class Busy:
    in_flight = 3
    slots = 256
    skipped = 7


async def own(scene, form=ExpositionFormat.TEXT):
    parse = parse_text if form is ExpositionFormat.TEXT else parse_openmetrics
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in parse(await scene.scrape(form))
        for sample in family.samples
        if sample.name.startswith(("connectivity_exporter", "connectivity_probe"))
    }


async def test_the_exporter_tells_of_itself():
    scene = exposing.populated()
    scene.lag = 0.25
    scene.load = Busy()
    scene.telemetry.observe_lateness(0.002)
    scene.telemetry.reloaded(True, NOW)
    scene.telemetry.reloaded(False, NOW + 60)
    values = await own(scene)
    name = "connectivity_exporter_"
    assert values[f"{name}targets", "active"] == 5
    assert values[f"{name}targets", "unset"] == 1
    assert values[f"{name}targets", "retired"] == 1
    assert values[f"{name}targets", "other_role"] == 0
    assert values[f"{name}targets", "not_applicable"] == 0
    assert values[(f"{name}config_last_reload_successful",)] == 0
    assert values[(f"{name}config_last_reload_success_timestamp_seconds",)] == NOW
    assert values[(f"{name}probes_in_flight",)] == 3
    assert values[(f"{name}probe_slots",)] == 256
    assert values[(f"{name}probes_skipped_total",)] == 7
    assert values[(f"{name}event_loop_lag_seconds",)] == 0.25
    assert values[f"{name}schedule_lateness_seconds_bucket", "0.001"] == 0
    assert values[f"{name}schedule_lateness_seconds_bucket", "0.0025"] == 1
    assert values[(f"{name}schedule_lateness_seconds_count",)] == 1


@pytest.mark.parametrize("form", ExpositionFormat)
async def test_probe_durations_are_kept_by_role_usage_and_probe(form):
    target, other = make.target(), make.target("ssh", id="other")
    scene = Scene(target, other)
    scene.store.add(target, make.result(duration=0.3))
    scene.store.add(target, make.result(duration=20.0))
    scene.store.add(other, make.result(duration=0.0004))
    values = await own(scene, form)
    name = "connectivity_probe_duration_seconds"
    assert values[f"{name}_count", "tcp", "vendor-api", "web"] == 2
    assert values[f"{name}_sum", "tcp", "vendor-api", "web"] == pytest.approx(20.3)
    assert values[f"{name}_bucket", "0.25", "tcp", "vendor-api", "web"] == 0
    assert values[f"{name}_bucket", "0.5", "tcp", "vendor-api", "web"] == 1
    assert values[f"{name}_bucket", "+Inf", "tcp", "vendor-api", "web"] == 2
    assert values[f"{name}_bucket", "0.001", "ssh", "vendor-api", "web"] == 1


async def test_no_number_has_an_exponent():
    scene = await scene_after(
        exposing.answered(latency=1e-06, phases={Stage.CONNECT: 1.5e-05}, duration=3e-7)
    )
    scene.telemetry.observe_lateness(1.25e-05)
    values = [
        line.rpartition(" ")[2]
        for line in (await scene.scrape()).splitlines()
        if not line.startswith("#")
    ]
    assert [value for value in values if "e" in value.lower()] == []


async def test_every_metric_of_the_table_comes_out_and_no_other_of_ours_does():
    scene = exposing.populated()
    scene.load = Busy()
    target = make.target("ntp", "ntp.example.ac.uk", 123, id="ntp")
    scene.reload(*scene.all_targets, target)
    facts = Evidence(http_status=200, ntp_offset=0.5, ntp_stratum=1, clock_skew=-0.25)
    scene.store.add(target, exposing.answered(evidence=facts))
    work = (Maintenance(0, NOW, "Move"),)
    failing = replace(make.target(id="failing"), maintenance=work)
    scene.reload(*scene.all_targets, failing)
    scene.store.add(failing, exposing.prohibited())
    scene.store.add_path(failing, PATH)
    scene.telemetry.reloaded(True, NOW)
    scene.feeds = [feed_state(fetched=True)]
    scene.controls = [Control(make.target(), answered=True)]
    scene.resolvers = {("192.0.2.53", Transport.UDP): True}
    scene.certificate_expiry = NOW
    await scene.exposition.explain([exposing.finding(failing)])
    scene.ledgers = [ledger_of("shop", [Requirement(Fate.OPEN)], [])]
    scene.config_sha256, scene.catalogues, scene.shard = "0f", {"a": "f0"}, Shard(2, 5)
    holding, spared = (make.target(id=name, any_of="it") for name in ("yes", "no"))
    scene.reload(*scene.all_targets, holding, spared)
    scene.store.add(holding, make.result())
    scene.store.add(spared, make.result(Verdict.VIOLATED))
    labels = {}
    for family in parse_openmetrics(await scene.scrape(ExpositionFormat.OPENMETRICS)):
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith("connectivity_"):
            names = {key for sample in family.samples for key in sample.labels}
            labels[name] = (family.type, family.documentation, names - {"le"})
    expected = {
        family.name: (family.kind, family.help, set(family.labels))
        for family in exporter_families.EXPORTER
    } | {
        family.name: (
            family.kind,
            family.help,
            {*COMMON_LABELS, *family.labels},
        )
        for family in target_families.TARGET
    }
    assert labels == expected


def test_a_control_is_told_once_it_was_looked_at():
    one, two, new = (make.target(destination=f"192.0.2.{n}") for n in (1, 2, 3))
    controls = [Control(one, False), Control(two, True), Control(new)]
    telemetry = Telemetry(Sources(list, lambda: 0.0, controls=lambda: controls))
    told = {
        (sample.labels["destination"], sample.labels["port"]): sample.value
        for metric in telemetry.collect()
        for sample in metric.samples
        if sample.name == "connectivity_exporter_control_answered"
    }
    assert told == {("192.0.2.1", "443"): 0, ("192.0.2.2", "443"): 1}


def test_a_resolver_is_told_by_transport():
    up = {("192.0.2.53", Transport.UDP): True, ("192.0.2.53", Transport.TCP): False}
    telemetry = Telemetry(Sources(list, lambda: 0.0, resolvers=lambda: up))
    told = {
        (sample.labels["server"], sample.labels["transport"]): sample.value
        for metric in telemetry.collect()
        for sample in metric.samples
        if sample.name == "connectivity_resolver_up"
    }
    assert told == {("192.0.2.53", "udp"): 1, ("192.0.2.53", "tcp"): 0}


def feed_state(*, fetched):
    url = "https://lists.example.org/"
    known = Feed("os", "OS", url, FeedFormat.MIRRORLIST, 1, 600.0)
    state = FeedState(known, allow_private=False, failures=3)
    if fetched:
        mirrors = [Member(f"{name}.example.org", 443, tls=True) for name in "ab"]
        state.take_in(mirrors, NOW)
    return state


@pytest.mark.parametrize("fetched", [False, True])
def test_a_feed_claims_members_and_an_age_only_once_it_was_had(fetched):
    lists = [feed_state(fetched=fetched)]
    telemetry = Telemetry(Sources(list, lambda: 0.0, feeds=lambda: lists))
    told = {
        (sample.name, sample.labels["list"]): sample.value
        for metric in telemetry.collect()
        for sample in metric.samples
        if "exporter_mirror_list" in sample.name
    }
    prefix = "connectivity_exporter_mirror_list"
    expected = {
        (f"{prefix}_fetch_failures_total", "os"): 3,
        (f"{prefix}_changes_total", "os"): 0,
    }
    if fetched:
        expected |= {
            (f"{prefix}_members", "os"): 2,
            (f"{prefix}_targets", "os"): 1,
            (f"{prefix}_last_success_timestamp_seconds", "os"): NOW,
        }
    assert told == expected


def test_before_anything_is_known_telemetry_claims_nothing():
    names = {metric.name for metric in Telemetry(Sources(list, lambda: 0.0)).collect()}
    assert "connectivity_exporter_probes_in_flight" not in names


async def test_a_muted_target_says_so_until_the_work_is_over_without_a_round(
    monkeypatch,
):
    clock = [NOW]
    monkeypatch.setattr(samples.time, "time", lambda: clock[0])
    work = Maintenance(NOW + 10, NOW + 20, "Move")
    target = replace(make.target(), maintenance=(work,))
    scene = Scene(target)
    said = []
    for clock[0] in (NOW, NOW + 10, NOW + 20):
        lines = told(await scene.lines())
        said += [line for line in lines if line.startswith("muted")]
    assert said == ["muted{} 0", "muted{} 1", "muted{} 0"]


async def test_what_explains_a_target_is_told_of_both():
    scene = exposing.populated()
    database = scene.all_targets[1]
    before = await scene.lines("connectivity_rule_info")
    assert all('finding=""' in line for line in before)
    await scene.exposition.explain([exposing.finding(database)])
    info = await scene.lines("connectivity_rule_info")
    assert ['rule="database"' in one for one in info] == [
        'finding="f1"' in one for one in info
    ]
    (number,) = await scene.lines("connectivity_finding")
    assert number == (
        'connectivity_finding{finding="f1",cause="path",subject="10.9.2.2",source_role="web",'
        'usage="vendor-api",severity="critical",owner="network"} 1'
    )
    await scene.exposition.explain([])
    assert await scene.lines("connectivity_rule_info") == before
    assert not await scene.lines("connectivity_finding")


async def test_a_finding_that_explains_no_target_is_told_with_none():
    scene = exposing.populated()
    await scene.exposition.explain([exposing.finding()])
    (number,) = await scene.lines("connectivity_finding")
    assert number.endswith(
        'source_role="",usage="",severity="critical",owner="network"} 0'
    )


async def test_no_more_findings_are_exported_than_bounded_and_the_rest_counted():
    scene = exposing.populated()
    many = [exposing.finding(name=f"f{n}") for n in range(telemetry.FINDINGS + 3)]
    await scene.exposition.explain(many)
    assert len(await scene.lines("connectivity_finding")) == telemetry.FINDINGS
    text = await scene.scrape()
    assert "connectivity_exporter_findings_omitted 3\n" in text


async def test_the_proxy_of_the_last_probe_is_told():
    scene = exposing.populated()
    api = scene.all_targets[0]
    await scene.scrape()
    scene.store.add(api, exposing.answered(via="proxy.example:3128"))
    (info,) = [
        one
        for one in await scene.lines("connectivity_rule_info")
        if 'rule="api"' in one
    ]
    assert 'via="proxy.example:3128"' in info


@pytest.mark.parametrize("form", ExpositionFormat)
async def test_a_site_that_has_a_name_has_it_on_every_series(form):
    scene = await scene_after(make.result())
    scene.telemetry.observe_lateness(0.1)
    plain = await scene.scrape(form)
    scene.site = 'north "1"'
    named = await scene.scrape(form)
    lines = [line for line in named.splitlines() if not line.startswith("#")]
    assert all('site="north \\"1\\""' in line for line in lines)
    scene.site = ""
    assert "site=" not in await scene.scrape(form)
    assert len(lines) == sum(not line.startswith("#") for line in plain.splitlines())


async def test_a_document_is_told_by_what_became_of_what_it_asks_for():
    scene = Scene()
    entries = [Requirement(Fate.RULES, ("a",)), Requirement(Fate.OPEN, why="?")]
    scene.ledgers = [ledger_of("shop", entries, ["a"])]
    told = await scene.lines("connectivity_catalogue_requirements")
    assert told == [
        f'connectivity_catalogue_requirements{{catalogue="shop",fate="{fate}"}} {count}'
        for fate, count in zip(Fate, (1, 0, 1, 0, 0), strict=True)
    ]


async def test_the_files_in_force_are_told_by_their_hashes():
    scene = Scene()
    names = ("connectivity_exporter_config_info", "connectivity_catalogue_info")
    assert await scene.lines(*names) == []
    scene.config_sha256 = "00ff"
    scene.catalogues = {"shop": "ff00", "bank": "0f0f"}
    assert await scene.lines(*names) == [
        'connectivity_exporter_config_info{sha256="00ff"} 1',
        'connectivity_catalogue_info{catalogue="shop",sha256="ff00"} 1',
        'connectivity_catalogue_info{catalogue="bank",sha256="0f0f"} 1',
    ]


async def test_a_replica_tells_its_roles_and_its_shard():
    scene = Scene()
    names = (
        "connectivity_exporter_roles_info",
        "connectivity_exporter_shard_info",
    )
    assert await scene.lines(*names) == [
        'connectivity_exporter_roles_info{source_roles="web"} 1'
    ]
    scene.roles, scene.shard = ("web", "batch", "web"), Shard(2, 5)
    assert await scene.lines(*names) == [
        'connectivity_exporter_roles_info{source_roles="batch,web"} 1',
        'connectivity_exporter_shard_info{shard="2",shards="5"} 1',
    ]
    assert "\nconnectivity_exporter_shards 5\n" in await scene.scrape()


async def test_what_is_not_needed_says_which_rule_holds_instead():
    rules = [make.rule(id=name, any_of="push") for name in ("one", "two")]
    one, two = (Target(rule, "192.0.2.1", 443) for rule in rules)
    scene = Scene(one, two)
    scene.store.add(one, make.result(Verdict.VIOLATED))
    scene.store.add(two, make.result())
    names = ("connectivity_rule_satisfied", "connectivity_rule_not_needed")
    told = await scene.lines(*names)
    assert [line.rpartition(",")[2] for line in told] == [
        'usage="vendor-api"} 1',
        'instead="two"} 1',
    ]
