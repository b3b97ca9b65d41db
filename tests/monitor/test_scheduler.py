from __future__ import annotations

import asyncio
import collections
import itertools

import pytest

from exporter.monitor.scheduler import PER_DESTINATION, Limits, Scheduler
from tests import make, virtual

WALL = 1_700_000_000.0
GRAIN = 0.11


class Probes:
    """A stand-in for the runner: notes starts, takes as long as it is told."""

    def __init__(self, loop, seconds=0.0, pause=None):
        self._loop = loop
        self._seconds = seconds
        self._pause = pause
        self.starts = []
        self.running = 0
        self.most = 0
        self.most_per_host = 0
        self._hosts = collections.Counter()

    async def __call__(self, target):
        self.starts.append((self._loop.time(), target.rule.id))
        self.running += 1
        self._hosts[target.destination] += 1
        self.most = max(self.most, self.running)
        self.most_per_host = max(self.most_per_host, *self._hosts.values())
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.running -= 1
            self._hosts[target.destination] -= 1
        return self._pause

    def times(self, rule_id):
        return [at for at, rule in self.starts if rule == rule_id]


def targets(count, interval=60.0, destination=None):
    return [
        make.target(
            id=f"r{number}",
            destination=destination or f"host{number}.example",
            interval=interval,
        )
        for number in range(count)
    ]


def scheduler(loop, probes, limits=Limits(), **options):  # noqa: B008 - frozen
    return Scheduler(
        probes, limits, wall=lambda: WALL + loop.time() - 1000.0, **options
    )


def test_every_target_runs_once_an_interval():
    async def main(loop):
        probes = Probes(loop)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(50))
        await asyncio.sleep(600.5)
        await under_test.close()
        return probes

    probes = virtual.run(main)
    for number in range(50):
        times = probes.times(f"r{number}")
        assert len(times) in {10, 11}
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert all(abs(gap - 60) <= GRAIN for gap in gaps)


def test_starts_are_spread_over_the_interval():
    async def main(loop):
        probes = Probes(loop)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(600))
        await asyncio.sleep(60)
        await under_test.close()
        return collections.Counter(int(at // 6) for at, _ in probes.starts)

    tenths = virtual.run(main)
    assert len(tenths) in {10, 11}
    assert max(tenths.values()) <= 90


def test_a_restart_keeps_every_targets_place_in_time():
    async def main(loop):
        first, second = Probes(loop), Probes(loop)
        before = scheduler(loop, first)
        before.replace(targets(20))
        await asyncio.sleep(70)
        await before.close()
        after = scheduler(loop, second)
        after.replace(targets(20))
        await asyncio.sleep(70)
        await after.close()
        return first, second

    first, second = virtual.run(main)
    for number in range(20):
        gap = second.times(f"r{number}")[0] - first.times(f"r{number}")[-1]
        assert gap >= 60 - GRAIN
        assert gap % 60 == pytest.approx(0, abs=GRAIN) or gap % 60 > 60 - GRAIN


def test_replicas_start_at_other_times():
    async def main(loop):
        probes = {}
        for salt in ("host-a", "host-b"):
            probes[salt] = Probes(loop)
            under_test = scheduler(loop, probes[salt], salt=salt)
            under_test.replace(targets(20))
            await asyncio.sleep(60)
            await under_test.close()
        return probes

    probes = virtual.run(main)
    places = {
        salt: [round(seen.times(f"r{n}")[0] % 60) for n in range(20)]
        for salt, seen in probes.items()
    }
    same = sum(a == b for a, b in zip(*places.values(), strict=True))
    assert same <= 4


def test_no_more_probes_at_once_than_slots():
    async def main(loop):
        probes = Probes(loop, seconds=10)
        under_test = scheduler(loop, probes, Limits(concurrency=7, rate=1000))
        under_test.replace(targets(100, interval=20))
        await asyncio.sleep(100)
        in_flight = under_test.in_flight
        await under_test.close()
        return probes.most, in_flight

    assert virtual.run(main) == (7, 7)


def test_no_more_starts_a_second_than_the_rate():
    async def main(loop):
        probes = Probes(loop)
        under_test = scheduler(loop, probes, Limits(rate=10))
        under_test.replace(targets(600, interval=30))
        await asyncio.sleep(60)
        await under_test.close()
        return [at for at, _ in probes.starts]

    starts = virtual.run(main)
    seconds = collections.Counter(int(at) for at in starts)
    assert max(seconds.values()) <= 11
    assert len(starts) == pytest.approx(600, abs=20)


def test_what_is_due_at_once_starts_over_many_turns_of_the_loop():
    async def main(loop):
        probes = Probes(loop)
        at_once, started = [], []

        async def probe(target):
            if not started:
                loop.call_soon(lambda: (at_once.append(len(started)), started.clear()))
            started.append(target)
            await probes(target)

        under_test = scheduler(loop, probe, Limits(rate=1e6))
        under_test.replace(targets(1000, interval=1.0))
        await asyncio.sleep(1.5)
        await under_test.close()
        return probes, at_once

    probes, at_once = virtual.run(main)
    assert len(probes.starts) >= 1000
    assert len({at for at, _ in probes.starts}) < 40
    assert max(at_once) <= 100 / 10
    assert min(at_once) == 1


def test_one_destination_is_never_crowded():
    async def main(loop):
        probes = Probes(loop, seconds=5)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(40, interval=60, destination="one.example"))
        await asyncio.sleep(240)
        await under_test.close()
        return probes

    probes = virtual.run(main)
    assert probes.most_per_host == PER_DESTINATION
    assert {rule for _, rule in probes.starts} == {f"r{n}" for n in range(40)}


def test_a_run_that_would_overlap_is_skipped_and_counted():
    async def main(loop):
        probes = Probes(loop, seconds=25)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(1, interval=10))
        await asyncio.sleep(95)
        skipped, starts = under_test.skipped, len(probes.starts)
        await under_test.close()
        return skipped, starts, probes.most

    skipped, starts, most = virtual.run(main)
    assert most == 1
    assert starts in {3, 4}
    assert skipped == pytest.approx(2 * starts, abs=2)


def test_lateness_is_measured_from_the_due_time():
    async def main(loop):
        late = []
        probes = Probes(loop, seconds=3)
        under_test = scheduler(
            loop, probes, Limits(concurrency=1), lateness=late.append
        )
        under_test.replace(targets(4, interval=12))
        await asyncio.sleep(60)
        loop.stall(30)
        await asyncio.sleep(1)
        before_stall = max(late[:-1])
        await asyncio.sleep(5)
        await under_test.close()
        return before_stall, max(late), min(late)

    before_stall, most, least = virtual.run(main)
    assert least < GRAIN
    assert before_stall <= 12
    assert most >= 18


def test_after_a_long_stall_each_target_runs_once_not_once_per_missed_interval():
    async def main(loop):
        probes = Probes(loop)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(5, interval=10))
        await asyncio.sleep(20)
        probes.starts.clear()
        loop.stall(1000)
        await asyncio.sleep(0.2)
        await under_test.close()
        return collections.Counter(rule for _, rule in probes.starts)

    assert max(virtual.run(main).values()) == 1


def test_a_peer_that_asks_for_a_pause_gets_it():
    async def main(loop):
        probes = Probes(loop, pause=1024)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(1, interval=64))
        await asyncio.sleep(3400)
        await under_test.close()
        return probes.times("r0")

    times = virtual.run(main)
    assert len(times) == 4
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert all(1024 <= gap <= 1024 + 64 + GRAIN for gap in gaps)


def test_a_round_that_sent_nothing_is_repeated_before_the_interval_is_over():
    async def main(loop):
        probes = Probes(loop, seconds=1)

        def sooner(_target):
            return 5.0 if len(probes.starts) < 4 else None

        under_test = scheduler(loop, probes, sooner=sooner)
        under_test.replace(targets(1, interval=300))
        await asyncio.sleep(1500)
        await under_test.close()
        return probes.times("r0"), under_test.skipped

    times, skipped = virtual.run(main)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps[:3] == pytest.approx([6, 6, 6], abs=GRAIN)
    # From then on the peer has its peace again: no run at the place it had before.
    assert gaps[3:] == pytest.approx([300] * (len(gaps) - 3), abs=GRAIN)
    assert len(gaps) >= 6
    assert skipped == 0


def test_nothing_is_put_off_by_what_would_be_sooner():
    async def main(loop):
        probes = Probes(loop)
        under_test = scheduler(loop, probes, sooner=lambda _target: 90.0)
        under_test.replace(targets(1, interval=60))
        await asyncio.sleep(600)
        await under_test.close()
        return probes.times("r0")

    assert len(virtual.run(main)) in {10, 11}


def test_what_left_meanwhile_is_not_brought_forward():
    async def main(loop):
        probes = Probes(loop, seconds=10)
        under_test = scheduler(loop, probes, sooner=lambda _target: 5.0)
        under_test.replace(targets(1, interval=60))
        (only,) = targets(1)
        await asyncio.sleep(under_test.next_due(only) + 1)
        under_test.replace(())
        await asyncio.sleep(200)
        await under_test.close()
        return len(probes.starts)

    assert virtual.run(main) == 1


def test_a_reload_keeps_places_and_drops_what_left():
    async def main(loop):
        probes = Probes(loop)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(10))
        await asyncio.sleep(61)
        first = {f"r{n}": probes.times(f"r{n}")[0] % 60 for n in range(10)}
        probes.starts.clear()
        under_test.replace(targets(5), Limits(concurrency=3))
        await asyncio.sleep(120)
        slots = under_test.slots
        await under_test.close()
        return first, probes, slots

    first, probes, slots = virtual.run(main)
    assert slots == 3
    assert {rule for _, rule in probes.starts} == {f"r{n}" for n in range(5)}
    for at, rule in probes.starts:
        difference = abs(at % 60 - first[rule])
        assert min(difference, 60 - difference) <= 2 * GRAIN


def test_a_target_that_leaves_while_it_waits_is_never_started():
    async def main(loop):
        probes = Probes(loop, seconds=50)
        under_test = scheduler(loop, probes, Limits(concurrency=1))
        under_test.replace(targets(3, interval=10))
        await asyncio.sleep(11)
        running = probes.starts[0][1]
        under_test.replace([t for t in targets(3, interval=10) if t.rule.id == running])
        await asyncio.sleep(200)
        await under_test.close()
        return running, {rule for _, rule in probes.starts}

    running, started = virtual.run(main)
    assert started == {running}


def test_closing_cancels_what_is_under_way():
    async def main(loop):
        probes = Probes(loop, seconds=1e6)
        under_test = scheduler(loop, probes)
        under_test.replace(targets(5, interval=10))
        await asyncio.sleep(11)
        before = probes.running
        await under_test.close()
        return before, probes.running, under_test.in_flight

    assert virtual.run(main) == (5, 0, 0)


def test_the_next_run_can_be_told():
    async def main(loop):
        probes = Probes(loop)
        under_test = scheduler(loop, probes)
        (target,) = targets(1)
        before = under_test.next_due(target)
        under_test.replace([target])
        due = under_test.next_due(target)
        await asyncio.sleep(due + GRAIN)
        await under_test.close()
        return before, due, len(probes.starts)

    before, due, starts = virtual.run(main)
    assert before is None
    assert 0 <= due <= 60
    assert starts == 1


def test_a_target_can_be_put_in_line_at_once_but_not_twice():
    async def main(loop):
        probes = Probes(loop, seconds=5)
        under_test = scheduler(loop, probes)
        (target,) = targets(1, interval=3600)
        before = under_test.run_soon(target)
        under_test.replace([target])
        answers = [under_test.run_soon(target) for _ in range(2)]
        await asyncio.sleep(1)
        answers.append(under_test.run_soon(target))
        await asyncio.sleep(5)
        starts = len(probes.starts)
        await under_test.close()
        return before, answers, starts

    assert virtual.run(main) == (False, [True, False, False], 1)
