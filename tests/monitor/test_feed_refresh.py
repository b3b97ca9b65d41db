"""Which mirrors are in force, in virtual time and without a network."""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import replace

import pytest

from exporter.config.feeds import Feed, FeedFormat, Member, MemberKind
from exporter.monitor.feed_refresh import (
    FETCHES,
    FORGET,
    RETRY,
    FeedRefresher,
    FeedSource,
    FeedState,
)
from exporter.monitor.fetch import FetchError
from tests import virtual

HOUR = 3600.0


def os_list(name="os", limit=3, interval=6 * HOUR):
    url = f"https://lists.example.org/{name}"
    return Feed(name, name.upper(), url, FeedFormat.MIRRORLIST, limit, interval)


def mirrors(names):
    return [Member(f"{name}.example.org", 443, tls=True) for name in names]


def hosts(state):
    return "".join(mirror.host[0] for mirror in state.in_force)


def content(names):
    return "\n".join(f"https://{name}.example.org/" for name in names).encode()


class Server:
    """Gives what the test says: letters are mirrors, bytes a body, None no answer."""

    def __init__(self, loop, *answers):
        self._loop = loop
        self.answers = list(answers)
        self.asked = []

    async def fetch(self, url):
        self.asked.append((url.rpartition("/")[2], self._loop.time()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise FetchError("no whole answer within 30 s")
        return answer if isinstance(answer, bytes) else content(answer)


def in_virtual_time(scenario, *answers, **options):
    """Runs `scenario(keeper, server)` with a keeper that uses one list."""

    async def main(loop):
        server = Server(loop, *answers)
        changes = []
        source = FeedSource(server.fetch)
        keeper = FeedRefresher(
            source, lambda: changes.append(loop.time()), wall=loop.time, **options
        )
        keeper.changes = changes
        keeper.use([os_list()], source)
        try:
            await asyncio.sleep(1)
            await scenario(keeper, server)
        finally:
            await keeper.close()

    virtual.run(main)


def test_a_list_is_fetched_at_once_and_then_about_every_interval():
    async def scenario(keeper, server):
        await asyncio.sleep(10 * 6 * HOUR)
        times = [at for _, at in server.asked]
        gaps = {later - now for now, later in itertools.pairwise(times)}
        assert times[0] == 1000.0
        assert len({round(gap) for gap in gaps}) == 1
        assert 0.9 * 6 * HOUR <= gaps.pop() <= 1.1 * 6 * HOUR

    in_virtual_time(scenario, "ab", salt="host")


def test_hosts_do_not_fetch_in_step():
    seen = set()

    async def scenario(keeper, server):
        await asyncio.sleep(8 * HOUR)
        seen.add(server.asked[1][1])

    for host in ("one", "two", "three"):
        in_virtual_time(scenario, "ab", salt=host)
    assert len(seen) == 3


@pytest.mark.parametrize("bad", [None, b"", b"<html>http://portal/</html>", b"# none"])
def test_a_useless_fetch_keeps_the_last_good_list_is_counted_and_tried_again_soon(
    bad, caplog
):
    async def scenario(keeper, server):
        await asyncio.sleep(7 * HOUR)
        [state] = keeper.states()
        assert hosts(state) == "ab"
        assert state.failures >= 2
        assert state.last_success_timestamp == 1000.0
        gap = server.asked[2][1] - server.asked[1][1]
        assert 0.9 * RETRY <= gap <= 1.1 * RETRY
        assert len(keeper.changes) == 1

    with caplog.at_level(logging.WARNING):
        in_virtual_time(scenario, "ab", bad)
    assert "feed os from https://lists.example.org/os is not usable" in (caplog.text)
    assert "2 members stay in force" in caplog.text


def test_a_list_never_had_claims_nothing():
    async def scenario(keeper, _server):
        [state] = keeper.states()
        assert (state.fetches, state.in_force) == (0, ())
        assert state.last_success_timestamp is None
        assert keeper.changes == []

    in_virtual_time(scenario, None)


def test_only_a_change_of_the_mirrors_in_force_is_told():
    async def scenario(keeper, _server):
        await asyncio.sleep(5 * 6.7 * HOUR)
        assert len(keeper.changes) == 2

    in_virtual_time(scenario, "ab", "ba", "ab", "abc", "cba")


def state(limit=3):
    return FeedState(os_list(limit=limit), allow_private=False)


def test_the_mirrors_in_force_are_bounded_in_the_order_clients_try_them():
    known = state()
    known.take_in(mirrors("dacbe"), 0.0)
    assert hosts(known) == "dac"


def test_a_server_that_shuffles_does_not_change_what_is_in_force():
    known = state()
    for number, order in enumerate(["abcdef", "fedcba", "efabcd", "cdefab"]):
        known.take_in(mirrors(order), number * HOUR)
        assert hosts(known) == "abc"


def test_a_mirror_that_six_lists_leave_out_makes_room_for_the_next():
    known = state()
    known.take_in(mirrors("abcd"), 0.0)
    for number in range(1, FETCHES):
        known.take_in(mirrors("bcd"), number * HOUR)
        assert hosts(known) == "abc"
    known.take_in(mirrors("bcd"), FETCHES * HOUR)
    assert hosts(known) == "bcd"


def test_a_mirror_that_no_list_names_for_two_days_is_gone_sooner():
    known = state()
    known.take_in(mirrors("ab"), 0.0)
    known.take_in(mirrors("b"), FORGET)
    assert hosts(known) == "ab"
    known.take_in(mirrors("b"), FORGET + 1)
    assert hosts(known) == "b"


def test_a_mirror_that_comes_back_in_time_keeps_its_place_and_its_first_time():
    known = state()
    known.take_in(mirrors("ab"), 0.0)
    known.take_in(mirrors("b"), HOUR)
    known.take_in(mirrors("ba"), 2 * HOUR)
    assert hosts(known) == "ab"
    first = known.seen[mirrors("a")[0]]
    assert (first.first_timestamp, first.last_timestamp) == (0.0, 2 * HOUR)


def test_a_reload_keeps_what_is_known_of_an_unchanged_list_and_drops_the_others():
    async def scenario(keeper, server):
        [before] = keeper.states()
        keeper.use([os_list(), os_list("more")], FeedSource(server.fetch))
        await asyncio.sleep(1)
        kept, more = keeper.states()
        assert kept is before
        assert (hosts(kept), hosts(more)) == ("ab", "ab")
        keeper.use([os_list("more")], FeedSource(server.fetch))
        assert keeper.states() == [more]
        await asyncio.sleep(20 * HOUR)
        asked = [name for name, _ in server.asked]
        assert asked.count("os") == 1
        assert asked.count("more") >= 3

    in_virtual_time(scenario, "ab")


@pytest.mark.parametrize(
    ("known", "allowed"), [(os_list(limit=1), False), (os_list(), True)]
)
def test_a_reload_that_changes_a_list_or_its_trust_starts_it_afresh(known, allowed):
    async def scenario(keeper, server):
        [before] = keeper.states()
        keeper.use([known], FeedSource(server.fetch, allowed))
        [after] = keeper.states()
        assert after is not before
        await asyncio.sleep(1)
        assert len(server.asked) == 2
        assert after.fetches == 1

    in_virtual_time(scenario, "ab")


def test_a_reload_changes_where_lists_come_from():
    async def scenario(keeper, server):
        other = Server(asyncio.get_running_loop(), "c")
        keeper.use([os_list()], FeedSource(other.fetch))
        await asyncio.sleep(7 * HOUR)
        [known] = keeper.states()
        assert (len(server.asked), len(other.asked)) == (1, 1)
        assert hosts(known) == "abc"

    in_virtual_time(scenario, "ab")


def networks(*names):
    return [Member(name, kind=MemberKind.NETWORK) for name in names]


def test_a_feed_that_is_no_list_of_mirrors_means_what_it_says_now():
    known = state(limit=9)
    known.known = replace(known.known, format=FeedFormat.AWS_IP_RANGES)
    known.take_in(networks("9.9.9.0/24", "8.8.8.0/24"), 0.0)
    assert (known.changes, str(known.last_change)) == (
        0,
        "came: 9.9.9.0/24, 8.8.8.0/24",
    )
    known.take_in(networks("8.8.8.0/24", "9.9.9.0/24"), HOUR)
    assert known.changes == 0
    known.take_in(networks("8.8.8.0/24", "1.1.1.0/24"), 2 * HOUR)
    assert [one.host for one in known.in_force] == ["8.8.8.0/24", "1.1.1.0/24"]
    assert (known.changes, known.last_change.timestamp) == (1, 2 * HOUR)
    assert str(known.last_change) == "came: 1.1.1.0/24; gone: 9.9.9.0/24"


def test_a_change_of_many_members_is_told_by_some_of_them():
    known = state(limit=40)
    known.take_in([Member(f"h{number}.org") for number in range(40)], 0.0)
    assert str(known.last_change).endswith("h19.org and 20 more")


def test_a_change_is_told_in_the_log_and_counted(caplog):
    async def scenario(keeper, _server):
        await asyncio.sleep(7 * HOUR)
        [state] = keeper.states()
        assert state.changes == 1

    with caplog.at_level(logging.INFO):
        in_virtual_time(scenario, "ab", "abc")
    assert "feed os has other members: came: c.example.org:443; 3 are" in caplog.text
