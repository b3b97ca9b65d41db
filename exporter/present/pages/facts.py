"""What the pages say of one rule and of one target: a label and a text for each fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from exporter.model.facts import Shown, shown_in
from exporter.present import explain
from exporter.present.humanize import latency, moment
from exporter.present.verdicts import concern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.model.outcome import Observation
    from exporter.model.rule import Target
    from exporter.model.tls_facts import TlsFacts
    from exporter.monitor.store import Record

    Source: TypeAlias = Callable[[str], str | None]


def nowhere(_address: str) -> str | None:
    """Where this host sends from, if nobody knows."""
    return None


def rule_facts(target: Target) -> list[tuple[str, str]]:
    """What a rule says, in the order of interest; without what it leaves open."""
    said = ((fact.words, fact.text(target)) for fact in shown_in(Shown.PAGE))
    return [(words, text) for words, text in said if text]


def target_facts(record: Record, source: Source) -> Iterator[tuple[str, str]]:
    """What is known of a target.

    Args:
        record: what is known of it.
        source: the address that this host sends from to another.
    """
    yield from _sources(record, source)
    yield "Rounds with a verdict", f"{record.probes}, violated {record.failures}"
    yield "Last found to hold", moment(record.last_success_timestamp) or "never"
    if record.state_change_timestamp is not None:
        yield "In this state since", moment(record.state_change_timestamp)
    if record.latest is not None:
        yield from _seen_facts(record, record.latest.observation)


def _sources(record: Record, source: Source) -> Iterator[tuple[str, str]]:
    """Where this host sends from, to the addresses of the last round."""
    judged = record.latest.addresses if record.latest is not None else ()
    to = (one.observation.address for one in judged if one.observation.address)
    found = dict.fromkeys(filter(None, map(source, to)))
    if found:
        yield "Sent from", ", ".join(found)


def _seen_facts(record: Record, seen: Observation) -> Iterator[tuple[str, str]]:
    if but := concern(record):
        yield "But", but
    if seen.detail:
        yield "Detail", seen.detail
    if seen.phases:
        took = (f"{stage} {latency(spent)}" for stage, spent in seen.phases.items())
        yield "Time spent", ", ".join(took)
    if seen.conversation is not None:
        yield "Sent", seen.conversation.sent or "nothing"
        yield "Received", seen.conversation.received or "nothing"
    if record.path is not None:
        yield "Path", explain.stops(record.path)
        spoken = (f"{hop.ttl} {hop.address or '*'}" for hop in record.path.hops)
        yield "Hops", ", ".join(spoken)
    if seen.tls is not None:
        yield from _tls_facts(seen.tls)


def _tls_facts(facts: TlsFacts) -> Iterator[tuple[str, str]]:
    yield "Certificate of", facts.subject
    yield "Issued by", facts.issuer
    yield "Valid until", moment(facts.expiry_timestamp)
    judged = "verifies" if facts.verified else facts.error.replace("_", " ")
    yield "Chain", f"{judged}, root: {facts.trust}"
    if facts.chain_expiry_timestamp < facts.expiry_timestamp:
        ends = moment(facts.chain_expiry_timestamp)
        yield "Chain ends", f"{ends}, with {facts.chain_expiry_subject}"
    yield "TLS", f"{facts.version}, {facts.cipher}"
    yield "SHA-256", facts.fingerprint_sha256
