"""What is measured, and how: every function takes the parties and gives numbers.

CPU is that of the whole process, user and system. Ours and blackbox are measured in
turn, so that both meet the same host, and both verify the certificates they see.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

LOW = 300
"""Probes a second of the low load."""
FLEET_INTERVAL = 60.0
_FIRST = 200
"""Probes a second of a fleet's first round, as a site file has it by default."""
_ROUNDS = 3
_SECONDS = 3.0
_TARGETS = 1000
_STEP = 1.15
_STEPS = 6
_MET = 0.95
"""Share of the demand from which on it counts as met."""
_SCRAPES = 9
_SCRAPE_EVERY = 15.0
_PATIENCE = 240.0


@dataclass(frozen=True)
class Cost:
    """CPU seconds a probe, and probes a second."""

    cpu: float
    rate: float


@dataclass(frozen=True)
class Comparison:
    """Ours and blackbox on the same targets; `latency` is what ours reported."""

    ours: Cost
    blackbox: Cost
    latency: float

    @property
    def ratio(self):
        return self.ours.cpu / self.blackbox.cpu


@dataclass(frozen=True)
class Scrapes:
    """Scrapes in one encoding; medians of some.

    Seconds from request to last byte, bytes on the wire, for how many seconds the event
    loop was held at the most during one, and in as long a time just before it.
    """

    seconds: float
    size: int
    stall: float
    before: float


@dataclass(frozen=True)
class Fleet:
    """Many targets: memory in bytes, and what a minute of probing took of a core."""

    of: str
    targets: int
    empty: int
    resident: int
    scrapes: dict[str, Scrapes]
    core: float | None = None

    @property
    def per_target(self):
        return (self.resident - self.empty) / self.targets


def at_low_load(ours, blackbox, probe, port):
    """CPU a probe at 300 probes a second, in turns."""
    return _in_turns(ours, blackbox, (probe, port), LOW, LOW, asked=LOW)


def at_saturation(ours, blackbox, probe, port, guess):
    """CPU a probe at the highest demand that is met, and of blackbox at its highest.

    `guess` is a demand near ours: from there it goes up, or else down.
    """
    demand = _highest_met(ours, probe, port, guess)
    return _in_turns(ours, blackbox, (probe, port), _TARGETS, demand)


def _in_turns(ours, blackbox, shape, targets, rate, asked=None):
    """Both in turns; blackbox at the rate `asked` for, None for all that it can."""
    mine, theirs, latencies = [], [], []
    for _ in range(_ROUNDS):
        _put_in_force(ours, [shape], targets, rate)
        mine.append(_cost(ours, _SECONDS)[0])
        latencies.append(ours.latency())
        _rest(ours)
        probes, cpu = blackbox.drive(*shape, _SECONDS, asked)
        theirs.append(Cost(cpu / probes, probes / _SECONDS))
    return Comparison(_middle(mine), _middle(theirs), statistics.median(latencies))


def _highest_met(ours, probe, port, guess):
    """The highest demand that is met, by steps up or down from a guess."""
    if _is_met(ours, probe, port, guess):
        for _ in range(_STEPS):
            if not _is_met(ours, probe, port, guess * _STEP):
                break
            guess *= _STEP
        return guess
    for _ in range(_STEPS):
        guess /= _STEP
        if _is_met(ours, probe, port, guess):
            return guess
    raise RuntimeError(f"{probe}: not even {guess:.0f}/s are met: a busy machine?")


def fleet(ours, of, shapes, targets, *, minute):
    """Many targets at their real interval, with a name each for its certificate.

    Args:
        ours: a fresh worker.
        of: what the targets are, in words.
        shapes: pairs of probe and port, which the targets take in turn.
        targets: how many.
        minute: whether to take the time to see what a minute of them costs.
    """
    _rest(ours)
    ours.scrape()
    empty = ours.state()["rss"]
    rate = targets / FLEET_INTERVAL
    _put_in_force(ours, shapes, targets, rate, starts=_FIRST, at_once=True)
    core = _minute(ours) if minute else None
    scrapes = {name: _scrapes(ours, name) for name in ("identity", "gzip")}
    return Fleet(of, targets, empty, ours.state()["rss"], scrapes, core)


def _minute(ours):
    """Share of a core that probing and a scrape now and then take."""
    before = ours.state()
    while ours.state()["time"] < before["time"] + FLEET_INTERVAL:
        ours.scrape("gzip")
        time.sleep(_SCRAPE_EVERY)
    after = ours.state()
    _check(after)
    return (after["cpu"] - before["cpu"]) / (after["time"] - before["time"])


def _scrapes(ours, encoding):
    done, before, during = [ours.scrape(encoding)], [], []
    for _ in range(_SCRAPES):
        ours.watch()
        time.sleep(done[-1].seconds)
        before.append(ours.stall())
        ours.watch()
        done.append(ours.scrape(encoding))
        during.append(ours.stall())
    seconds = statistics.median(scrape.seconds for scrape in done)
    stalls = (statistics.median(during), statistics.median(before))
    return Scrapes(seconds, done[-1].size, *stalls)


def _put_in_force(ours, shapes, targets, rate, **more):
    """Waits until every target was probed once, and a scrape rendered it."""
    ours.demand(shapes=shapes, targets=targets, rate=rate, **more)
    end = time.monotonic() + _PATIENCE
    while ours.state()["unseen"]:
        if time.monotonic() > end:
            raise RuntimeError(f"{shapes}: not every target was probed")
        time.sleep(0.2)
    ours.scrape()


def _rest(ours):
    ours.demand(shapes=[("tcp", 1)], targets=0, rate=1)


def _is_met(ours, probe, port, demand):
    """Whether so many probes a second are made, and none is skipped."""
    _put_in_force(ours, [(probe, port)], _TARGETS, demand)
    cost, skipped = _cost(ours, _SECONDS)
    return cost.rate >= _MET * demand and not skipped


def _cost(ours, seconds):
    before = ours.state()
    time.sleep(seconds)
    after = ours.state()
    _check(after)
    took = {name: after[name] - before[name] for name in after}
    cost = Cost(took["cpu"] / took["probes"], took["probes"] / took["time"])
    return cost, took["skipped"]


def _check(state):
    """A probe that fails costs something else than one that is answered."""
    if state["failures"]:
        raise RuntimeError(f"{state['failures']} probes failed")


def _middle(costs):
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.rate for cost in costs),
    )
