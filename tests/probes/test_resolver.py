from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter

import pytest

from exporter.model import endpoint
from exporter.model.outcome import ProbeError, Reason
from exporter.probes import resolver as resolver_module
from exporter.probes.lookup import Resolved
from exporter.probes.resolver import Resolver
from tests.servers.nameserver import record, scripted_names
from tests.servers.process import free_port
from tests.servers.unbound import unbound

RECORDS = {
    "one.test": ["60 IN A 192.0.2.1"],
    "many.test": ["60 IN A 192.0.2.1", "60 IN A 192.0.2.2", "30 IN AAAA ::1"],
    "six.test": ["60 IN AAAA 2001:db8::1"],
    "text.test": ["60 IN TXT words"],
    "alias.test": ["60 IN CNAME elsewhere.invalid."],
    "short.search.test": ["60 IN A 192.0.2.7"],
    "refused.test": "always_refuse",
    "empty.test": "always_nodata",
    "silent.test": "deny",
    "brief.test": ["0 IN A 192.0.2.1"],
    "crowd.test": [f"60 IN A 192.0.2.{number}" for number in range(64)],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with unbound(tmp_path_factory.mktemp("dns"), RECORDS) as port:
        yield port


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hosts(tmp_path):
    return tmp_path / "hosts"


@pytest.fixture
async def resolver(server, clock, tmp_path):
    under_test = Resolver(
        [f"127.0.0.1:{server}"], ["search.test"], etc=tmp_path, clock=clock
    )
    yield under_test
    await under_test.close()


@pytest.fixture
def asked(monkeypatch):
    """Counts the look-ups, by name."""
    names = Counter()
    look_up = resolver_module.look_up

    def counting(host, conf, servers):
        names[host] += 1
        return look_up(host, conf, servers)

    monkeypatch.setattr(resolver_module, "look_up", counting)
    return names


async def addresses(resolver, host):
    return (await resolver.resolve(host)).addresses


async def test_a_name_has_its_addresses(resolver):
    assert await resolver.resolve("one.test") == Resolved(("192.0.2.1",))


async def test_ipv4_comes_first(resolver):
    found = await addresses(resolver, "many.test")
    assert sorted(found[:2]) == ["192.0.2.1", "192.0.2.2"]
    assert found[2:] == ("::1",)


async def test_the_only_addresses_are_kept_without_a_route(resolver):
    assert await addresses(resolver, "six.test") == ("2001:db8::1",)


async def test_64_addresses_come_over_tcp(resolver):
    assert len(await addresses(resolver, "crowd.test")) == 64


@pytest.mark.parametrize(
    ("literal", "address"),
    [("192.0.2.9", "192.0.2.9"), ("2001:DB8:0::1", "2001:db8::1")],
)
async def test_an_ip_literal_is_its_own_address(resolver, literal, address):
    assert await addresses(resolver, literal) == (address,)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.test", Reason.NXDOMAIN),
        ("empty.test", Reason.NO_ADDRESS),
        ("text.test", Reason.NO_ADDRESS),
        ("alias.test", Reason.NO_ADDRESS),
        ("refused.test", Reason.DNS_FAILURE),
        ("a" * 64 + ".test", Reason.NXDOMAIN),
    ],
)
async def test_each_failure_keeps_its_kind(resolver, name, reason):
    with pytest.raises(ProbeError) as caught:
        await resolver.resolve(name)
    assert caught.value.reason is reason
    assert name[:20] in caught.value.detail


async def test_a_resolver_that_is_not_there_is_a_dns_failure():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
    resolver = Resolver([f"127.0.0.1:{port}"])
    with pytest.raises(ProbeError) as caught:
        await resolver.resolve("one.test")
    assert caught.value.reason is Reason.DNS_FAILURE
    await resolver.close()


async def test_a_name_without_a_dot_is_searched_for(resolver):
    assert await addresses(resolver, "short") == ("192.0.2.7",)


async def test_an_answer_is_kept_for_its_ttl(resolver, clock, asked):
    for clock.now in (0, 29, 29.9):
        await resolver.resolve("many.test")
    assert asked == {"many.test": 1}
    clock.now = 30.1
    await resolver.resolve("many.test")
    assert asked == {"many.test": 2}


async def test_an_answer_without_time_to_live_is_not_kept(resolver, asked):
    for _ in range(2):
        assert await addresses(resolver, "brief.test") == ("192.0.2.1",)
    assert asked == {"brief.test": 2}


@pytest.mark.parametrize("name", ["nowhere.test", "empty.test", "refused.test"])
async def test_a_failure_is_kept_for_one_round_only(resolver, clock, asked, name):
    for clock.now in (0, 1.9, 2.1):
        with pytest.raises(ProbeError):
            await resolver.resolve(name)
    assert asked == {name: 2}


async def test_a_name_that_is_made_is_there_in_the_next_round(clock):
    made = []

    def script(query):
        if not made:
            soa = record("test", 6, bytes(22), ttl=3600)
            return query.answer(soa, rcode=3)
        return query.addresses("192.0.2.1")

    with scripted_names(script) as server:
        resolver = Resolver([server.address], clock=clock)
        with pytest.raises(ProbeError):
            await resolver.resolve("new.test")
        made.append(True)
        clock.now = 5.0
        assert await addresses(resolver, "new.test") == ("192.0.2.1",)


async def test_everybody_waits_for_the_same_look_up(resolver, asked):
    answers = await asyncio.gather(*(resolver.resolve("one.test") for _ in range(100)))
    assert set(answers) == {Resolved(("192.0.2.1",))}
    assert asked == {"one.test": 1}


async def test_one_that_gives_up_leaves_the_look_up_to_the_others(resolver):
    first = asyncio.create_task(resolver.resolve("one.test"))
    second = asyncio.create_task(resolver.resolve("one.test"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).addresses == ("192.0.2.1",)


async def test_closing_ends_look_ups_under_way(resolver):
    waiting = asyncio.create_task(resolver.resolve("silent.test"))
    await asyncio.sleep(0)
    await resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_line_of_the_hosts_file_may_say_that_there_is_none(resolver, hosts):
    hosts.write_text("0.0.0.0 one.test\n0.0.0.0 other.test\n192.0.2.7 other.test\n")
    with pytest.raises(ProbeError, match="filter") as caught:
        await resolver.resolve("one.test")
    assert caught.value.reason is Reason.NO_ADDRESS
    assert await addresses(resolver, "other.test") == ("192.0.2.7",)


async def test_the_hosts_file_goes_before_dns(resolver, hosts, clock):
    hosts.write_text("192.0.2.77  One.test other.test.\n192.0.2.78 other.test\n")
    assert await addresses(resolver, "one.test") == ("192.0.2.77",)
    assert await addresses(resolver, "other.test") == ("192.0.2.77", "192.0.2.78")
    hosts.write_text("192.0.2.99 one.test\n")
    assert await addresses(resolver, "one.test") == ("192.0.2.77",)
    clock.now = 2.1
    assert await addresses(resolver, "one.test") == ("192.0.2.99",)
    hosts.unlink()
    for clock.now in (4.3, 6.5):
        found = await addresses(resolver, "one.test")
    assert found == ("192.0.2.1",)
    hosts.write_text("192.0.2.99 one.test\n")
    clock.now = 8.7
    assert await addresses(resolver, "one.test") == ("192.0.2.99",)


def linked(etc, text):
    (etc / "run").mkdir(exist_ok=True)
    (etc / "run" / "resolv.conf").write_text(text)
    if not (etc / "resolv.conf").is_symlink():
        (etc / "resolv.conf").symlink_to("run/resolv.conf")


def renamed(etc, text):
    (etc / "new").write_text(text)
    (etc / "new").rename(etc / "resolv.conf")


def in_place(etc, text):
    (etc / "resolv.conf").write_text(text)


@pytest.mark.parametrize("write", [linked, renamed, in_place])
async def test_resolv_conf_is_read_again_however_it_changes(
    tmp_path, clock, monkeypatch, write
):
    monkeypatch.setattr(endpoint, "DNS_PORT", free_port())

    def script(query):
        known = {"one.test": "192.0.2.1", "sql01.corp.test": "192.0.2.2"}
        if query.name in known:
            return query.addresses(known[query.name])
        return query.answer(rcode=3)

    write(tmp_path, "nameserver 127.0.0.1\n")
    resolver = Resolver(etc=tmp_path, clock=clock)
    with pytest.raises(ProbeError):
        await resolver.resolve("one.test")
    with scripted_names(script) as server:
        monkeypatch.setattr(endpoint, "DNS_PORT", server.port)
        write(tmp_path, "nameserver 127.0.0.1\nsearch corp.test\n")
        clock.now = 2.1
        assert await addresses(resolver, "one.test") == ("192.0.2.1",)
        assert await addresses(resolver, "sql01") == ("192.0.2.2",)
    await resolver.close()


async def test_other_resolvers_are_not_held_to_what_the_old_ones_said(tmp_path, clock):
    in_place(tmp_path, "nameserver 127.0.0.1\n")
    resolver = Resolver(etc=tmp_path, clock=clock)
    assert resolver.servers() == ("127.0.0.1",)
    await resolver.resolve("192.0.2.1")
    in_place(tmp_path, "# again\nnameserver 127.0.0.1\n")
    clock.now = 2.1
    assert resolver.known("192.0.2.1") is not None
    in_place(tmp_path, "nameserver 127.0.0.2\n")
    clock.now = 4.2
    assert resolver.known("192.0.2.1") is None
    assert resolver.servers() == ("127.0.0.2",)


async def test_what_a_former_resolver_says_late_is_not_kept(tmp_path, clock):
    going = threading.Event()

    def script(query):
        going.wait(10)
        return query.addresses("192.0.2.1")

    with scripted_names(script) as server:
        resolver = Resolver([server.address], etc=tmp_path, clock=clock)
        waiting = asyncio.create_task(resolver.resolve("one.test"))
        await asyncio.sleep(0.05)
        in_place(tmp_path, "search corp.test\n")
        clock.now = 2.1
        assert resolver.known("one.test") is None
        going.set()
        assert (await waiting).addresses == ("192.0.2.1",)
        assert resolver.known("one.test") is None


async def test_a_sites_own_servers_and_domains_count_before_the_systems(tmp_path):
    in_place(tmp_path, "nameserver 127.0.0.9\nsearch a.test\noptions ndots:2\n")
    both = Resolver(["127.0.0.1:5353"], ["b.test"], etc=tmp_path)
    assert both.servers() == ("127.0.0.1:5353",)
    assert both._current().candidates("x.y") == ("x.y.b.test", "x.y")
    assert Resolver(etc=tmp_path)._current().search == ("a.test",)


async def test_what_is_known_needs_no_question(resolver):
    assert resolver.known("one.test") is None
    await resolver.resolve("one.test")
    assert resolver.known("one.test") == Resolved(("192.0.2.1",))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("refused.test", Reason.LOCAL_FAULT), ("none.test", Reason.NXDOMAIN)],
)
async def test_a_failure_that_we_slept_through_is_ours_and_not_kept(
    resolver, name, reason
):
    stalled = iter([0.0, 2.0])
    resolver.stalled = lambda: next(stalled)
    with pytest.raises(ProbeError) as caught:
        await resolver.resolve(name)
    assert caught.value.reason is reason
    if reason is Reason.LOCAL_FAULT:
        assert resolver.known(name) is None
    else:
        with pytest.raises(ProbeError):
            resolver.known(name)
