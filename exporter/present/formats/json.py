"""JSON: the same documents from the command line and over HTTP.

Every key is always there; what was not observed is null. Times are seconds, fields
ending in `timestamp` or `expiry` are Unix times.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

from exporter.model.facts import FLOW, RULE_FACTS
from exporter.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

    from exporter.model.finding import Finding
    from exporter.model.network_path import Path
    from exporter.model.outcome import Conversation, Icmp, Judged, Observation
    from exporter.model.rule import Target
    from exporter.model.tls_facts import TlsFacts
    from exporter.monitor.store import Episode, Record
    from exporter.present.formats.interface import CheckOutcome, Traced


T = TypeVar("T")

_PLACE = {"destination", "port", "protocol"}
_WHOSE = {"expect", "severity", "owner", "rows"}
"""Facts of the rule that say how bad an outcome is, whose it is, and who asked."""
_KEY = ("rule", "source_role", "destination", "port")
"""What identifies a target, in the order of `Target.key`."""
_ENTRIES = 16
"""Entries made before the event loop gets its turn: a millisecond or two."""


def check(outcome: CheckOutcome) -> str:
    """What was seen of each target, and what explains all that is wrong."""
    targets = targets_document(outcome.records, outcome.shard)
    return write(targets | findings_document(outcome.findings, outcome.shard))


def rules(targets: Sequence[Target]) -> str:
    """What each rule says."""
    return write(rules_document(targets))


def trace(traces: Sequence[Traced]) -> str:
    """The path to each address of each host of a rule, in one document."""
    return write(
        {
            "rule": traces[0].target.rule.id,
            "targets": [
                {
                    fact.name: fact.get(one.target)
                    for fact in FLOW
                    if fact.name in _PLACE
                }
                | {
                    "paths": {at: path_entry(path) for at, path in one.paths.items()},
                    "error": one.error or None,
                }
                for one in traces
            ],
        }
    )


def write(document: Mapping[str, object]) -> str:
    """A document as text, in ASCII: valid in whatever encoding the terminal has."""
    return _plain(json.dumps(document, indent=2, default=str)) + "\n"


def _plain(text: str) -> str:
    """The one control character that `json` leaves as it is, escaped."""
    return text.replace("\x7f", r"\u007f")


def targets_document(records: Iterable[Record], shard: str = "") -> dict[str, Any]:
    """What is known of each target: `check --format json` and `/api/v1/targets`.

    Args:
        records: those of the targets that are probed from here.
        shard: the part of the roles' targets that these are, such as 2/5; empty for all.
    """
    return _part(shard) | {"targets": [target_entry(record) for record in records]}


def findings_document(findings: Iterable[Finding], shard: str = "") -> dict[str, Any]:
    """What explains all that is wrong: `check --format json` and `/api/v1/findings`."""
    return _part(shard) | {"findings": [_finding_entry(one) for one in findings]}


def _part(shard: str) -> dict[str, str | None]:
    """What part of its roles' targets a document tells of, null for all of them."""
    return {"shard": shard or None}


def _opened(shard: str, key: str) -> bytes:
    """The beginning of a document, up to the first item of its list `key`."""
    return f'{json.dumps(_part(shard))[:-1]}, "{key}": ['.encode()


async def findings_text(
    findings: Sequence[Finding], shard: str = ""
) -> AsyncGenerator[bytes]:
    """`findings_document` as text, in parts."""
    yield _opened(shard, "findings")
    for index, finding in enumerate(findings):
        text = _plain(json.dumps(_finding_entry(finding)))
        yield (", " * (index > 0) + text).encode()
        await asyncio.sleep(0)
    yield b"]}\n"


async def targets_text(
    records: Sequence[Record], shard: str = ""
) -> AsyncGenerator[bytes]:
    """`targets_document` as text, in parts."""
    yield _opened(shard, "targets")
    async for part in _list(records, target_entry):
        yield part
    yield b"]}\n"


async def rule_text(
    targets: Sequence[Target], records: Sequence[Record], shard: str = ""
) -> AsyncGenerator[bytes]:
    """One rule in full, with counters and history, as text in parts: `/api/v1/rules/<id>`.

    Args:
        targets: the rule's, whatever their status.
        records: those of the targets that are probed.
        shard: the part of the roles' targets that is probed from here, empty for all.
    """
    yield _opened(shard, "rules")
    async for part in _list(targets, _rule_entry):
        yield part
    yield b'], "targets": ['
    async for part in _list(records, _watched):
        yield part
    yield b"]}\n"


async def _list(
    items: Sequence[T], entry: Callable[[T], dict[str, Any]]
) -> AsyncGenerator[bytes]:
    """The items of a list as text, some at a time."""
    for start in range(0, len(items), _ENTRIES):
        entries = items[start : start + _ENTRIES]
        text = _plain(", ".join(json.dumps(entry(item)) for item in entries))
        yield (", " * (start > 0) + text).encode()
        await asyncio.sleep(0)


def rules_document(targets: Iterable[Target]) -> dict[str, Any]:
    """What must hold, one entry per target: `rules --format json`."""
    return {"rules": [_rule_entry(target) for target in targets]}


def _finding_entry(finding: Finding) -> dict[str, Any]:
    return {
        "finding": finding.finding,
        "cause": str(finding.cause),
        "subject": finding.subject,
        "since": finding.since,
        "severity": str(finding.severity),
        "owner": finding.owner,
        "summary": finding.summary,
        "evidence": list(finding.evidence),
        "counter_evidence": list(finding.counter_evidence),
        "ask": finding.ask,
        "targets": [dict(zip(_KEY, key, strict=True)) for key in finding.targets],
    }


def target_entry(record: Record) -> dict[str, Any]:
    """The latest round of one target; the verdict is unknown before the first."""
    latest = record.latest
    seen = latest.observation if latest else None
    phases = {str(stage): took for stage, took in seen.phases.items()} if seen else {}
    judged = latest.addresses if latest else ()
    return _flow(record.target) | {
        "verdict": str(record.verdict),
        "instead": (latest.instead or None) if latest else None,
        **_end(seen),
        "detail": seen.detail if seen else None,
        "timestamp": latest.finished_timestamp if latest else None,
        "source_address": (seen.source_address or None) if seen else None,
        "latency_seconds": seen.latency if seen else None,
        "phases": phases,
        "addresses": [_address(one) for one in judged if one.observation.address],
        "untested": [
            one.observation.detail
            for one in judged
            if one.observation.reason is Reason.UNTESTED
        ],
        "tls": _tls(seen.tls) if seen and seen.tls else None,
        "path": path_entry(record.path) if record.path else None,
        "conversation": _conversation(seen.conversation if seen else None),
    }


def path_entry(path: Path) -> dict[str, Any]:
    """What a trace found, hop by hop."""
    return {
        "answered_ttl": path.answered_ttl,
        "hops": [
            {"ttl": hop.ttl, "address": hop.address, "rtt_seconds": hop.round_trip}
            for hop in path.hops
        ],
        "last_hop": path.last_hop,
        "last_ttl": path.last_ttl,
    }


def _conversation(talk: Conversation | None) -> dict[str, str] | None:
    """The first bytes each way of a failure, escaped."""
    return None if talk is None else {"sent": talk.sent, "received": talk.received}


def _flow(target: Target) -> dict[str, Any]:
    facts = [*FLOW, *(fact for fact in RULE_FACTS if fact.name in _WHOSE)]
    return {fact.name: fact.get(target) for fact in facts}


def _rule_entry(target: Target) -> dict[str, Any]:
    return {fact.name: fact.get(target) for fact in RULE_FACTS}


def _end(seen: Observation | None) -> dict[str, Any]:
    """Where a probe ended, why, and on whose word."""
    return {
        "stage": str(seen.stage) if seen else None,
        "reason": str(seen.reason) if seen else None,
        "origin": str(seen.origin) if seen else None,
    }


def _address(judged: Judged) -> dict[str, Any]:
    seen = judged.observation
    return {
        "address": seen.address,
        "verdict": str(judged.verdict),
        **_end(seen),
        "latency_seconds": seen.latency,
        "answer_hops": seen.answer_hops,
        "icmp": _icmp(seen.icmp) if seen.icmp else None,
        "tls": _tls(seen.tls) if seen.tls else None,
    }


def _icmp(icmp: Icmp) -> dict[str, Any]:
    return {"type": icmp.type, "code": icmp.code, "from": icmp.sender}


def _tls(facts: TlsFacts) -> dict[str, Any]:
    return {
        "expiry": facts.expiry_timestamp,
        "chain_expiry": facts.chain_expiry_timestamp,
        "chain_expiry_subject": facts.chain_expiry_subject,
        "verified": facts.verified,
        "error": str(facts.error),
        "trust": str(facts.trust),
        "intercepted": facts.intercepted,
        "version": facts.version,
        "cipher": facts.cipher,
        "issuer": facts.issuer,
        "subject": facts.subject,
        "fingerprint_sha256": facts.fingerprint_sha256,
    }


def _watched(record: Record) -> dict[str, Any]:
    entry = target_entry(record)
    # The same time under the key that stands beside the other two here.
    return entry | {"last_probe_timestamp": entry["timestamp"]} | _past(record)


def _past(record: Record) -> dict[str, Any]:
    return {
        "probes": record.probes,
        "failures": record.failures,
        "last_success_timestamp": record.last_success_timestamp,
        "state_change_timestamp": record.state_change_timestamp,
        "history": [_episode(episode) for episode in record.episodes],
    }


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "verdict": str(episode.verdict),
        "first_timestamp": episode.first_timestamp,
        "last_timestamp": episode.last_timestamp,
        "count": episode.count,
        **_end(episode.sample),
        "address": episode.sample.address,
        "detail": episode.sample.detail,
    }
