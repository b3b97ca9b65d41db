"""What is rendered piece by piece, round after round, is what is rendered at once."""

from __future__ import annotations

import dataclasses
import itertools

from exporter.metrics.series import TargetSeries
from exporter.metrics.target_families import TARGET
from exporter.model.network_path import Hop, Path
from exporter.model.outcome import Evidence, Judged, Origin, Reason, Stage, Verdict
from exporter.monitor.store import Store
from tests import exposing, make

_UNTESTED = make.seen(Reason.UNTESTED, Stage.RESOLVE)
_HOLDS = exposing.answered()
_TWO = (*_HOLDS.addresses, Judged(_UNTESTED, Verdict.UNKNOWN))

ROUNDS = [
    _HOLDS,
    exposing.answered(at=exposing.NOW, latency=0.5, syn_retransmits=1),
    exposing.answered(evidence=Evidence(http_status=200, clock_skew=0.5)),
    exposing.answered(evidence=Evidence(http_status=503, ntp_stratum=2)),
    exposing.answered(tls=exposing.EXPIRED),
    exposing.answered(tls=exposing.tls(), via="proxy.test:3128"),
    exposing.prohibited(),
    exposing.prohibited(answer_hops=3, origin=Origin.DESTINATION),
    make.result(Verdict.UNKNOWN, reason=Reason.UNTESTED),
    make.result(Verdict.UNKNOWN, reason=Reason.BUG),
    dataclasses.replace(_HOLDS, addresses=_TWO),
    dataclasses.replace(exposing.prohibited(Verdict.HOLDS), instead="other-rule"),
]
PATH = Path((Hop(1, "10.9.1.1"),), 3, Reason.REFUSED, "10.9.1.1", 1)


def recorded():
    store, target = Store(), make.target()
    store.replace([target])
    return store, target, store.record(target)


def rendered(series):
    names = (family.name for family in TARGET)
    return dict(zip(names, series.pieces, strict=True))


def test_every_round_after_every_other_is_told_as_if_it_were_told_anew():
    for pair in itertools.permutations(ROUNDS, 2):
        store, target, record = recorded()
        series = TargetSeries(record)
        for result in (*pair, *pair):
            store.add(target, result)
            series.refresh()
            assert rendered(series) == rendered(TargetSeries(record))


def test_a_trace_is_told_without_another_round():
    store, target, record = recorded()
    store.add(target, exposing.prohibited())
    series = TargetSeries(record)
    store.add_path(target, PATH)
    series.refresh()
    assert rendered(series) == rendered(TargetSeries(record))
    assert rendered(series)["connectivity_rule_path_break_info"]
