from __future__ import annotations

import dataclasses
import json

import pytest

from exporter.model.network_path import Hop, Path
from exporter.model.outcome import Conversation, Judged, Reason, Stage, Verdict
from exporter.model.rule import Severity, Status
from exporter.monitor.store import Record
from exporter.present.formats.interface import CheckOutcome
from exporter.present.formats.json import (
    check,
    findings_document,
    findings_text,
    path_entry,
    rule_text,
    rules_document,
    target_entry,
    targets_document,
    targets_text,
)
from tests import exposing, make
from tests.exposing import NOW

TLS = {
    "expiry": NOW + 86400 * 30,
    "chain_expiry": NOW + 86400 * 20,
    "chain_expiry_subject": "CN=Example CA",
    "verified": True,
    "error": "",
    "trust": "public",
    "intercepted": False,
    "version": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "issuer": "CN=Example CA",
    "subject": "CN=web.example.ac.uk",
    "fingerprint_sha256": "ab" * 32,
}


def entry(rule):
    records = exposing.populated().store.of_rule(rule)
    (found,) = targets_document(records)["targets"]
    return found


def test_a_path_is_told_hop_by_hop():
    path = Path((Hop(1, "10.9.1.1", 0.001), Hop(2)), None, None, "10.9.1.1", 1)
    assert path_entry(path) == {
        "answered_ttl": None,
        "hops": [
            {"ttl": 1, "address": "10.9.1.1", "rtt_seconds": 0.001},
            {"ttl": 2, "address": None, "rtt_seconds": None},
        ],
        "last_hop": "10.9.1.1",
        "last_ttl": 1,
    }


def test_an_answered_target_is_told_in_full():
    assert entry("api") == {
        "rule": "api",
        "source_role": "web",
        "destination": "api.example.ac.uk",
        "port": 443,
        "protocol": "tcp",
        "usage": "vendor-api",
        "expect": "allow",
        "severity": "warning",
        "owner": "",
        "rows": [],
        "verdict": "holds",
        "instead": None,
        "stage": "exchange",
        "reason": "answered",
        "origin": "",
        "detail": "",
        "timestamp": NOW - 10,
        "source_address": "192.0.2.100",
        "latency_seconds": 0.0123,
        "phases": {"resolve": 0.0005, "connect": 0.0125},
        "addresses": [
            {
                "address": "192.0.2.1",
                "verdict": "holds",
                "stage": "exchange",
                "reason": "answered",
                "origin": "",
                "latency_seconds": 0.0123,
                "answer_hops": None,
                "icmp": None,
                "tls": TLS,
            }
        ],
        "untested": [],
        "tls": TLS,
        "path": None,
        "conversation": None,
    }


def test_a_target_says_whose_it_is_and_how_bad_and_who_asked():
    target = make.target(owner="network", rows=("A1", "A2"), severity=Severity.CRITICAL)
    told = target_entry(Record(target))
    assert told["severity"] == "critical"
    assert told["owner"] == "network"
    assert told["rows"] == ["A1", "A2"]
    assert told["timestamp"] is None
    assert told["source_address"] is None


def test_without_a_source_there_is_none():
    record = Record(make.target(), make.result(source_address=""))
    assert target_entry(record)["source_address"] is None


def test_what_was_not_looked_at_is_told():
    left = [
        make.seen(Reason.UNTESTED, Stage.RESOLVE, detail=detail)
        for detail in ("192.0.2.1 has not been probed lately", "no IPv6")
    ]
    judged = (
        Judged(make.seen(), Verdict.HOLDS),
        Judged(left[0], Verdict.UNKNOWN),
        Judged(dataclasses.replace(left[1], address=""), Verdict.UNKNOWN),
    )
    record = Record(make.target(), dataclasses.replace(make.result(), addresses=judged))
    told = target_entry(record)
    assert told["untested"] == ["192.0.2.1 has not been probed lately", "no IPv6"]
    assert [one["reason"] for one in told["addresses"]] == ["answered", "untested"]


def test_a_refusal_names_who_sent_it():
    found = entry("database")
    assert (found["verdict"], found["reason"], found["origin"]) == (
        "violated",
        "prohibited",
        "path",
    )
    assert found["addresses"][0]["icmp"] == {
        "type": 3,
        "code": 13,
        "from": "10.9.2.2",
    }
    assert found["tls"] is None


def test_a_target_not_probed_yet_is_unknown_and_has_the_same_keys():
    new = entry("new")
    assert new["verdict"] == "unknown"
    assert (new["stage"], new["reason"], new["detail"]) == (None, None, None)
    assert (new["phases"], new["addresses"]) == ({}, [])
    assert list(new) == list(entry("api"))


def test_rules_are_listed_whatever_their_status():
    target = dataclasses.replace(
        make.target(owner="network", section="Outbound", rows=("A1", "D2"), notes="n"),
        status=Status.UNSET,
    )
    assert rules_document([target]) == {
        "rules": [
            {
                "rule": "web-api",
                "source_role": "web",
                "destination": "192.0.2.1",
                "port": 443,
                "protocol": "tcp",
                "usage": "vendor-api",
                "probe": "tcp",
                "expect": "allow",
                "status": "unset",
                "severity": "warning",
                "owner": "network",
                "catalogue": "test",
                "section": "Outbound",
                "rows": ["A1", "D2"],
                "description": "API of the vendor",
                "notes": "n",
                "when": None,
                "any_of": None,
                "options": {},
                "interval_seconds": 60.0,
                "unsent_interval_seconds": None,
                "timeout_seconds": 5.0,
                "addresses": "any",
                "witness": None,
                "denial": [],
                "public": False,
                "tls": {"verify": True, "server_name": None, "expected_issuer": None},
                "mirror_list": None,
                "advisory": False,
                "unverifiable": None,
                "retired": None,
                "muted": None,
                "ports": None,
                "member_of": None,
                "sample": None,
                "proof": "service",
                "unprovable": None,
            }
        ]
    }


async def test_one_rule_comes_with_counters_and_history():
    scene = exposing.populated()
    records = scene.store.of_rule("database")
    targets = [record.target for record in records]
    document = json.loads(b"".join([p async for p in rule_text(targets, records)]))
    assert [rule["rule"] for rule in document["rules"]] == ["database"]
    (told,) = document["targets"]
    assert (told["probes"], told["failures"]) == (2, 1)
    assert told["last_probe_timestamp"] == told["timestamp"] == NOW - 10
    assert told["last_success_timestamp"] == NOW - 300
    assert told["state_change_timestamp"] == NOW - 10
    assert [(one["verdict"], one["count"]) for one in told["history"]] == [
        ("holds", 1),
        ("violated", 1),
    ]
    assert told["history"][1]["detail"] == "ICMP 3/13 from 10.9.2.2"


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 300])
async def test_the_text_in_parts_is_the_document(count):
    scene = exposing.Scene(*(make.target(id=f"rule-{i}") for i in range(count)))
    records = scene.store.records()
    chunks = [chunk async for chunk in targets_text(records)]
    assert json.loads(b"".join(chunks)) == targets_document(records)
    assert len(chunks) == 2 + -(-count // 16)


@pytest.mark.parametrize(("shard", "said"), [("", None), ("2/5", "2/5")])
async def test_every_document_says_which_shard_it_is_of(shard, said):
    scene = exposing.populated()
    records = scene.store.records()
    found = [exposing.finding(records[0].target)]
    for text, document in (
        (targets_text(records, shard), targets_document(records, shard)),
        (findings_text(found, shard), findings_document(found, shard)),
        (rule_text([records[0].target], records[:1], shard), None),
    ):
        told = json.loads(b"".join([part async for part in text]))
        assert told["shard"] == said
        assert document is None or told == document
    told = json.loads(check(CheckOutcome(records, found, shard=shard)))
    assert (told["shard"], len(told["findings"])) == (said, 1)


async def test_a_rules_text_in_parts_is_its_document():
    targets = [make.target("tcp", f"192.0.2.{i}") for i in range(33)]
    scene = exposing.Scene(*targets)
    for target in targets[:20]:
        scene.store.add(target, exposing.prohibited())
    records = scene.store.records()
    chunks = [chunk async for chunk in rule_text(targets, records)]
    document = json.loads(b"".join(chunks))
    assert {"rules": document["rules"]} == rules_document(targets)
    plain = targets_document(records)["targets"]
    for one, known in zip(document["targets"], plain, strict=True):
        assert one | known == one
    assert [one["probes"] for one in document["targets"]] == [1] * 20 + [0] * 13
    assert len(chunks) == 3 + 3 + 3


def test_a_failure_comes_with_its_conversation():
    target = make.target()
    scene = exposing.Scene(target)
    talk = Conversation("sent", "received")
    scene.store.add(target, make.result(Verdict.VIOLATED, conversation=talk))
    (found,) = targets_document(scene.store.records())["targets"]
    assert found["conversation"] == {"sent": "sent", "received": "received"}
