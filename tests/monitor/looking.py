"""A runner that sees what a test says, for rounds and what is looked into behind them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import defaultdict
from types import SimpleNamespace

from exporter.model.network_path import Hop, Path
from exporter.model.outcome import Judged, Origin, ProbeError, Reason, Stage, Verdict
from exporter.monitor.rounds import Rounds
from exporter.monitor.store import Store
from exporter.probes.distance import Distance
from tests import make, virtual

SILENT = Path((Hop(1, "10.0.0.1", 0.001),), None, None, "10.0.0.1", 1)
RESET_THERE = Path((), 2, Reason.REFUSED, "10.0.0.1", 1)
AWAY = Distance(4, 61)
DENIED = Verdict.HOLDS
GOOD = make.result(Verdict.HOLDS)
DOWN = make.result(Verdict.VIOLATED)
RESET = make.result(Verdict.VIOLATED, reason=Reason.REFUSED)
UNDECIDED = make.result(Verdict.UNKNOWN, reason=Reason.REFUSED)
UNRESOLVED = make.result(Verdict.VIOLATED, reason=Reason.NXDOMAIN, stage=Stage.RESOLVE)
CUT = make.result(Verdict.VIOLATED, reason=Reason.RESET, stage=Stage.EXCHANGE)


def blamed(result, placed, verdict=None):
    """A result whose reset is known to be the path's."""
    seen = dataclasses.replace(
        result.observation, origin=Origin.PATH, detail=placed.detail
    )
    judged = Judged(seen, verdict or result.verdict)
    return dataclasses.replace(
        result, observation=seen, addresses=(judged,), verdict=judged.verdict
    )


class Runner:
    """Gives the results it is told to, the last one for ever."""

    def __init__(self, *results, path=SILENT, floor=5.0, busy=0, nearer=True):
        self._results = list(results)
        self._paths = path if isinstance(path, dict) else defaultdict(lambda: path)
        self._floor = floor
        self._busy = busy
        self.is_nearer = nearer
        self.runs = 0
        self.traces = []
        self.measured = []
        self.compared = []
        self.resets = {}
        self.handshakes = {}
        self._raw, self._told = {}, []

    def prober(self, _rule):
        return SimpleNamespace(floor=self._floor)

    async def run(self, target):
        self.runs += 1
        more = len(self._results) > 1
        result = self._results.pop(0) if more else self._results[0]
        return self.reconsider(target, result)

    async def trace(self, target, address):
        self.traces.append((target.rule.id, address))
        await asyncio.sleep(2)
        if self._busy:
            self._busy -= 1
            raise ProbeError(Reason.LOCAL_FAULT, "too busy")
        return self._paths[address]

    async def distance(self, target, address):
        self.measured.append((target.rule.id, address))
        await asyncio.sleep(2)
        return AWAY

    async def nearer(self, target, address, distance, end):
        self.compared.append((target.rule.id, address, end))
        assert distance == AWAY
        await asyncio.sleep(1)
        return self.is_nearer

    def place_reset(self, target, address, placed):
        self.resets[target.key, address] = placed

    def place_handshake(self, target, address, placed):
        self.handshakes[target.key, address] = placed

    def reconsider(self, target, result):
        result = self._raw.get(id(result), result)
        seen = result.observation
        placed = self.resets.get((target.key, seen.address))
        if placed is not None and seen.reason is Reason.REFUSED:
            denied = DENIED if target.rule.expect == "deny" else None
            told = blamed(result, placed, denied)
            self._raw[id(told)] = result
            self._told.append(told)
            return told
        return result


def one_round(runner, targets, **bounds):
    """One round of many targets in virtual time, traces included; gives store and seconds."""

    async def main(loop):
        store = Store()
        store.replace(targets)
        under_test = Rounds(runner, store, clock=loop.time, **bounds)
        began = loop.time()
        for target in targets:
            await under_test.run(target)
        told = loop.time() - began
        await under_test.wait_for_traces()
        await under_test.close()
        return store, told, loop.time() - began - told

    return virtual.run(main)


def rounds(runner, count=1, targets=(), target=None, gap=60.0, good=GOOD):
    """Runs rounds of one target in virtual time; gives store, record and clock."""
    target = target or make.target()

    async def main(loop):
        store = Store()
        store.replace([target, *targets])
        under_test = Rounds(runner, store, clock=loop.time)
        for other in targets:
            store.add(other, good)
            under_test._traces.follow(other, good)
        pauses = []
        for _ in range(count):
            pauses.append(await under_test.run(target))
            await asyncio.sleep(gap)
        await under_test.wait_for_traces()
        await under_test.close()
        return store.record(target), loop.time() - 1000.0, pauses

    return virtual.run(main)
