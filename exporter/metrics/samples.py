"""What each per-target metric says.

A sampler returns the samples of one family: pairs of its own labels, rendered and led
by a comma, and the value. What was not observed yields no sample: nothing is ever zero
for want of knowing. The tables at the end say by what a sampler is fed, which is also
when it has to be asked again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from exporter.metrics.labels import label
from exporter.model.facts import Shown, shown_in
from exporter.model.outcome import INCONCLUSIVE, Reason, Stage, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exporter.model.network_path import Path
    from exporter.model.outcome import Evidence, Judged, Observation
    from exporter.model.rule import Target
    from exporter.model.tls_facts import TlsFacts
    from exporter.monitor.store import Record

Samples: TypeAlias = tuple[tuple[str, str], ...]

_ABSENT: Samples = ()
_YES: Samples = (("", "1"),)
_NO: Samples = (("", "0"),)


_PHASES = {stage: label("phase", stage) for stage in Stage}
_STATES = tuple(label("state", s) for s in ("reachable", "unreachable", "untested"))


def _truth(value: bool | None) -> Samples:
    if value is None:
        return _ABSENT
    return _YES if value else _NO


def _whole(value: int | None) -> Samples:
    return _ABSENT if value is None else (("", str(value)),)


def _seconds(value: float | None) -> Samples:
    return _ABSENT if value is None else (("", f"{value:.6f}"),)


def _time(value: float | None) -> Samples:
    return _ABSENT if value is None else (("", f"{value:.3f}"),)


def _reachable(state: State) -> Samples:
    if state.reason is None or state.reason in INCONCLUSIVE:
        return _ABSENT
    return _truth(state.reason is Reason.ANSWERED)


def _failure(state: State) -> Samples:
    if state.reason is None or state.reason is Reason.ANSWERED:
        return _ABSENT
    stage, reason = label("stage", state.stage), label("reason", state.reason)
    return ((stage + reason + label("origin", state.origin), "1"),)


def _phases(answered: Observation) -> Samples:
    return tuple((_PHASES[s], f"{took:.6f}") for s, took in answered.phases.items())


def _satisfied(state: State) -> Samples:
    verdict = state.verdict
    return _ABSENT if verdict is Verdict.UNKNOWN else _truth(verdict is Verdict.HOLDS)


def _addresses(state: State) -> Samples:
    """All three states of the host's addresses; nothing if it has none."""
    if not any(state.addresses):
        return _ABSENT
    return tuple(zip(_STATES, map(str, state.addresses), strict=True))


def _answer_hops(state: State) -> int | None:
    """As what came back says itself, else as the trace of the present failure does."""
    traced = state.path.answered_ttl if state.path else None
    return traced if state.answer_hops is None else state.answer_hops


def _break(state: State) -> Samples:
    if state.path is None:
        return _ABSENT
    last_hop, ttl = state.path.last_hop, str(state.path.last_ttl)
    return ((label("last_hop", last_hop) + label("ttl", ttl), "1"),)


def _muted(record: Record) -> Samples:
    if not record.target.maintenance:
        return _ABSENT
    return _truth(record.target.muted(time.time()) is not None)


def _not_needed(state: State) -> Samples:
    return ((label("instead", state.instead), "1"),) if state.instead else _ABSENT


def _tls_info(facts: TlsFacts) -> Samples:
    labels = (
        label("version", facts.version)
        + label("cipher", facts.cipher)
        + label("issuer", facts.issuer)
        + label("subject", facts.subject)
        + label("fingerprint_sha256", facts.fingerprint_sha256)
        + label("trust", facts.trust)
        + label("error", facts.error)
    )
    return ((labels, "1"),)


def _info(explained: Explained) -> Samples:
    facts = shown_in(Shown.INFO)
    said = "".join(label(fact.name, fact.text(explained.target)) for fact in facts)
    via, finding = label("via", explained.via), label("finding", explained.finding)
    return ((said + via + finding, "1"),)


class Explained(NamedTuple):
    """A target, the proxy that it went through, and the finding that it is in."""

    target: Target
    via: str
    finding: str


class State(NamedTuple):
    """What stays as it is from round to round, as long as nothing happens.

    `addresses` is how many of the host's are reachable, unreachable and untested;
    `since` the Unix time of the last change; `reason` and what follows are those of
    the latest observation, None or empty before the first.
    """

    verdict: Verdict
    failures: int
    since: float | None
    path: Path | None
    addresses: tuple[int, int, int] = (0, 0, 0)
    instead: str = ""
    reason: Reason | None = None
    stage: str = ""
    origin: str = ""
    answer_hops: int | None = None
    syn_retransmits: int | None = None


def state_of(record: Record) -> State:
    """The present state of a target."""
    latest = record.latest
    known = (record.verdict, record.failures, record.state_change_timestamp)
    if latest is None:
        return State(*known, record.path)
    seen = latest.observation
    return State(
        *(*known, record.path, _counted(latest.addresses), latest.instead),
        *(seen.reason, seen.stage, seen.origin),
        *(seen.answer_hops, seen.syn_retransmits),
    )


def _counted(addresses: Iterable[Judged]) -> tuple[int, int, int]:
    """What could not be learned, a family, say, counts as one more that is untested."""
    reachable = unreachable = untested = 0
    for judged in addresses:
        seen = judged.observation
        if seen.reason is Reason.ANSWERED:
            reachable += 1
        elif seen.reason in INCONCLUSIVE:
            untested += bool(seen.address) or seen.reason is Reason.UNTESTED
        elif seen.address:
            unreachable += 1
    return reachable, unreachable, untested


OF_EXPLAINED: Mapping[str, Callable[[Explained], Samples]] = {
    "connectivity_rule_info": _info,
}
"""Known from the start; again when the finding or the proxy is another."""

OF_STATE: Mapping[str, Callable[[State], Samples]] = {
    "connectivity_rule_satisfied": _satisfied,
    "connectivity_rule_addresses": _addresses,
    "connectivity_rule_answer_hops": lambda state: _whole(_answer_hops(state)),
    "connectivity_rule_path_hops": lambda state: _whole(
        state.path.answered_ttl if state.path else None
    ),
    "connectivity_rule_path_break_info": _break,
    "connectivity_rule_not_needed": _not_needed,
    "connectivity_rule_probe_failures_total": lambda state: _whole(state.failures),
    "connectivity_rule_state_change_timestamp_seconds": lambda state: _time(
        state.since
    ),
    "connectivity_rule_reachable": _reachable,
    "connectivity_rule_failure": _failure,
    "connectivity_rule_syn_retransmits": lambda state: _whole(state.syn_retransmits),
}
"""From the start, where the counter is 0, and when the state changed."""

OF_RECORD: Mapping[str, Callable[[Record], Samples]] = {
    "connectivity_rule_muted": _muted,
    "connectivity_rule_probe_attempts_total": lambda record: _whole(record.attempts),
    "connectivity_rule_probes_total": lambda record: _whole(record.probes),
    "connectivity_rule_last_probe_timestamp_seconds": lambda record: _time(
        record.latest.finished_timestamp if record.latest else None
    ),
    "connectivity_rule_last_success_timestamp_seconds": lambda record: _time(
        record.last_success_timestamp
    ),
}
"""From the start, and after each round; the counters start at 0."""

OF_LATEST: Mapping[str, Callable[[Observation], Samples]] = {
    "connectivity_rule_latency_seconds": lambda seen: _seconds(seen.latency),
}
"""After each round, from the observation that decided it."""

OF_EVIDENCE: Mapping[str, Callable[[Evidence], Samples]] = {
    "connectivity_rule_http_status_code": lambda told: _whole(told.http_status),
    "connectivity_rule_ntp_offset_seconds": lambda told: _seconds(told.ntp_offset),
    "connectivity_rule_ntp_stratum": lambda told: _whole(told.ntp_stratum),
    "connectivity_rule_clock_offset_seconds": lambda told: _seconds(told.clock_skew),
}
"""When what the protocol tells is something else than in the round before."""

OF_ANSWERED: Mapping[str, Callable[[Observation], Samples]] = {
    "connectivity_rule_phase_duration_seconds": _phases,
}
"""After each answered round, and kept through those that are not."""

OF_TLS: Mapping[str, Callable[[TlsFacts], Samples]] = {
    "connectivity_rule_tls_expiry_timestamp_seconds": lambda facts: _time(
        facts.expiry_timestamp
    ),
    "connectivity_rule_tls_chain_expiry_timestamp_seconds": lambda facts: _time(
        facts.chain_expiry_timestamp
    ),
    "connectivity_rule_tls_verified": lambda facts: _truth(facts.verified),
    "connectivity_rule_tls_info": _tls_info,
    "connectivity_rule_tls_intercepted": lambda facts: _truth(facts.intercepted),
}
"""When the certificate presented, or the judgement on it, changed."""
