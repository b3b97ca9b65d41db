"""The service in this process: what a reload may meet, and what then stays."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import itertools
import os
import threading
import time
import weakref

import pytest

from exporter.app import blocking, service
from exporter.app.blocking import within
from exporter.app.reload import Reloader
from exporter.app.service import Exporter
from exporter.config import ports
from exporter.config.diagnostics import ConfigError
from exporter.config.sharding import Shard
from exporter.config.site import load_site
from exporter.http.web_config import read_web_config
from exporter.metrics.text_format import ExpositionFormat
from exporter.model.outcome import Verdict
from exporter.monitor.loop_lag import LoopLag
from tests import make

SITE = """
catalogues: [c.yaml]
roles: [till]
dns: {servers: ["127.0.0.1:9"]} # each is asked by itself, and nobody else's may be
"""
CATALOGUE = """
catalogue: c
title: C
roles: {till: {title: Till}}
rules: []
"""


@pytest.fixture
async def exporter(tmp_path):
    (tmp_path / "c.yaml").write_text(CATALOGUE, encoding="utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(SITE, encoding="utf-8")
    async with LoopLag() as lag:
        exporter = Exporter(load_site(path), (), lag)
        exporter.start()
        yield exporter
        await exporter.close()


async def line(exporter, name):
    """The only sample of a metric."""
    chunks = exporter.parts().exposition.chunks(ExpositionFormat.TEXT)
    text = b"".join([part async for part in chunks]).decode()
    (found,) = (one for one in text.splitlines() if one.startswith(name))
    return found


async def successful(exporter):
    name = "connectivity_exporter_config_last_reload_successful "
    return (await line(exporter, name))[-1]


async def test_the_site_file_in_force_is_told_until_another_one_is_loaded(
    exporter, tmp_path
):
    def sample(text):
        return f'{name}sha256="{hashlib.sha256(text.encode()).hexdigest()}"}} 1'

    name = "connectivity_exporter_config_info{"
    path = tmp_path / "site.yaml"
    assert await line(exporter, name) == sample(SITE)
    path.write_text("nonsense: true\n", encoding="utf-8")
    assert await exporter.reload() != []
    assert await line(exporter, name) == sample(SITE)
    path.write_text(f"{SITE}# a remark\n", encoding="utf-8")
    assert await exporter.reload() == []
    assert await line(exporter, name) == sample(f"{SITE}# a remark\n")


@pytest.mark.parametrize("error", [RuntimeError("odd"), KeyError(5), RecursionError()])
async def test_a_reload_that_fails_in_an_unforeseen_way_is_a_failed_one(
    exporter, monkeypatch, error
):
    assert await exporter.reload() == []
    assert await successful(exporter) == "1"

    def fails(*_args):
        raise error

    monkeypatch.setattr(service, "load_site", fails)
    [problem] = await exporter.reload()
    assert "site.yaml: " in problem
    assert type(error).__name__ in problem
    assert await successful(exporter) == "0"
    monkeypatch.undo()
    assert await exporter.reload() == []
    assert await successful(exporter) == "1"


async def test_an_address_that_a_reload_cannot_change_is_told(
    exporter, tmp_path, caplog
):
    (tmp_path / "site.yaml").write_text(f'{SITE}web: {{listen: "127.0.0.1:1"}}\n')
    assert await exporter.reload() == []
    told = [one.getMessage() for one in caplog.records]
    assert "web.listen: another address is taken at the next start" in told
    caplog.clear()
    assert await exporter.reload() == []
    assert not any("web.listen" in one.getMessage() for one in caplog.records)


async def test_a_reload_that_fails_late_changes_nothing(tmp_path):
    """Not even what the site file, which was right, says must not answer."""
    web = tmp_path / "web.yaml"
    web.write_text("{}\n", encoding="utf-8")
    path = tmp_path / "site.yaml"
    (tmp_path / "c.yaml").write_text(CATALOGUE, encoding="utf-8")
    path.write_text(SITE, encoding="utf-8")
    async with LoopLag() as lag:
        exporter = Exporter(load_site(path), (), lag, web)
        exporter.start()
        web.write_text("nonsense: true\n", encoding="utf-8")
        path.write_text(
            f"{SITE}controls: [{{host: 127.0.0.9, port: 9}}]\n", encoding="utf-8"
        )
        assert await exporter.reload() != []
        assert exporter.parts().controls() == ()
        web.write_text("{}\n", encoding="utf-8")
        assert await exporter.reload() == []
        [control] = exporter.parts().controls()
        assert control.target.destination == "127.0.0.9"
        await exporter.close()


async def test_authorities_are_read_beside_the_event_loop(exporter, monkeypatch):
    """A store of them takes 20 ms to read, or for ever where a file system hangs."""
    real, readers = service.engine_of, []

    def engine_of(site):
        readers.append(threading.current_thread())
        return real(site)

    monkeypatch.setattr(service, "engine_of", engine_of)
    assert await exporter.reload() == []
    assert threading.main_thread() not in readers
    assert readers != []


async def test_nothing_of_an_old_configuration_waits_for_a_collection(exporter):
    """A store of trusted certificates is megabytes, and what is old is hardly collected."""

    def in_force():
        runner = exporter._rounds._runner
        return runner, runner._secure, runner._resolver, runner._witnesses

    assert await exporter.reload() == []  # the first one may be anybody's
    before = [weakref.ref(one) for one in in_force()]
    gc.disable()
    try:
        assert await exporter.reload() == []
        await asyncio.sleep(0)
        assert [one() for one in before] == [None] * len(before)
    finally:
        gc.enable()


async def test_a_shard_stays_what_it_is_over_a_reload(tmp_path):
    path = tmp_path / "site.yaml"
    text = 'dns: {servers: ["127.0.0.1:9"]}\nrules:\n' + "".join(
        f"  - {{id: r{n}, source: a, destination: {{host: 127.0.0.{n}}}, port: 1}}\n"
        for n in range(1, 9)
    )
    path.write_text(text, encoding="utf-8")

    def told(shards):
        return "".join(str(len(one.store.records())) for one in shards)

    async with contextlib.AsyncExitStack() as stack:
        lag = await stack.enter_async_context(LoopLag())
        shards = []
        for number in (1, 2):
            site = load_site(path, shard=Shard(number, 2))
            shards.append(Exporter(site, (), lag))
            shards[-1].start()
            stack.push_async_callback(shards[-1].close)
        assert told(shards) == "44"
        path.write_text(text.replace("port: 1", "port: 2"), encoding="utf-8")
        assert [await one.reload() for one in shards] == [[], []]
        assert told(shards) == "44"
        keys = [{one.target.key for one in each.store.records()} for each in shards]
        assert keys[0].isdisjoint(keys[1])
        assert shards[0].parts().shard() == "1/2"
        name = "connectivity_exporter_shard_info{"
        assert await line(shards[1], name) == f'{name}shard="2",shards="2"}} 1'


async def test_files_that_cannot_be_opened_in_time_fail_a_reload_and_no_later_one(
    exporter, monkeypatch
):
    stuck = threading.Event()
    real = service.load_site

    def hangs(*args):
        stuck.wait(30)
        return real(*args)

    monkeypatch.setattr(service, "_READING", 0.05)
    monkeypatch.setattr(service, "load_site", hangs)
    [problem] = await exporter.reload()
    assert "site.yaml: not read within" in problem
    monkeypatch.setattr(service, "load_site", real)
    monkeypatch.setattr(service, "_READING", 30.0)
    assert await exporter.reload() == []
    stuck.set()


@pytest.mark.parametrize("name", ["web.yaml", "cert.pem"])
async def test_a_fifo_in_the_place_of_a_file_is_told_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    path = tmp_path / "web.yaml"
    if name != "web.yaml":
        text = f"tls_server_config: {{cert_file: {name}, key_file: {name}}}\n"
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read: not a regular file"):
        await within(10, lambda: read_web_config(path))


async def test_a_name_with_a_nul_is_told_escaped(tmp_path):
    path = tmp_path / "web.yaml"
    text = 'tls_server_config:\n  cert_file: "a\\0b"\n  key_file: k\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_web_config(path)
    assert f"{path}:2: tls_server_config.cert_file: a\\x00b cannot be read" in str(
        caught.value
    )


async def test_a_storm_of_reloads_is_one_that_runs_and_one_that_waits():
    begun, released = [], asyncio.Event()

    async def load():
        begun.append(len(begun))
        await released.wait()
        return []

    reloader = Reloader(load)
    first = asyncio.create_task(reloader.reload())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    storm = [asyncio.create_task(reloader.reload()) for _ in range(1000)]
    await asyncio.sleep(0)
    storm[0].cancel()
    released.set()
    await asyncio.gather(first, *storm[1:])
    assert begun == [0, 1]
    assert await reloader.reload() == []
    assert begun == [0, 1, 2]
    await reloader.close()


async def test_only_so_many_threads_are_left_behind(monkeypatch):
    monkeypatch.setattr(blocking, "_left", set())
    stuck, begun = threading.Event(), []

    def hangs():
        begun.append(1)
        stuck.wait(30)

    for _ in range(blocking.MAX_LEFT + 3):
        with pytest.raises(TimeoutError):
            await within(0.01, hangs)
    assert len(begun) == blocking.MAX_LEFT
    stuck.set()
    for thread in list(blocking._left):
        await asyncio.to_thread(thread.join)
    assert await within(None, lambda: 7) == 7


async def test_a_thread_that_computes_is_waited_for_and_one_that_hangs_is_not(
    monkeypatch,
):
    release, looks = threading.Event(), itertools.count(1)

    def more_each_time(_thread):
        look = next(looks)
        if look == 3:
            release.set()
        return look

    monkeypatch.setattr(blocking, "_work", more_each_time)
    assert await within(0.05, lambda: release.wait(30)) is True
    monkeypatch.setattr(blocking, "_work", lambda _thread: 7)
    release.clear()
    with pytest.raises(TimeoutError):
        await within(0.05, lambda: release.wait(30))
    release.set()


async def test_the_end_waits_for_what_is_still_computed(monkeypatch):
    """A thread that is ended with the interpreter would abort the process."""
    monkeypatch.setattr(blocking, "_left", set())
    release = threading.Event()
    with pytest.raises(TimeoutError):
        await within(0.01, lambda: release.wait(30))
    (thread,) = blocking._left
    blocking.join_left(0.01)
    assert thread.is_alive()
    release.set()
    blocking.join_left(30)
    assert not thread.is_alive()


def test_the_work_of_a_thread_is_the_time_that_it_computed():
    ended = threading.Event()

    def computes():
        while not ended.is_set():
            pass

    thread = threading.Thread(target=computes)
    thread.start()
    while blocking._work(thread) < 3:
        time.sleep(0.001)
    ended.set()
    thread.join()
    assert blocking._work(threading.Thread()) == 0  # there is none


async def test_what_a_thread_raises_is_raised_here_and_what_it_gives_is_given():
    assert await within(10, lambda: 7) == 7
    with pytest.raises(KeyError):
        await within(10, lambda: {}[1])


RANGE = """
rules:
  - {id: x, source: till, destination: {host: 192.0.2.1}, ports: [5000-5100]}
dns: {servers: ["127.0.0.1:9"]}
"""


class Idle:
    """A scheduler that never has anything probed."""

    def __init__(self, *_given, **_more):
        self.next_due = self.run_soon = None

    def replace(self, _targets, _limits):
        pass

    async def close(self):
        pass


async def test_ports_of_a_range_take_turns_but_for_those_that_do_not_hold(
    tmp_path, monkeypatch
):
    (tmp_path / "site.yaml").write_text(RANGE, encoding="utf-8")
    turns, over = iter(range(1, 100)), asyncio.Event()

    def rotated(targets, _now, kept):
        turn = next(turns)
        over.set()
        return ports.rotated(targets, turn * ports.TURN, kept)

    waits = iter([0.0, 3600.0])
    monkeypatch.setattr(service, "Scheduler", Idle)
    monkeypatch.setattr(service, "rotated", rotated)
    monkeypatch.setattr(service, "until_next_turn", lambda _now: next(waits))
    async with LoopLag() as lag:
        exporter = Exporter(load_site(tmp_path / "site.yaml"), (), lag)
        exporter._bring_into_force(exporter._site)
        parts = exporter.parts()
        before = list(parts.targets())
        parts.store.add(before[1], make.result(Verdict.VIOLATED))
        parts.store.add(before[2], make.result())
        over.clear()
        exporter.start()
        await over.wait()
        await asyncio.sleep(0)
        after = list(parts.targets())
        await exporter.close()
    assert [one.port for one in before][::4] == [5000, 5100]
    assert after[:2] == before[:2]
    assert after[2] != before[2]
    assert after[4] == before[4]
