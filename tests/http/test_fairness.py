"""Turns: by source, whoever asks most."""

from __future__ import annotations

import asyncio

import pytest

from exporter.http.fairness import FairPool, source_of


class Workers:
    """Starts work of sources, and notes in which order it is done."""

    def __init__(self, places):
        self.pool = FairPool(places)
        self.done = []
        self.at_once = self.most = 0

    async def work(self, source, patience=None):
        async with self.pool.place(source, patience):
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0)
            self.done.append(source)
            self.at_once -= 1


async def test_sources_take_turns_however_much_each_asks():
    workers = Workers(1)
    asked = ["a"] * 6 + ["b"] * 2 + ["c"]
    await asyncio.gather(*map(workers.work, asked))
    assert "".join(workers.done) == "aabcabaaa"


@pytest.mark.parametrize("places", [1, 2, 5])
async def test_no_more_than_its_places_are_taken(places):
    workers = Workers(places)
    await asyncio.gather(*map(workers.work, "abcabcabc"))
    assert workers.most == places
    assert sorted(workers.done) == sorted("abcabcabc")


async def test_who_leaves_while_waiting_takes_no_place_along():
    workers = Workers(1)
    async with workers.pool.place("a"):
        waiting = [asyncio.create_task(workers.work("b")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    # Its turn comes in the same moment in which it gives up.
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert workers.done == ["b"]
    await workers.work("c")
    assert workers.done == ["b", "c"]


async def test_patience_has_an_end():
    workers = Workers(1)
    async with workers.pool.place("a"):
        with pytest.raises(TimeoutError):
            await workers.work("b", 0.01)
    await workers.work("b", 0.01)
    assert workers.done == ["b"]


async def test_what_fails_gives_its_place_back():
    workers = Workers(1)
    with pytest.raises(ZeroDivisionError):
        async with workers.pool.place("a"):
            _ = 1 / 0
    await workers.work("b", 0.01)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        (None, ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_who_shares_a_share(address, source):
    assert source_of(address) == source
