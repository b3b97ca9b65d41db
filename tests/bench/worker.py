"""The exporter in a process of its own, with its own web server, told what to do.

One JSON object a line comes in and one goes out: `demand` puts targets in force
that ask for so many probes a second, `state` tells what they took until now. The
rules are made here and not read from a file, because a file could not ask for more
than politeness allows. Everything else is the service as `serve` runs it.

    python -m tests.bench.worker SITE_FILE
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from exporter.app.service import Exporter
from exporter.config.site import load_site
from exporter.http import server
from exporter.model.rule import Rule, Target, TlsPolicy, Transport, Usage
from exporter.monitor.gc_pacing import incremental_gc
from exporter.monitor.loop_lag import LoopLag
from tests.bench.peers import ADDRESSES, DOMAIN

_TICK = 0.001
_SCHEDSTAT = Path("/proc/thread-self/schedstat")


class Worker:
    def __init__(self, exporter, site, port):
        self._exporter = exporter
        self._site = site
        self._port = port
        self._gaps = _Gaps()

    async def do(self, order):
        """Carries out one order; the answer is JSON."""
        return getattr(self, order.pop("do"))(**order)

    def demand(self, shapes, targets, rate, starts=1e9, at_once=False):
        """Puts `targets` targets in force that are due `rate` times a second in all.

        They take the `shapes`, pairs of probe and port, in turn. No more than `starts`
        start in a second; with `at_once` all get in line now.
        """
        interval = targets / rate
        made = tuple(
            _target(i, *shapes[i % len(shapes)], interval) for i in range(targets)
        )
        rules = tuple(target.rule for target in made)
        schedule = replace(self._site.schedule, rate=starts)
        site = replace(self._site, targets=made, rules=rules, schedule=schedule)
        self._exporter._bring_into_force(site)
        for target in made if at_once else ():
            self._exporter._scheduler.run_soon(target)
        return {"port": self._port}

    def state(self):
        """Sums since the targets came into force; CPU since the process began."""
        records = self._exporter._store.records()
        return {
            "time": time.perf_counter(),
            "cpu": time.process_time(),
            "rss": _resident(),
            "probes": sum(record.probes for record in records),
            "failures": sum(record.failures for record in records),
            "unseen": sum(record.latest is None for record in records),
            "skipped": self._exporter._scheduler.skipped,
        }

    def watch(self):
        """Begins to measure how long the event loop is held; it costs CPU."""
        self._gaps.start()
        return {}

    def stall(self):
        """Seconds for which the loop was held at the most since `watch`."""
        return {"stall": self._gaps.stop()}


class _Gaps:
    """A ticker: what lies between two ticks beyond what usually does, held the loop.

    The time in which other processes had the CPU is not ours and left out.
    """

    def start(self):
        self._seen = []
        self._task = asyncio.create_task(self._tick())

    def stop(self):
        self._task.cancel()
        return max(self._seen) - statistics.median(self._seen)

    async def _tick(self):
        before, waited_before = time.perf_counter(), _waited()
        while True:
            await asyncio.sleep(_TICK)
            now, waited = time.perf_counter(), _waited()
            self._seen.append((now - before) - (waited - waited_before))
            before, waited_before = now, waited


def _waited():
    """Seconds for which this thread could have run and did not get a CPU."""
    return int(_SCHEDSTAT.read_text().split()[1]) / 1e9


def _target(number, probe, port, interval):
    name = f"t{number}.{DOMAIN}"
    rule = Rule(
        id=f"vendor-service-{number}",
        source="appsanywhere",
        port=port,
        transport=Transport.TCP,
        probe=probe,
        usage=list(Usage)[number % len(Usage)],
        description=f"Service {number} that the vendor's servers offer",
        catalogue="bench",
        section="Servers / Outbound Traffic (External)",
        owner="network-team",
        interval=interval,
        timeout=5.0,
        # A name each, as real targets have: every chain is judged on its own.
        tls=TlsPolicy(server_name=name),
    )
    return Target(rule, ADDRESSES[number % len(ADDRESSES)], port)


def _resident():
    """Bytes of memory that are this process's, as the kernel counts them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError("VmRSS")


async def _orders():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async for line in reader:
        yield json.loads(line)


async def main(path):
    site = load_site(path)
    async with LoopLag() as lag:
        exporter = Exporter(site, (), lag)
        async with server.serve(exporter.parts(), "127.0.0.1", 0) as port:
            worker = Worker(exporter, site, port)
            async with incremental_gc():
                async for order in _orders():
                    print(json.dumps(await worker.do(order)), flush=True)  # noqa: T201 - its answers
            await exporter.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main(Path(sys.argv[1])))
