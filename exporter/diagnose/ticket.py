"""One request that can be pasted into a ticket: plain lines, and all that is asked for.

Who receives it has none of our pages: it says from where to where, since when, what was
seen, and which lines of the vendor's document ask for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter.diagnose.explanation import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.diagnose.explanation import Explanation
    from exporter.diagnose.known import Known
    from exporter.diagnose.scene import Steps
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.rule import Rule

MOST = 40
"""Destinations that are listed; JSON and the page have all."""
_ADDRESSES = 4
"""Addresses of one destination that are listed."""


def ticket(
    one: Explanation, known: Known, since: float, rules: Sequence[Rule]
) -> Steps[str]:
    """The request, as lines of plain text.

    Args:
        one: what is wrong, and what explains it.
        known: where this host sends from, and the documents' addresses.
        since: Unix time of its beginning.
        rules: those of what is explained, each once.
    """
    lines = [one.request, f"From: {_source(one.symptoms, known)}"]
    lines += _destinations(one)
    begun = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines += [f"Since: {begun}", f"Seen: {one.summary}"]
    lines += [f"  {said}" for said in one.evidence]
    lines += [f"Against other causes: {said}" for said in one.counter_evidence]
    yield
    lines += _documents(rules, known)
    return "\n".join(lines)


def _source(symptoms: Sequence[Symptom], known: Known) -> str:
    """This host's name, with the addresses that it sends from to these destinations."""
    first: dict[bool, str] = {}
    for one in symptoms[:MOST]:
        for address in _addresses(one):
            first.setdefault(":" in address, address)
    sources = list(filter(None, map(known.source, first.values())))
    name = known.host or "this host"
    return f"{name} ({', '.join(dict.fromkeys(sources))})" if sources else name


def _destinations(one: Explanation) -> Iterator[str]:
    flows: dict[tuple[str, str], dict[int, None]] = {}
    addresses: dict[str, dict[str, None]] = {}
    for symptom in one.symptoms:
        target = symptom.target
        ports = flows.setdefault((target.destination, str(target.rule.transport)), {})
        ports[target.port] = None
        known = addresses.setdefault(target.destination, {})
        known.update(dict.fromkeys(_addresses(symptom)))
        if len(flows) > MOST:
            break
    if not flows:
        return
    yield "To:"
    for (host, transport), ports in list(flows.items())[:MOST]:
        found = [a for a in addresses[host] if a != host]
        shown = f" ({', '.join(found[:_ADDRESSES])}{_more(found)})" if found else ""
        # ICMP has no ports, and 0 is none.
        numbers = ", ".join(str(port) for port in ports if port)
        yield f"  {host}{shown} {transport} {numbers}".rstrip()
    if len(flows) > MOST:
        hosts = len({s.host for s in one.symptoms})
        yield f"  and more: {counted(hosts, 'host')} in all"


def _more(found: Sequence[str]) -> str:
    left = len(found) - _ADDRESSES
    return f" and {left} more" if left > 0 else ""


def _addresses(symptom: Symptom) -> list[str]:
    latest = symptom.record.latest
    judged = latest.addresses if latest is not None else ()
    return [one.observation.address for one in judged if one.observation.address]


def _documents(rules: Sequence[Rule], known: Known) -> Iterator[str]:
    rows: dict[str, dict[str, None]] = {}
    for rule in rules:
        of = rows.setdefault(rule.catalogue, {})
        if rule.rows:
            of.update(dict.fromkeys(rule.rows))
    for catalogue, found in rows.items():
        document = known.documents.get(catalogue, "")
        if document or found:
            named = list(found)[:MOST]
            more = " and more" if len(found) > MOST else ""
            cited = f", rows {', '.join(named)}{more}" if named else ""
            yield f"Asked for by: {document or catalogue}{cited}"
